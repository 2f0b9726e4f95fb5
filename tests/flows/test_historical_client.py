"""The one public client of 2012 and 2013, as it behaves: what it can recover from, and that nothing else happens to it.

It speaks SOAP 1.1 to the deployed contract, gives up after 30 seconds, wants HTTP 200, logs in again and repeats the
call once on any code but 0, and throws on a Fault.
"""

import time
from dataclasses import dataclass, field

import pytest
import requests
from lxml import etree
from sqlalchemy import func, select

from cast import FIELD_CDR, PASSWORDS, cdr, charge_point, token
from echs.cdrs import tables
from echs.partners import enrolment
from echs.protocols.ochp02.contracts import DEPLOYED
from echs.protocols.ochp02.wire_schema import CDR_INFO, CHARGEPOINT_INFO, NAMESPACE, ROAMING_AUTHORISATION_INFO
from wire import SOAP_11, envelope, identity, record_xml

GIVES_UP_SECONDS = 30


class GaveUp(Exception):
    """What the client throws: HTTP other than 200, a Fault, or a code that is not 0 after the second try."""


@dataclass
class HistoricalClient:
    """See above; counts what it sends."""

    server: object
    user_id: str
    login: str = ""
    sent: list[str] = field(default_factory=list)
    lose_answers: int = 0

    def post(self, operation: str, members: str, header: str = "") -> etree._Element:
        self.sent.append(operation)
        body = envelope(f"<n:{operation}Request>{members}</n:{operation}Request>", header, SOAP_11)
        # The actions in the field are as wrong as this.
        headers = {"Content-Type": "text/xml;charset=UTF-8", "SOAPAction": '"/AddCDRs"'}
        address = self.server.url + DEPLOYED.path
        answer = requests.post(address, body, headers=headers, timeout=GIVES_UP_SECONDS)
        if self.lose_answers:
            self.lose_answers -= 1
            raise ConnectionResetError
        if answer.status_code != 200:
            raise GaveUp(answer.status_code)
        response = etree.fromstring(answer.content)[-1][0]
        if response.tag == f"{{{SOAP_11}}}Fault":
            raise GaveUp(response.findtext("faultstring"))
        assert response.tag == f"{{{NAMESPACE}}}{operation}Response"
        return response

    def authenticate(self) -> None:
        members = f"<n:userId>{self.user_id}</n:userId><n:password>{PASSWORDS[self.user_id]}</n:password>"
        response = self.post("Authenticate", members)
        if response.findtext(f"{{{NAMESPACE}}}resultCode") != "0":
            raise GaveUp("denied")
        self.login = response.findtext(f"{{{NAMESPACE}}}authToken")

    def call(self, operation: str, members: str = "") -> etree._Element:
        for attempt in (1, 2):
            response = self.post(operation, members, identity(self.login, "token"))
            if response.findtext(f".//{{{NAMESPACE}}}resultCode") == "0":
                return response
            if attempt == 1:
                self.authenticate()
        raise GaveUp(response.findtext(f".//{{{NAMESPACE}}}resultDescription"))

    def upload(self, operation: str, record, nouns) -> str:
        response = self.call(operation, "".join(record_xml(record, noun) for noun in nouns))
        return response.findtext(f".//{{{NAMESPACE}}}resultDescription")


def stored(context) -> int:
    with context.database.read() as snapshot:
        return snapshot.execute(select(func.count()).select_from(tables.cdr)).scalar()


def test_a_client_that_never_logged_in_logs_in_by_itself(server):
    client = HistoricalClient(server, "tnm")
    client.call("GetCDRs")
    assert client.sent == ["GetCDRs", "Authenticate", "GetCDRs"]


def test_a_login_that_was_ended_heals_by_itself(server, context):
    client = HistoricalClient(server, "tnm")
    client.authenticate()
    enrolment.log_out(context, "tnm")
    assert "1 new" in client.upload("AddCDRs", CDR_INFO, [FIELD_CDR])
    assert client.sent == ["Authenticate", "AddCDRs", "Authenticate", "AddCDRs"]
    assert stored(context) == 1


class TestShortLogins:
    """A server whose logins last two seconds."""

    @pytest.fixture
    def environment(self, environment):
        return {**environment, "ECHS_LOGIN_HOURS": str(2 / 3600)}

    def test_an_expired_login_heals_by_itself_in_every_operation(self, server, context):
        client = HistoricalClient(server, "tnm")
        client.authenticate()
        time.sleep(2.5)
        assert "1 new" in client.upload("AddCDRs", CDR_INFO, [FIELD_CDR])
        assert client.sent == ["Authenticate", "AddCDRs", "Authenticate", "AddCDRs"]
        for operation in ("GetCDRs", "GetRoamingAuthorisationList", "GetChargepointList"):
            client.login = "0" * 64
            client.call(operation)
            assert client.sent[-3:] == [operation, "Authenticate", operation]


def test_an_upload_whose_answer_was_lost_is_sent_again_and_changes_nothing(server, context):
    client = HistoricalClient(server, "tnm")
    client.authenticate()
    records = [cdr(number) for number in range(50)]
    client.lose_answers = 1
    with pytest.raises(ConnectionResetError):
        client.upload("AddCDRs", CDR_INFO, records)
    assert "0 new, 50 already known" in client.upload("AddCDRs", CDR_INFO, records)
    assert stored(context) == 50


def test_cleared_cdrs_whose_answer_was_lost_are_given_again(server):
    operator, provider, office = (HistoricalClient(server, name) for name in ("tnm", "anwb", "office"))
    operator.upload("AddCDRs", CDR_INFO, [FIELD_CDR])
    office.call("ClearCDRs")
    provider.authenticate()
    provider.lose_answers = 1
    with pytest.raises(ConnectionResetError):
        provider.call("GetCDRs")
    for _ in range(2):
        response = provider.call("GetCDRs")
        assert [each.findtext(f"{{{NAMESPACE}}}cdrId") for each in response.iter(f"{{{NAMESPACE}}}cdrInfoArray")] == [
            FIELD_CDR.cdr_id
        ]


def test_wrong_data_is_refused_twice_with_its_reason_and_nothing_is_stored(server, context):
    client = HistoricalClient(server, "tnm")
    client.authenticate()
    with pytest.raises(GaveUp, match="CDR_VOLUME_FORMAT"):
        client.upload("AddCDRs", CDR_INFO, [cdr(1), cdr(2, volume="1,23456")])
    assert client.sent == ["Authenticate", "AddCDRs", "Authenticate", "AddCDRs"]
    assert stored(context) == 0


def test_a_disabled_partner_is_denied_and_gives_up(server, context):
    client = HistoricalClient(server, "tnm")
    client.authenticate()
    enrolment.disable(context, "tnm")
    with pytest.raises(GaveUp, match="denied"):
        client.call("GetCDRs")


def test_what_is_no_request_is_a_fault_from_which_it_does_not_recover(server):
    client = HistoricalClient(server, "tnm")
    client.authenticate()
    with pytest.raises(GaveUp, match="500"):
        client.call("DeleteEverything")
    assert client.sent == ["Authenticate", "DeleteEverything"]


def test_lists_of_full_size_come_and_go_before_it_gives_up(server):
    client = HistoricalClient(server, "tnm")
    client.authenticate()
    tokens = [token(number) for number in range(10_000)]
    began = time.monotonic()
    assert "now has 10000" in client.upload("SetRoamingAuthorisationList", ROAMING_AUTHORISATION_INFO, tokens)
    points = [charge_point(number) for number in range(2_000)]
    assert "now has 2000" in client.upload("SetChargepointList", CHARGEPOINT_INFO, points)
    for operation, record, count in (
        ("GetRoamingAuthorisationList", ROAMING_AUTHORISATION_INFO, 10_000),
        ("GetChargepointList", CHARGEPOINT_INFO, 2_000),
    ):
        response = client.call(operation)
        assert len(list(response.iter(f"{{{NAMESPACE}}}{record.element}"))) == count
    # Not one of them had to be repeated.
    assert client.sent[1:] == list(dict.fromkeys(client.sent[1:]))
    assert time.monotonic() - began < 4 * GIVES_UP_SECONDS
