"""What CDRs write, and what it means; property tests for every format."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echs.base.energy import kwh
from echs.protocols.ochp02.value_formats import WrongFormat, duration_s, instant, volume_e4_kwh

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
moments = st.datetimes(datetime(2000, 1, 2), datetime(2100, 12, 30))  # noqa: DTZ001
offsets = st.integers(-14 * 60, 14 * 60)


@given(moments, offsets, st.sampled_from("T "), st.booleans())
def test_an_instant_with_an_offset_is_that_instant(moment, minutes, between, colon):
    aware = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    text = aware.isoformat(between)
    assert instant(text if colon else text[:-3] + text[-2:], AMSTERDAM) == aware


@given(moments)
def test_an_instant_without_a_zone_is_local_time_of_the_sender(moment):
    moment = moment.replace(microsecond=0)
    expected = moment.replace(tzinfo=AMSTERDAM).astimezone(UTC)
    if expected.astimezone(AMSTERDAM).replace(tzinfo=None) == moment:
        assert instant(moment.isoformat(" "), AMSTERDAM) == expected


def test_a_local_time_that_does_not_exist_is_refused_and_the_same_with_an_offset_is_read():
    with pytest.raises(WrongFormat, match="does not exist in Europe/Amsterdam"):
        instant("2014-03-30 02:30:00", AMSTERDAM)
    assert instant("2014-03-30 02:30:00+01:00", AMSTERDAM) == datetime(2014, 3, 30, 1, 30, tzinfo=UTC)


@given(moments)
def test_an_instant_keeps_its_fraction_of_a_second(moment):
    assert instant(moment.isoformat(timespec="microseconds") + "Z", AMSTERDAM) == moment.replace(tzinfo=UTC)


def test_the_instants_of_the_field_and_of_the_specification_are_read():
    assert instant("2014-01-22 10:16:38", AMSTERDAM) == datetime(2014, 1, 22, 9, 16, 38, tzinfo=UTC)
    assert instant("2011-06-01T11:45:30+02:00", AMSTERDAM) == datetime(2011, 6, 1, 9, 45, 30, tzinfo=UTC)


def test_a_session_over_the_end_of_summer_time_does_not_end_before_it_starts():
    start = instant("2014-10-26 02:30:00", AMSTERDAM)
    assert start == datetime(2014, 10, 26, 0, 30, tzinfo=UTC)
    assert instant("2014-10-26 02:10:00", AMSTERDAM, start) == datetime(2014, 10, 26, 1, 10, tzinfo=UTC)
    assert instant("2014-10-26 02:40:00", AMSTERDAM, start) == datetime(2014, 10, 26, 0, 40, tzinfo=UTC)


def test_a_session_of_no_length_in_the_hour_that_comes_twice_has_no_length():
    start = instant("2014-10-26 02:30:00", AMSTERDAM)
    assert instant("2014-10-26 02:30:00", AMSTERDAM, start) == start


@pytest.mark.parametrize(
    "text",
    [
        "22/01/2014 10:16",
        "2014-01-22",
        "2014-01-22 10:16",
        "2014-13-22 10:16:38",
        "2014-02-30 10:16:38",
        "2014-01-22 24:00:00",
        "2014-01-22 23:59:60",
        "2014-01-22 10:16:38+1:00",
        "2014-01-22 10:16:38+15:00",
        "2014-01-22 10:16:38+01:60",
        "2014-01-22 10:16:38.1234567",
        " 2014-01-22 10:16:38",
        "2014-01-22  10:16:38",
        "1999-12-31 23:59:59",
        "2101-01-01 00:00:00",
        "٢٠١٤-01-22 10:16:38",
    ],
)
def test_what_is_no_instant_is_refused(text):
    with pytest.raises(WrongFormat):
        instant(text, AMSTERDAM)


@given(st.text(max_size=40))
def test_any_text_is_an_instant_in_utc_or_is_refused(text):
    try:
        assert instant(text, AMSTERDAM).utcoffset() == timedelta(0)
    except WrongFormat:
        pass


@given(st.integers(0, 366 * 24 * 3600))
def test_a_duration_is_read_in_both_forms(seconds):
    assert duration_s(str(seconds)) == seconds
    assert duration_s(f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}") == seconds


def test_the_durations_of_the_field_are_read():
    assert [duration_s(text) for text in ("0:00:28", "7074", "100:31:09", "")] == [28, 7074, 361869, None]


@pytest.mark.parametrize("text", ["1:60:00", "1:00:60", "1:2:3", "-5", "1.5", "PT5M", "99999:00:00", "999999999", " 5"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(WrongFormat):
        duration_s(text)


@given(st.integers(0, 999_999), st.integers(0, 4), st.integers(0, 9999), st.sampled_from(".,"))
def test_a_volume_is_read_exactly(whole, places, fraction, mark):
    text = f"{whole}{mark}{fraction:04d}"[: len(str(whole)) + 1 + places] if places else str(whole)
    assert Decimal(volume_e4_kwh(text)) == Decimal(text.replace(",", ".")) * 10_000


@given(st.integers(0, 10**10 - 1))
def test_a_volume_is_printed_as_it_is_read(volume):
    assert volume_e4_kwh(kwh(volume)) == volume


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("12,34567", "has 5 decimals, at most 4 are allowed"),
        ("-1", "no sign"),
        ("+1", "no sign"),
        ("1e3", "number of kWh"),
        ("NaN", "number of kWh"),
        (".5", "number of kWh"),
        ("5.", "number of kWh"),
        ("1.000,5", "number of kWh"),
        (" 1", "number of kWh"),
        ("1_0", "number of kWh"),
        ("1000000", "up to 6 digits"),
        ("٣", "number of kWh"),
    ],
)
def test_what_is_no_volume_is_refused_with_the_reason(text, why):
    with pytest.raises(WrongFormat, match=why):
        volume_e4_kwh(text)


@given(st.text(max_size=20))
def test_any_text_is_a_volume_of_at_least_zero_or_is_refused(text):
    try:
        assert volume_e4_kwh(text) >= 0
    except WrongFormat:
        pass
