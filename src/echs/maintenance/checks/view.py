"""What a check is given, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from echs.config.app_context import AppContext
from echs.config.record_formats import RecordFormats
from echs.maintenance.checks.trail_facts import TrailFacts

ROWS_AT_ONCE = 2000

# About what, and in a sentence what is not as it must be.
Found = tuple[str, str]


@dataclass(frozen=True, slots=True)
class View:
    """The context, one instant of its store, what the audit trail tells of it, and what the protocols know of their
    records.
    """

    context: AppContext
    snapshot: Connection
    trail: TrailFacts
    formats: RecordFormats


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
