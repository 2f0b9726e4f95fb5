"""Lists whose records are rows of texts, judged by their columns wherever that is enough."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic, TypeVar

from echs.base.errors import Problem, RecordProblems, Unreadable
from echs.base.fields import Columns, Field, FieldText, field_problems, maker, rules_hold
from echs.base.rule import Rule, findings, hold_for_all
from echs.base.spool import Row
from echs.base.upload_validation import RecordValidator
from echs.lists.list_format import AsStored, ListOwner, Rivals, Taken
from echs.lists.withheld import Withheld
from echs.partners.partner import Partner
from echs.protocols.rows.payload import SEPARATOR, payload_of, payloads_of, row_of

Record = TypeVar("Record", bound=tuple[Any, ...])


def no_loss(_before: Partner, _now: Partner, _records: Iterator[Any]) -> Iterator[Problem]:
    """What an owner may send does not depend on what it has."""
    return iter(())


@dataclass(frozen=True)
class RowFormat(Generic[Record]):
    """The records of one kind of list; see `echs.lists.list_format.ListFormat`.

    ``key`` names the fields that tell which records of a list are the same thing, ``called`` the field by which a
    person finds a record again. ``rejections`` are asked about the owner that sends, or about None where nobody knows.
    ``twice`` makes the problem of a record that has the key of an earlier one and other content, of its label, its
    position and that of the earlier. ``recheck`` tells what an owner may not send any more.
    """

    protocol: str
    fields: Sequence[Field]
    make: Callable[[Iterable[Any]], Record]
    key: Sequence[str]
    called: str
    rejections: Sequence[Rule[Record, Partner | None]]
    warnings: Sequence[Rule[Record, None]]
    twice: Callable[[tuple[str, str] | None, int, int], Problem]
    typed_rows: Callable[[Sequence[Row], str, AsStored], Iterable[tuple[object, ...]]]
    claimed_row: Callable[[Row], tuple[str, str]]
    noun_of: Callable[[Record, ListOwner], Any]
    record_of: Callable[[Any, ListOwner], Record | Withheld]
    recheck: Callable[[Partner, Partner, Iterator[Record]], Iterator[Problem]] = no_loss
    # What a field counts as where two records are compared by their keys.
    key_of_field: Mapping[str, Callable[[str], str]] = dataclasses.field(default_factory=dict)

    # ------------------------------------------------------------------ judging

    def problems_of(self, record: Record, position: int, owner: Partner | None) -> Iterator[Problem]:
        """What is wrong with a record that ``owner`` sends: its fields in order, then the rules that refuse."""
        label = self.label_of(record)
        yield from field_problems(self.fields, record, position, label)
        for finding in findings(self.rejections, record, owner):
            rule = finding.rule
            yield Problem(rule.name, finding.detail, position=position, field=rule.field, label=label)

    def batch_is_valid(self, columns: Sequence[Sequence[str]], owner: Partner | None) -> bool:
        """Whether `problems_of` would find nothing in a batch that ``owner`` sends; by its columns, each value once."""

        def values(name: str) -> set[Any]:
            place = self.place(name)
            found = set(columns[place])
            return set(map(int, found)) if self.fields[place].integer else found

        return hold_for_all(self.rejections, values, owner) and rules_hold(self.fields, columns)

    def validator(self, owner: Partner) -> RecordValidator[Record, Row]:
        """The rules for what ``owner`` sends; keeps rows."""

        def record(record: Record, position: int) -> Row | Unreadable:
            return RecordProblems.among(self.problems_of(record, position, owner)) or tuple(map(str, record))

        def batch(rows: Sequence[Row], _position: int) -> Sequence[Row] | None:
            return rows if self.batch_is_valid(Columns(rows), owner) else None

        return RecordValidator(record, batch, self.of_row)

    def lost(self, before: Partner, now: Partner, payloads: Iterable[str]) -> Iterator[Problem]:
        """What is wrong with the records of an upload since its owner is what it is ``now``."""
        return self.recheck(before, now, (self.of_row(row_of(payload)) for payload in payloads))

    # ------------------------------------------------------------------ as the list takes it

    def taken(self, kept: Sequence[Row]) -> Taken:
        """Rows as payloads, numbers without leading zeros."""
        rows = self.plain_numbers(kept)
        return Taken(payloads_of(rows), list(self.keys_of(rows)), self.warned_rows(rows))

    def plain_numbers(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows with numbers as the store keeps them: without leading zeros."""
        for place, field in enumerate(self.fields):
            if field.integer and any(text != str(int(text)) for text in set(map(itemgetter(place), rows))):
                return [tuple(map(str, self.of_row(row))) for row in rows]
        return rows

    def warned_rows(self, rows: Sequence[Row]) -> Counter[str]:
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

    def warned(self, payloads: Sequence[str]) -> Counter[str]:
        """The same of payloads."""
        return self.warned_rows(list(map(row_of, payloads)))

    def keys_of(self, rows: Sequence[Row]) -> Iterator[str]:
        """The keys of rows."""
        places = list(map(self.place, self.key))
        if self.key_of_field:
            forms = [(place, self.key_of_field.get(name, str)) for place, name in zip(places, self.key, strict=True)]
            return (SEPARATOR.join([form(row[place]) for place, form in forms]) for row in rows)
        if len(places) == 1:
            return map(itemgetter(places[0]), rows)
        return map(SEPARATOR.join, map(itemgetter(*places), rows))

    def keys(self, payloads: Sequence[str]) -> Sequence[str]:
        """The keys of payloads."""
        return list(self.keys_of(list(map(row_of, payloads))))

    def typed(self, payloads: Sequence[str], zone: str, as_stored: AsStored) -> Iterable[tuple[object, ...]]:
        """The values of the typed columns of payloads, whose owner is in this time zone.

        :raises ValueError: a payload is no row of these fields
        """
        rows = list(map(row_of, payloads))
        if any(len(row) != len(self.fields) for row in rows):
            raise ValueError("a payload has not the texts of its record")
        return self.typed_rows(rows, zone, as_stored)

    def claimed(self, payloads: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Of each payload the key that another list may have, and the id that may carry another's market id."""
        return map(self.claimed_row, map(row_of, payloads))

    # ------------------------------------------------------------------ what they mean

    def record_of_payload(self, payload: str) -> Record:
        """The record of a payload."""
        record: Record = self.of_row(row_of(payload))
        return record

    def nouns(self, payloads: Sequence[str], owner: ListOwner) -> Iterator[Any]:
        """What payloads of this owner mean."""
        make = self.of_row
        return (self.noun_of(make(row_of(payload)), owner) for payload in payloads)

    def payload_of(self, noun: Any, owner: ListOwner) -> str | Withheld:
        """What this protocol says of a noun of this owner, or why it cannot be said in it."""
        record = self.record_of(noun, owner)
        return record if isinstance(record, Withheld) else payload_of(tuple(map(str, record)))

    def rivals(self, payloads: Sequence[str]) -> Rivals | None:
        """How records of other protocols are found that are the same things as these: a whole list replaces them."""
        return None

    # ------------------------------------------------------------------ for people

    def duplicate(self, payload: str, position: int, earlier: int) -> Problem:
        """The problem of a record that has the key of an earlier one and other content."""
        return self.twice(self.label(payload), position, earlier)

    def label(self, payload: str) -> tuple[str, str] | None:
        """How a person finds this record again."""
        return self.label_of(self.of_row(row_of(payload)))

    def label_of(self, record: Record) -> tuple[str, str] | None:
        """The same of a record."""
        text = record[self.place(self.called)]
        return (self.called, text) if text else None

    def texts(self, payload: str) -> Sequence[FieldText]:
        """The fields of a record for people."""
        row = row_of(payload)
        return [FieldText(field.name, text, field.secret) for field, text in zip(self.fields, row, strict=True)]

    # ------------------------------------------------------------------ rows

    def place(self, name: str) -> int:
        """Where a field stands in a row."""
        return next(place for place, field in enumerate(self.fields) if field.name == name)

    @property
    def of_row(self) -> Callable[[Row], Record]:
        """What makes a record of a row."""
        return maker(self.fields, self.make)
