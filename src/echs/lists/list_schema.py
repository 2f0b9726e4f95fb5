"""What the records of a list are: fields, key, rules, and the typed columns beside the payload."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement

from echs.base.errors import Problem
from echs.base.fields import Field, maker
from echs.base.rule import Rule
from echs.base.spool import Row

Record = TypeVar("Record", bound=tuple[Any, ...])

# Between the texts of a payload; no text holds a control character.
SEPARATOR = "\x1f"


def payloads_of(rows: Iterable[Row]) -> list[str]:
    """Rows of texts as payloads."""
    return list(map(SEPARATOR.join, rows))


def row_of(payload: str) -> Row:
    """A payload as its texts."""
    return tuple(payload.split(SEPARATOR))


def key_number(key: object) -> int:
    """A number of eight bytes for a key; two keys with one number are told apart by what they are."""
    text = SEPARATOR.join(key) if isinstance(key, tuple) else str(key)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@dataclass(frozen=True, slots=True)
class KeyForm:
    """A form of key by which records are found: its name, and how the store and how Python makes it of a row."""

    name: str
    of_row: ColumnElement[str]
    of_texts: Callable[[Row], str]


@dataclass(frozen=True, slots=True)
class ListSchema(Generic[Record]):
    """What the records of a list are.

    ``name`` is that of the list. ``key`` names the fields that tell which records of a list are the same thing;
    ``duplicate`` is the problem of a record (with its position) that has the key of an earlier one (whose position
    follows) and other content. ``warnings`` are rules that stop nothing.
    """

    name: str
    fields: Sequence[Field]
    make: Callable[[Iterable[Any]], Record]
    key: Sequence[str]
    duplicate: Callable[[Record, int, int], Problem]
    warnings: Sequence[Rule[Record, None]]

    def place(self, name: str) -> int:
        """Where a field stands in a row."""
        return next(place for place, field in enumerate(self.fields) if field.name == name)

    @property
    def key_of(self) -> Callable[[Row], object]:
        """The key of a row."""
        return itemgetter(*map(self.place, self.key))

    @property
    def of_row(self) -> Callable[[Row], Record]:
        """The record of a row."""
        return maker(self.fields, self.make)

    def warned(self, rows: Sequence[Row]) -> Counter[str]:
        """How many of the rows break which rule of severity ``warn``."""
        found: Counter[str] = Counter()
        for rule in self.warnings:
            suspects: Sequence[int] = range(len(rows))
            if rule.prefilter is not None:
                suspects = rule.prefilter.suspects(list(map(itemgetter(self.place(rule.field)), rows)))
            number = sum(rule.violation(self.of_row(rows[place]), None) is not None for place in suspects)
            if number:
                found[str(rule.name)] += number
        return found
