"""The charge detail record: what a session was, whatever protocol told of it. Its rules stand in `echs.cdrs.rules`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from echs.base.errors import Problem, Reason
from echs.base.fields import FieldText
from echs.base.money import Money
from echs.lists.withheld import Withheld


class CdrReason(Reason):
    """Why a CDR is refused, beyond the form of its fields."""

    CDR_OPERATOR_NOT_YOURS = "CDR_OPERATOR_NOT_YOURS"
    CDR_END_BEFORE_START = "CDR_END_BEFORE_START"
    CDR_IN_FUTURE = "CDR_IN_FUTURE"
    CDR_VOLUME_LIMIT = "CDR_VOLUME_LIMIT"
    CDR_TWICE = "CDR_TWICE"
    CDR_DIFFERS = "CDR_DIFFERS"
    CDR_STATE = "CDR_STATE"


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
    TOKEN_BYTE_ORDER = "TOKEN_BYTE_ORDER"
    CHARGEPOINT_UNKNOWN = "CHARGEPOINT_UNKNOWN"
    COUNTRY_UNKNOWN = "COUNTRY_UNKNOWN"
    OWN_NETWORK = "OWN_NETWORK"
    ENERGY_UNKNOWN = "ENERGY_UNKNOWN"
    REVISED_UNKNOWN = "REVISED_UNKNOWN"


class CdrWithheld(Withheld):
    """Why a CDR is not given to a partner that speaks another protocol."""

    OPERATOR_FORM = "operator_form"
    CONTRACT_FORM = "contract_form"


class CdrKind(StrEnum):
    """Whether a CDR charges for a session or takes a charge back."""

    CHARGE = "charge"
    CREDIT = "credit"


class Period(NamedTuple):
    """A billing period of a session; periods may overlap. ``item`` is what is billed (energy, usagetime, ...), its
    quantity in millionths of its unit (kWh, h, kW or 1), price and cost in millionths of the CDR's currency; None where
    nothing is said.
    """

    started_at: datetime
    ended_at: datetime
    item: str
    quantity_e6: int
    price_e6: int
    cost_e6: int | None = None
    tax_percent: int | None = None


class Cdr(NamedTuple):
    """A charge detail record as every protocol means it.

    Instants are UTC, the offsets are those of the local time that was sent, in seconds. ``duration_s`` is what the
    operator stated, None where it stated none; ``volume_e4_kwh`` counts units of 0.0001 kWh. Empty texts were not sent.
    The keys are the party ids in the form in which they are compared.

    ``payload`` is the record as it was sent, in the form of its ``protocol``; ``content_hash`` is the SHA-256 of what
    makes two CDRs of one key the same, in hexadecimal digits. A protocol that cannot read a value puts an
    `echs.base.rule.UnreadableValue` in its place: such a CDR is refused.
    """

    operator_key: str
    cdr_id: str
    operator_id: str
    provider_key: str
    provider_id: str
    started_at: datetime
    started_offset_s: int
    ended_at: datetime
    ended_offset_s: int
    duration_s: int | None
    volume_e4_kwh: int
    token_id: str
    contract_id: str
    evse_id: str
    chargepoint_id: str
    meter_id: str
    address: str
    postal_code: str
    city: str
    country: str
    product: str
    tariff_id: str
    protocol: str
    payload: str
    content_hash: str
    revision: int = 1
    kind: CdrKind = CdrKind.CHARGE
    # Net; None where no price was told.
    cost: Money | None = None
    periods: tuple[Period, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What makes a CDR the same CDR: the operator and its number there."""
        return self.operator_key, self.cdr_id

    @property
    def socket(self) -> str:
        """Where the session was: the EVSE id, or where there is none the charge point."""
        return self.evse_id or self.chargepoint_id


class Difference(NamedTuple):
    """A field in which two records differ, as problems name it; what it says in each, which is shown to nobody where it
    is secret.
    """

    field: str
    one: str
    other: str
    secret: bool


class CdrFormat(Protocol):
    """What a protocol knows of the CDRs that it brings, beyond what they mean.

    Fields go by the names that problems and warnings have for them; the protocol's results spell them for the sender.
    """

    name: str
    # Whether an id is of one CDR in the whole house, or of one for each operator.
    unique_ids: bool

    def sent(self, cdr: Cdr, field: str) -> str:
        """The text of a field as it was sent."""

    def problems(self, cdr: Cdr, position: int) -> Iterator[Problem]:
        """What is wrong with the form of a record."""

    def difference(self, payload: str, other: str) -> Difference | None:
        """The first field in which two records of one key differ; None where no field tells."""

    def texts(self, payload: str) -> Sequence[FieldText]:
        """The values of a record for people."""

    def noun(self, stored: Mapping[str, Any]) -> Cdr:
        """The CDR of a row of the store."""

    def inconsistencies(self, stored: Mapping[str, Any]) -> Iterator[str]:
        """Which columns of a stored CDR are not what its payload says."""


def label(cdr: Cdr) -> tuple[str, str] | None:
    """How a person finds this record again."""
    return ("cdr_id", cdr.cdr_id) if cdr.cdr_id else None
