"""The noun of this room: the charge detail record (OCHP 0.2, 4.2), and the rules that it must pass, in order."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

from echs.base.errors import Problem, Reason, named
from echs.base.fields import Field, first_problem
from echs.cdrs import formats
from echs.partners.partner import Partner, party_key

Value = TypeVar("Value")


class CdrReason(Reason):
    """What can be wrong with a CDR beyond its fields as such."""

    CDR_OPERATOR_NOT_YOURS = "CDR_OPERATOR_NOT_YOURS"
    CDR_START_FORMAT = "CDR_START_FORMAT"
    CDR_END_FORMAT = "CDR_END_FORMAT"
    CDR_DURATION_FORMAT = "CDR_DURATION_FORMAT"
    CDR_VOLUME_FORMAT = "CDR_VOLUME_FORMAT"
    CDR_END_BEFORE_START = "CDR_END_BEFORE_START"
    CDR_TWICE = "CDR_TWICE"
    CDR_DIFFERS = "CDR_DIFFERS"


class CdrRecord(NamedTuple):
    """The 20 texts of a CDR as received and as sent out again. Order: the deployed interface."""

    cdr_id: str
    start_datetime: str
    end_datetime: str
    duration: str
    volume: str
    address: str
    postal_code: str
    city: str
    country: str
    chargepoint_type: str
    product_type: str
    tariff_type: str
    token_id: str
    contract_id: str
    meter_id: str
    obis_code: str
    chargepoint_id: str
    provider_id: str
    operator_id: str
    evse_id: str


FIELDS = (
    Field("cdr_id", 64, mandatory=True),
    Field("start_datetime", 40, mandatory=True),
    Field("end_datetime", 40, mandatory=True),
    Field("duration", 16),
    Field("volume", 20, mandatory=True),
    Field("address", 255),
    Field("postal_code", 32),
    Field("city", 255),
    Field("country", 64),
    Field("chargepoint_type", 64),
    Field("product_type", 64, mandatory=True),
    Field("tariff_type", 64, mandatory=True),
    Field("token_id", 64, secret=True),
    Field("contract_id", 64, mandatory=True),
    Field("meter_id", 64, mandatory=True),
    Field("obis_code", 64),
    Field("chargepoint_id", 64, mandatory=True),
    Field("provider_id", 64, mandatory=True),
    Field("operator_id", 64, mandatory=True),
    Field("evse_id", 64),
)


@dataclass(frozen=True, slots=True)
class Cdr:
    """A CDR that passed the rules: its texts, and what they mean.

    Instants are UTC, ``volume_e4_kwh`` counts units of 0.0001 kWh, ``duration_s`` is what the operator stated, if it
    did. The keys are the party ids in the form in which they are compared.
    """

    record: CdrRecord
    operator_key: str
    provider_key: str
    started_at: datetime
    ended_at: datetime
    duration_s: int | None
    volume_e4_kwh: int

    @property
    def key(self) -> tuple[str, str]:
        """What makes a CDR the same CDR: the operator and its number there."""
        return self.operator_key, self.record.cdr_id


def label(record: CdrRecord) -> tuple[str, str] | None:
    """How a person finds this record again."""
    return ("cdr_id", record.cdr_id) if record.cdr_id else None


def judge(record: CdrRecord, position: int, sender: Partner) -> Cdr | Problem:
    """The CDR, or the first rule that it breaks.

    In this order: the fields as such, the sender's right to the operator id, start, end, duration, volume, end
    before start.
    """

    def problem(reason: Reason, field: str, detail: str) -> Problem:
        return Problem(reason, detail, position=position, field=field, label=label(record))

    def read(parse: Callable[..., Value], field: str, reason: Reason, *more: object) -> Value:
        text = getattr(record, field)
        try:
            return parse(text, *more)
        except formats.WrongFormat as wrong:
            raise _Broken(problem(reason, field, f'"{text}" {wrong}')) from None

    wrong_field = first_problem(FIELDS, record, position, label(record))
    if wrong_field is not None:
        return wrong_field
    operator_key = party_key(record.operator_id)
    if operator_key not in sender.operator_keys:
        return not_yours(record, position, sender)
    try:
        started_at = read(formats.instant, "start_datetime", CdrReason.CDR_START_FORMAT, sender.zone)
        ended_at = read(formats.instant, "end_datetime", CdrReason.CDR_END_FORMAT, sender.zone, started_at)
        duration_s = read(formats.duration_s, "duration", CdrReason.CDR_DURATION_FORMAT)
        volume = read(formats.volume_e4_kwh, "volume", CdrReason.CDR_VOLUME_FORMAT)
    except _Broken as broken:
        return broken.problem
    if ended_at < started_at:
        detail = f'"{record.end_datetime}" is before the start "{record.start_datetime}"'
        return problem(CdrReason.CDR_END_BEFORE_START, "end_datetime", detail)
    return Cdr(record, operator_key, party_key(record.provider_id), started_at, ended_at, duration_s, volume)


def not_yours(record: CdrRecord, position: int, sender: Partner) -> Problem:
    """The problem of a CDR that is sent as somebody else."""
    detail = f"{named([record.operator_id])} is not your operator id; yours: {named(sender.operator_ids) or 'none'}"
    reason = CdrReason.CDR_OPERATOR_NOT_YOURS
    return Problem(reason, detail, position=position, field="operator_id", label=label(record))


class _Broken(Exception):
    """A format rule was broken; carries the problem out of the row of readings."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.reason)
        self.problem = problem


def differing_field(one: CdrRecord, other: CdrRecord) -> str | None:
    """The first field in which two records of the same key differ; None where they are the same record.

    The operator id is part of the key, which is compared without regard to case.
    """
    for field, a, b in zip(FIELDS, one, other, strict=True):
        if a != b and field.name != "operator_id":
            return field.name
    return None
