"""OCHP 0.2 as a WSGI application: the service, its envelope, its hand-written contract."""

from lxml import etree
from spyne import Application

from echs.base.places import contracts
from echs.house import House
from echs.protocols.ochp02.names import IDENTITY_HEADERS, NAMESPACE
from echs.protocols.ochp02.service import OCHP
from echs.protocols.soap.envelope import BodyLimits, EnvelopeProtocol
from echs.protocols.soap.mount import SoapMount

PATH = "/ochp/0.2"
WSDL_FILE = "ochp-0.2.wsdl"
ADDRESSES = (
    "{http://schemas.xmlsoap.org/wsdl/soap/}address",
    "{http://schemas.xmlsoap.org/wsdl/soap12/}address",
)


def mount(house: House) -> SoapMount:
    """The service at `PATH`, for this house."""
    return SoapMount(application(house), contract(house.public_url + PATH))


def application(house: House | None) -> Application:
    """The Spyne application; without a house it can be looked at, but not called."""
    limits = BodyLimits(house.limits.bulk_body_bytes, house.limits.small_body_bytes) if house else BodyLimits(0, 0)
    return Application(
        [OCHP],
        tns=NAMESPACE,
        name="OCHP",
        in_protocol=EnvelopeProtocol(IDENTITY_HEADERS, limits),
        out_protocol=EnvelopeProtocol(IDENTITY_HEADERS, limits),
        config=house,
    )


def contract(address: str) -> bytes:
    """The WSDL with this address in it. The address is ours to give, never the Host header's."""
    document = etree.parse(str(contracts() / WSDL_FILE))
    for element in document.iter(*ADDRESSES):
        element.set("location", address)
    return bytes(etree.tostring(document, encoding="UTF-8", xml_declaration=True))
