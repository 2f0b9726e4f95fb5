"""The two hand-written WSDL files are the contracts: the service's own types are held against them, element by element."""

import pytest
from lxml import etree
from spyne import Integer32, Unicode
from spyne.model.complex import ComplexModelBase

from echs.base.resources import contracts
from echs.protocols.ochp02.contracts import CONTRACTS, DEPLOYED, SPECIFIED
from echs.protocols.ochp02.wire_schema import IDENTITY_HEADERS, NAMESPACE, RECORDS
from echs.protocols.ochp02.wsgi import application
from wire import SOAP_11, SOAP_12, Caller, request

XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP = {
    "{http://schemas.xmlsoap.org/wsdl/soap12/}": "soap12",
    "{http://schemas.xmlsoap.org/wsdl/soap/}": "soap",
}
DOCUMENTS = {contract: etree.parse(str(contracts() / contract.wsdl_file)) for contract in CONTRACTS}
SCHEMAS = {contract: document.find(f".//{XS}schema") for contract, document in DOCUMENTS.items()}

of_each = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)


def operations_of(contract) -> list[str]:
    found = DOCUMENTS[contract].find(f"{WSDL}portType").iter(f"{WSDL}operation")
    return sorted(element.get("name") for element in found)


EACH_OPERATION = [(contract, operation) for contract in CONTRACTS for operation in operations_of(contract)]


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


APPLICATIONS = {contract: application(contract) for contract in CONTRACTS}


def descriptors(contract) -> dict:
    """The operations of the code, by the name of their request without its ending."""
    found = APPLICATIONS[contract].interface.service_method_map.values()
    return {each[0].in_message.get_type_name().removesuffix("Request"): each[0] for each in found}


@of_each
def test_the_operations_are_the_same(contract):
    assert sorted(descriptors(contract)) == operations_of(contract)
    assert len(operations_of(contract)) == 8


@pytest.mark.parametrize(("contract", "operation"), EACH_OPERATION, ids=str)
@pytest.mark.parametrize("direction", ["Request", "Response"])
def test_each_message_has_the_same_members(contract, operation, direction):
    (element,) = SCHEMAS[contract].findall(f"{XS}element[@name='{operation}{direction}']")
    descriptor = descriptors(contract)[operation]
    message = descriptor.in_message if direction == "Request" else descriptor.out_message
    assert (message.get_type_name(), message.get_namespace()) == (f"{operation}{direction}", NAMESPACE)
    assert members_in_code(message) == members_in_contract(element.find(f"{XS}complexType/{XS}sequence"))


@of_each
@pytest.mark.parametrize("name", ["Result", *(record.type_name for record in RECORDS)])
def test_each_type_has_the_same_fields(contract, name):
    (element,) = SCHEMAS[contract].findall(f"{XS}complexType[@name='{name}']")
    cls = APPLICATIONS[contract].interface.classes[f"{{{NAMESPACE}}}{name}"]
    assert members_in_code(cls) == members_in_contract(element.find(f"{XS}sequence"))


def test_the_enumeration_is_the_same():
    values = [element.get("value") for element in SCHEMAS[SPECIFIED].iter(f"{XS}enumeration")]
    message = descriptors(SPECIFIED)["Authenticate"].out_message
    assert list(message.get_flat_type_info(message)["resultCode"].Attributes.values) == values
    assert not list(SCHEMAS[DEPLOYED].iter(f"{XS}enumeration"))


@of_each
def test_the_contract_declares_nothing_more(contract):
    schema = SCHEMAS[contract]
    elements = {element.get("name") for element in schema.findall(f"{XS}element")}
    messages = {
        f"{operation}{direction}" for operation in operations_of(contract) for direction in ("Request", "Response")
    }
    assert messages < elements
    assert contract.identity_header in elements - messages <= IDENTITY_HEADERS
    types = {element.get("name") for element in schema.findall(f"{XS}complexType")}
    assert types == {"Result", *(record.type_name for record in RECORDS)}
    assert schema.get("elementFormDefault") == "qualified"
    assert schema.get("targetNamespace") == NAMESPACE


def historical_action(operation, contract):
    if contract is SPECIFIED:
        return NAMESPACE + operation
    return f"/{operation}" if operation in ("Authenticate", "AddCDRs") else operation


def test_the_deployed_names_are_those_that_source_code_was_written_against():
    document = DOCUMENTS[DEPLOYED]
    part = document.find(f"{WSDL}message[@name='UserIdentityHeader']/{WSDL}part")
    assert (part.get("name"), part.get("element")) == ("UserIdentityHeader", "tns:token")
    for holder in (document.find(f"{WSDL}portType"), *document.findall(f"{WSDL}binding")):
        names = [operation.get("name") for operation in holder.findall(f"{WSDL}operation")]
        assert names[:4] == ["Authenticate", "AddCDRs", "ClearCDRs", "GetCDRs"]


def test_the_deployed_wsdl_has_the_one_port_of_then_unless_both_are_asked_for(app):
    def ports(query):
        found = request(app, b"", method="GET", query=query, path=DEPLOYED.path).document
        names = [element.get("name") for element in found.iter(f"{WSDL}binding", f"{WSDL}port")]
        return names

    assert ports("wsdl") == ports("wsdl=1") == ["echsSOAP", "echsSOAP"]
    assert ports("wsdl=1.2") == ports("WSDL=1.2&x") == ["echsSOAP", "echsSOAP12", "echsSOAP", "echsSOAP12"]


@of_each
def test_every_operation_of_every_binding_is_document_literal_with_the_header(contract):
    document = DOCUMENTS[contract]
    bindings = document.findall(f"{WSDL}binding")
    assert len(bindings) == 2
    for binding in bindings:
        ((namespace, _),) = [(ns, name) for ns, name in SOAP.items() if binding.find(f"{ns}binding") is not None]
        assert binding.find(f"{namespace}binding").get("style") == "document"
        found = binding.findall(f"{WSDL}operation")
        assert sorted(operation.get("name") for operation in found) == operations_of(contract)
        for operation in found:
            action = operation.find(f"{namespace}operation").get("soapAction")
            assert action == historical_action(operation.get("name"), contract)
            headers = operation.findall(f"{WSDL}input/{namespace}header")
            parts = [header.get("part") for header in headers]
            assert parts == ([] if operation.get("name") == "Authenticate" else [contract.identity_part])
            assert {body.get("use") for body in operation.iter(f"{namespace}body")} == {"literal"}


@of_each
def test_the_messages_are_called_as_they_were_deployed(contract):
    document = DOCUMENTS[contract]
    for operation in operations_of(contract):
        for ending, element in (("Input", "Request"), ("Output", "Response")):
            part = document.find(f"{WSDL}message[@name='{operation}{ending}']/{WSDL}part")
            assert (part.get("name"), part.get("element")) == ("parameters", f"tns:{operation}{element}")


def test_the_first_port_is_the_one_that_the_contract_is_about():
    ports = {
        contract.name: [(port.get("name"), SOAP[next(iter(port)).tag.removesuffix("address")]) for port in found]
        for contract, document in DOCUMENTS.items()
        for found in [document.findall(f"{WSDL}service/{WSDL}port")]
    }
    assert ports == {
        "specified": [("OCHPSoap12", "soap12"), ("OCHPSoap11", "soap")],
        "deployed": [("echsSOAP", "soap"), ("echsSOAP12", "soap12")],
    }
    deployed = DOCUMENTS[DEPLOYED]
    assert deployed.find(f"{WSDL}service").get("name") == deployed.find(f"{WSDL}portType").get("name") == "echs"
    assert deployed.find(f"{WSDL}binding").get("name") == "echsSOAP"


@of_each
@pytest.mark.parametrize("query", ["wsdl", "WSDL", "wsdl=1", "Wsdl&x=y"])
def test_the_wsdl_is_served_with_the_public_address_and_never_the_host_header(app, query, contract):
    answer = request(app, b"", method="GET", query=query, path=contract.path)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/xml")
    addresses = {element.get("location") for element in answer.document.iter("{*}address")}
    assert addresses == {f"https://echs.example.org{contract.path}"}
    assert b"evil" not in answer.body


@of_each
def test_the_served_wsdl_is_the_file_but_for_the_address(app, contract):
    served = request(app, b"", method="GET", query="wsdl=1.2", path=contract.path).document
    for element in served.iter("{*}address"):
        element.set("location", f"https://echs.example.org{contract.path}")
    expected = etree.tostring(DOCUMENTS[contract].getroot(), method="c14n")
    assert etree.tostring(served, method="c14n") == expected


def test_head_of_the_wsdl_has_its_length_and_no_body(app):
    answer = request(app, b"", method="HEAD", query="wsdl")
    assert answer.body == b""
    assert int(answer.headers["Content-Length"]) > 10_000


# ---------------------------------------------------------------------- what differs, as it is answered


@pytest.mark.parametrize("namespace", [SOAP_11, SOAP_12])
def test_the_deployed_login_answers_with_a_number(app, cast, namespace):
    caller = Caller(app, "tnm", namespace, DEPLOYED)
    assert len(caller.token) == 64
    refused = caller.send("Authenticate", "<n:userId>tnm</n:userId><n:password>wrong</n:password>")
    assert (refused.status, refused.code, refused.reason) == (200, 101, "LOGIN_REFUSED")
    assert refused.text("authToken") == ""


@of_each
def test_each_contract_has_its_own_order_and_spelling(app, cast, contract):
    caller = Caller(app, "tnm", contract=contract)
    members = [element.tag.partition("}")[2] for element in caller.send("GetCDRs").document[-1][0]]
    assert members == (["docLink", "result"] if contract is DEPLOYED else ["result", "docLink"])
    answer = caller.send("GetChargePointList")
    assert (answer.code, answer.document[-1][0].tag) == (0, f"{{{NAMESPACE}}}Get{contract.chargepoint}ListResponse")


@of_each
def test_the_spelling_of_the_other_contract_is_no_operation(app, cast, contract):
    other = "Chargepoint" if contract is SPECIFIED else "ChargePoint"
    body = f'<e:Envelope xmlns:e="{SOAP_12}"><e:Body><Get{other}ListRequest xmlns="{NAMESPACE}"/></e:Body></e:Envelope>'
    answer = request(app, body.encode(), path=contract.path)
    assert answer.fault == "Sender/UnknownOperation"


@of_each
@pytest.mark.parametrize("name", sorted(IDENTITY_HEADERS))
def test_either_identity_header_is_read_under_both_contracts(app, cast, contract, name):
    caller = Caller(app, "tnm", contract=contract)
    assert caller.send("GetCDRs", header=f"<n:{name}>{caller.token}</n:{name}>").code == 0
