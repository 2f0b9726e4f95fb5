"""What is found out about an upload that is seen without a server: who would send it, and every remark about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from echs.base.errors import Problem, shown
from echs.base.limits import Limits
from echs.base.rule import Severity
from echs.partners.partner import Partner


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing about an upload. ``position`` counts records from 0, ``line`` lines of a CSV file from 1; ``place`` is
    the field as the wire spells it; ``record`` tells a person which record it is.
    """

    severity: Severity
    name: str
    position: int | None
    line: int | None
    record: str
    place: str
    detail: str


@dataclass(frozen=True, slots=True)
class Checker:
    """Who would send, and against what its uploads are seen. Where it names no ids, whose they are is not looked at.
    Market ids are of OCHP 1.4, the others of OCHP 0.2.
    """

    limits: Limits
    now: datetime
    timezone: str = "UTC"
    operator_ids: tuple[str, ...] = ()
    hubs: tuple[int, ...] = ()
    market_ids: tuple[str, ...] = ()

    @property
    def sender(self) -> Partner:
        """The partner that would send by OCHP 0.2."""
        return self.partner(self.operator_ids, (), self.hubs)

    @property
    def market_sender(self) -> Partner | None:
        """The partner that would send by OCHP 1.4; None where its market ids are not said."""
        return self.partner(self.market_ids, self.market_ids, ()) if self.market_ids else None

    def partner(self, operator_ids: tuple[str, ...], provider_ids: tuple[str, ...], hubs: tuple[int, ...]) -> Partner:
        """A partner with these ids."""
        never = datetime.min.replace(tzinfo=UTC)
        return Partner(0, "", "", self.timezone, True, never, frozenset(), operator_ids, provider_ids, hubs)


@dataclass
class Report:
    """What was found out about one file: what it is, how many records it has, and every remark, by position;
    ``unchecked`` says what could not be looked at, since the ids of the sender are not known.
    """

    what: str = ""
    records: int = 0
    remarks: list[Remark] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    unchecked: str = ""

    @property
    def refused(self) -> int:
        """How many remarks refuse the upload, or records of it."""
        return sum(remark.severity is Severity.REJECT for remark in self.remarks)

    def refuse(self, name: str, detail: str, place: str = "") -> None:
        """Note what refuses the upload as a whole."""
        self.remarks.append(Remark(Severity.REJECT, name, None, None, "", place, detail))

    def in_order(self) -> "Report":
        """The report with what is about the whole first, then record by record, what refuses before what is odd."""
        self.remarks.sort(key=lambda each: (each.position is not None, each.position or 0, each.severity))
        return self

    def add(self, severity: Severity, problem: Problem, spelling: Mapping[str, str], place: str) -> None:
        """Note something about a record, at this place of it; ``spelling`` is how the wire spells fields."""
        position, known = problem.position, ""
        if problem.label is not None:
            known = f"{spelling.get(problem.label[0], problem.label[0])} {shown(problem.label[1])[1:-1]}"
        line = self.lines[position] if position is not None and position < len(self.lines) else None
        self.remarks.append(Remark(severity, str(problem.reason), position, line, known, place, problem.detail))
