"""Live status of OCHP 1.4: set by operators, valid for a time, asked for by providers; answers valid by the contract."""

from datetime import timedelta

import pytest

from cast import charge_point, verify
from echs.live.live_status import MAJORS, MINORS
from echs.partners import connections
from echs.partners.connection import ConnectionMode
from echs.protocols.ochp02.outlet_status import with_words
from echs.protocols.ochp02.wire_schema import CHARGEPOINT_INFO
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.value_formats import as_date_time
from ochp14 import Answer14, Caller14, point_xml, security, valid
from wire import Caller

EVSE = "NL*TNM*E1"


def evse(evse_id: str = EVSE, major: str = "available", minor: str = "", ttl: str = "") -> str:
    more = (f' minor="{minor}"' if minor else "") + (f' ttl="{ttl}"' if ttl else "")
    return f'<o:evse major="{major}"{more}><o:evseId>{evse_id}</o:evseId></o:evse>'


def parking(parking_id: str = "NL*TNM*P1", status: str = "available") -> str:
    return f'<o:parking status="{status}"><o:parkingId>{parking_id}</o:parkingId></o:parking>'


def ttl(time: str) -> str:
    return f"<o:ttl><o:DateTime>{time}</o:DateTime></o:ttl>"


def told(caller: Caller14, *members: str) -> Answer14:
    return valid(caller.send("UpdateStatus", "".join(members), path=PUBLISHED.live_path))


def asked(caller: Caller14, kind: str = "", since: str = "") -> dict[str, tuple[str, str]]:
    """Major and minor of each, by its id."""
    members = f"<o:startDateTime><o:DateTime>{since}</o:DateTime></o:startDateTime>" if since else ""
    members += f"<o:statusType>{kind}</o:statusType>" if kind else ""
    answer = valid(caller.send("GetStatus", members, path=PUBLISHED.live_path))
    name = kind or "evse"
    found = {
        each[0].text: (each.get("major") or each.get("status"), each.get("minor") or "")
        for each in answer.elements(name)
    }
    assert len(found) == len(answer.elements(name))
    return found


def test_what_an_operator_says_is_what_providers_are_told(tnm, anwb, context):
    answer = told(tnm, evse(), evse("NLTNME2", "not-available", "charging"), parking(status="not-available"))
    assert answer.code == "ok"
    assert "3 set." in answer.text
    assert asked(anwb) == {EVSE: ("available", ""), "NLTNME2": ("not-available", "charging")}
    assert asked(anwb, "parking") == {"NL*TNM*P1": ("not-available", "")}
    # Spelt otherwise it is the same, and the last one counts.
    told(tnm, evse("nltnme1", "unknown"))
    assert asked(anwb) == {"nltnme1": ("unknown", ""), "NLTNME2": ("not-available", "charging")}
    assert list(verify(context)) == []


def test_a_status_is_valid_for_its_own_time_for_that_of_its_message_or_for_the_default(tnm, anwb, clock):
    now = clock.now
    own = (now + timedelta(minutes=5, microseconds=1)).isoformat()
    told(tnm, evse(ttl=own), evse("NL*TNM*E2"), ttl(as_date_time(now + timedelta(minutes=10))))
    told(tnm, evse("NL*TNM*E3"))
    told(tnm, evse("NL*TNM*E4", ttl=(now + timedelta(days=400)).isoformat()))

    def left(**later: int) -> set[str]:
        clock.now = now + timedelta(**later)
        return {*asked(anwb)}

    assert left(minutes=5) == {f"NL*TNM*E{number}" for number in (1, 2, 3, 4)}
    assert left(minutes=6) == {f"NL*TNM*E{number}" for number in (2, 3, 4)}
    assert left(minutes=11) == {"NL*TNM*E3", "NL*TNM*E4"}
    assert left(minutes=1441) == {"NL*TNM*E4"}
    assert left(days=32) == set()


def test_whoever_asks_since_a_time_is_told_what_was_set_and_once_what_ran_out(tnm, anwb, clock):
    begun = clock.now
    told(tnm, evse(ttl=(begun + timedelta(minutes=30)).isoformat()), evse("NL*TNM*E2"))
    clock.now = begun + timedelta(minutes=10)
    told(tnm, evse("NL*TNM*E3"))
    since = as_date_time(begun + timedelta(minutes=5))
    assert asked(anwb, since=since) == {"NL*TNM*E3": ("available", "")}
    clock.now = begun + timedelta(minutes=40)
    assert asked(anwb, since=as_date_time(begun + timedelta(minutes=20))) == {EVSE: ("unknown", "")}
    assert asked(anwb, since=as_date_time(clock.now)) == {}


def test_every_pair_of_major_and_minor_is_taken_or_refused_as_the_contract_says(tnm):
    minors = sorted({minor for allowed in MINORS.values() for minor in allowed})
    met = {True: 0, False: 0}
    for major in MAJORS:
        for minor in ["", *minors]:
            right = not minor or minor in MINORS[major]
            met[right] += 1
            assert told(tnm, evse(major=major, minor=minor)).code == ("ok" if right else "format")
    assert min(met.values()) > 3


def test_the_right_ones_are_taken_without_the_others_which_are_named(tnm, lnd, anwb):
    answer = told(tnm, evse(), evse("DE*LND*E1"), evse("nonsense"), evse("NL*TNM*E2", "free"))
    assert answer.code == "partly"
    for name in ("DE*LND*E1", "nonsense", "NL*TNM*E2", "STATUS_NOT_YOURS", "STATUS_COMBINATION"):
        assert name in answer.text
    assert asked(anwb) == {EVSE: ("available", "")}
    assert told(lnd, evse()).code == "invalid-id"
    assert valid(tnm.send("UpdateStatus")).code == "format"
    assert told(tnm, evse(ttl="2020-01-01T00:00:00Z")).text.startswith("Data accepted and processed. 1 set. Their time")
    # Times at the ends of the calendar are none elsewhere on earth.
    for time in ("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"):
        answer = told(tnm, evse("NL*TNM*E7", ttl=time), evse())
        assert answer.code == "partly"
        assert "is no time of XML Schema" in answer.text
    told(tnm, evse(ttl="2020-01-01T00:00:00Z"))
    assert asked(anwb) == {}


def test_combined_names_every_evse_once_and_is_free_only_where_a_spot_is(tnm, anwb):
    spot = "<o:parkingSpot><o:parkingId>NL*TNM*P{}</o:parkingId></o:parkingSpot>"
    valid(
        tnm.send(
            "SetChargePointList",
            "".join(point_xml(f"NL*TNM*E{number}", spots=spot.format(number)) for number in range(1, 6)),
        )
    )
    told(tnm, evse(), evse("NL*TNM*E2"), parking("NL*TNM*P2", "not-available"), parking("NL*TNM*P3"))
    told(tnm, evse("NL*TNM*E4", "not-available", "charging"), parking("NL*TNM*P4"))
    assert asked(anwb, "combined") == {
        "NL*TNM*E1": ("available", ""),
        "NL*TNM*E2": ("not-available", "blocked"),
        "NL*TNM*E3": ("available", ""),
        "NL*TNM*E4": ("not-available", "charging"),
        "NL*TNM*E5": ("unknown", ""),
    }


def test_nobody_is_told_of_whom_it_does_not_see(tnm, anwb, context):
    told(tnm, evse())
    connections.set_mode(context, ConnectionMode.CLOSED)
    assert asked(anwb) == asked(anwb, "combined") == {}


def test_an_answer_without_a_result_says_what_is_wrong_by_a_fault(tnm, anwb):
    answer = anwb.send("GetStatus", "<o:statusType>all</o:statusType>")
    assert answer.fault == "RequestRefused"
    assert answer.response.status == 500
    assert anwb.send("GetStatus", header=security("anwb", "wrong")).fault == "FailedAuthentication"


def test_readers_of_ochp_02_see_it_in_the_status_of_the_outlet(house, tnm, clock):
    valid(tnm.send("SetChargePointList", "".join(point_xml(f"NL*TNM*E{number}") for number in range(1, 5))))
    old = Caller(house, "lnd")
    old.upload("SetChargePointList", charge_point(1, outlet_status="as it was sent"))
    names = [wire.name for wire in CHARGEPOINT_INFO.fields]

    def seen() -> dict[str, str]:
        rows = Caller(house, "lnd").send("GetChargePointList").records(CHARGEPOINT_INFO)
        points = [dict(zip(names, row, strict=True)) for row in rows]
        return {each["evseId"]: each["powerOutletStatus"] for each in points}

    static = {f"NL*TNM*E{number}": "available" for number in range(1, 5)} | {"DE*LND*E00001": "as it was sent"}
    assert seen() == static
    told(tnm, evse("nltnme1", "not-available", "charging"), evse("NL*TNM*E2", "not-available", "outoforder"))
    told(tnm, evse("NL*TNM*E3", "unknown"))
    live = static | {"NL*TNM*E1": "occupied", "NL*TNM*E2": "unavailable", "NL*TNM*E3": "unknown"}
    assert seen() == live
    clock.now += timedelta(days=2)
    assert seen() == static


def test_a_word_is_for_the_record_that_it_stands_beside():
    def record(evse_id: str, status: str | None) -> bytes:
        said = "" if status is None else f"<powerOutletStatus>{status}</powerOutletStatus>"
        return f"<{CHARGEPOINT_INFO.element}><evseId>{evse_id}</evseId>{said}</{CHARGEPOINT_INFO.element}>".encode()

    texts = [record("A", None) + record("B", "as sent"), record("A", "old")[:30], record("A", "old")[30:]]
    found = b"".join(with_words(texts, {b"A": b"new"}))
    assert found == record("A", None) + record("B", "as sent") + record("A", "new")


@pytest.mark.parametrize("path", PUBLISHED.paths)
def test_it_is_understood_at_each_path(tnm, path):
    assert valid(tnm.send("UpdateStatus", evse(), path=path)).code == "ok"
