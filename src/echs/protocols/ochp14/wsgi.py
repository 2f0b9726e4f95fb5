"""OCHP 1.4 as WSGI applications: each contract at its paths, with the hand-written WSDL that belongs to each."""

from lxml import etree
from spyne import Application

from echs.base.resources import contracts
from echs.config.app_context import AppContext
from echs.protocols.ochp14.contracts import CONTRACTS, Contract
from echs.protocols.ochp14.operation_frame import OchpRequest
from echs.protocols.ochp14.security import UNDERSTOOD
from echs.protocols.ochp14.service import service
from echs.protocols.ochp14.tree_types import TREES
from echs.protocols.soap.envelope_parser import MarkupLimits
from echs.protocols.soap.spyne_protocol import BodyLimits, EnvelopeProtocol
from echs.protocols.soap.wsgi import SoapApplication

# Elements whose values no error shows, in lower case.
SECRET_NAMES = frozenset({"password", "nonce", "username", "instance", "printednumber", "accesstoken"})
ADDRESS = "{http://schemas.xmlsoap.org/wsdl/soap/}address"
PORT, SERVICE = "{http://schemas.xmlsoap.org/wsdl/}port", "{http://schemas.xmlsoap.org/wsdl/}service"


def mounts(context: AppContext) -> dict[str, SoapApplication]:
    """The service under each contract, by path, for this context, which has the formats of all protocols."""
    found = {}
    for contract in CONTRACTS:
        served = application(contract, context)
        for path in contract.paths:
            found[path] = SoapApplication(served, wsdl(contract, path, context.public_url))
    return found


def application(contract: Contract, context: AppContext | None = None) -> Application:
    """The Spyne application; without a context it can be looked at, but not called."""
    limits = BodyLimits(0, 0, MarkupLimits())
    if context is not None:
        markup = MarkupLimits(context.limits.xml_depth, context.limits.xml_attributes)
        limits = BodyLimits(context.limits.bulk_body_bytes, context.limits.small_body_bytes, markup)
    return Application(
        [service(contract)],
        tns=contract.namespace,
        name="OCHP14",
        in_protocol=EnvelopeProtocol(UNDERSTOOD, limits, SECRET_NAMES, OchpRequest, TREES),
        out_protocol=EnvelopeProtocol(UNDERSTOOD, limits, SECRET_NAMES),
        config=context,
    )


def wsdl(contract: Contract, path: str, public_url: str) -> bytes:
    """The WSDL that belongs to a path, with our address in it. The address is ours to give, never the Host header's.

    At the path of OCHPdirect that is its own, with our port alone; at the others that of service and live interface.
    """
    direct = path == contract.direct_path
    document = etree.parse(str(contracts() / (contract.direct_wsdl_file if direct else contract.wsdl_file)))
    for port in list(document.iter(PORT)):
        name = port.get("name", "")
        if direct and not name.endswith("-direct"):
            port.getparent().remove(port)
            continue
        of = contract.direct_path if direct else contract.live_path if name.endswith("-live") else contract.service_path
        for address in port.iter(ADDRESS):
            address.set("location", public_url + of)
    return bytes(etree.tostring(document, encoding="UTF-8", xml_declaration=True))
