"""The hand-written WSDL is the contract: the service's own types are held against it, element by element."""

import pytest
from lxml import etree
from spyne import Integer32, Unicode
from spyne.model.complex import ComplexModelBase

from echs.base.places import contracts
from echs.protocols.ochp02.mount import application
from echs.protocols.ochp02.names import IDENTITY_HEADERS, NAMESPACE, RECORDS
from wire import PATH, request

XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP = {
    "{http://schemas.xmlsoap.org/wsdl/soap12/}": "soap12",
    "{http://schemas.xmlsoap.org/wsdl/soap/}": "soap",
}
DOCUMENT = etree.parse(str(contracts() / "ochp-0.2.wsdl"))
SCHEMA = DOCUMENT.find(f".//{XS}schema")
OPERATIONS = sorted(element.get("name") for element in DOCUMENT.find(f"{WSDL}portType").iter(f"{WSDL}operation"))


def members_in_contract(sequence) -> list[tuple[str, str, str, str, bool]]:
    """(name, type, min, max, nillable) of each element of a sequence."""
    return [
        (
            element.get("name"),
            element.get("type"),
            element.get("minOccurs", "1"),
            element.get("maxOccurs", "1"),
            element.get("nillable", "false") == "true",
        )
        for element in sequence.findall(f"{XS}element")
    ]


def members_in_code(cls) -> list[tuple[str, str, str, str, bool]]:
    """The same of a Spyne class."""
    found = []
    for name, member in cls.get_flat_type_info(cls).items():
        attributes = member.Attributes
        maximum = attributes.max_occurs
        found.append(
            (
                name,
                type_in_code(member),
                str(attributes.min_occurs),
                "unbounded" if maximum in ("unbounded", float("inf")) else str(maximum),
                bool(attributes.nillable),
            )
        )
    return found


def type_in_code(member) -> str:
    if issubclass(member, ComplexModelBase) or member.Attributes.values:
        return f"tns:{member.get_type_name()}"
    if issubclass(member, Integer32):
        return "xs:int"
    assert issubclass(member, Unicode)
    return "xs:string"


@pytest.fixture(scope="module")
def spyne_app():
    return application(None)


def descriptors(app) -> dict:
    return {found[0].function.__name__: found[0] for found in app.interface.service_method_map.values()}


def test_the_operations_are_the_same(spyne_app):
    assert sorted(descriptors(spyne_app)) == OPERATIONS
    assert len(OPERATIONS) == 8


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("direction", ["Request", "Response"])
def test_each_message_has_the_same_members(spyne_app, operation, direction):
    (element,) = SCHEMA.findall(f"{XS}element[@name='{operation}{direction}']")
    descriptor = descriptors(spyne_app)[operation]
    message = descriptor.in_message if direction == "Request" else descriptor.out_message
    assert (message.get_type_name(), message.get_namespace()) == (f"{operation}{direction}", NAMESPACE)
    assert members_in_code(message) == members_in_contract(element.find(f"{XS}complexType/{XS}sequence"))


@pytest.mark.parametrize("name", ["Result", *(record.type_name for record in RECORDS)])
def test_each_type_has_the_same_fields(spyne_app, name):
    (element,) = SCHEMA.findall(f"{XS}complexType[@name='{name}']")
    cls = spyne_app.interface.classes[f"{{{NAMESPACE}}}{name}"]
    assert members_in_code(cls) == members_in_contract(element.find(f"{XS}sequence"))


def test_the_enumeration_is_the_same(spyne_app):
    values = [element.get("value") for element in SCHEMA.iter(f"{XS}enumeration")]
    result = descriptors(spyne_app)["Authenticate"].out_message.get_flat_type_info(
        descriptors(spyne_app)["Authenticate"].out_message
    )["resultCode"]
    assert list(result.Attributes.values) == values


def test_the_contract_declares_nothing_more(spyne_app):
    elements = {element.get("name") for element in SCHEMA.findall(f"{XS}element")}
    messages = {f"{operation}{direction}" for operation in OPERATIONS for direction in ("Request", "Response")}
    assert elements - messages == {"UserIdentityHeader"} <= IDENTITY_HEADERS
    types = {element.get("name") for element in SCHEMA.findall(f"{XS}complexType")}
    assert types == {"Result", *(record.type_name for record in RECORDS)}
    assert SCHEMA.get("elementFormDefault") == "qualified"
    assert SCHEMA.get("targetNamespace") == NAMESPACE


def test_every_operation_of_every_binding_is_document_literal_with_the_header():
    bindings = DOCUMENT.findall(f"{WSDL}binding")
    assert len(bindings) == 2
    for binding in bindings:
        ((namespace, _),) = [(ns, name) for ns, name in SOAP.items() if binding.find(f"{ns}binding") is not None]
        assert binding.find(f"{namespace}binding").get("style") == "document"
        found = binding.findall(f"{WSDL}operation")
        assert sorted(operation.get("name") for operation in found) == OPERATIONS
        for operation in found:
            assert operation.find(f"{namespace}operation").get("soapAction") == NAMESPACE + operation.get("name")
            headers = operation.findall(f"{WSDL}input/{namespace}header")
            assert len(headers) == (0 if operation.get("name") == "Authenticate" else 1)
            assert {body.get("use") for body in operation.iter(f"{namespace}body")} == {"literal"}


def test_the_soap_1_2_port_comes_first():
    ports = [port.get("name") for port in DOCUMENT.iter(f"{WSDL}port")]
    assert ports == ["OCHPSoap12", "OCHPSoap11"]


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "wsdl=1", "Wsdl&x=y"])
def test_the_wsdl_is_served_with_the_public_address_and_never_the_host_header(app, query):
    answer = request(app, b"", method="GET", query=query)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/xml")
    addresses = {element.get("location") for element in answer.document.iter("{*}address")}
    assert addresses == {f"https://echs.example.org{PATH}"}
    assert b"evil" not in answer.body


def test_the_served_wsdl_is_the_file_but_for_the_address(app):
    served = request(app, b"", method="GET", query="wsdl").document
    for element in served.iter("{*}address"):
        element.set("location", "https://echs.example.org/ochp/0.2")
    assert etree.tostring(served, method="c14n") == etree.tostring(DOCUMENT.getroot(), method="c14n")


def test_head_of_the_wsdl_has_its_length_and_no_body(app):
    answer = request(app, b"", method="HEAD", query="wsdl")
    assert answer.body == b""
    assert int(answer.headers["Content-Length"]) > 10_000
