"""What a check is given, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from echs.house import House
from echs.upkeep.checks.told import Told

ROWS_AT_ONCE = 2000

# About what, and in a sentence what is not as it must be.
Found = tuple[str, str]


@dataclass(frozen=True, slots=True)
class View:
    """The house, one instant of its store, and what the audit trail tells of it."""

    house: House
    snapshot: Connection
    told: Told


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be: which check says so, about what, in a sentence."""

    check: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold: its name, the sentence that must be true, and what looks for where it is not."""

    name: str
    holds: str
    look: Callable[[View], Iterator[Found]]
