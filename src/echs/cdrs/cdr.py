"""The noun of this room: the charge detail record (OCHP 0.2, 4.2). The rules that it must pass stand in `rules`."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from echs.base.errors import Reason
from echs.base.fields import Field


class CdrReason(Reason):
    """Why a CDR is refused, beyond its fields as such."""

    CDR_OPERATOR_NOT_YOURS = "CDR_OPERATOR_NOT_YOURS"
    CDR_START_FORMAT = "CDR_START_FORMAT"
    CDR_END_FORMAT = "CDR_END_FORMAT"
    CDR_DURATION_FORMAT = "CDR_DURATION_FORMAT"
    CDR_VOLUME_FORMAT = "CDR_VOLUME_FORMAT"
    CDR_END_BEFORE_START = "CDR_END_BEFORE_START"
    CDR_IN_FUTURE = "CDR_IN_FUTURE"
    CDR_VOLUME_LIMIT = "CDR_VOLUME_LIMIT"
    CDR_TWICE = "CDR_TWICE"
    CDR_DIFFERS = "CDR_DIFFERS"


class CdrWarning(Reason):
    """What is odd about a CDR that is accepted all the same."""

    PROVIDER_UNOWNED = "PROVIDER_UNOWNED"
    DURATION_DIFFERS = "DURATION_DIFFERS"
    POWER_TOO_HIGH = "POWER_TOO_HIGH"
    VOLUME_ZERO = "VOLUME_ZERO"
    SESSION_SHORT = "SESSION_SHORT"
    CDR_OLD = "CDR_OLD"
    SOCKET_OVERLAP = "SOCKET_OVERLAP"
    CARD_OVERLAP = "CARD_OVERLAP"
    CARD_OVERLAP_ELSEWHERE = "CARD_OVERLAP_ELSEWHERE"
    CARD_UNKNOWN = "CARD_UNKNOWN"
    CHARGEPOINT_UNKNOWN = "CHARGEPOINT_UNKNOWN"
    COUNTRY_UNKNOWN = "COUNTRY_UNKNOWN"
    OWN_NETWORK = "OWN_NETWORK"


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


CONTENT = itemgetter(*(place for place, field in enumerate(FIELDS) if field.name != "operator_id"))
SEPARATOR = "\x1f"


class Cdr(NamedTuple):
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


def content_hash(operator_key: str, texts: Sequence[str]) -> str:
    """The SHA-256 of what was sent, in hexadecimal digits: of the operator's key and all texts in their order, but for
    the operator id, which is spelt as its sender likes.
    """
    said = SEPARATOR.join((operator_key, *CONTENT(texts)))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def label(record: CdrRecord) -> tuple[str, str] | None:
    """How a person finds this record again."""
    return ("cdr_id", record.cdr_id) if record.cdr_id else None


def differing_field(one: CdrRecord, other: CdrRecord) -> Field | None:
    """The first field in which two records of the same key differ; None where they are the same record.

    The operator id is part of the key, which is compared without regard to case.
    """
    for field, a, b in zip(FIELDS, one, other, strict=True):
        if a != b and field.name != "operator_id":
            return field
    return None
