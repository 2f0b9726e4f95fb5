"""The rules of a CDR, and their order."""

from datetime import UTC, datetime

import pytest

from cast import FIELD_CDR, cdr
from echs.base.errors import Problem
from echs.base.fields import FieldReason
from echs.cdrs.cdr import FIELDS, CdrReason, differing_field, judge
from echs.partners.partner import Partner

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


def problem(**change: str) -> Problem:
    verdict = judge(cdr("1", **change), 17, SENDER)
    assert isinstance(verdict, Problem)
    return verdict


def test_the_record_of_the_field_is_read():
    read = judge(FIELD_CDR, 0, SENDER)
    assert read.record is FIELD_CDR
    assert (read.operator_key, read.provider_key) == ("thenewmotion", "anwb")
    assert read.started_at == datetime(2014, 1, 22, 9, 16, 38, tzinfo=UTC)
    assert (read.ended_at - read.started_at).total_seconds() == 7075
    assert (read.duration_s, read.volume_e4_kwh) == (7074, 46_400)


# The order in which rules win: each value is wrong in its own way, and whatever stands above is mended first.
IN_ORDER = [
    ("city", "x" * 256, FieldReason.FIELD_TOO_LONG),
    ("evse_id", "\x07", FieldReason.FIELD_CONTROL_CHARACTER),
    ("operator_id", "e-laad", CdrReason.CDR_OPERATOR_NOT_YOURS),
    ("start_datetime", "yesterday", CdrReason.CDR_START_FORMAT),
    ("end_datetime", "today", CdrReason.CDR_END_FORMAT),
    ("duration", "long", CdrReason.CDR_DURATION_FORMAT),
    ("volume", "1,23456", CdrReason.CDR_VOLUME_FORMAT),
]


@pytest.mark.parametrize("mended", range(len(IN_ORDER)))
def test_the_first_broken_rule_wins(mended):
    found = problem(**{field: value for field, value, _ in IN_ORDER[mended:]})
    field, _, reason = IN_ORDER[mended]
    assert (found.reason, found.field, found.position) == (reason, field, 17)


def test_a_session_does_not_end_before_it_starts():
    found = problem(end_datetime="2014-01-22 10:16:37")
    assert (found.reason, found.field) == (CdrReason.CDR_END_BEFORE_START, "end_datetime")
    assert not isinstance(judge(cdr(1, end_datetime=FIELD_CDR.start_datetime), 0, SENDER), Problem)


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
def test_a_missing_mandatory_field_is_named(name):
    found = judge(FIELD_CDR._replace(**{name: ""}), 0, SENDER)
    assert (found.reason, found.field) == (FieldReason.FIELD_MISSING, name)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_text_over_its_limit_is_named(field):
    found = judge(FIELD_CDR._replace(**{field.name: "x" * (field.limit + 1)}), 0, SENDER)
    assert (found.reason, found.field) == (FieldReason.FIELD_TOO_LONG, field.name)


def test_the_operator_id_is_read_in_any_case():
    assert judge(cdr(1, operator_id="THENEWMOTION"), 0, SENDER).operator_key == "thenewmotion"


def test_a_refusal_says_the_value_and_what_is_allowed():
    assert problem(volume="12,34567").detail == '"12,34567" has 5 decimals, at most 4 are allowed'
    assert problem(operator_id="e-laad").detail == '"e-laad" is not your operator id; yours: "TheNewMotion"'


def test_a_card_number_is_not_in_a_refusal():
    assert "CANARY" not in repr(problem(token_id="CANARY\x00"))


def test_records_differ_in_the_first_field_that_does():
    assert differing_field(FIELD_CDR, FIELD_CDR) is None
    assert differing_field(FIELD_CDR, FIELD_CDR._replace(operator_id="THENEWMOTION")) is None
    assert differing_field(FIELD_CDR, FIELD_CDR._replace(volume="4.64", city="Köln")) == "volume"
