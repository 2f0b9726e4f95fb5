"""From the children of a request to nouns, and from nouns to the records of an answer.

Reading is liberal in form: any prefix, any order of fields, absent and empty the same. It is strict in content: an
unknown element, a field twice, an element inside a field or stray text is a problem that names the place, since to
drop data in silence is worse.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import chain
from typing import Any, TypeVar, cast

from echs.base.errors import Problem, RecordProblems, Unreadable, shown
from echs.base.fields import FieldReason
from echs.base.upload_validation import RecordBatch
from echs.lists.list_cache import RecordTemplate
from echs.protocols.ochp02.wire_schema import NAMESPACE, WireRecord
from echs.protocols.rows.payload import SEPARATOR
from echs.protocols.soap.envelope_parser import Child, split
from echs.protocols.soap.envelope_reader import EnvelopeReader

ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))

_INTEGER = re.compile(r"[ \t\r\n]*([+-]?)0*([0-9]{1,9})[ \t\r\n]*")

_INT32 = re.compile("-?[0-9]{1,32}")

Noun = TypeVar("Noun", bound=tuple[Any, ...])


def received(
    reader: EnvelopeReader, record: WireRecord, make: Callable[[Iterable[Any]], Noun]
) -> Iterator[Noun | RecordBatch | Unreadable]:
    """The records of a request: the regular ones in runs, the others one by one as `records_of` gives them."""
    position = 0
    for item in reader.records(record.shape):
        if isinstance(item, RecordBatch):
            position += len(item.rows)
            yield item
        else:
            yield record_of(item, position, record, make)
            position += 1


def records_of(
    children: Iterable[Child],
    record: WireRecord,
    make: Callable[[Iterable[Any]], Noun],
    beyond: Callable[[Noun, int], Iterator[Problem]] | None = None,
) -> Iterator[Noun | Unreadable]:
    """The records of a request, or in the place of each that cannot be read, what is wrong with it.

    With ``beyond``, the rules of the noun, what is wrong with the rest of such a record is told too.
    """
    for position, child in enumerate(children):
        yield record_of(child, position, record, make, beyond)


def record_of(
    child: Child,
    position: int,
    record: WireRecord,
    make: Callable[[Iterable[Any]], Noun],
    beyond: Callable[[Noun, int], Iterator[Problem]] | None = None,
) -> Noun | Unreadable:
    """One child of a request: a record, or what is wrong with it."""
    if child.name == record.shape.name:
        return read(child, position, record, make, beyond)
    if child.name:
        if split(child.name)[1] == record.element:
            return foreign(child.name, position, f"must be in the namespace {NAMESPACE}")
        return foreign(child.name, position, f"is not an element of this request; {record.element} is")
    return Problem(FieldReason.FIELD_NOT_TEXT, "there is text between the records", position=position)


def read(
    child: Child,
    position: int,
    record: WireRecord,
    make: Callable[[Iterable[Any]], Noun],
    beyond: Callable[[Noun, int], Iterator[Problem]] | None = None,
) -> Noun | RecordProblems:
    """One record, or everything in its form that is wrong."""
    values, wrong = children_of(child, position, record)
    if not wrong:
        return make(values)
    rest = iter(wrong[1:])
    if beyond is not None:
        # Zero is right wherever a number stands: no rule takes offence at what was put in its place.
        readable = make([0 if value is None else value for value in values])
        told = {problem.field for problem in wrong if not problem.field_as_sent}
        rest = chain(rest, (problem for problem in beyond(readable, position) if problem.field not in told))
    return RecordProblems(wrong[0], rest)


def children_of(child: Child, position: int, record: WireRecord) -> tuple[list[str | int | None], list[Problem]]:
    """The values of a record in the order of the wire, with None for a number that is none, and what is wrong."""
    wrong: list[Problem] = []

    label = label_of(child, record)

    def note(place: int, reason: FieldReason, detail: str) -> None:
        name = record.fields[place].field.name
        wrong.append(Problem(reason, detail, position=position, field=name, label=label))

    values: list[str | int | None] = [None] * len(record.fields)
    for name, text in child.fields:
        place = record.places.get(name)
        if place is None:
            known = f"{NAMESPACE} {split(name)[1]}" in record.places
            detail = f"must be in the namespace {NAMESPACE}" if known else f"is not a field of {record.type_name}"
            wrong.append(foreign(name, position, detail, label))
        elif values[place] is not None:
            note(place, FieldReason.FIELD_REPEATED, "stands more than once in this record")
        elif text is None:
            note(place, FieldReason.FIELD_NOT_TEXT, "holds elements; only text may stand here")
            values[place] = ""
        else:
            values[place] = text
    if child.text.strip():
        detail = "there is text between the fields of this record"
        wrong.append(Problem(FieldReason.FIELD_NOT_TEXT, detail, position=position, label=label))
    for place, wire in enumerate(record.fields):
        text = cast("str | None", values[place])
        if not wire.field.integer:
            values[place] = text or ""
        elif text is None or not text.strip():
            note(place, FieldReason.FIELD_MISSING, "is missing or empty; a value is mandatory")
            values[place] = None
        else:
            number = integer(text)
            if number is None:
                # Digits in the wrong column may be a pin or a card number.
                value = "" if any(character.isdigit() for character in text) else f"{shown(text)} "
                note(place, FieldReason.FIELD_NOT_INTEGER, f"{value}is not a whole number; send {wire.field.wanted}")
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
def record_template(record: WireRecord) -> RecordTemplate:
    """How a record goes out: every field, in order, empty where there is no value, in the default namespace of the
    envelope that takes it in."""
    template = template_of(record)
    return RecordTemplate("ochp02", template, partial(rendered, template))


@lru_cache
def numeric_pins_template(record: WireRecord) -> RecordTemplate:
    """As `record_template`, for who reads pins as numbers: xs:int in the WSDL before August 2013. A pin that is none
    goes out as 0, since one of them makes such a client lose the list."""
    template = template_of(record)
    place = next(place for place, wire in enumerate(record.fields) if wire.name == "pin")
    return RecordTemplate(
        "ochp02-numeric-pins", template, partial(rendered_numeric_pins, template, len(record.fields), place)
    )


def template_of(record: WireRecord) -> str:
    """The text of a record, with ``%s`` for the value of each field."""
    fields = "".join(f"<{wire.name}>%s</{wire.name}>" for wire in record.fields)
    return f"<{record.element}>{fields}</{record.element}>"


def rendered(template: str, payloads: Sequence[str]) -> bytes:
    """XML of records, from their payloads, many at once."""
    return (template * len(payloads) % tuple(escaped(payloads))).encode()


def rendered_numeric_pins(template: str, fields: int, pin: int, payloads: Sequence[str]) -> bytes:
    """The same with numbers for pins."""
    values = escaped(payloads)
    values[pin::fields] = map(numeric_pin, values[pin::fields])
    return (template * len(payloads) % tuple(values)).encode()


def escaped(payloads: Sequence[str]) -> list[str]:
    """The values of payloads, one record behind the other, with the signs of markup escaped."""
    text = SEPARATOR.join(payloads)
    for sign, entity in ESCAPES:
        if sign in text:
            text = text.replace(sign, entity)
    return text.split(SEPARATOR)


def numeric_pin(pin: str) -> str:
    """The pin when it is an xs:int as every toolkit reads one: digits, a minus before them at most; else 0."""
    text = pin.strip(" \t\r\n")
    return text if _INT32.fullmatch(text) is not None and -(2**31) <= int(text) < 2**31 else "0"
