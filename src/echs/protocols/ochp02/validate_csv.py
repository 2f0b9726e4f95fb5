"""An upload as a spreadsheet: rows become what the reader of envelopes gives, and go through the same checks."""

import csv
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, TextIO

from echs.base.errors import named, shown
from echs.base.fields import FieldReason
from echs.base.plural import counted
from echs.protocols.ochp02.validate import examine
from echs.protocols.ochp02.wire_schema import NAMESPACE, RECORDS, WireRecord
from echs.protocols.soap.envelope_parser import Child
from echs.protocols.upload_report import Checker, Report

DELIMITERS = ",;\t"
NAME = re.compile(r"[A-Za-z_ ]{1,40}")


def check_csv(checker: Checker, text: TextIO) -> Report:
    """The report on a CSV file whose first line has the names of the fields, in any order."""
    report = Report()
    try:
        sample = text.readline()
        delimiter = max(DELIMITERS, key=sample.count)
        rows = csv.reader(chain([sample], text), delimiter=delimiter, strict=True)
        header = [name.strip() for name in next(rows, [])]
        record = record_of(header)
        if record is None:
            names = ", ".join(known.type_name for known in RECORDS)
            report.refuse("CsvHeader", f"{said_of(header)} the names of the fields of one of {names}")
            return report
        report.what = record.type_name
        known = checked_header(header, record, report)
        examine(checker, record, as_children(rows, known, record, report), report)
    except csv.Error as error:
        report.refuse("CsvFormat", f"line {text_line(report)}: {error}")
    except UnicodeDecodeError as error:
        report.refuse("CsvFormat", f"after line {text_line(report) - 1}: not {error.encoding}; save it as UTF-8")
    return report.in_order()


def said_of(header: list[str]) -> str:
    """What the first line is, where it is no header. A record may stand there: only names are repeated."""
    if not any(header):
        return "the file is empty, or its first line is; it needs"
    if all(NAME.fullmatch(name) for name in header):
        return f"the first line has {named(header)}, and not"
    return f"the first line has {counted(len(header), 'value')}, and not"


def text_line(report: Report) -> int:
    """The line behind the last that was read whole."""
    return (report.lines[-1] if report.lines else 1) + 1


def record_of(header: list[str]) -> WireRecord | None:
    """The record that has most of these names."""
    counts = {record.type_name: sum(f"{NAMESPACE} {name}" in record.places for name in header) for record in RECORDS}
    best = max(RECORDS, key=lambda record: counts[record.type_name])
    others = [counts[record.type_name] for record in RECORDS if record is not best]
    return best if counts[best.type_name] > max(others) else None


def checked_header(header: list[str], record: WireRecord, report: Report) -> list[str | None]:
    """The names by column; None for a column that is not read, each of which is a remark."""
    known: list[str | None] = []
    met: set[int | None] = set()
    for name in header:
        place = record.places.get(f"{NAMESPACE} {name}")
        if place is None:
            report.refuse(FieldReason.FIELD_UNKNOWN, f"is not a field of {record.type_name}", place=shown(name)[1:-1])
        elif place in met:
            report.refuse(FieldReason.FIELD_REPEATED, "stands more than once in the first line", place=name)
        known.append(name if place is not None and place not in met else None)
        met.add(place)
    return known


def as_children(rows: Any, header: list[str | None], record: WireRecord, report: Report) -> Iterator[Child]:
    """The rows as the reader of envelopes would give them; empty lines are none."""
    for row in rows:
        if not any(row):
            continue  # an empty line, or one of those that spreadsheets leave behind
        report.lines.append(rows.line_num)
        fields: list[tuple[str, str | None]] = [
            (f"{NAMESPACE} {name}", value) for name, value in zip(header, row, strict=False) if name is not None
        ]
        surplus = [value for value in row[len(header) :] if value]
        if surplus:
            detail = f"line {rows.line_num} has {len(row)} values; the first line has {len(header)} names"
            report.refuse("CsvFormat", detail)
        yield Child(f"{NAMESPACE} {record.element}", "", fields)
