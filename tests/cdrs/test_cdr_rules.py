"""The rules of a CDR, and their order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cast import FIELD_CDR, cdr
from echs.base.errors import Problem, RecordProblems
from echs.base.fields import FieldReason
from echs.base.rule import Severity
from echs.cdrs.cdr import Cdr, CdrReason, CdrWarning
from echs.cdrs.rules import (
    HOLD,
    OF_NEW_ONLY,
    REJECTIONS,
    RULES,
    WARNINGS,
    RefusedIfNew,
    RuleContext,
    validate,
    warnings_of,
)
from echs.config.app_context import limits
from echs.config.settings import read_settings
from echs.partners.partner import Partner
from echs.partners.standard_ids import IdWarning
from echs.protocols.ochp02 import cdr_format
from echs.protocols.ochp02.cdr_format import FIELDS, FORMAT, CdrFormatReason, cdr_of, payload_of, record_of

SENDER = Partner(
    id=1,
    user_id="tnm",
    name="The New Motion",
    timezone="Europe/Amsterdam",
    active=True,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    groups=frozenset(),
    operator_ids=("TheNewMotion",),
    provider_ids=(),
    hubs=(),
)
NOW = datetime(2014, 1, 22, 12, 0, tzinfo=UTC)
RULE_CONTEXT = RuleContext(SENDER, NOW, limits(read_settings({})), FORMAT)


def problems(**change: str) -> list[Problem]:
    verdict = validate(cdr_of(cdr("1")._replace(**change), SENDER.zone), 17, RULE_CONTEXT)
    found = verdict.problems if isinstance(verdict, RefusedIfNew) else verdict
    assert isinstance(found, RecordProblems)
    return [found.first, *found.rest]


def problem(**change: str) -> Problem:
    return problems(**change)[0]


def accepted(**change: str) -> Cdr:
    verdict = validate(cdr_of(cdr("1", **change), SENDER.zone), 0, RULE_CONTEXT)
    assert isinstance(verdict, Cdr), verdict
    return verdict


def warned(rule_context: RuleContext = RULE_CONTEXT, **change: str) -> list[str]:
    return [found.rule.name for found in warnings_of(accepted(**change), rule_context)]


def test_the_record_of_the_field_is_read():
    read = validate(cdr_of(FIELD_CDR, SENDER.zone), 0, RULE_CONTEXT)
    assert record_of(read) == FIELD_CDR
    assert (read.operator_key, read.provider_key) == ("thenewmotion", "anwb")
    assert read.started_at == datetime(2014, 1, 22, 9, 16, 38, tzinfo=UTC)
    assert (read.ended_at - read.started_at).total_seconds() == 7075
    assert (read.duration_s, read.volume_e4_kwh) == (7074, 46_400)


# ---------------------------------------------------------------------- what refuses, and in which order

# Each value is wrong in its own way, and whatever stands above is mended first.
IN_ORDER = [
    ("city", "x" * 256, FieldReason.FIELD_TOO_LONG),
    ("evse_id", "\x07", FieldReason.FIELD_CONTROL_CHARACTER),
    ("start_datetime", "yesterday", CdrFormatReason.CDR_START_FORMAT),
    ("end_datetime", "today", CdrFormatReason.CDR_END_FORMAT),
    ("duration", "long", CdrFormatReason.CDR_DURATION_FORMAT),
    ("volume", "1,23456", CdrFormatReason.CDR_VOLUME_FORMAT),
    ("operator_id", "e-laad", CdrReason.CDR_OPERATOR_NOT_YOURS),
]
# As above, for the rules that need values which can be read.
READ_IN_ORDER = [
    ("end_datetime", "2014-01-22 10:16:37", CdrReason.CDR_END_BEFORE_START),
    ("end_datetime", "2014-01-23 10:16:37", CdrReason.CDR_IN_FUTURE),
    ("volume", "1000,0001", CdrReason.CDR_VOLUME_LIMIT),
    ("operator_id", "e-laad", CdrReason.CDR_OPERATOR_NOT_YOURS),
]


@pytest.mark.parametrize("order", [IN_ORDER, READ_IN_ORDER], ids=["unreadable", "readable"])
@pytest.mark.parametrize("mended", range(len(IN_ORDER)))
def test_the_first_broken_rule_wins(order, mended):
    left = order[mended:]
    found = problem(**{field: value for field, value, _ in reversed(left)}) if left else None
    if found is None:
        assert mended >= len(order)
        return
    field, _, reason = left[0]
    assert (found.reason, found.field, found.position) == (reason, field, 17)


def test_the_table_stands_in_the_order_in_which_rules_are_asked():
    assert [rule.name for rule in (*cdr_format.RULES, *REJECTIONS)] == [
        CdrFormatReason.CDR_START_FORMAT,
        CdrFormatReason.CDR_END_FORMAT,
        CdrFormatReason.CDR_DURATION_FORMAT,
        CdrFormatReason.CDR_VOLUME_FORMAT,
        CdrReason.CDR_END_BEFORE_START,
        CdrReason.CDR_IN_FUTURE,
        CdrReason.CDR_VOLUME_LIMIT,
        CdrReason.CDR_OPERATOR_NOT_YOURS,
    ]
    severities = [rule.severity for rule in RULES]
    assert severities == sorted(severities, key=list(Severity).index)
    assert severities.count(Severity.HOLD) == 1
    assert len({rule.name for rule in RULES}) == len(RULES)
    names = {field.name for field in FIELDS}
    assert all(rule.field in names and rule.meaning and rule.source for rule in RULES)


def test_every_problem_of_a_record_is_found_when_it_is_asked_for():
    found = problems(city="x" * 256, start_datetime="", volume="x", operator_id="e-laad")
    assert [(each.reason, each.field) for each in found] == [
        (FieldReason.FIELD_MISSING, "start_datetime"),
        (FieldReason.FIELD_TOO_LONG, "city"),
        (CdrFormatReason.CDR_VOLUME_FORMAT, "volume"),
        (CdrReason.CDR_OPERATOR_NOT_YOURS, "operator_id"),
    ]


def test_a_session_does_not_end_before_it_starts():
    found = problem(end_datetime="2014-01-22 10:16:37")
    assert (found.reason, found.field) == (CdrReason.CDR_END_BEFORE_START, "end_datetime")
    assert accepted(end_datetime=FIELD_CDR.start_datetime)


@pytest.mark.parametrize(("seconds", "refused"), [(0, False), (900, False), (901, True)])
def test_a_session_ends_at_most_a_quarter_of_an_hour_in_the_future(seconds, refused):
    end = (NOW + timedelta(seconds=seconds)).isoformat()
    verdict = validate(cdr_of(cdr(1, end_datetime=end), SENDER.zone), 0, RULE_CONTEXT)
    assert isinstance(verdict, RefusedIfNew) is refused
    if refused:
        assert verdict.problems.first.reason is CdrReason.CDR_IN_FUTURE
        assert "2014-01-22T12:00:00Z" in verdict.problems.first.detail


def test_the_volume_has_a_limit_that_may_be_reached():
    assert accepted(volume="1000").volume_e4_kwh == 10_000_000
    assert (
        problem(volume="1000.0001").detail
        == '"1000.0001" is more than the 1000 kWh that one CDR may have (is it in Wh?)'
    )


def test_only_what_depends_on_the_clock_or_a_setting_is_a_doubt_and_any_other_problem_ends_it():
    assert OF_NEW_ONLY == (CdrReason.CDR_IN_FUTURE, CdrReason.CDR_VOLUME_LIMIT)
    both = validate(cdr_of(cdr(1, volume="1001", end_datetime="2015-01-01 00:00:00"), SENDER.zone), 0, RULE_CONTEXT)
    assert isinstance(both, RefusedIfNew)
    assert len(list(both.problems.rest)) == 1
    assert isinstance(
        validate(cdr_of(cdr(1, volume="1001", operator_id="e-laad"), SENDER.zone), 0, RULE_CONTEXT), RecordProblems
    )
    assert isinstance(
        validate(cdr_of(cdr(1, volume="1001", city="x" * 300), SENDER.zone), 0, RULE_CONTEXT), RecordProblems
    )


def test_numbers_in_sentences_are_written_out():
    long = warnings_of(accepted(start_datetime="2014-01-01 00:00:00", end_datetime="2014-01-20 12:00:00"), RULE_CONTEXT)
    assert [found.detail for found in long] == ['"7074" is 7074 s; from start to end it is 1684800 s']
    late = replace(RULE_CONTEXT, now=datetime(2014, 1, 22, 9, 16, 39, tzinfo=UTC) + timedelta(days=90))
    assert "began 91 days ago; more than 90 is late" in warnings_of(accepted(), late)[0].detail


def test_without_a_known_sender_the_operator_id_is_not_looked_at():
    rule_context = replace(RULE_CONTEXT, rights_are_known=False)
    assert isinstance(validate(cdr_of(cdr(1, operator_id="e-laad"), SENDER.zone), 0, rule_context), Cdr)


MANDATORY = [
    "cdr_id",
    "start_datetime",
    "end_datetime",
    "volume",
    "product_type",
    "tariff_type",
    "contract_id",
    "meter_id",
    "chargepoint_id",
    "provider_id",
    "operator_id",
]


def test_the_mandatory_fields_are_those_of_the_specification():
    assert [field.name for field in FIELDS if field.mandatory] == MANDATORY


@pytest.mark.parametrize("name", MANDATORY)
def test_a_missing_mandatory_field_is_named_once(name):
    (found,) = problems(**{name: ""})
    assert (found.reason, found.field) == (FieldReason.FIELD_MISSING, name)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_text_over_its_limit_is_named(field):
    found = problem(**{field.name: "x" * (field.limit + 1)})
    assert (found.reason, found.field) == (FieldReason.FIELD_TOO_LONG, field.name)


def test_the_operator_id_is_read_in_any_case():
    assert accepted(operator_id="THENEWMOTION").operator_key == "thenewmotion"


def test_a_refusal_says_the_value_and_what_is_allowed():
    assert problem(volume="12,34567").detail == '"12,34567" has 5 decimals, at most 4 are allowed'
    assert problem(operator_id="e-laad").detail == '"e-laad" is not your operator id; yours: "TheNewMotion"'


def test_a_card_number_is_not_in_a_refusal():
    assert "CANARY" not in repr(problem(token_id="CANARY\x00"))


# ---------------------------------------------------------------------- what holds, what warns


def test_nobody_owning_the_provider_id_holds_and_is_asked_only_where_it_was_looked_up():
    assert HOLD.violation(accepted(), RULE_CONTEXT) is None
    assert HOLD.violation(accepted(), replace(RULE_CONTEXT, owned_provider_keys={"anwb"})) is None
    assert "ANWB" in HOLD.violation(accepted(), replace(RULE_CONTEXT, owned_provider_keys=set()))


def test_the_record_of_the_field_is_plausible():
    assert warned() == []


KEY = ("thenewmotion", "1")
ODD = [
    (CdrWarning.DURATION_DIFFERS, {"duration": "7136"}, {}),
    (CdrWarning.POWER_TOO_HIGH, {"volume": "786,2"}, {}),
    (CdrWarning.VOLUME_ZERO, {"volume": "0"}, {}),
    (CdrWarning.SESSION_SHORT, {"end_datetime": "2014-01-22 10:18:37", "duration": "", "volume": "1"}, {}),
    (CdrWarning.CDR_OLD, {}, {"now": NOW + timedelta(days=90)}),
    (CdrWarning.SOCKET_OVERLAP, {}, {"socket_overlaps": {KEY: "overlaps"}}),
    (CdrWarning.CARD_OVERLAP, {}, {"card_overlaps": {KEY: "overlaps"}}),
    (CdrWarning.CARD_OVERLAP_ELSEWHERE, {}, {"card_overlaps_elsewhere": {KEY: "overlaps"}}),
    (CdrWarning.CARD_UNKNOWN, {}, {"tokens": {"anwb": set()}, "contracts": {"anwb": set()}}),
    (CdrWarning.CARD_UNKNOWN, {"token_id": "ab"}, {"tokens": {"anwb": {"AC"}}, "contracts": {"anwb": {"NLANW133094"}}}),
    (
        CdrWarning.TOKEN_BYTE_ORDER,
        {"token_id": "ab"},
        {"tokens": {"anwb": set()}, "turned_tokens": {"anwb": {"AB"}}, "contracts": {"anwb": set()}},
    ),
    (CdrWarning.CHARGEPOINT_UNKNOWN, {}, {"chargepoints": set()}),
    (IdWarning.CONTRACT_ID_PATTERN, {"contract_id": "NL-ELA-12"}, {}),
    (IdWarning.CONTRACT_ID_CHECK_DIGIT, {"contract_id": "NL-ANW-133094-7"}, {}),
    (IdWarning.EVSE_ID_PATTERN, {"evse_id": "left one"}, {}),
    (CdrWarning.COUNTRY_UNKNOWN, {"country": "Holland"}, {}),
    (CdrWarning.OWN_NETWORK, {}, {"sender": replace(SENDER, provider_ids=("anwb",))}),
    (CdrWarning.REVISED_UNKNOWN, {}, {"unknown_revisions": {KEY}}),
]
# Of periods, which no CDR of OCHP 0.2 has.
ELSEWHERE = {CdrWarning.ENERGY_UNKNOWN}
PLAUSIBLE = [
    ({"duration": "7135"}, {}),
    ({"duration": "7015"}, {}),
    ({"volume": "786,1"}, {}),
    ({"volume": "0,0001"}, {}),
    ({"end_datetime": "2014-01-22 10:18:38", "duration": "120", "volume": "1"}, {}),
    ({}, {"now": datetime(2014, 1, 22, 9, 16, 38, tzinfo=UTC) + timedelta(days=90)}),
    ({}, {"socket_overlaps": {("thenewmotion", "2"): "overlaps"}}),
    ({}, {"tokens": {"anwb": set()}, "contracts": {"anwb": {"NLANW133094"}}}),
    ({}, {"tokens": {"anwb": set()}, "contracts": {"anwb": {"NLANW1330946"}}}),
    ({"token_id": "ab"}, {"tokens": {"anwb": {"AB"}}, "contracts": {"anwb": set()}}),
    ({"token_id": "ab"}, {"tokens": {"other": set()}, "contracts": {"other": set()}}),
    ({}, {"chargepoints": {"01000851"}}),
    ({"evse_id": "", "chargepoint_id": "x1"}, {"chargepoints": {"X1"}}),
    ({"contract_id": "NL-ANW-133094"}, {}),
    ({"contract_id": "DE-LND-C00001516-E"}, {}),
    ({"evse_id": "NL*TNM*E02000001*0"}, {}),
    ({"evse_id": ""}, {}),
    ({"country": "NL"}, {}),
    ({"country": ""}, {}),
]


@pytest.mark.parametrize(("name", "change", "rule_context"), ODD, ids=[str(case[0]) for case in ODD])
def test_what_is_odd_is_warned_of_and_of_nothing_else(name, change, rule_context):
    assert warned(replace(RULE_CONTEXT, **rule_context), **change) == [name]


@pytest.mark.parametrize(("change", "rule_context"), PLAUSIBLE)
def test_what_is_plausible_is_not_warned_of(change, rule_context):
    assert warned(replace(RULE_CONTEXT, **rule_context), **change) == []


def test_every_warning_has_a_case_here_and_all_that_apply_are_found_in_order():
    assert {name for name, _, _ in ODD} == {rule.name for rule in WARNINGS} - ELSEWHERE
    assert warned(volume="0", country="Holland", duration="1") == [
        CdrWarning.DURATION_DIFFERS,
        CdrWarning.VOLUME_ZERO,
        CdrWarning.COUNTRY_UNKNOWN,
    ]


def test_no_time_at_all_and_some_energy_is_too_much_power():
    assert CdrWarning.POWER_TOO_HIGH in warned(end_datetime=FIELD_CDR.start_datetime, duration="")


def test_a_card_number_is_not_in_a_warning():
    rule_context = replace(RULE_CONTEXT, tokens={"anwb": set()}, contracts={"anwb": set()})
    (found,) = warnings_of(accepted(token_id="CANARY"), rule_context)
    assert found.rule.name is CdrWarning.CARD_UNKNOWN
    assert "CANARY" not in found.detail


def test_records_differ_in_the_first_field_that_does():
    def difference(**change):
        return FORMAT.difference(payload_of(FIELD_CDR), payload_of(FIELD_CDR._replace(**change)))

    assert difference() is None
    assert difference(operator_id="THENEWMOTION") is None
    assert difference(volume="4.64", city="Köln").field == "volume"
