"""What is judged many at a time is judged as each by itself would be: the quick tests let nothing pass that a rule
would not, and what a batch gives is what its records give.

A property of a shortcut says nothing where no example takes it: each counts what it met, and says so at its end.
"""

from collections import Counter
from datetime import UTC, datetime
from operator import attrgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cast import add_cdrs, cdr, charge_point, token
from echs.base.errors import Refused
from echs.base.upload_validation import RecordBatch
from echs.cdrs.cdr import Cdr
from echs.cdrs.rules import WARNINGS, RuleContext, batch_is_valid, validate, warnings_among, warnings_of
from echs.config.app_context import limits
from echs.config.settings import read_settings
from echs.partners.partner import Partner
from echs.protocols.ochp02 import charge_point_format, token_format
from echs.protocols.ochp02.cdr_format import FORMAT, CdrRecord, cdr_of, cdrs_of

SENDER = Partner(
    1,
    "tnm",
    "TNM",
    "Europe/Amsterdam",
    True,
    datetime(2026, 1, 1, tzinfo=UTC),
    frozenset(),
    ("TheNewMotion", "TNM"),
    (),
    (5,),
)
RULE_CONTEXT = RuleContext(SENDER, datetime(2014, 1, 23, tzinfo=UTC), limits(read_settings({})), FORMAT)
_requests = iter(f"{number:026d}" for number in range(10**6))

# What one field of a record may say while the whole record is right, and judged in a batch.
PAIRS = st.sampled_from(
    [
        ("2014-01-22T10:16:38Z", "2014-01-22T12:16:38Z"),
        ("2014-01-22T10:16:38Z", "2014-01-22T10:16:38Z"),
        ("2000-01-01T00:00:00Z", "2014-01-23T00:00:00Z"),
        ("2014-01-21T23:59:59Z", "2014-01-22T00:00:00Z"),
    ]
)
DURATIONS = st.sampled_from(["", "0", "1:57:54", "7200", "100:31:09", "01:00:00"])
VOLUMES = st.sampled_from(["0", "4.6400", "4,64", "1000", "999.9999", "0.0001"])
OPERATORS = st.sampled_from(["TheNewMotion", "thenewmotion", " THENEWMOTION ", "TNM", "tnm"])
PROVIDERS = st.sampled_from(["ANWB", "anwb", "ladenetz.de", "nobody"])
right = st.builds(
    lambda pair, duration, volume, operator, provider: cdr(
        0,
        start_datetime=pair[0],
        end_datetime=pair[1],
        duration=duration,
        volume=volume,
        operator_id=operator,
        provider_id=provider,
    ),
    PAIRS,
    DURATIONS,
    VOLUMES,
    OPERATORS,
    PROVIDERS,
)
# What else one of these fields may say: refused, doubted, or right in a form that a batch leaves to the single record.
CHANGES = st.sampled_from(
    [
        *(
            (field, value)
            for field in ("start_datetime", "end_datetime")
            for value in (
                *("2014-01-22 10:16:38", "2014-01-22T10:16:38+01:00", "2014-02-30T10:16:38Z", "2014-01-22T24:00:00Z"),
                *("1999-12-31T23:59:59Z", "2101-01-01T00:00:00Z", "2100-12-31T23:59:59Z", "2014-01-24T10:16:38Z"),
                *("2014-01-22T10:16:38z", "", "20140122", "2014-01-22T10:16:60Z", "2014-W04-3T10:16:38Z"),
                *("２０１４-01-22T10:16:38Z", "2014-01-22T10:16:38.5Z", "2014-01-20T00:00:00Z", "2013-12-31T00:00:00Z"),
            )
        ),
        *(("duration", value) for value in ("1:60:00", "x", "9999999999", "-1", "31622401", "1:57", " 1")),
        *(("volume", value) for value in ("1000.0001", "9999", "1e3", "-1", "1234567", "1.23456", "٤", " 4", "")),
        *(("operator_id", value) for value in ("ladenetz.de", "", "TheNewMotionX", "ANWB")),
    ]
)


def one_by_one(rows):
    return [validate(cdr_of(CdrRecord._make(row), SENDER.zone), 0, RULE_CONTEXT) for row in rows]


def validate_batch(rows):
    """The CDRs of a batch that is right, as an upload judges it; None where it is left to its records."""
    cdrs = cdrs_of(rows)
    return cdrs if cdrs is not None and batch_is_valid(cdrs, RULE_CONTEXT) else None


def numbered(several):
    return [tuple(record._replace(cdr_id=str(number))) for number, record in enumerate(several)]


def test_every_batch_that_is_right_is_judged_at_once_and_as_its_records_are():
    met = Counter()

    @given(st.lists(right, min_size=1, max_size=5))
    @settings(max_examples=200)
    def judged_alike(several):
        rows = numbered(several)
        batch = validate_batch(rows)
        met["examples"] += 1
        met["at once"] += batch is not None
        met["of several"] += batch is not None and len(batch) > 1
        assert batch == one_by_one(rows)

    judged_alike()
    assert met["at once"] == met["examples"] >= 200, met
    assert met["of several"] > 50, met


def test_a_batch_in_which_one_field_of_one_record_is_wrong_is_never_let_pass():
    met = Counter()

    @given(st.lists(right, min_size=2, max_size=5), st.data(), CHANGES)
    @settings(max_examples=1500)
    def judged_alike(several, data, change):
        place = data.draw(st.integers(0, len(several) - 1))
        field, value = change
        several[place] = several[place]._replace(**{field: value})
        rows = numbered(several)
        alone, batch = one_by_one(rows), validate_batch(rows)
        bad = sum(not isinstance(each, Cdr) for each in alone)
        assert bad <= 1
        met[f"one bad {field}"] += bad
        met["one bad, not the first"] += bad and place > 0
        met["left to the records"] += not bad and batch is None
        met["at once"] += batch is not None
        assert (batch is None) if bad else batch in (None, alone)

    judged_alike()
    for field in ("start_datetime", "end_datetime", "duration", "volume", "operator_id"):
        assert met[f"one bad {field}"] > 40, met
    assert met["one bad, not the first"] > 300, met
    assert met["left to the records"] > 20, met
    assert met["at once"] > 20, met


LATE = {"start_datetime": "2014-01-22T10:16:38Z", "end_datetime": "2014-01-24T10:16:38Z"}
BACKWARDS = {"start_datetime": "2014-01-22T12:00:00Z", "end_datetime": "2014-01-22T11:59:59Z"}
PLAIN = {"start_datetime": "2014-01-22T10:16:38Z", "end_datetime": "2014-01-22T12:14:33Z", "duration": ""}


@pytest.mark.parametrize(
    "wrong", [LATE, BACKWARDS, {"volume": "1000.0001"}, {"operator_id": "ladenetz.de"}], ids=lambda wrong: [*wrong][-1]
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_record_of_a_batch_is_enough_to_leave_it_to_the_records(wrong, place):
    several = [cdr(number, **PLAIN) for number in range(3)]
    assert validate_batch(numbered(several)) is not None
    several[place] = several[place]._replace(**wrong)
    assert validate_batch(numbered(several)) is None


def test_a_plausible_batch_needs_no_second_look():
    row = tuple(cdr(1, start_datetime="2014-01-22T10:16:38Z", end_datetime="2014-01-22T12:14:33Z", duration="1:57:54"))
    assert validate_batch([row, row]) is not None


ids = st.text(alphabet="NLTM0159-*EX +. ä", max_size=18) | st.sampled_from(
    [
        "NL-TNM-122045-0",
        "NL-TNM-C00122045-K",
        "NLTNM122045",
        "NL*TNM*E02000001*0",
        "+49*823*1234*5678",
        "01000851",
        "NLD",
        "nl",
    ]
)


@given(st.lists(st.tuples(ids, ids, ids), min_size=1, max_size=5))
@settings(max_examples=500)
def test_no_quick_test_lets_pass_what_its_rule_would_warn_of(several):
    cdrs = [
        validate(
            cdr_of(cdr(number, contract_id=contract or "x", evse_id=evse, country=country), SENDER.zone),
            0,
            RULE_CONTEXT,
        )
        for number, (contract, evse, country) in enumerate(several)
    ]
    cdrs = [each for each in cdrs if isinstance(each, Cdr)]
    plainly = [[rule.name for rule in WARNINGS if rule.violation(each, RULE_CONTEXT) is not None] for each in cdrs]
    assert [[found.rule.name for found in of_one] for of_one in warnings_among(cdrs, RULE_CONTEXT)] == plainly
    assert [[found.rule.name for found in warnings_of(each, RULE_CONTEXT)] for each in cdrs] == plainly


@pytest.mark.parametrize("form", [token_format, charge_point_format], ids=attrgetter("__name__"))
@given(st.lists(st.tuples(ids, ids), min_size=1, max_size=5))
def test_no_quick_test_of_lists_lets_pass_what_its_rule_would_warn_of(form, several):
    for rule in form.FORMAT.warnings:
        made = [
            token(1, contract_id=one)
            if form is token_format
            else charge_point(1, evse_id=one, location_name_language=two)
            for one, two in several
        ]
        column = [getattr(record, rule.field) for record in made]
        violation = {place for place, record in enumerate(made) if rule.violation(record, None) is not None}
        assert violation <= set(rule.prefilter.suspects(column))


def texts(record):
    return tuple(map(str, record))


tokens = st.builds(
    lambda number, hub, kind, expiry, one, two: texts(
        token(number, hub=hub, token_type=kind, expiry_date=expiry, pin_mandatory=one, activated=two)
    ),
    st.integers(0, 9),
    st.sampled_from([0, 5]),
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from(["", "31/12/2030", "29/02/2028", "01/01/1970"]),
    st.sampled_from([0, 1]),
    st.sampled_from([0, 1]),
)
# Within the form that the protocol vouches for: whole numbers, within the limits, mandatory ones filled.
TOKEN_CHANGES = st.sampled_from(
    [
        *(("hub", value) for value in ("0", "3", "4", "42", "9999")),
        *(("token_type", value) for value in ("0", "4", "9", "3")),
        *((flag, value) for flag in ("pin_mandatory", "activated") for value in ("0", "2", "9")),
        *(("expiry_date", value) for value in ("31/02/2030", "2030-12-31", "1/1/2030", "29/02/2028", "x")),
        *(("token_id", value) for value in ("04A1B2C3", "x")),
    ]
)


def test_a_batch_of_tokens_is_all_right_if_and_only_if_no_record_has_a_problem():
    met, make = Counter(), token_format.FORMAT.of_row

    @given(st.lists(tokens, min_size=2, max_size=5), st.data(), TOKEN_CHANGES | st.none() | TOKEN_CHANGES)
    @settings(max_examples=800)
    def judged_alike(rows, data, change):
        place = data.draw(st.integers(0, len(rows) - 1))
        if change is not None:
            field = token_format.TokenRecord._fields.index(change[0])
            rows[place] = (*rows[place][:field], change[1], *rows[place][field + 1 :])
        bad = sum(bool([*token_format.FORMAT.problems_of(make(row), 0, SENDER)]) for row in rows)
        assert bad <= 1
        met["all right"] += not bad
        met[f"one bad {change and change[0]}"] += bad
        met["one bad, not the first"] += bad and place > 0
        assert token_format.FORMAT.batch_is_valid(list(zip(*rows, strict=True)), SENDER) is (bad == 0)

    judged_alike()
    assert met["all right"] > 50, met
    for field in ("hub", "token_type", "pin_mandatory", "activated", "expiry_date"):
        assert met[f"one bad {field}"] > 2, met
    assert met["one bad, not the first"] > 50, met


points = st.builds(
    lambda number, language, hours: texts(charge_point(number, location_name_language=language, opening_times=hours)),
    st.integers(0, 9),
    st.sampled_from(["de", "deu", ""]),
    st.sampled_from(["", "24/7"]),
)
POINT_CHANGES = st.tuples(
    st.sampled_from(charge_point_format.ChargePointRecord._fields),
    st.sampled_from(["x", "50,942", "91.5", "ä" * 16, "<&>", "0"]),
)


def test_a_batch_of_charge_points_is_all_right_if_and_only_if_no_record_has_a_problem():
    met = Counter()

    @given(st.lists(points, min_size=2, max_size=5), st.data(), POINT_CHANGES)
    @settings(max_examples=400)
    def judged_alike(rows, data, change):
        place, field = (
            data.draw(st.integers(0, len(rows) - 1)),
            charge_point_format.ChargePointRecord._fields.index(change[0]),
        )
        rows[place] = (*rows[place][:field], change[1], *rows[place][field + 1 :])
        bad = sum(
            bool([*charge_point_format.FORMAT.problems_of(charge_point_format.ChargePointRecord._make(row), 0, None)])
            for row in rows
        )
        met["all right"] += not bad
        met[change[0]] += 1
        assert charge_point_format.FORMAT.batch_is_valid(list(zip(*rows, strict=True)), None) is (bad == 0)

    judged_alike()
    assert met["all right"] > 50, met
    assert len(met) > 12, met


def test_batches_and_single_records_of_one_upload_are_stored_alike(context, cast, clock):
    clock.now = clock.now.replace(year=2014, month=1, day=23)
    times = {"start_datetime": "2014-01-22T10:16:38Z", "end_datetime": "2014-01-22T12:14:33Z"}
    upload = [
        RecordBatch([tuple(cdr(number, **times)) for number in range(3)]),
        cdr(3, **times),
        cdr(1, **times),
        RecordBatch([tuple(cdr(number, **times)) for number in (2, 4)]),
        RecordBatch([tuple(cdr(5, start_datetime="2014-01-22 10:16:38", end_datetime="2014-01-22 12:14:33"))]),
    ]
    added = add_cdrs(context, cast.tnm, iter(upload), next(_requests), context.lists)
    assert [str(outcome) for outcome in added.outcomes] == ["pending"] * 4 + ["known"] * 2 + ["pending"] * 2


@pytest.mark.parametrize("other", [{}, {"volume": "5"}], ids=["the same", "another"])
def test_a_cdr_that_stands_twice_in_one_batch_is_met_twice(context, cast, clock, other):
    clock.now = clock.now.replace(year=2014, month=1, day=23)
    upload = [RecordBatch([tuple(cdr(1, **PLAIN)), tuple(cdr(2, **PLAIN)), tuple(cdr(1, **{**PLAIN, **other}))])]
    if other:
        with pytest.raises(Refused) as refused:
            add_cdrs(context, cast.tnm, iter(upload), next(_requests), context.lists)
        assert refused.value.first.reason == "CDR_TWICE"
        return
    added = add_cdrs(context, cast.tnm, iter(upload), next(_requests), context.lists)
    assert [str(outcome) for outcome in added.outcomes] == ["pending", "pending", "known"]
