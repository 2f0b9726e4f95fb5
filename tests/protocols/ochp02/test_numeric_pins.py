"""Partners whose back end was generated before August 2013 read pins as numbers, and lose a list with any other pin."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from cast import token
from echs.base.resources import contracts
from echs.partners import enrolment
from echs.protocols.ochp02.contracts import CONTRACTS, SPECIFIED, Contract
from echs.protocols.ochp02.record_codec import numeric_pin
from wire import Caller, envelope, identity, request

XS = "{http://www.w3.org/2001/XMLSchema}"
# What is published, and what who reads numbers gets.
PINS = {
    "": "0",
    "0": "0",
    "0042": "0042",
    "000000000042": "000000000042",
    "123456789": "123456789",
    "2147483647": "2147483647",
    "2147483648": "0",
    "-17": "-17",
    "-2147483648": "-2147483648",
    "-2147483649": "0",
    "9" * 32: "0",
    "A1": "0",
    "12 34": "0",
    "1.5": "0",
    "+5": "0",
    "٤٢": "0",
    "-": "0",
    "<&>": "0",
    "]]>": "0",
}
of_each = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)


def schema_of_2012(contract: Contract) -> etree.XMLSchema:
    """The schema with the pin as it was declared until August 2013."""
    wsdl = etree.parse(str(contracts() / contract.wsdl_file))
    schema = etree.fromstring(etree.tostring(wsdl.find(f".//{XS}schema")))
    (pin,) = (each for each in schema.iter(f"{XS}element") if each.get("name") == "pin")
    pin.set("type", pin.get("type").replace("string", "int"))
    return etree.XMLSchema(schema)


def publish(app, contract: Contract) -> None:
    records = [token(number, pin=pin) for number, pin in enumerate(PINS, 1)]
    assert Caller(app, "tnm", contract=contract).upload("SetRoamingAuthorisationList", *records).code == 0


def answered(caller: Caller) -> tuple[list[str], etree._Element]:
    """The pins of a download, and the response that they stand in."""
    response = caller.send("GetRoamingAuthorisationList").document.find(".//{*}GetRoamingAuthorisationListResponse")
    return [each.text or "" for each in response.iter("{*}pin")], response


@of_each
def test_who_reads_pins_as_numbers_gets_0_where_one_is_none_and_nobody_else_does(app, context, cast, contract):
    publish(app, contract)
    enrolment.change(context, "anwb", numeric_pins=True)
    anwb, lnd = Caller(app, "anwb", contract=contract), Caller(app, "lnd", contract=contract)
    judge = schema_of_2012(contract)
    for _ in range(2):  # drawn, then from the file
        numbers, response = answered(anwb)
        assert numbers == list(PINS.values())
        assert judge.validate(response), judge.error_log
        texts, response = answered(lnd)
        assert texts == list(PINS)
        assert not judge.validate(response)
    enrolment.change(context, "anwb", numeric_pins=False)
    assert answered(anwb)[0] == list(PINS)


@pytest.mark.parametrize("plain_first", [False, True])
def test_the_compressed_list_has_the_same_pins(app, context, cast, plain_first):
    publish(app, SPECIFIED)
    enrolment.change(context, "anwb", numeric_pins=True)
    anwb = Caller(app, "anwb")
    if plain_first:
        answered(anwb)
    body = envelope("<n:GetRoamingAuthorisationListRequest/>", identity(anwb.token))
    answer = request(app, body, HTTP_ACCEPT_ENCODING="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert [each.text or "" for each in answer.document.iter("{*}pin")] == list(PINS.values())


@of_each
def test_everything_but_the_pin_is_the_same_for_both(app, context, cast, contract):
    publish(app, contract)
    enrolment.change(context, "anwb", numeric_pins=True)
    one, other = (
        Caller(app, user_id, contract=contract).send("GetRoamingAuthorisationList").body for user_id in ("anwb", "lnd")
    )
    without = re.compile(rb"<pin>[^<]*</pin>|[0-7][0-9A-HJKMNP-TV-Z]{25}")
    assert without.sub(b"", one) == without.sub(b"", other)
    assert one != other


@given(st.integers())
def test_a_number_is_one_exactly_where_xs_int_has_it(number):
    assert numeric_pin(str(number)) == (str(number) if -(2**31) <= number < 2**31 else "0")
