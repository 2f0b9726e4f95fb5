"""How an operation says no: a reason of ours, the place, and a sentence for the reader.

A protocol translates: it has one table from reasons to its codes, and spells the place in its own field names.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

SHOWN_VALUE_LIMIT = 60
NAMED_PROBLEMS_LIMIT = 10
KEPT_PROBLEMS_LIMIT = 100
COUNTED_PROBLEMS_LIMIT = 1000
# The effect of a refusal that leaves all as it was.
NOTHING_CHANGED = "Nothing was changed."


class Reason(StrEnum):
    """Why something was refused. Rooms define theirs as subclasses; the value is the stable upper-case name."""


class StoreReason(Reason):
    """What can go wrong on our side. The same request again later is safe for every one of them."""

    INTERNAL_ERROR = "INTERNAL_ERROR"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    STORE_FULL = "STORE_FULL"


class LoadReason(Reason):
    """The server has too much to do for this request. The same request again later is safe."""

    UPLOAD_BUSY = "UPLOAD_BUSY"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what was sent.

    ``field`` is the noun's own field name (a protocol spells it its way), or, where ``field_as_sent`` is true, the
    name as the sender wrote it. ``position`` counts from 0. ``label`` tells the record to a person: a field name and
    its value, never a secret one. ``detail`` is the sentence and never holds a secret value.
    """

    reason: Reason
    detail: str
    position: int | None = None
    field: str | None = None
    label: tuple[str, str] | None = None
    field_as_sent: bool = False


class Refused(Exception):
    """The operation was refused and nothing of it was stored.

    ``problems`` holds the first ten problems at most, ``kept`` the first hundred, ``total`` says how many there were.
    ``effect`` says what happened to the data.
    """

    def __init__(self, problems: Sequence[Problem], *, total: int | None = None, effect: str = "") -> None:
        if not problems:
            raise ValueError("a refusal needs a problem")
        super().__init__(problems[0].reason.value)
        self.problems = tuple(problems[:NAMED_PROBLEMS_LIMIT])
        self.kept = tuple(problems[:KEPT_PROBLEMS_LIMIT])
        self.total = len(problems) if total is None else total
        self.effect = effect

    @property
    def first(self) -> Problem:
        """The problem that decides the result code."""
        return self.problems[0]


def refuse(reason: Reason, detail: str, *, field: str | None = None, effect: str = "") -> Refused:
    """A refusal with one problem, to be raised by the caller."""
    return Refused([Problem(reason, detail, field=field)], effect=effect)


@dataclass(frozen=True, slots=True)
class RecordProblems:
    """What is wrong with one record: the first problem, which decides, and those after it, found when asked for."""

    first: Problem
    rest: Iterator[Problem]

    @classmethod
    def among(cls, found: Iterator[Problem]) -> "RecordProblems | None":
        """The problems, if there is one."""
        first = next(found, None)
        return None if first is None else cls(first, found)


# What a protocol gives in the place of a record that it could not read.
Unreadable = Problem | RecordProblems


class ProblemCollector:
    """Collects problems: of each record the first, in bounded memory, since it keeps a hundred and counts them all.

    One that is ``thorough`` takes all of every record, and keeps them.
    """

    def __init__(self, *, thorough: bool = False) -> None:
        self.thorough = thorough
        self.kept: list[Problem] = []
        self.total = 0

    def __bool__(self) -> bool:
        return self.total > 0

    def add(self, problem: Problem) -> None:
        """Take note of one more."""
        self.total += 1
        if self.thorough or len(self.kept) < KEPT_PROBLEMS_LIMIT:
            self.kept.append(problem)

    def add_of_record(self, problems: Problem | RecordProblems) -> None:
        """Take note of a record's."""
        if isinstance(problems, Problem):
            self.add(problems)
            return
        self.add(problems.first)
        if self.thorough:
            for problem in problems.rest:
                self.add(problem)

    @property
    def full(self) -> bool:
        """Whether there are so many that nobody counts on."""
        return not self.thorough and self.total >= COUNTED_PROBLEMS_LIMIT

    def merge(self, other: "ProblemCollector") -> None:
        """Take in what was noted apart, about positions in between; both are in order."""
        if not other:
            return
        self.total += other.total
        self.kept = sorted([*self.kept, *other.kept], key=lambda problem: problem.position or 0)
        if not self.thorough:
            del self.kept[KEPT_PROBLEMS_LIMIT:]

    def refusal(self, effect: str) -> Refused:
        """The refusal with all of them."""
        return Refused(self.kept, total=self.total, effect=effect)


def printable(value: str) -> str:
    """``value`` with a replacement for every sign that would move, hide or colour the others."""
    if value.isprintable():
        return value
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in value)


def shown(value: str) -> str:
    """``value`` in quotes as an error may repeat it: printable, on one line, cut after 60 characters."""
    clean = printable(value)
    if len(clean) > SHOWN_VALUE_LIMIT:
        return f'"{clean[:SHOWN_VALUE_LIMIT]}…"'
    return f'"{clean}"'


def named(values: Iterable[str], limit: int = 5) -> str:
    """A short list for a sentence: the first few values in quotes, and how many more there are."""
    every = list(values)
    more = f" and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(shown(value) for value in every[:limit]) + more
