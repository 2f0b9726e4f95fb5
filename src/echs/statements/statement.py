"""The noun of this room: a partner's statement about one clearing run, or about several.

It is built from committed rows only and holds nothing that changes later, so that it can be drawn again and comes out
the same, byte for byte.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

# Part of the name under which a drawn statement is kept: raise it when the drawing changes.
LAYOUT = 2

# So many runs are named one by one.
NAMED_RUNS = 5


class Side(StrEnum):
    """In which role the partner stands in a line."""

    PROVIDER = "provider"
    OPERATOR = "operator"


SIDE_TITLES = {
    Side.PROVIDER: "Your customers at other operators' charge points (you are the provider)",
    Side.OPERATOR: "Sessions at your charge points (you are the operator)",
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


@dataclass(frozen=True, slots=True)
class Group:
    """The lines with one counterparty: its party id and name, ours of the pair, and what the lines add up to."""

    counterparty_id: str
    counterparty_name: str
    own_id: str
    cdr_count: int
    volume_e4_kwh: int
    lines: Callable[[], Iterator[Line]]


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


@dataclass(frozen=True, slots=True)
class Statement:
    """Everything on a statement. The period is from the first start to the last end, UTC."""

    user_id: str
    name: str
    timezone: str
    runs: Sequence[Run]
    period_start: datetime
    period_end: datetime
    accounts: Sequence[Account]

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


def clock_duration(duration_s: int) -> str:
    """A duration as it is printed: h:mm:ss."""
    return f"{duration_s // 3600}:{duration_s // 60 % 60:02d}:{duration_s % 60:02d}"
