"""OCHP 0.2 as WSGI applications: each contract at its path, with its hand-written WSDL."""

from lxml import etree
from spyne import Application

from echs.base.resources import contracts
from echs.config.app_context import AppContext
from echs.protocols.ochp02.contracts import CONTRACTS, Contract
from echs.protocols.ochp02.operations import TokenRequest
from echs.protocols.ochp02.service import service
from echs.protocols.ochp02.wire_schema import NAMESPACE, SECRET_NAMES, UNDERSTOOD
from echs.protocols.soap.envelope_parser import MarkupLimits
from echs.protocols.soap.spyne_protocol import BodyLimits, EnvelopeProtocol
from echs.protocols.soap.wsgi import SoapApplication

ADDRESSES = (
    "{http://schemas.xmlsoap.org/wsdl/soap/}address",
    "{http://schemas.xmlsoap.org/wsdl/soap12/}address",
)


def mounts(context: AppContext) -> dict[str, SoapApplication]:
    """The service under each contract, by path, for this context, which has the formats of all protocols."""
    return {
        contract.path: SoapApplication(
            application(contract, context),
            wsdl(contract, context.public_url + contract.path),
            wsdl(contract, context.public_url + contract.path, whole=True),
        )
        for contract in CONTRACTS
    }


def application(contract: Contract, context: AppContext | None = None) -> Application:
    """The Spyne application; without a context it can be looked at, but not called."""
    limits = BodyLimits(0, 0, MarkupLimits())
    if context is not None:
        markup = MarkupLimits(context.limits.xml_depth, context.limits.xml_attributes)
        limits = BodyLimits(context.limits.bulk_body_bytes, context.limits.small_body_bytes, markup)
    return Application(
        [service(contract)],
        tns=NAMESPACE,
        name="OCHP",
        in_protocol=EnvelopeProtocol(UNDERSTOOD, limits, SECRET_NAMES, TokenRequest),
        out_protocol=EnvelopeProtocol(UNDERSTOOD, limits, SECRET_NAMES),
        config=context,
    )


def wsdl(contract: Contract, address: str, *, whole: bool = False) -> bytes:
    """The contract's WSDL with this address in it. The address is ours to give, never the Host header's.

    Where the contract ``shows_one_port``, one that is not ``whole`` has its first port alone: some toolkits choose SOAP
    1.2 where they are offered it, and the source code of their users was written against SOAP 1.1.
    """
    document = etree.parse(str(contracts() / contract.wsdl_file))
    for element in document.iter(*ADDRESSES):
        element.set("location", address)
    if contract.shows_one_port and not whole:
        for name in ("binding", "service/{*}port"):
            for element in document.findall(f"{{*}}{name}")[1:]:
                parent = element.getparent()
                parent.remove(element)
    return bytes(etree.tostring(document, encoding="UTF-8", xml_declaration=True))
