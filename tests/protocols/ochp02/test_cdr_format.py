"""From the texts of OCHP 0.2 to the noun and back: what has a canonical form survives, what has none is listed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cast import FIELD_CDR, cdr
from echs.base.errors import RecordProblems
from echs.base.fields import FieldReason, field_problems
from echs.base.money import Money
from echs.base.rule import UnreadableValue
from echs.base.upload_validation import RecordBatch
from echs.cdrs.cdr import Cdr
from echs.protocols.ochp02.cdr_format import (
    FIELDS,
    FORMAT,
    NO_PRODUCT,
    NO_TARIFF,
    PAYLOAD_ONLY,
    PROTOCOL,
    RULES,
    SAME_TEXT,
    CdrRecord,
    cdr_of,
    cdrs_of,
    read_cdrs,
    record_of,
)

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
# What the noun has for itself: everything but what was sent, and how.
CANONICAL = [name for name in Cdr._fields if name not in ("protocol", "payload", "content_hash")]

texts = st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="\u2028\u2029"), max_size=30)
filled = texts.filter(str.strip)
starts = st.datetimes(datetime(2000, 1, 2), datetime(2100, 12, 20)).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001
offsets = st.sampled_from(["Z", "+00:00", "+01:00", "-05:30", "+14:00", "+0545", ""])
durations = st.one_of(st.just(""), st.integers(0, 366 * 24 * 3600).map(str), st.just("1:57:54"), st.just("100:31:09"))
volumes = st.from_regex(r"[0-9]{1,6}([.,][0-9]{1,4})?", fullmatch=True)


@st.composite
def records(draw):
    """A record that breaks no rule of its form."""
    start, length, mark = draw(starts), draw(st.integers(0, 10**6)), draw(st.sampled_from("T "))
    offset = draw(offsets)
    end = start + timedelta(seconds=length)
    values = {field.name: draw(filled if field.mandatory else texts) for field in FIELDS}
    values["start_datetime"] = start.isoformat(mark) + offset
    values["end_datetime"] = end.isoformat(mark) + offset
    values["duration"], values["volume"] = draw(durations), draw(volumes)
    return CdrRecord(**values)


def readable(cdr: Cdr) -> bool:
    return not any(isinstance(value, UnreadableValue) for value in cdr)


@given(records())
def test_every_record_comes_back_as_it_was_sent(record):
    read = cdr_of(record, AMSTERDAM)
    assert record_of(read) == record
    assert read.protocol == PROTOCOL
    assert {name: FORMAT.sent(read, name) for name in CdrRecord._fields} == record._asdict()


def test_what_has_a_canonical_form_survives_the_way_through_the_noun_and_back():
    met = {"local": 0, "with an offset": 0, "all": 0}

    @given(records())
    def survives(record):
        read = cdr_of(record, AMSTERDAM)
        if not readable(read):
            return  # a local time that the clocks leave out
        # As if another protocol had brought it: nothing of what was sent is at hand.
        written = record_of(read._replace(protocol="another", payload=""))
        again = cdr_of(written, ZoneInfo("UTC"))
        assert [getattr(again, name) for name in CANONICAL] == [getattr(read, name) for name in CANONICAL]
        assert not list(field_problems(FIELDS, written, 0, None))
        met["all"] += 1
        met["local"] += record.start_datetime[-3] not in ":0" or record.start_datetime[19:] == ""
        met["with an offset"] += record.start_datetime[19:] not in ("", "Z")

    survives()
    assert met["all"] > 50, met
    assert met["local"] > 5, met
    assert met["with an offset"] > 20, met


def test_what_the_noun_has_no_place_for_is_listed():
    in_noun = {*SAME_TEXT.values(), "start_datetime", "end_datetime", "duration", "volume"}
    assert {field.name for field in FIELDS} - in_noun == {*PAYLOAD_ONLY}
    read = cdr_of(FIELD_CDR._replace(obis_code="1-0:1.8.0"), AMSTERDAM)
    lost = record_of(read._replace(protocol="another", payload=""))
    assert [lost.chargepoint_type, lost.obis_code] == ["", ""]


@given(st.lists(records(), min_size=1, max_size=5))
def test_a_batch_is_read_as_its_records_are(several):
    utc = [
        record._replace(
            start_datetime=record.start_datetime[:19].replace(" ", "T") + "Z",
            end_datetime=record.end_datetime[:19].replace(" ", "T") + "Z",
            duration="",
        )
        for record in several
    ]
    assert cdrs_of([tuple(record) for record in utc]) == [cdr_of(record, AMSTERDAM) for record in utc]


def test_what_another_protocol_does_not_say_stands_filled_where_the_wire_demands_it():
    read = cdr_of(FIELD_CDR, AMSTERDAM)
    foreign = read._replace(
        protocol="another", payload="", product="", tariff_id="", meter_id="", chargepoint_id="", evse_id="NL*TNM*E1"
    )
    written = record_of(foreign._replace(duration_s=None, cost=Money(5_500_000, "EUR")))
    assert (written.product_type, written.tariff_type) == (NO_PRODUCT, NO_TARIFF)
    assert (written.meter_id, written.chargepoint_id, written.evse_id) == ("NL*TNM*E1",) * 3
    assert (written.start_datetime, written.duration, written.volume) == ("2014-01-22T10:16:38+01:00", "", "4.6400")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"start_datetime": "yesterday"}, "started_at"),
        ({"end_datetime": "2014-02-30 10:00:00"}, "ended_at"),
        ({"duration": "x"}, "duration_s"),
        ({"volume": "1,23456"}, "volume_e4_kwh"),
    ],
)
def test_what_cannot_be_read_stands_in_the_place_of_its_value_and_breaks_one_rule(change, name):
    read = cdr_of(FIELD_CDR._replace(**change), AMSTERDAM)
    assert isinstance(getattr(read, name), UnreadableValue)
    broken = [rule for rule in RULES if rule.violation(read, None) is not None]
    assert [rule.field for rule in broken] == [*change]


def test_a_text_with_the_sign_between_texts_in_it_is_refused_and_takes_no_other_record_along():
    """No XML document can hold it, but a CSV file can."""
    odd = FIELD_CDR._replace(city="Apel\x1fdoorn")
    first, second = read_cdrs([RecordBatch([tuple(cdr(1))]), odd], AMSTERDAM)
    assert isinstance(first, Cdr)
    assert isinstance(second, RecordProblems)
    assert (second.first.reason, second.first.field, second.first.position) == (
        FieldReason.FIELD_CONTROL_CHARACTER,
        "city",
        1,
    )


def stored(record: CdrRecord, **other: object) -> dict[str, object]:
    """The columns of a CDR as they stand in the store."""
    read = cdr_of(record, AMSTERDAM)
    return {**read._asdict(), "kind": "charge", "cost_e6": None, "currency": None, **other}


@given(records())
def test_what_was_stored_of_a_record_agrees_with_it(record):
    if readable(cdr_of(record, AMSTERDAM)):
        assert list(FORMAT.inconsistencies(stored(record))) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("volume_e4_kwh", 1),
        ("duration_s", None),
        ("started_at", datetime(2014, 1, 22, 9, 16, 39, tzinfo=UTC)),
        ("ended_at", datetime(2014, 1, 22, 11, 15, tzinfo=UTC)),
        ("started_offset_s", 0),
        ("ended_offset_s", 3601),
        ("operator_key", "x"),
        ("city", "Apeldoorn "),
        ("content_hash", ""),
        ("currency", "EUR"),
        ("payload", "no record"),
    ],
)
def test_every_column_that_says_something_else_is_named(column, value):
    found = list(FORMAT.inconsistencies(stored(FIELD_CDR, **{column: value})))
    assert found
    assert column == "payload" or any(each.startswith((column, column.replace("_offset_s", "_at"))) for each in found)
