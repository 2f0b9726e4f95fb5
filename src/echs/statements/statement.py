"""The noun of this room: a partner's statement about one clearing run, or about several.

It is built from committed rows only and holds nothing that changes later, so that it can be drawn again and comes out
the same, byte for byte.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from echs.base.money import Money, amount_text
from echs.statements.issuer import NOBODY, Issuer

# How statements of new runs are drawn. A run keeps the number, and each layout goes on being drawn as it was: when the
# drawing changes, the number is raised and the old code stays.
LAYOUT = 3
# How those are drawn whose runs have no number: they are older than that.
OLD_LAYOUT = 2

UNSAFE = re.compile(r"[^A-Za-z0-9._-]")

# So many runs are named one by one.
NAMED_RUNS = 5


class Side(StrEnum):
    """In which role the partner stands in a line."""

    PROVIDER = "provider"
    OPERATOR = "operator"
    # Both at once: its own drivers at its own charge points, which is no roaming.
    OWN = "own"


class Why(StrEnum):
    """Why a run left a CDR."""

    HELD = "held"
    AWAITING = "awaiting"
    ON_HOLD = "on-hold"
    DECLINED = "declined"
    REJECTED = "rejected"


SIDE_TITLES = {
    Side.PROVIDER: "Your customers at other operators' charge points (you are the provider)",
    Side.OPERATOR: "Sessions at your charge points (you are the operator)",
    Side.OWN: "Own network: your customers at your own charge points (no roaming)",
}


@dataclass(frozen=True, slots=True)
class Run:
    """The run's number and its time, UTC."""

    number: int
    cleared_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One CDR. Instants in UTC, duration in seconds, volume in 0.0001 kWh."""

    run_number: int
    cdr_id: str
    started_at: datetime
    ended_at: datetime
    duration_s: int
    volume_e4_kwh: int
    contract_id: str
    chargepoint_id: str
    city: str
    product: str
    tariff: str
    # Net; None where no price was told.
    cost: Money | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The lines with one counterparty: its party id and name, ours of the pair, and what the lines add up to."""

    counterparty_id: str
    counterparty_name: str
    own_id: str
    cdr_count: int
    volume_e4_kwh: int
    lines: Callable[[], Iterator[Line]]
    # What they cost, net, in millionths of each currency; empty where no price was told. Asked for when it is drawn.
    costs: Callable[[], Mapping[str, int]] = dict


@dataclass(frozen=True, slots=True)
class Account:
    """One of the two sides of a statement."""

    side: Side
    groups: Sequence[Group]

    @property
    def cdr_count(self) -> int:
        """How many CDRs in all."""
        return sum(group.cdr_count for group in self.groups)

    @property
    def volume_e4_kwh(self) -> int:
        """Their volume in all, in 0.0001 kWh."""
        return sum(group.volume_e4_kwh for group in self.groups)

    def costs(self) -> Mapping[str, int]:
        """What they cost in all, net, in millionths of each currency."""
        return sum((Counter(group.costs()) for group in self.groups), Counter())


@dataclass(frozen=True, slots=True)
class OpenItem:
    """What a run left: one CDR, or where ``cdr_id`` is empty so many of a pair. Volume in 0.0001 kWh."""

    run_number: int
    why: Why
    operator_id: str
    provider_id: str
    cdr_id: str
    reason: str
    cdr_count: int
    volume_e4_kwh: int


@dataclass(frozen=True, slots=True)
class Statement:
    """Everything on a statement. The period is from the first start to the last end, UTC.

    The newest of its runs says how it is drawn (``layout``), who issues it and to whom.
    """

    user_id: str
    name: str
    timezone: str
    runs: Sequence[Run]
    period_start: datetime
    period_end: datetime
    accounts: Sequence[Account]
    layout: int = OLD_LAYOUT
    issuer: Issuer = NOBODY
    address: tuple[str, ...] = ()
    vat_id: str = ""
    left: Sequence[OpenItem] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The partner's zone, in which times are printed."""
        return ZoneInfo(self.timezone)

    def local(self, instant: datetime) -> str:
        """An instant as it is printed: in the partner's zone, with the offset."""
        return instant.astimezone(ZoneInfo(self.timezone)).isoformat(" ", "seconds")

    @property
    def run_text(self) -> str:
        """The run's number, or the numbers of several: each of a few, first and last of many."""
        numbers = [str(run.number) for run in self.runs]
        if len(numbers) <= NAMED_RUNS:
            return ", ".join(numbers)
        return f"{numbers[0]} to {numbers[-1]} ({len(numbers)} runs)"

    @property
    def cleared_text(self) -> str:
        """When the run was made, or the first and the last of several."""
        first, last = self.local(self.runs[0].cleared_at), self.local(self.runs[-1].cleared_at)
        return first if first == last else f"{first}  to  {last}"

    @property
    def number(self) -> str:
        """The document number: the runs and the user id, the same whenever it is drawn."""
        return f"{numbers_text([run.number for run in self.runs])}-{self.user_id}"

    @property
    def issued_at(self) -> datetime:
        """The date of the document: when its newest run was made, UTC."""
        return self.runs[-1].cleared_at

    def file_name(self, form: str) -> str:
        """Under which name the document is saved, with any sign that a user id may have."""
        return f"statement-{self.number}.{form}"


def numbers_text(numbers: Sequence[int]) -> str:
    """Numbers of runs as one word, each row of them as its first and last: ``7``, ``7-9``, ``3.7-9``. Many rows are
    told apart by a short hash.
    """
    rows: list[list[int]] = []
    for number in sorted(numbers):
        if rows and rows[-1][1] == number - 1:
            rows[-1][1] = number
        else:
            rows.append([number, number])
    words = [str(first) if first == last else f"{first}-{last}" for first, last in rows]
    if len(words) <= NAMED_RUNS:
        return ".".join(words)
    told = hashlib.sha256(".".join(words).encode()).hexdigest()[:8]
    return f"{rows[0][0]}-{rows[-1][1]}.{told}"


def safe_name(name: str) -> str:
    """A file name of plain ASCII, for headers, links and any file system."""
    return UNSAFE.sub("_", name)


def clock_duration(duration_s: int) -> str:
    """A duration as it is printed: h:mm:ss."""
    return f"{duration_s // 3600}:{duration_s // 60 % 60:02d}:{duration_s % 60:02d}"


def costs_text(costs: Mapping[str, int]) -> str:
    """Amounts of several currencies, in the order of their codes."""
    return "; ".join(f"{amount_text(amount)} {currency}" for currency, amount in sorted(costs.items()))


def has_costs(statement: Statement) -> bool:
    """Whether a price was told for any CDR of a statement."""
    return any(account.costs() for account in statement.accounts)
