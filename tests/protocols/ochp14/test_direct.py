"""OCHPdirect at the hub: endpoints go in and come out, each answer valid by the contract."""

import pytest

from echs.partners import connections
from echs.partners.connection import ConnectionMode
from echs.protocols.ochp14.contracts import PUBLISHED
from ochp14 import Answer14, Caller14, O, valid

SECRET = "a secret of the day 1234"
ENDPOINT = {
    "url": "https://tnm.example/ochp?a=1&b=2",
    "namespaceUrl": "http://ochp.eu/1.4",
    "accessToken": SECRET,
    "validDate": "2026-11-21",
}


def endpoint(
    element: str = "operatorEndpointArray", whitelist=("NLTNME%",), blacklist=("NLTNME9%",), **changed: str
) -> str:
    inside = "".join(
        f"<o:{name}>{text.replace('&', '&amp;')}</o:{name}>" for name, text in {**ENDPOINT, **changed}.items()
    )
    inside += "".join(f"<o:whitelist>{pattern}</o:whitelist>" for pattern in whitelist)
    inside += "".join(f"<o:blacklist>{pattern}</o:blacklist>" for pattern in blacklist)
    return f"<o:{element}>{inside}</o:{element}>"


def valid_direct(answer: Answer14) -> Answer14:
    return valid(answer, PUBLISHED.direct_wsdl_file)


def got(caller: Caller14, name: str) -> list[list[tuple[str, str]]]:
    answer = valid_direct(caller.send("GetServiceEndpoints", path=PUBLISHED.direct_path))
    return [[(child.tag.removeprefix(O), child.text) for child in each] for each in answer.elements(name)]


def test_what_an_operator_puts_in_comes_out_for_a_provider(tnm, anwb):
    answer = valid_direct(tnm.send("AddServiceEndpoints", endpoint(), path=PUBLISHED.direct_path))
    assert answer.code == "ok"
    assert "1 endpoint. 1 came after 11:55 UTC" in answer.text
    assert got(anwb, "operatorEndpointArray") == [
        [*ENDPOINT.items(), ("whitelist", "NLTNME%"), ("blacklist", "NLTNME9%")]
    ]
    assert got(tnm, "operatorEndpointArray") == []


def test_what_a_provider_puts_in_comes_out_for_an_operator(tnm, anwb):
    sent = endpoint("providerEndpointArray", ("NLANWC%",), ())
    assert anwb.send("AddServiceEndpoints", sent).code == "ok"
    assert got(tnm, "providerEndpointArray") == [[*ENDPOINT.items(), ("whitelist", "NLANWC%")]]


def test_one_client_sends_a_provider_as_an_operator_and_the_token_in_small_letters(tnm, anwb):
    sent = endpoint("operatorEndpointArray", ("NLANWC%",), ()).replace("accessToken", "accesstoken")
    assert anwb.send("AddServiceEndpoints", sent).code == "ok"
    assert got(tnm, "providerEndpointArray") == [[*ENDPOINT.items(), ("whitelist", "NLANWC%")]]


@pytest.mark.parametrize(
    ("members", "code", "told"),
    [
        ("", "format", "UPLOAD_EMPTY"),
        (endpoint(whitelist=("DELNDE%",), blacklist=()), "invalid-id", "PATTERN_NOT_YOURS"),
        (endpoint(whitelist=("NL*TNM*E%",), blacklist=()), "format", "ENDPOINT_VALUE at whitelist"),
        (endpoint(url="http://x"), "format", "ENDPOINT_VALUE at url"),
        (endpoint(accessToken="short"), "format", "ENDPOINT_VALUE at accessToken"),
        (endpoint(validDate="tomorrow"), "format", "operatorEndpointArray/validDate"),
        (endpoint(validDate="2027-11-21"), "format", "ENDPOINT_VALUE at validDate"),
        (endpoint().replace("<o:url>", "<o:url>x</o:url><o:url>", 1), "format", "FIELD_REPEATED"),
        (endpoint().replace("o:namespaceUrl", "o:namespace"), "format", "FIELD_UNKNOWN"),
        (endpoint("endpoint"), "format", "FIELD_UNKNOWN"),
        (endpoint("providerEndpointArray", ("NLTNMC%",), ()) + endpoint(url="ftp://x"), "format", "ENDPOINT_VALUE"),
    ],
)
def test_a_wrong_request_is_refused_whole_with_its_place_and_without_the_secret(tnm, anwb, members, code, told):
    answer = valid_direct(tnm.send("AddServiceEndpoints", members))
    assert answer.code == code
    assert told in answer.text
    assert "Nothing was stored." in answer.text
    assert SECRET not in answer.text
    assert got(anwb, "operatorEndpointArray") == []


def test_a_role_that_the_caller_has_not_is_refused(anwb, house):
    assert anwb.send("AddServiceEndpoints", endpoint()).code == "not-authorized"
    assert Caller14(house, "office").send("GetServiceEndpoints").code == "not-authorized"


def test_a_secret_that_is_in_use_is_refused(tnm, house):
    assert tnm.send("AddServiceEndpoints", endpoint()).code == "ok"
    lnd = Caller14(house, "lnd")
    answer = lnd.send("AddServiceEndpoints", endpoint(whitelist=("DELNDE%",), blacklist=()))
    assert (answer.code, answer.text.count("ACCESS_TOKEN_TAKEN")) == ("invalid-id", 1)


def test_who_is_connected_with_nobody_is_told_so(context, tnm, anwb):
    tnm.send("AddServiceEndpoints", endpoint())
    connections.set_mode(context, ConnectionMode.CLOSED)
    answer = valid_direct(anwb.send("GetServiceEndpoints"))
    assert (answer.code, answer.elements("operatorEndpointArray")) == ("roaming", [])
