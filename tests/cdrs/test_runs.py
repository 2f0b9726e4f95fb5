"""What is judged many at a time is judged as each by itself would be: the quick tests let nothing pass that a rule
would not, and what a run gives is what its records give."""

from datetime import UTC, datetime
from operator import attrgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cast import cdr, charge_point, token
from echs.authorisations import authorisation
from echs.base.fields import maker
from echs.cdrs import intake
from echs.cdrs.cdr import Cdr, CdrRecord
from echs.cdrs.rules import WARNINGS, Scene, judge, judge_run, warnings_among, warnings_of
from echs.chargepoints import chargepoint
from echs.house import limits
from echs.partners.partner import Partner
from echs.settings import read_settings

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
SCENE = Scene(SENDER, datetime(2014, 1, 23, tzinfo=UTC), limits(read_settings({})))
_requests = iter(f"{number:026d}" for number in range(10**6))

instants = st.sampled_from(
    [
        *["2014-01-22T10:16:38Z", "2014-01-22T12:16:38Z", "2014-01-22T10:16:38Z", "2014-01-22 10:16:38"],
        *["2014-01-22T10:16:38+01:00", "2014-02-30T10:16:38Z", "2014-01-22T24:00:00Z", "1999-12-31T23:59:59Z"],
        *[
            "2101-01-01T00:00:00Z",
            "2100-12-31T23:59:59Z",
            "2014-01-24T10:16:38Z",
            "2014-01-22T10:16:38z",
            "",
            "20140122",
        ],
        *["２０１４-01-22T10:16:38Z", "2014-01-22T10:16:60Z", "2014-W04-3T10:16:38Z", "2014-01-22T10:16:38.5Z"],
    ]
)
durations = st.sampled_from(["", "1:57:54", "7200", "100:31:09", "1:60:00", "x", "9999999999", "-1", "01:00:00"])
volumes = st.sampled_from(
    ["4.6400", "4,64", "0", "1000", "1000.0001", "1e3", "-1", "1234567", "1.23456", "٤", " 4", ""]
)
parties = st.sampled_from(["TheNewMotion", "thenewmotion ", "TNM", "ladenetz.de", ""])
records = st.builds(
    lambda start, end, duration, volume, operator: cdr(
        0, start_datetime=start, end_datetime=end, duration=duration, volume=volume, operator_id=operator
    ),
    instants,
    instants,
    durations,
    volumes,
    parties,
)


@given(st.lists(records, min_size=1, max_size=4))
@settings(max_examples=2000)
def test_a_run_of_cdrs_is_what_its_records_are_one_by_one(several):
    rows = [tuple(record._replace(cdr_id=str(number))) for number, record in enumerate(several)]
    run = judge_run(rows, SCENE)
    if run is not None:
        assert run == [judge(CdrRecord._make(row), 0, SCENE) for row in rows]
        assert all(isinstance(each, Cdr) for each in run)


def test_a_plausible_run_needs_no_second_look():
    row = tuple(cdr(1, start_datetime="2014-01-22T10:16:38Z", end_datetime="2014-01-22T12:14:33Z", duration="1:57:54"))
    assert judge_run([row, row], SCENE) is not None


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
@settings(max_examples=2000)
def test_no_quick_test_lets_pass_what_its_rule_would_warn_of(several):
    cdrs = [
        judge(cdr(number, contract_id=contract or "x", evse_id=evse, country=country), 0, SCENE)
        for number, (contract, evse, country) in enumerate(several)
    ]
    cdrs = [each for each in cdrs if isinstance(each, Cdr)]
    plainly = [[rule.name for rule in WARNINGS if rule.broken(each, SCENE) is not None] for each in cdrs]
    assert [[found.rule.name for found in of_one] for of_one in warnings_among(cdrs, SCENE)] == plainly
    assert [[found.rule.name for found in warnings_of(each, SCENE)] for each in cdrs] == plainly


@pytest.mark.parametrize("noun", [authorisation, chargepoint], ids=attrgetter("__name__"))
@given(st.lists(st.tuples(ids, ids), min_size=1, max_size=5))
def test_no_quick_test_of_lists_lets_pass_what_its_rule_would_warn_of(noun, several):
    for rule in noun.WARNINGS:
        made = [
            token(1, contract_id=one)
            if noun is authorisation
            else charge_point(1, evse_id=one, location_name_language=two)
            for one, two in several
        ]
        column = [getattr(record, rule.field) for record in made]
        broken = {place for place, record in enumerate(made) if rule.broken(record, None) is not None}
        assert broken <= set(rule.usual.odd(column))


numbers = st.sampled_from(["0", "1", "2", "3", "4", "5", "9", "42"])
rows = st.builds(
    lambda hub, kind, expiry, one, two: tuple(
        map(str, token(1, hub=hub, token_type=kind, expiry_date=expiry, pin_mandatory=one, activated=two))
    ),
    numbers,
    numbers,
    st.sampled_from(["", "31/12/2030", "31/02/2030", "2030-12-31", "01/01/1970"]),
    numbers,
    numbers,
)


@given(st.lists(rows, min_size=1, max_size=4))
def test_a_run_of_tokens_that_is_all_right_has_no_problem_in_any_record(several):
    make = maker(authorisation.FIELDS, authorisation.Authorisation._make)
    found = [problem for row in several for problem in authorisation.problems_of(make(row), 0, SENDER)]
    assert authorisation.all_right(list(zip(*several, strict=True)), SENDER) is (not found)


def test_runs_and_single_records_of_one_upload_are_stored_alike(house, cast, clock):
    from echs.base.upload import Run

    clock.now = clock.now.replace(year=2014, month=1, day=23)
    times = {"start_datetime": "2014-01-22T10:16:38Z", "end_datetime": "2014-01-22T12:14:33Z"}
    upload = [
        Run([tuple(cdr(number, **times)) for number in range(3)]),
        cdr(3, **times),
        cdr(1, **times),
        Run([tuple(cdr(number, **times)) for number in (2, 4)]),
        Run([tuple(cdr(5, start_datetime="2014-01-22 10:16:38", end_datetime="2014-01-22 12:14:33"))]),
    ]
    added = intake.add(house, cast.tnm, iter(upload), next(_requests), house.lists)
    assert [str(outcome) for outcome in added.outcomes] == ["pending"] * 4 + ["known"] * 2 + ["pending"] * 2
