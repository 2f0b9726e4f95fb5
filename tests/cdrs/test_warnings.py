"""Warnings: found among what is stored and listed, kept with the CDR, told to those who may know."""

import pytest
from sqlalchemy import select

from cast import FIELD_CDR, add_cdrs, cdr, charge_point, set_charge_points, set_tokens, token
from echs.cdrs import intake, pending, queries, tables
from echs.cdrs.cdr import CdrWarning
from echs.cdrs.lookup import look_up
from echs.partners import enrolment
from echs.partners.enrolment import Ownership
from echs.protocols.ochp02.cdr_format import record_of_payload

OLD, CARD, POINT = CdrWarning.CDR_OLD, CdrWarning.CARD_UNKNOWN, CdrWarning.CHARGEPOINT_UNKNOWN
_requests = iter(f"{number:026d}" for number in range(10**6))


@pytest.fixture(autouse=True)
def in_2014(clock):
    """The record of the field is of this day."""
    clock.now = clock.now.replace(year=2014, month=1, day=23)


@pytest.fixture
def lists(context, cast):
    """Lists that the record of the field agrees with."""
    set_charge_points(context, cast.tnm, [charge_point(1, evse_id="01000851"), charge_point(2, evse_id="ab")])
    cards = [token(1, hub=0, contract_id="NL-ANW-133094"), token(2, hub=0, token_id="04aabb")]
    set_tokens(context, cast.anwb, cards)


def add(context, sender, *records):
    return add_cdrs(context, sender, iter(records), next(_requests), context.lists)


def stored(context) -> dict[str, list[str]]:
    found = queries.find(context, None, None, 1000)
    return {each.cdr_id: [warned.name for warned in each.warnings] for each in found}


def at(number, start: str, end: str, **other):
    """A session of the 22nd, with its own card and socket unless something else is said."""
    times = {"start_datetime": f"2014-01-22 {start}", "end_datetime": f"2014-01-22 {end}", "duration": ""}
    own = {"evse_id": f"S{number}", "token_id": f"T{number}"}
    return cdr(number, **{**own, **times, "volume": "1", **other})


def test_a_plausible_cdr_has_no_warning(context, cast, lists):
    added = add(context, cast.tnm, FIELD_CDR)
    assert (added.warned, dict(added.warnings)) == (0, {})
    assert stored(context) == {FIELD_CDR.cdr_id: []}


def test_warnings_are_stored_with_the_cdr_and_counted(context, cast, lists):
    added = add(context, cast.tnm, cdr(1, volume="0", evse_id="AB"), cdr(2, country="Holland", evse_id="x"))
    assert added.warned == 2
    assert {name: list(positions) for name, positions in added.warnings.items()} == {
        "VOLUME_ZERO": [0],
        "CHARGEPOINT_UNKNOWN": [1],
        "COUNTRY_UNKNOWN": [1],
        "CARD_OVERLAP": [0, 1],
    }
    assert stored(context) == {
        "1": ["VOLUME_ZERO", "CARD_OVERLAP"],
        "2": ["CARD_OVERLAP", "CHARGEPOINT_UNKNOWN", "COUNTRY_UNKNOWN"],
    }


def test_a_repeated_cdr_is_not_warned_of_again(context, cast, lists):
    strange = cdr(1, token_id="04FFFF", evse_id="99999")
    add(context, cast.tnm, strange)
    again = add(context, cast.tnm, strange)
    assert (again.warned, dict(again.warnings)) == (0, {})
    assert stored(context) == {"1": [CARD, POINT]}


def test_where_no_list_was_ever_published_nothing_is_looked_for_in_it(context, cast):
    add(context, cast.tnm, cdr(1, token_id="04FFFF", evse_id="99999"))
    assert stored(context) == {"1": []}


def test_warnings_stop_nothing_at_all(context, cast, lists):
    record = cdr(1, volume="0", duration="9", contract_id="-", country="x", evse_id="?", token_id="y")
    assert add(context, cast.tnm, record).count(intake.Outcome.PENDING) == 1
    assert len(stored(context)["1"]) >= 6
    assert [total.cdr_count for total in pending.preview(context)] == [1]
    assert pending.warned(context) == 1


def test_cards_are_looked_for_in_the_list_of_the_provider_alone(context, cast, lists):
    known = {"token_id": "04AABB"}
    set_tokens(context, cast.lnd, [token(7, hub=0)])
    add(context, cast.tnm, at(1, "08:00:00", "09:00:00", **known))
    add(context, cast.tnm, at(2, "09:00:00", "10:00:00", provider_id="ladenetz.de", **known))
    add(context, cast.tnm, at(3, "10:00:00", "11:00:00", provider_id="Nobody", **known))
    found = stored(context)
    assert (CARD in found["1"], CARD in found["2"], CARD in found["3"]) == (False, True, False)


def test_beyond_ascii_nothing_is_said_of_cards_and_sockets(context, cast, lists):
    add(context, cast.tnm, at(1, "08:00:00", "09:00:00", token_id="é1", evse_id="ß1"))
    assert stored(context)["1"] == ["EVSE_ID_PATTERN"]


def test_what_a_sender_is_told_does_not_depend_on_what_others_sent(context, cast):
    # The same sessions with two cards, one of which was used elsewhere too, thirty times just before the question.
    def own(start: int, card: str):
        yield at(start, "01:00:00", "12:00:00", token_id=card)
        for number in range(1, 9):
            yield at(start + number, f"02:{number:02d}:00", f"02:{number:02d}:30", token_id=card)

    add(context, cast.tnm, *own(0, "AA"), *own(10, "BB"))
    elsewhere = {"token_id": "AA", "operator_id": "ladenetz.de"}
    foreign = (at(100 + n, f"03:{n:02d}:00", f"03:{n:02d}:30", **elsewhere) for n in range(30))
    add(context, cast.lnd, *foreign)
    told = [
        dict(add(context, cast.tnm, at(number, "04:00:00", "04:30:00", token_id=card)).warnings)
        for number, card in ((50, "AA"), (60, "BB"))
    ]
    assert told[0] == told[1]
    assert "CARD_OVERLAP" in told[0]


OVERLAPS = [
    ("08:00:00", "09:00:00", False),
    ("09:00:00", "10:00:00", False),
    ("09:30:00", "10:00:01", True),
    ("10:00:00", "11:00:00", True),
    ("10:15:00", "10:30:00", True),
    ("09:00:00", "12:00:00", True),
    ("10:59:59", "12:00:00", True),
    ("11:00:00", "12:00:00", False),
    ("10:00:00", "10:00:00", False),
    ("10:30:00", "10:30:00", True),
]


@pytest.mark.parametrize(("start", "end", "overlaps"), OVERLAPS)
@pytest.mark.parametrize("together", [True, False], ids=["in one upload", "one after the other"])
def test_two_sessions_at_once_at_one_socket_are_warned_of(context, cast, start, end, overlaps, together):
    one, other = at(1, "10:00:00", "11:00:00", evse_id="S"), at(2, start, end, evse_id="S")
    if together:
        add(context, cast.tnm, one, other)
    else:
        add(context, cast.tnm, one)
        add(context, cast.tnm, other)
    found = stored(context)
    assert (CdrWarning.SOCKET_OVERLAP in found["2"]) is overlaps
    assert (CdrWarning.SOCKET_OVERLAP in found["1"]) is (overlaps and together)


def test_the_charge_point_is_the_socket_where_there_is_no_evse_id(context, cast):
    add(context, cast.tnm, at(1, "10:00:00", "11:00:00", evse_id="", chargepoint_id="P"))
    add(context, cast.tnm, at(2, "10:30:00", "11:00:00", evse_id="", chargepoint_id="P"))
    add(context, cast.tnm, at(3, "10:30:00", "11:00:00", evse_id="", chargepoint_id="Q"))
    found = stored(context)
    assert CdrWarning.SOCKET_OVERLAP in found["2"]
    assert CdrWarning.SOCKET_OVERLAP not in found["3"]


def test_the_same_socket_of_another_operator_is_another(context, cast):
    add(context, cast.tnm, at(1, "10:00:00", "11:00:00", evse_id="S"))
    add(context, cast.lnd, at(2, "10:00:00", "11:00:00", evse_id="S", operator_id="ladenetz.de"))
    assert CdrWarning.SOCKET_OVERLAP not in stored(context)["2"]


def test_a_card_in_two_places_is_warned_of_and_an_operator_learns_nothing_of_another(context, cast):
    add(context, cast.tnm, at(1, "10:00:00", "11:00:00", token_id="aa"))
    added = add(context, cast.lnd, at(2, "10:30:00", "11:30:00", token_id="AA", operator_id="ladenetz.de"))
    assert CdrWarning.CARD_OVERLAP_ELSEWHERE in stored(context)["2"]
    assert not [name for name in added.warnings if "OVERLAP" in name]
    added = add(context, cast.lnd, at(3, "11:00:00", "12:00:00", token_id="AA", operator_id="ladenetz.de"))
    assert list(added.warnings["CARD_OVERLAP"]) == [0]
    assert stored(context)["3"].count(CdrWarning.CARD_OVERLAP_ELSEWHERE) == 0


def test_a_warning_that_only_others_know_of_is_not_counted_for_the_sender(context, cast, lists):
    add(context, cast.lnd, at(1, "10:00:00", "11:00:00", token_id="04AABB", operator_id="ladenetz.de"))
    added = add(context, cast.tnm, at(2, "10:30:00", "11:30:00", token_id="04aabb", evse_id="01000851"))
    assert stored(context)["2"] == [CdrWarning.CARD_OVERLAP_ELSEWHERE]
    assert (added.warned, dict(added.warnings)) == (0, {})


def test_no_card_number_is_in_a_stored_warning(context, cast):
    add(context, cast.tnm, at(1, "10:00:00", "11:00:00", token_id="CANARY"))
    add(context, cast.tnm, at(2, "10:30:00", "11:30:00", token_id="CANARY"))
    with context.database.read() as snapshot:
        details = snapshot.execute(select(tables.cdr_warning.c.detail)).scalars().all()
    assert any("same card" in detail for detail in details)
    assert not any("CANARY" in detail for detail in details)


def test_a_refused_upload_leaves_no_warning(context, cast):
    with pytest.raises(Exception, match="CDR_VOLUME_FORMAT"):
        add(context, cast.tnm, cdr(1), cdr(2, volume="x"))
    with context.database.read() as snapshot:
        assert snapshot.execute(select(tables.cdr_warning)).all() == []


def test_thousands_of_sessions_of_one_socket_side_by_side_do_not_overlap(context, cast):
    def one(number):
        seconds = f"{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}"
        return at(number, seconds, seconds, evse_id="S", token_id="T")

    records = [one(number) for number in range(4000)]
    add(context, cast.tnm, *records)
    names = {name for of_one in stored(context).values() for name in of_one}
    assert not [name for name in names if "OVERLAP" in name]


def test_those_with_warnings_can_be_listed_alone(context, cast, lists):
    add(context, cast.tnm, FIELD_CDR, at(2, "01:00:00", "02:00:00"))
    assert [each.cdr_id for each in queries.find(context, None, None, 10, only_warned=True)] == ["2"]


def test_a_cdr_is_looked_up_by_its_number_and_where_needed_by_its_operator(context, cast):
    add(context, cast.tnm, cdr(1, token_id="CANARY"))
    whole = look_up(context, "1", None)
    assert (whole.sender, whole.listed.status, whole.listed.city) == ("tnm", "pending", "Apeldoorn")
    assert (whole.protocol, record_of_payload(whole.payload).token_id) == ("ochp-0.2", "CANARY")
    assert "CANARY" not in repr(whole)
    add(context, cast.lnd, cdr(1, operator_id="ladenetz.de", provider_id="Nobody"))
    with pytest.raises(Exception, match="CDR_OF_SEVERAL"):
        look_up(context, "1", None)
    assert look_up(context, "1", "LADENETZ.de").sender == "lnd"
    with pytest.raises(Exception, match="CDR_UNKNOWN"):
        look_up(context, "2", None)


def test_a_list_that_is_replaced_or_given_up_no_longer_counts(context, cast, lists):
    set_tokens(context, cast.anwb, [token(9, hub=0)])
    set_charge_points(context, cast.tnm, [charge_point(9)])
    add(context, cast.tnm, FIELD_CDR)
    assert stored(context)[FIELD_CDR.cdr_id] == [CARD, POINT]
    enrolment.revoke_ids(context, "anwb", Ownership([], ["ANWB"]))
    add(context, cast.tnm, cdr(2, start_datetime="2014-01-22 01:00:00", end_datetime="2014-01-22 02:57:55"))
    assert stored(context)["2"] == [POINT]
