"""Charge points of OCHP 1.4: what an operator sends, and what providers download; answers valid by the contract."""

from datetime import timedelta

import pytest
from lxml import etree

from cast import charge_point, verify
from echs.audit import trail
from echs.lists.withheld_counts import all_withheld
from echs.locations.charge_point import ChargePointWithheld
from echs.locations.charge_point_list import CHARGE_POINTS
from echs.partners import connections, enrolment
from echs.partners.connection import ConnectionMode
from echs.protocols.ochp02.wire_schema import CHARGEPOINT_INFO
from echs.protocols.ochp14.value_formats import as_date_time
from echs.protocols.record_formats import RECORD_FORMATS
from ochp14 import Answer14, Caller14, O, point_xml, sent_values, valid, values
from wire import Caller

SENT, REFUSED = "chargePointInfoArray", "refusedChargePointInfo"
LONG_AGO = "2020-01-01T00:00:00Z"
# Every element and attribute of the contract, those that repeat twice.
FULL = point_xml(
    "NL*TNM*E01000851",
    timestamp="<o:DateTime>2026-11-20T08:00:00Z</o:DateTime>",
    images="<o:uri>https://example.org/a?b=1&amp;c=2</o:uri><o:thumbUri>https://example.org/t</o:thumbUri>"
    "<o:class>stationPhoto</o:class><o:type>jpeg</o:type><o:width>640</o:width><o:height>480</o:height>",
    resources="<o:relatedResource><o:uri>https://example.org/map</o:uri><o:class>operatorMap</o:class>"
    "</o:relatedResource>",
    related='<o:relatedLocation lat="52.100001" lon="5.200001" name="Gate" type="entrance"/>'
    '<o:relatedLocation lat="52.100002" lon="5.200002" type="ui"/>',
    zone="Europe/Amsterdam",
    hours='<o:regularHours weekday="1" periodBegin="08:00" periodEnd="20:00"/>'
    '<o:regularHours weekday="2" periodBegin="08:00" periodEnd="20:00"/>'
    "<o:exceptionalOpenings><o:periodBegin><o:DateTime>2026-12-06T08:00:00Z</o:DateTime></o:periodBegin>"
    "<o:periodEnd><o:DateTime>2026-12-06T12:00:00Z</o:DateTime></o:periodEnd></o:exceptionalOpenings>"
    "<o:exceptionalClosings><o:periodBegin><o:DateTime>2026-12-25T00:00:00Z</o:DateTime></o:periodBegin>"
    "<o:periodEnd><o:DateTime>2026-12-26T00:00:00Z</o:DateTime></o:periodEnd></o:exceptionalClosings>"
    "<o:closedCharging>true</o:closedCharging>",
    status="Inoperative",
    schedule="<o:statusSchedule><o:startDate><o:DateTime>2026-12-01T00:00:00Z</o:DateTime></o:startDate><o:endDate>"
    "<o:DateTime>2026-12-02T00:00:00Z</o:DateTime></o:endDate><o:status><o:ChargePointStatusType>Operative"
    "</o:ChargePointStatusType></o:status></o:statusSchedule>",
    phone="+31 20 1234567",
    spots="<o:parkingSpot><o:parkingId>NL*TNM*P1</o:parkingId><o:restriction><o:RestrictionType>evonly"
    "</o:RestrictionType></o:restriction><o:floorLevel>-1</o:floorLevel><o:parkingSpotNumber>12A"
    "</o:parkingSpotNumber></o:parkingSpot>",
    restrictions="<o:restriction><o:RestrictionType>customers</o:RestrictionType></o:restriction>",
    ratings="<o:maximumPower>22.08</o:maximumPower><o:guaranteedPower>11</o:guaranteedPower>"
    "<o:nominalVoltage>400</o:nominalVoltage>",
    languages=("NLD", "DEU"),
    reservation="60",
)


def upload(caller: Caller14, operation: str, *points: str) -> Answer14:
    answer = caller.send(operation, "".join(points))
    # What was refused comes back as it was sent, which no schema holds for right.
    return answer if answer.elements(REFUSED) else valid(answer)


def replaced(caller: Caller14, *points: str) -> Answer14:
    return upload(caller, "SetChargePointList", *points)


def listed(caller: Caller14) -> dict[str, etree._Element]:
    """What a provider downloads, by EVSE id."""
    return by_id(valid(caller.send("GetChargePointList")))


def by_id(answer: Answer14) -> dict[str, etree._Element]:
    elements = answer.elements(SENT)
    found = {each.findtext(f"{O}evseId"): each for each in elements}
    assert len(found) == len(elements)
    return found


def changed(caller: Caller14, since: str = LONG_AGO) -> list[tuple[str, str]]:
    """EVSE ids and statuses of what changed."""
    member = f"<o:lastUpdate><o:DateTime>{since}</o:DateTime></o:lastUpdate>"
    found = valid(caller.send("GetChargePointListUpdates", member)).elements(SENT)
    return [(each.findtext(f"{O}evseId"), each.findtext(f"{O}status/{O}ChargePointStatusType")) for each in found]


def test_a_charge_point_comes_out_with_everything_that_was_sent(tnm, anwb, context):
    answer = replaced(tnm, FULL, point_xml("NLTNME2"))
    assert answer.code == "ok", answer.text
    assert "Your list has 2 charge points: 2 new, 0 changed, 0 removed." in answer.text
    found = listed(anwb)
    assert values(found["NL*TNM*E01000851"]) == sent_values(FULL)
    assert values(found["NLTNME2"]) == sent_values(point_xml("NLTNME2"))
    assert list(verify(context)) == []


def test_a_download_in_one_piece_and_a_deflated_one_are_the_same(tnm, anwb):
    replaced(tnm, *(point_xml(f"NL*TNM*E{number}") for number in range(1, 1200)))
    plain = anwb.send("GetChargePointList").response.body
    again = anwb.send("GetChargePointList").response.body
    assert plain.count(b"<evseId>") == 1199
    assert again.partition(b"</resultDescription>")[2] == plain.partition(b"</resultDescription>")[2]
    deflated = anwb.send("GetChargePointList", HTTP_ACCEPT_ENCODING="gzip")
    assert {evse_id: values(each) for evse_id, each in by_id(deflated).items()} == {
        evse_id: values(each) for evse_id, each in listed(anwb).items()
    }


def test_records_that_are_refused_come_back_as_they_were_sent_and_leave_what_stands(tnm, anwb, context):
    replaced(tnm, *(point_xml(f"NL*TNM*E{number}") for number in range(1, 5)))
    wrong = point_xml("NL*TNM*E1", number="10a")
    foreign = point_xml("DE*LND*E1")
    answer = replaced(tnm, wrong, *(point_xml(f"NL*TNM*E{number}", name="New") for number in range(2, 5)))
    assert answer.code == "partly"
    assert values(answer.elements(REFUSED)[0])[1:] == sent_values(wrong)[1:]
    assert "VALUE_FORM" in answer.text
    assert "chargePointAddress/houseNumber" in answer.text
    assert "10a" in answer.text
    names = {evse_id: each.findtext(f"{O}locationName") for evse_id, each in listed(anwb).items()}
    assert names == {"NL*TNM*E1": "Station", **{f"NL*TNM*E{number}": "New" for number in range(2, 5)}}
    answer = replaced(tnm, foreign)
    assert answer.code == "invalid-id"
    assert "DELND" in answer.text
    assert len(listed(anwb)) == 4
    assert list(verify(context)) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"evse_id": "NL-TNM-E1"}, "EVSE id like"),
        ({"number": "1234567"}, "six capitals"),
        ({"name": "n" * 101}, "at most 100"),
        ({"lat": "52.09"}, "six decimals"),
        ({"lat": "92.000000"}, "degrees to 90"),
        ({"language": "nld"}, "ISO 639-3 in capitals"),
        ({"country": "NL"}, "ISO 3166-1"),
        ({"hours": "<o:closedCharging>false</o:closedCharging>"}, "either regularHours or twentyfourseven"),
        ({"hours": "<o:twentyfourseven>true</o:twentyfourseven>"}, "closedCharging"),
        ({"status": "Occupied"}, "is none of Unknown, Operative"),
        ({"methods": ()}, "authMethods"),
        ({"more": "<o:colour>red</o:colour>"}, "colour"),
        ({"images": "<o:uri>javascript:1</o:uri><o:class>otherLogo</o:class><o:type>png</o:type>"}, "images/uri"),
        ({"reservation": "0"}, "from 1 to 1000"),
        ({"related": '<o:relatedLocation lat="1.000000" lon="1.000000" typ="ui" type="ui"/>'}, "@typ"),
    ],
)
def test_what_is_wrong_with_a_charge_point_is_told_with_its_place(tnm, anwb, changes, told):
    answer = replaced(tnm, point_xml(**changes))
    assert answer.code == "format", answer.text
    assert told in answer.text
    assert valid(anwb.send("GetChargePointList")).code == "roaming"


def test_evses_of_one_location_are_at_one_place_or_it_is_said(tnm, anwb):
    same = replaced(tnm, point_xml("NL*TNM*E1"), point_xml("NL*TNM*E2", name="Other name"))
    assert (same.code, "LOCATION_DIFFERS" in same.text) == ("ok", False)
    moved = point_xml("NL*TNM*E2", lat="52.091300"), point_xml("NL*TNM*E3", number="11"), point_xml("NL*TNM*E4")
    answer = replaced(tnm, point_xml("NL*TNM*E1"), *moved)
    assert "LOCATION_DIFFERS 2" in answer.text
    # It is taken all the same: where it is its operator knows.
    assert len(listed(anwb)) == 4
    # The next upload begins anew.
    assert "LOCATION_DIFFERS" not in upload(tnm, "UpdateChargePointList", moved[0]).text


def test_what_clients_in_the_field_write_is_read(tnm, anwb):
    resources = (
        "<o:relatedResource><o:uri>https://example.org/1</o:uri><o:class>operatorMap</o:class>"
        "<o:class>stationInfo</o:class><o:class>openingTimes</o:class></o:relatedResource>"
    )
    many = "".join(
        f'<o:regularHours weekday="{day}" periodBegin="{begin}" periodEnd="{end}"/>'
        for day in range(1, 8)
        for begin, end in (("08:00", "12:00"), ("13:00", "24:00"))
    )
    hours = f"{many}<o:closedCharging>false</o:closedCharging>"
    old = "<o:maxSocketPower>22</o:maxSocketPower>"
    sent = point_xml(resources=resources, hours=hours, reservation="30.5", more=old)
    answer = replaced(tnm, sent)
    assert answer.code == "ok"
    assert "MANY_REGULAR_HOURS 1, OLD_ELEMENT 1" in answer.text
    (found,) = listed(anwb).values()
    assert [each.text for each in found.iter(f"{O}class")] == ["operatorMap", "stationInfo"]
    assert found.findtext(f"{O}maxReservation") == "30"
    # What the contract has no room for goes to whom can be told in words.
    assert len(found.findall(f".//{O}regularHours")) == 7


def test_an_update_adds_and_changes_and_removes_nothing(tnm, anwb, clock, context):
    replaced(tnm, point_xml("NL*TNM*E1"), point_xml("NL*TNM*E2"))
    clock.now += timedelta(hours=1)
    since = as_date_time(clock.now)
    answer = upload(
        tnm, "UpdateChargePointList", point_xml("nltnme2", name="New"), point_xml("NL*TNM*E3"), point_xml("NL*TNM*E1")
    )
    assert "1 new, 1 changed." in answer.text
    assert [evse_id for evse_id, _ in changed(anwb, since)] == ["nltnme2", "NL*TNM*E3"]
    assert {*listed(anwb)} == {"NL*TNM*E1", "nltnme2", "NL*TNM*E3"}
    assert list(verify(context)) == []


def test_the_same_list_again_changes_nothing_for_anybody_and_what_is_gone_is_closed(tnm, anwb, clock):
    replaced(tnm, FULL, point_xml("NL*TNM*E2"))
    clock.now += timedelta(hours=1)
    since = as_date_time(clock.now)
    replaced(tnm, FULL, point_xml("NL*TNM*E2"))
    assert changed(anwb, since) == []
    replaced(tnm, point_xml("NL*TNM*E2"))
    assert changed(anwb, since) == [("NL*TNM*E01000851", "Closed")]
    member = f"<o:lastUpdate><o:DateTime>{since}</o:DateTime></o:lastUpdate>"
    (gone,) = valid(anwb.send("GetChargePointListUpdates", member)).elements(SENT)
    assert gone.findtext(f"{O}timestamp/{O}DateTime") == since
    # The planned status of the schedule stays what it was.
    assert gone.findtext(f"{O}statusSchedule/{O}status/{O}ChargePointStatusType") == "Operative"
    assert {*listed(anwb)} == {"NL*TNM*E2"}


def test_the_points_of_an_operator_that_is_seen_no_more_are_closed(tnm, anwb, context, clock):
    replaced(tnm, point_xml("NL*TNM*E1"))
    clock.now += timedelta(hours=1)
    since = as_date_time(clock.now)
    connections.set_mode(context, ConnectionMode.CLOSED)
    assert changed(anwb, since) == [("NL*TNM*E1", "Closed")]
    assert valid(anwb.send("GetChargePointList")).code == "roaming"


def test_who_has_no_role_for_an_operation_is_told(tnm, anwb):
    assert valid(anwb.send("SetChargePointList", point_xml())).code == "not-authorized"


def test_an_upload_of_points_is_in_the_trail(tnm, context):
    replaced(tnm, point_xml())
    upload(tnm, "UpdateChargePointList", point_xml(name="New"))
    found = [entry.action for entry in trail.entries(context)][-2:]
    assert found == ["list.replace", "list.update"]


# ---------------------------------------------------------------------- the mixed house


def old_points(caller: Caller) -> list[dict[str, str]]:
    """What a partner of OCHP 0.2 downloads."""
    names = [wire.name for wire in CHARGEPOINT_INFO.fields]
    rows = caller.send("GetChargePointList").records(CHARGEPOINT_INFO)
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_a_point_of_ochp_14_is_given_to_ochp_02_in_its_words(house, tnm):
    assert replaced(tnm, FULL).code == "ok"
    (found,) = old_points(Caller(house, "lnd"))
    assert found["evseId"] == "NL*TNM*E01000851"
    assert (found["taLat"], found["taLon"]) == ("52.091200", "5.122100")
    assert (found["taLatEntranceExit"], found["taLonEntranceExit"]) == ("52.100001", "5.200001")
    assert found["openingTimes"] == (
        "Mo-Tu 08:00-20:00; open 2026-12-06T08:00:00Z to 2026-12-06T12:00:00Z; "
        "closed 2026-12-25T00:00:00Z to 2026-12-26T00:00:00Z; charging also when closed"
    )
    assert found["powerOutletStatus"] == "unavailable"
    assert found["paymentMethod"] == "RFID (Mifare DESFire), ISO 15118"
    assert found["evChargingReceptacleType"] == "Type 2 / Schuko"
    assert found["floorLevel"] == "-1"
    assert found["telephoneNumber"] == "+31 20 1234567"


def test_a_point_of_ochp_02_is_given_to_ochp_14_in_its_values(house, anwb, clock):
    old = Caller(house, "tnm")
    record = charge_point(
        1,
        evse_id="01000851",
        house_number="10a",
        opening_times="24/7",
        outlet_status="available",
        payment_method="RFID, creditcard",
        receptacle_type="Mennekes",
        location_name_language="nl",
        postal_code="3511 AB",
    )
    assert old.upload("SetChargePointList", record, charge_point(2, evse_id="+31*123*4")).code == 0
    found = listed(anwb)
    assert {*found} == {"NL*TNM*E01000851", "NL*123*E4"}
    point = found["NL*TNM*E01000851"]
    assert point.findtext(f"{O}chargePointAddress/{O}houseNumber") == "10A"
    assert point.findtext(f"{O}chargePointAddress/{O}zipCode") == "3511 AB"
    assert point.findtext(f"{O}chargePointAddress/{O}country") == "NLD"
    assert point.findtext(f"{O}locationNameLang") == "NLD"
    assert point.findtext(f"{O}openingTimes/{O}twentyfourseven") == "true"
    assert point.findtext(f"{O}status/{O}ChargePointStatusType") == "Operative"
    methods = [each.text for each in point.iter(f"{O}AuthMethodType")]
    assert methods == ["RfidMifareCls", "RfidMifareDes", "DirectCreditcard"]
    assert [each.text for each in point.iter(f"{O}ConnectorStandard")] == ["IEC_62196_T2"]
    # All of one place are one location, and it is the same tomorrow.
    assert len(point.findtext(f"{O}locationId")) == 15
    clock.now += timedelta(hours=1)
    since = as_date_time(clock.now)
    old.upload("SetChargePointList", record, charge_point(2, evse_id="+31*123*4"))
    assert changed(anwb, since) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"latitude": "52,09"}, ChargePointWithheld.POSITION),
        ({"receptacle_type": "a hole"}, ChargePointWithheld.PLUG),
    ],
)
def test_what_cannot_be_said_is_withheld_counted_and_told_and_closed_where_it_was_given(
    house, anwb, context, clock, changes, why
):
    old = Caller(house, "tnm")
    good = charge_point(1, receptacle_type="Type 2")
    anwb.send("GetChargePointList")
    old.upload("SetChargePointList", good)
    clock.now += timedelta(hours=1)
    since = as_date_time(clock.now)
    answer = old.upload("SetChargePointList", good._replace(**changes))
    assert f"1 of your 1 record are not given to OCHP 1.4 partners: {why} 1" in answer.body.decode()
    (counted,) = all_withheld(context, CHARGE_POINTS, RECORD_FORMATS.charge_points)
    assert (counted.protocol, counted.reason, counted.records) == ("ochp-1.4", why, 1)
    assert listed(anwb) == {}
    ((_, status),) = changed(anwb, since)
    assert status == "Closed"


def test_without_a_market_id_only_points_of_a_known_form_are_given(house, anwb, context):
    enrolment.set_market_id(context, "tnm", enrolment.PartyRole.OPERATOR, "TheNewMotion", None)
    old = Caller(house, "tnm")
    old.upload("SetChargePointList", charge_point(1, evse_id="01000851"), charge_point(2, evse_id="NL*TNM*E2"))
    assert {*listed(anwb)} == {"NL*TNM*E2"}


def test_an_operator_that_moves_from_02_to_14_closes_nothing_that_it_still_has(house, tnm, anwb, clock, context):
    old = Caller(house, "tnm")
    old.upload("SetChargePointList", charge_point(1, evse_id="01000851"), charge_point(2, evse_id="NLTNME2"))
    clock.now += timedelta(hours=1)
    since = as_date_time(clock.now)
    answer = upload(tnm, "UpdateChargePointList", point_xml("NL*TNM*E01000851"))
    assert "1 of OCHP 0.2 replaced" in answer.text
    assert changed(anwb, since) == [("NL*TNM*E01000851", "Operative")]
    assert {*listed(anwb)} == {"NL*TNM*E01000851", "NLTNME2"}
    replaced(tnm, point_xml("NL*TNM*E01000851"))
    assert changed(anwb, since) == [("NLTNME2", "Closed"), ("NL*TNM*E01000851", "Operative")]
    # And back again.
    clock.now += timedelta(hours=1)
    since = as_date_time(clock.now)
    old.upload("SetChargePointList", charge_point(1, evse_id="01000851"))
    assert [evse_id for evse_id, _ in changed(anwb, since)] == ["NL*TNM*E01000851"]
    assert "Closed" not in dict(changed(anwb, since)).values()
    assert list(verify(context)) == []


def test_ids_that_differ_in_signs_that_cannot_be_said_stay_different(house, anwb):
    old = Caller(house, "tnm")
    sent = ("0100-0851", "0100/0851", "01000851", "0" * 40, f"{'0' * 40}1")
    old.upload("SetChargePointList", *(charge_point(number, evse_id=each) for number, each in enumerate(sent, 1)))
    assert len(listed(anwb)) == len(sent)
