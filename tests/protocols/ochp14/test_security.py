"""Who calls is known by the WS-Security header of each request."""

import logging

import pytest

from cast import PASSWORDS
from echs.partners import enrolment
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.security import WSSE
from ochp14 import Answer14, Caller14, envelope14, security, token14, with_market_ids
from wire import SOAP_11, SOAP_12, TYPES, request

CREATED = (
    '<w:Nonce EncodingType="b64">bm9uY2U=</w:Nonce><u:Created xmlns:u="http://docs.oasis-open.org/wss/2004/01/'
    'oasis-200401-wss-wssecurity-utility-1.0.xsd">2026-11-21T12:00:00Z</u:Created>'
)


@pytest.fixture
def tnm(app, context, cast):
    with_market_ids(context)
    return Caller14(app, "tnm")


@pytest.mark.parametrize(
    "header",
    [
        security("tnm", PASSWORDS["tnm"]),
        security(" TNM ", PASSWORDS["tnm"]),
        security("tnm", PASSWORDS["tnm"], more=CREATED),
        security("tnm", PASSWORDS["tnm"]).replace(' e:mustUnderstand="1"', ""),
        security("tnm", PASSWORDS["tnm"]).replace("<w:Password Type", "<w:Password x"),
        '<x:Trace xmlns:x="urn:x">1</x:Trace>' + security("tnm", PASSWORDS["tnm"]),
    ],
)
def test_the_headers_that_clients_send_are_understood(tnm, header):
    assert tnm.send("GetRoamingAuthorisationList", header=header).code == "roaming"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "LOGIN_TOKEN_MISSING"),
        (security("tnm", "wrong"), "LOGIN_REFUSED"),
        (security("nobody", PASSWORDS["tnm"]), "LOGIN_REFUSED"),
        (security("tnm", ""), "LOGIN_TOKEN_MISSING"),
        (security("", PASSWORDS["tnm"]), "LOGIN_TOKEN_MISSING"),
        (security("tnm", PASSWORDS["tnm"], "http://x#PasswordDigest"), "LOGIN_REFUSED"),
        (f'<w:Security xmlns:w="{WSSE}"/>', "LOGIN_TOKEN_MISSING"),
        (security("tnm", PASSWORDS["tnm"]) + security("lnd", PASSWORDS["lnd"]), "LOGIN_TOKEN_REPEATED"),
    ],
)
def test_whoever_is_not_known_is_told_in_band(tnm, header, reason):
    answer = tnm.send("GetRoamingAuthorisationList", header=header)
    assert answer.response.status == 200
    assert (answer.code, answer.text.partition(":")[0]) == ("not-authorized", reason)


def test_a_header_that_must_be_understood_and_is_not_is_a_fault(tnm):
    other = '<x:Sign e:mustUnderstand="1" xmlns:x="urn:x"/>' + tnm.header
    assert tnm.send("GetRoamingAuthorisationList", header=other).fault == "HeaderNotUnderstood"


def test_nothing_of_a_request_is_read_before_its_sender_is_known(tnm):
    broken = "<o:roamingAuthorisationInfoArray>" + "<o:x/>" * 50
    body = envelope14(f"<o:SetRoamingAuthorisationListRequest>{broken}", security("tnm", "wrong"))
    answer = Answer14(request(tnm.app, body[:-200], content_type=TYPES[SOAP_11], path=PUBLISHED.service_path))
    assert answer.code == "not-authorized"


def test_a_changed_password_and_a_disabled_partner_end_at_once(tnm, context):
    assert tnm.set(token14(1)).code == "ok"
    enrolment.set_password(context, "tnm", "a new password of tnm")
    assert tnm.set(token14(1)).code == "not-authorized"
    again = security("tnm", "a new password of tnm")
    assert tnm.send("GetRoamingAuthorisationList", header=again).code == "ok"
    enrolment.disable(context, "tnm")
    assert tnm.send("GetRoamingAuthorisationList", header=again).code == "not-authorized"


def test_wrong_passwords_are_throttled(tnm, context):
    wrong = security("tnm", "wrong")
    texts = {tnm.send("GetRoamingAuthorisationList", header=wrong).text.partition(":")[0] for _ in range(30)}
    assert texts == {"LOGIN_REFUSED", "LOGIN_THROTTLED"}
    # The one that is remembered goes on.
    assert Caller14(tnm.app, "lnd").get().code == "roaming"


@pytest.mark.parametrize(
    ("user_id", "operation"),
    [("anwb", "GetRoamingAuthorisationList"), ("office", "GetRoamingAuthorisationList")],
)
def test_an_operation_is_for_who_has_ids_of_its_role(tnm, user_id, operation):
    answer = Caller14(tnm.app, user_id).send(operation)
    assert (answer.code, answer.text.partition(":")[0]) == ("not-authorized", "ROLE_MISSING")


def test_a_password_stands_in_no_log_no_trail_no_answer(tnm, context, caplog):
    from echs.audit import trail

    secret = "correct horse battery staple 4711"
    enrolment.set_password(context, "tnm", secret)
    caplog.set_level(logging.DEBUG)
    answers = [
        tnm.send("SetRoamingAuthorisationList", header=security("tnm", secret), members=""),
        tnm.send("SetRoamingAuthorisationList", header=security("lnd", secret), members=""),
        tnm.send("SetRoamingAuthorisationList", header=security("tnm", secret).replace("</w:Password>", "")),
        tnm.send(
            "SetRoamingAuthorisationList", header=security("tnm", secret).replace("PasswordText", "PasswordDigest")
        ),
    ]
    told = [answer.response.body.decode() for answer in answers]
    told += [caplog.text, str(list(trail.entries(context)))]
    assert not [text for text in told if "battery" in text]


def test_soap_12_and_other_media_types_are_read_as_well(tnm):
    body = envelope14("<o:GetRoamingAuthorisationListRequest/>", tnm.header)
    for content_type in ("application/xml", "text/xml", 'text/xml; charset="utf-8"'):
        answer = Answer14(request(tnm.app, body, content_type=content_type, path=PUBLISHED.service_path))
        assert answer.code == "roaming", answer.response.body
    newer = body.replace(SOAP_11.encode(), SOAP_12.encode())
    response = request(tnm.app, newer, content_type=TYPES[SOAP_12], path=PUBLISHED.service_path)
    assert b"roaming" in response.body


def test_the_wsdl_of_each_path_names_our_own_address(app, context):
    for path, ports in (
        (PUBLISHED.service_path, 2),
        (PUBLISHED.live_path, 2),
        (PUBLISHED.direct_path, 1),
    ):
        response = request(app, b"", method="GET", path=path, query="wsdl")
        assert response.status == 200
        addresses = response.document.findall(".//{http://schemas.xmlsoap.org/wsdl/soap/}address")
        assert len(addresses) == ports
        assert all(address.get("location").startswith(f"{context.public_url}/") for address in addresses)
