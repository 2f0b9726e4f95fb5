"""From the children of a request to nouns, and from nouns to the records of an answer.

Reading is liberal in form: any prefix, any order of fields, absent and empty the same. It is strict in content: an
unknown element, a field twice, an element inside a field or stray text is a problem that names the place, since to
drop data in silence is worse.
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any, BinaryIO, TypeVar, cast
from xml.sax.saxutils import escape

from echs.base.errors import Problem, Problems, Unread, shown
from echs.base.fields import FieldReason
from echs.protocols.ochp02.names import NAMESPACE, WireRecord
from echs.protocols.soap.stream import Child, split

# An answer up to this size stays in memory; a larger one goes through a temporary file.
SPOOL_BYTES = 8 * 1024 * 1024
ROWS_AT_ONCE = 500

_INTEGER = re.compile(r"[ \t\r\n]*([+-]?)0*([0-9]{1,9})[ \t\r\n]*")

Noun = TypeVar("Noun", bound=tuple[Any, ...])


def nouns(
    children: Iterable[Child],
    record: WireRecord,
    make: Callable[[Iterable[Any]], Noun],
    beyond: Callable[[Noun, int], Iterator[Problem]] | None = None,
) -> Iterator[Noun | Unread]:
    """The records of a request, or in the place of each that cannot be read, what is wrong with it.

    With ``beyond``, the rules of the noun, what is wrong with the rest of such a record is told too.
    """
    expected = f"{NAMESPACE} {record.element}"
    for position, child in enumerate(children):
        if child.name == expected:
            yield read(child, position, record, make, beyond)
        elif child.name:
            yield foreign(child.name, position, f"is not an element of this request; {record.element} is")
        else:
            yield Problem(FieldReason.FIELD_NOT_TEXT, "there is text between the records", position=position)


def read(
    child: Child,
    position: int,
    record: WireRecord,
    make: Callable[[Iterable[Any]], Noun],
    beyond: Callable[[Noun, int], Iterator[Problem]] | None = None,
) -> Noun | Problems:
    """One record, or everything in its form that is wrong."""
    values, wrong = form_of(child, position, record)
    if not wrong:
        return make(values)
    rest = iter(wrong[1:])
    if beyond is not None:
        # Zero is right wherever a number stands: no rule takes offence at what was put in its place.
        readable = make([0 if value is None else value for value in values])
        told = {problem.field for problem in wrong if not problem.field_as_sent}
        rest = chain(rest, (problem for problem in beyond(readable, position) if problem.field not in told))
    return Problems(wrong[0], rest)


def form_of(child: Child, position: int, record: WireRecord) -> tuple[list[str | int | None], list[Problem]]:
    """The values of a record in the order of the wire, with None for a number that is none, and what is wrong."""
    wrong: list[Problem] = []

    def note(place: int, reason: FieldReason, detail: str) -> None:
        name, label = record.fields[place].field.name, label_of(child, record)
        wrong.append(Problem(reason, detail, position=position, field=name, label=label))

    values: list[str | int | None] = [None] * len(record.fields)
    for name, text in child.fields:
        place = record.places.get(name)
        if place is None:
            wrong.append(foreign(name, position, f"is not a field of {record.type_name}", label_of(child, record)))
        elif values[place] is not None:
            note(place, FieldReason.FIELD_REPEATED, "stands more than once in this record")
        elif text is None:
            note(place, FieldReason.FIELD_NOT_TEXT, "holds elements; only text may stand here")
            values[place] = ""
        else:
            values[place] = text
    if child.text.strip():
        detail = "there is text between the fields of this record"
        wrong.append(Problem(FieldReason.FIELD_NOT_TEXT, detail, position=position, label=label_of(child, record)))
    for place, wire in enumerate(record.fields):
        text = cast("str | None", values[place])
        if not wire.is_integer:
            values[place] = text or ""
        elif text is None or not text.strip():
            note(place, FieldReason.FIELD_MISSING, "is missing or empty; a value is mandatory")
            values[place] = None
        else:
            number = integer(text)
            if number is None:
                # Digits in the wrong column may be a pin or a card number.
                value = "" if any(character.isdigit() for character in text) else f"{shown(text)} "
                note(place, FieldReason.FIELD_NOT_INTEGER, f"{value}is not a whole number")
            values[place] = number
    return values, wrong


def integer(text: str) -> int | None:
    """An xs:int of up to nine digits, white space around it allowed; None for anything else."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        return None
    return int(match[1] + match[2])


def label_of(child: Child, record: WireRecord) -> tuple[str, str] | None:
    """How a person finds a record again that could not be read."""
    for name, text in child.fields:
        if name == f"{NAMESPACE} {record.label}" and text:
            return record.label, text
    return None


def foreign(name: str, position: int, detail: str, label: tuple[str, str] | None = None) -> Problem:
    """A problem with an element that is not known."""
    namespace, local = split(name)
    if namespace != NAMESPACE:
        detail += f"; its namespace is {shown(namespace)}" if namespace else "; it has no namespace"
    return Problem(FieldReason.FIELD_UNKNOWN, detail, position=position, field=local, label=label, field_as_sent=True)


@lru_cache
def template(record: WireRecord) -> str:
    """A record with a place for each value: every field, in order, empty where there is no value."""
    fields = "".join(f"<{wire.name}>%s</{wire.name}>" for wire in record.fields)
    return f"<{record.element}>{fields}</{record.element}>"


def render(record: WireRecord, rows: Iterable[tuple[Any, ...]]) -> BinaryIO:
    """The records of an answer as they go out, in the default namespace of the envelope that takes them in.

    All of them are drawn before the first is sent: no slow reader holds the store's snapshot open, and what fails is
    still answered cleanly.
    """
    form = template(record)
    # The type of the temporary file promises less than it is: it is a binary file.
    spool = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES))  # noqa: SIM115 - the answer closes it
    batch: list[str] = []
    try:
        for row in rows:
            batch.append(form % tuple([escape(value) if isinstance(value, str) else value for value in row]))
            if len(batch) >= ROWS_AT_ONCE:
                spool.write("".join(batch).encode())
                batch.clear()
        spool.write("".join(batch).encode())
    except BaseException:
        spool.close()
        raise
    return spool
