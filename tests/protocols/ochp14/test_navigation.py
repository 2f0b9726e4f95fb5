"""Navigation providers: they own nothing, and read charge points and their status; nothing else is theirs."""

from datetime import timedelta

import pytest

from cast import charge_point, verify
from echs.maintenance.doctor import Status, partner_checks
from echs.partners import connections, enrolment
from echs.partners.connection import ConnectionKind, ConnectionMode
from echs.partners.partner import Group
from echs.partners.queries import partner_of_user
from echs.protocols.ochp02.wire_schema import CHARGEPOINT_INFO
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.value_formats import as_date_time
from ochp14 import Caller14, O, point_xml, valid
from wire import Caller

EVSE = "NL*TNM*E1"
STATUS = f'<o:evse major="available"><o:evseId>{EVSE}</o:evseId></o:evse>'
SINCE = "<o:lastUpdate><o:DateTime>2020-01-01T00:00:00Z</o:DateTime></o:lastUpdate>"


@pytest.fixture
def navigator(house, context):
    """A partner without an id, which may clear nothing."""
    enrolment.change(context, "office", administrator=False, navigation=True)
    return Caller14(house, "office")


def evse_ids(answer) -> list[str]:
    return [each.findtext(f"{O}evseId") for each in answer.elements("chargePointInfoArray")]


def test_a_navigation_provider_reads_charge_points_and_status_without_an_id(tnm, navigator, context):
    assert valid(tnm.send("SetChargePointList", point_xml(EVSE))).code == "ok"
    assert valid(tnm.send("UpdateStatus", STATUS, path=PUBLISHED.live_path)).code == "ok"
    assert evse_ids(valid(navigator.send("GetChargePointList"))) == [EVSE]
    assert evse_ids(valid(navigator.send("GetChargePointListUpdates", SINCE))) == [EVSE]
    for kind, name in (("", "evse"), ("<o:statusType>combined</o:statusType>", "combined")):
        (found,) = valid(navigator.send("GetStatus", kind, path=PUBLISHED.live_path)).elements(name)
        assert (found.get("major"), found[0].text) == ("available", EVSE)
    assert list(verify(context)) == []


@pytest.mark.parametrize(
    "operation",
    [
        "SetRoamingAuthorisationList",
        "UpdateRoamingAuthorisationList",
        "GetRoamingAuthorisationList",
        "GetRoamingAuthorisationListUpdates",
        "GetSingleRoamingAuthorisation",
        "SetChargePointList",
        "UpdateChargePointList",
        "AddCDRs",
        "CheckCDRs",
        "GetCDRs",
        "ConfirmCDRs",
        "UpdateTariffs",
        "GetTariffUpdates",
        "UpdateStatus",
        "AddServiceEndpoints",
        "GetServiceEndpoints",
    ],
)
def test_every_other_operation_is_refused(navigator, operation):
    answer = navigator.send(operation)
    assert (answer.code, answer.text.partition(":")[0]) == ("not-authorized", "ROLE_MISSING")


def test_without_the_group_a_partner_without_an_id_reads_nothing(tnm, navigator, context):
    tnm.send("SetChargePointList", point_xml(EVSE))
    enrolment.change(context, "office", navigation=False)
    assert navigator.send("GetChargePointList").code == "not-authorized"
    assert navigator.send("GetChargePointListUpdates", SINCE).code == "not-authorized"
    refused = navigator.send("GetStatus", path=PUBLISHED.live_path)
    assert b"FailedAuthentication" in refused.response.body


def test_a_partner_with_ids_keeps_its_roles_beside_the_group(tnm, anwb, context):
    enrolment.change(context, "anwb", navigation=True)
    tnm.send("SetChargePointList", point_xml(EVSE))
    assert evse_ids(valid(anwb.send("GetChargePointList"))) == [EVSE]
    assert valid(anwb.send("GetCDRs")).code == "ok"


def test_in_a_closed_house_a_navigation_provider_sees_whom_it_is_connected_with(tnm, lnd, navigator, context, clock):
    tnm.send("SetChargePointList", point_xml(EVSE))
    lnd.send("SetChargePointList", point_xml("DE*LND*E1"))
    connections.set_mode(context, ConnectionMode.CLOSED)
    assert valid(navigator.send("GetChargePointList")).code == "roaming"
    connections.connect(context, "office", "tnm", [ConnectionKind.LOCATIONS])
    assert evse_ids(valid(navigator.send("GetChargePointList"))) == [EVSE]
    clock.now += timedelta(hours=1)
    connections.disconnect(context, "office", "tnm", [ConnectionKind.LOCATIONS])
    since = f"<o:lastUpdate><o:DateTime>{as_date_time(clock.now)}</o:DateTime></o:lastUpdate>"
    (gone,) = valid(navigator.send("GetChargePointListUpdates", since)).elements("chargePointInfoArray")
    assert gone.findtext(f"{O}status/{O}ChargePointStatusType") == "Closed"


def test_by_ochp_02_it_gets_charge_points_and_no_tokens_or_cdrs(tnm, navigator, context, app):
    old = Caller(app, "lnd")
    assert old.upload("SetChargePointList", charge_point(1)).code == 0
    reader = Caller(app, "office")
    assert len(reader.send("GetChargePointList").records(CHARGEPOINT_INFO)) == 1
    for operation in ("GetRoamingAuthorisationList", "SetRoamingAuthorisationList", "SetChargePointList", "AddCDRs"):
        refused = reader.send(operation)
        assert (refused.code, (refused.text("resultDescription") or "").partition(":")[0]) == (207, "ROLE_MISSING")
    assert reader.send("GetCDRs").code == 207
    assert reader.send("ClearCDRs").code == 201


def test_the_group_stands_with_the_partner_and_the_doctor_misses_no_id(navigator, context):
    assert partner_of_user(context, "office").groups == {Group.NAVIGATION}
    found = {each.subject: each for each in partner_checks(context)}
    assert found["party ids"].status is Status.OK
