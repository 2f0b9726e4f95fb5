"""Tokens and charge points from OCHP 0.2 to the noun and back: what has a canonical form survives, the rest is listed."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cast import charge_point, token
from echs.base.fields import field_problems
from echs.locations.charge_point import ChargePoint, ChargePointWithheld
from echs.partners.standard_ids import evse_key
from echs.protocols.ochp02 import charge_point_format, token_format
from echs.protocols.ochp02.charge_point_format import ChargePointRecord, charge_point_of
from echs.protocols.ochp02.token_format import TokenRecord, token_of
from echs.protocols.rows.payload import payloads_of
from echs.tokens.token import Representation, TokenType, TokenWithheld, contract_key, uid_key

ZONES = st.sampled_from(["UTC", "Europe/Amsterdam", "Pacific/Kiritimati", "America/New_York"])
texts = st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="\u2028\u2029"), max_size=15)
filled = texts.filter(str.strip)
expiries = st.one_of(st.just(""), st.dates(date(1970, 1, 1), date(9998, 12, 31)).map(lambda d: f"{d:%d/%m/%Y}")).filter(
    lambda text: len(text) in (0, 10)
)
flags = st.sampled_from([0, 1])
token_records = st.builds(
    TokenRecord, filled, st.integers(0, 9999), st.integers(0, 3), filled, texts, expiries, texts, flags, flags, texts
)
hours = st.sampled_from(["", "24/7", "24 h", "ma-vr 8-18"])
statuses = st.sampled_from(["Available", "out of  order", "planned", "?"])
payments = st.sampled_from(["", "RFID", "RFID, cash or credit card", "by hand"])
plugs = st.sampled_from(["Mennekes", "Type 2 / Schuko", "CHAdeMO, CCS", "type 2 socket 32 A", "?"])
degrees = st.one_of(
    st.from_regex(r"[+-]?[0-9]{1,3}(\.[0-9]{0,12})?", fullmatch=True), st.sampled_from(["x", "50,942", "90.0000001"])
)
point_records = st.builds(
    lambda several, **changed: ChargePointRecord._make(several)._replace(**changed),
    st.tuples(*(filled if field.mandatory else texts for field in charge_point_format.FIELDS)),
    latitude=degrees,
    longitude=degrees,
    entrance_latitude=degrees | st.just(""),
    entrance_longitude=degrees | st.just(""),
    opening_times=hours | texts,
    outlet_status=statuses | filled,
    payment_method=payments | texts,
    receptacle_type=plugs | filled,
)


def canonical(noun):
    """What a noun has for itself: everything but what was sent, and how."""
    return {name: value for name, value in noun._asdict().items() if name not in ("protocol", "payload")}


@given(token_records, ZONES)
def test_every_token_comes_back_as_it_was_sent(record, zone):
    assert token_format.record_of(token_of(record, zone), zone) == record


@given(token_records, ZONES)
def test_what_a_token_means_survives_the_way_through_the_noun_and_back(record, zone):
    read = token_of(record, zone)
    written = token_format.record_of(read._replace(protocol="another", payload=""), zone)
    assert canonical(token_of(written, zone)) == canonical(read)
    assert not list(field_problems(token_format.FIELDS, tuple(map(str, written)), 0, None))
    lost = {name for name in TokenRecord._fields if getattr(written, name) != getattr(record, name)}
    assert lost <= {*token_format.PAYLOAD_ONLY}


@given(st.lists(token_records, min_size=1, max_size=4), ZONES)
def test_the_typed_columns_of_tokens_are_what_the_noun_says(records, zone):
    payloads = payloads_of([tuple(map(str, record)) for record in records])
    nouns = [token_of(record, zone) for record in records]
    assert list(token_format.FORMAT.typed(payloads, zone, lambda instant: instant)) == [
        (
            noun.type.value,
            noun.medium,
            uid_key(noun.uid),
            contract_key(noun.contract_id),
            noun.valid_until,
            noun.blocked,
            noun.representation.value,
        )
        for noun in nouns
    ]


def test_a_token_that_ochp_02_cannot_say_is_not_said():
    read = token_of(token(1), "UTC")._replace(protocol="another", payload="")
    assert token_format.record_of(read, "UTC").token_type == 1
    assert token_format.record_of(read._replace(medium="calypso"), "UTC").token_type == 0
    for other, why in (
        ({"representation": Representation.SHA256}, TokenWithheld.HASHED),
        ({"type": TokenType.EMA}, TokenWithheld.TYPE),
        ({"type": TokenType.APP}, TokenWithheld.TYPE),
    ):
        assert token_format.record_of(read._replace(**other), "UTC") is why


def test_the_end_of_a_token_is_the_last_day_that_is_whole_where_the_reader_counts_days():
    ends = datetime(2027, 12, 31, 23, 0, tzinfo=UTC)
    read = token_of(token(1), "UTC")._replace(protocol="another", payload="", valid_until=ends)
    # To the minute the end of the year in Amsterdam, an hour before it in London.
    assert token_format.record_of(read, "Europe/Amsterdam").expiry_date == "31/12/2027"
    assert token_format.record_of(read, "UTC").expiry_date == "30/12/2027"


@given(point_records)
def test_every_charge_point_comes_back_as_it_was_sent(record):
    assert charge_point_format.record_of(charge_point_of(record)) == record


def test_what_a_charge_point_means_survives_the_way_through_the_noun_and_back():
    met = {"with a position": 0, "with an entrance": 0, "without a position": 0}

    @given(point_records)
    def survives(record):
        read = charge_point_of(record)
        written = charge_point_format.record_of(read._replace(protocol="another", payload=""))
        if read.position is None:
            met["without a position"] += 1
            assert written is ChargePointWithheld.POSITION
            return
        met["with a position"] += 1
        met["with an entrance"] += read.entrance is not None
        assert canonical(charge_point_of(written)) == canonical(read)
        assert not list(field_problems(charge_point_format.FIELDS, written, 0, None))

    survives()
    assert min(met.values()) > 3, met


def test_what_the_noun_of_a_charge_point_has_no_place_for_is_listed():
    in_noun = {*charge_point_format.SAME_TEXT, "latitude", "longitude", "entrance_latitude", "entrance_longitude"}
    in_noun |= {"opening_times", "outlet_status", "payment_method", "receptacle_type"}
    names = {field.name for field in charge_point_format.FIELDS}
    assert names - in_noun == {*charge_point_format.PAYLOAD_ONLY}
    assert {*charge_point_format.SAME_TEXT} < {*ChargePoint._fields}
    in_noun = {"contract_id", "hub", "token_type", "token_id", "printed_number", "expiry_date", "pin", "pin_mandatory"}
    names = {field.name for field in token_format.FIELDS}
    assert names - {*in_noun, "activated"} == {*token_format.PAYLOAD_ONLY}


@given(st.lists(point_records, min_size=1, max_size=4))
def test_the_typed_columns_of_charge_points_are_what_the_noun_says(records):
    found = charge_point_format.FORMAT.typed(payloads_of(records), "UTC", lambda instant: instant)
    for columns, record in zip(found, records, strict=True):
        noun = charge_point_of(record)
        assert columns[0] == evse_key(noun.evse_id)
        assert noun.position is None or columns[1:] == tuple(noun.position)


@pytest.mark.parametrize(("form", "make"), [(token_format.FORMAT, token), (charge_point_format.FORMAT, charge_point)])
def test_a_payload_that_is_no_record_is_no_value_of_a_column(form, make):
    good = payloads_of([tuple(map(str, make(1)))])
    assert list(form.typed(good, "UTC", lambda instant: instant))
    with pytest.raises(ValueError, match="has not the texts"):
        list(form.typed([*good, "x"], "UTC", lambda instant: instant))
