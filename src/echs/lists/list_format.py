"""What a protocol knows of the records of a list that it brings; the lists themselves see payloads."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import ColumnElement

from echs.base.errors import Problem
from echs.base.fields import FieldText
from echs.base.upload_validation import RecordValidator
from echs.lists.withheld import Withheld
from echs.partners.partner import Partner

# Makes of an instant what the store keeps.
AsStored = Callable[[datetime], object]


class Taken(NamedTuple):
    """Valid records as payloads, with the key of each, and how many broke which rule of severity ``warn``."""

    payloads: Sequence[str]
    keys: Sequence[str]
    warnings: Counter[str]


class ListOwner(NamedTuple):
    """What of its owner the meaning of a record depends on: the time zone, and a market id, empty where it has none."""

    zone: str
    market_id: str


class Rivals(NamedTuple):
    """The typed column, and what stands in it, of records that are the same things as some of this protocol."""

    column: str
    texts: Sequence[str]


class ListFormat(Protocol):
    """The records of one kind of list as one protocol sends them. A payload is a record as it was sent; a key is a text
    that tells which records of a list are the same thing.
    """

    @property
    def protocol(self) -> str:
        """Which protocol that is."""

    def validator(self, owner: Partner) -> RecordValidator[Any, Any]:
        """The rules for what ``owner`` sends; what it keeps is for `taken`."""

    def taken(self, kept: Sequence[Any]) -> Taken:
        """What the validator kept, as the list takes it."""

    def warned(self, payloads: Sequence[str]) -> Counter[str]:
        """How many of these break which rule of severity ``warn``."""

    def keys(self, payloads: Sequence[str]) -> Sequence[str]:
        """The keys of payloads."""

    def typed(self, payloads: Sequence[str], zone: str, as_stored: AsStored) -> Iterable[tuple[object, ...]]:
        """The values of the typed columns of payloads, whose owner is in this time zone.

        :raises ValueError: a payload is none of this protocol's
        """

    def claimed(self, payloads: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Of each payload the key that another list may have, and the id that may carry another's market id."""

    def record_of_payload(self, payload: str) -> Any:
        """The record of a payload, as the validator has it."""

    def nouns(self, payloads: Sequence[str], owner: ListOwner) -> Iterator[Any]:
        """What payloads of this owner mean."""

    def payload_of(self, noun: Any, owner: ListOwner) -> str | Withheld:
        """What this protocol says of a noun of this owner, or why it cannot be said in it."""

    def rivals(self, payloads: Sequence[str]) -> Rivals | None:
        """How records of other protocols are found that are the same things as these; None where none can be."""

    def duplicate(self, payload: str, position: int, earlier: int) -> Problem:
        """The problem of a record that has the key of an earlier one and other content."""

    def lost(self, before: Partner, now: Partner, payloads: Iterable[str]) -> Iterator[Problem]:
        """What is wrong with the records of an upload since its owner is what it is ``now``."""

    def label(self, payload: str) -> tuple[str, str] | None:
        """How a person finds this record again."""

    def texts(self, payload: str) -> Sequence[FieldText]:
        """The fields of a record for people."""


def values_of(form: ListFormat, payloads: Sequence[str], zone: str, as_stored: AsStored) -> Iterator[tuple[Any, ...]]:
    """What is stored of records: the number of the key, the protocol, the payload, the typed columns."""
    protocol, numbers = form.protocol, map(key_number, form.keys(payloads))
    for number, payload, typed in zip(numbers, payloads, form.typed(payloads, zone, as_stored), strict=True):
        yield (number, protocol, payload, *typed)


def translated(of: ListFormat, into: ListFormat, payloads: Sequence[str], owner: ListOwner) -> Iterator[str | Withheld]:
    """What payloads of this owner mean, as another protocol says it; or why it cannot."""
    return (into.payload_of(noun, owner) for noun in of.nouns(payloads, owner))


def key_number(key: str) -> int:
    """A number of eight bytes for a key."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@dataclass(frozen=True, slots=True)
class KeyForm:
    """A form of key by which records are found: its name, and how the store makes it of a row."""

    name: str
    of_row: ColumnElement[str]
