"""Text fields of a record and the checks that every such field gets, whatever the record."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from echs.base.errors import Problem, Reason, shown

# C0 (with tab and line ends), DEL and C1, and the two Unicode line separators: none of them belongs into a field, each
# of them breaks a log line, a CSV row or a terminal.
CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class FieldReason(Reason):
    """What can be wrong with any field."""

    FIELD_UNKNOWN = "FIELD_UNKNOWN"
    FIELD_REPEATED = "FIELD_REPEATED"
    FIELD_MISSING = "FIELD_MISSING"
    FIELD_CONTROL_CHARACTER = "FIELD_CONTROL_CHARACTER"
    FIELD_NOT_TEXT = "FIELD_NOT_TEXT"
    FIELD_NOT_INTEGER = "FIELD_NOT_INTEGER"
    FIELD_TOO_LONG = "FIELD_TOO_LONG"


class UploadReason(Reason):
    """What can be wrong with an upload as a whole."""

    UPLOAD_EMPTY = "UPLOAD_EMPTY"
    UPLOAD_TOO_LARGE = "UPLOAD_TOO_LARGE"
    TOO_MANY_RECORDS = "TOO_MANY_RECORDS"


RIGHT_VALUES = 20_000

Record = TypeVar("Record")

# A format rule gets the value and answers with a reason and a sentence, or with None where the value is right.
Rule = Callable[[str], tuple[Reason, str] | None]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its limit in characters, whether it must be filled, whether its value may be repeated.

    A ``secret`` value (pin, card number, what is derived from one) appears in no error, log or listing. An ``integer``
    is a whole number; its limit is for the documentation, and ``wanted`` says what to send. A ``rule`` depends on
    nothing but the value.
    """

    name: str
    limit: int
    mandatory: bool = False
    secret: bool = False
    rule: Rule | None = None
    integer: bool = False
    wanted: str = "digits"

    def wrong(self, value: str) -> tuple[Reason, str] | None:
        """The first rule that ``value`` breaks, in this order: control character, length, presence, format."""
        if CONTROL_CHARACTER.search(value):
            return FieldReason.FIELD_CONTROL_CHARACTER, "holds a control character or a line break; none is allowed"
        if len(value) > self.limit:
            return FieldReason.FIELD_TOO_LONG, f"has {len(value)} characters, at most {self.limit} are allowed"
        if self.mandatory and not value.strip():
            return FieldReason.FIELD_MISSING, "is missing or empty; a value is mandatory"
        if self.rule is not None and value:
            return self.rule(value)
        return None

    def says(self, value: str) -> str:
        """The value for an error sentence, or nothing where it is secret."""
        return "" if self.secret else shown(value) + " "


class FieldText(NamedTuple):
    """A field of a payload for people; a secret text is shown to nobody."""

    name: str
    text: str
    secret: bool


def field_problems(
    fields: Sequence[Field], values: Sequence[object], position: int | None, label: tuple[str, str] | None
) -> Iterator[Problem]:
    """The problems of a record's text fields, in the order of the fields: of each the first.

    Values that are not text (integers that the protocol has already read) are passed over.
    """
    for field, value in zip(fields, values, strict=True):
        if not isinstance(value, str):
            continue
        wrong = field.wrong(value)
        if wrong is not None:
            reason, sentence = wrong
            lead = "" if reason is FieldReason.FIELD_MISSING else field.says(value)
            yield Problem(reason, lead + sentence, position=position, field=field.name, label=label)


def rules_hold(fields: Sequence[Field], columns: Sequence[Sequence[str]]) -> bool:
    """Whether the rules of the fields hold for all the values of a run, column by column: each value is asked once."""
    for place, field in enumerate(fields):
        if field.rule is None:
            continue
        right = right_values(field.rule)
        new = set(columns[place]) - right
        if not all(field.rule(value) is None for value in new):
            return False
        if len(right) + len(new) > RIGHT_VALUES:
            right.clear()
        right |= new
        right.add("")  # which no rule is asked about
    return True


class Columns(Sequence[Sequence[str]]):
    """The columns of a run, each made when it is asked for: most never are."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows[0])

    def __getitem__(self, place: Any) -> Any:
        return list(map(itemgetter(place), self._rows))


@cache
def right_values(_rule: Rule) -> set[str]:
    """Some values that a rule is known to find right: those of a list are few, and most stand in it many times."""
    return {""}


def maker(fields: Sequence[Field], make: Callable[[Iterable[Any]], Record]) -> Callable[[Sequence[str]], Record]:
    """What makes a record of the texts of a run."""
    numbers = [place for place, field in enumerate(fields) if field.integer]
    if not numbers:
        return make

    def with_numbers(row: Sequence[str]) -> Record:
        values: list[Any] = list(row)
        for place in numbers:
            values[place] = int(values[place])
        return make(values)

    return with_numbers
