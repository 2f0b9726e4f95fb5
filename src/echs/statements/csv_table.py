"""The statement as CSV, layout 3: a row for each cleared CDR and nothing else, in two forms.

``csv`` is for programs: RFC 4180, comma, decimal point, times with their offset. ``excel.csv`` is for spreadsheets that
are set to Dutch, German or French: semicolon, decimal comma, local times that they take for times, and the offsets in
columns of their own. Both are UTF-8 with a byte order mark: without one, spreadsheets read Łódź and Köln wrong.

Totals and what is not in the run stand in the PDF: a column of this file can be added up as it is.
"""

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

from echs.base.energy import kwh
from echs.base.money import amount_text
from echs.statements.statement import Group, Line, Side, Statement, clock_duration, has_costs

BYTE_ORDER_MARK = "\ufeff"
HEADER = (
    "document",
    "section",
    "run",
    "counterparty_id",
    "counterparty_name",
    "own_id",
    "cdr_id",
    "start",
    "end",
    "duration",
    "volume_kwh",
    "contract_id",
    "chargepoint_id",
    "city",
    "product_type",
    "tariff_type",
)
OFFSETS = ("start_offset", "end_offset")
# Only where a price was told for any CDR.
COSTS = ("cost_net", "currency")

# What makes a formula of a cell: the signs of OWASP ASVS 5.0, 1.2.10, also in full width, at its beginning or where
# a spreadsheet that splits at another sign than we do would let one begin.
SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
SPLIT = re.compile(r"[;,\t|]")
FORMULA = re.compile(rf"(^|[;,\t|])([\s\"']*)(?=[{SIGNS}])|^(?=[\t\r\n\0])")


def text(value: str) -> str:
    """A text cell in which no spreadsheet finds a formula, whether it splits at comma, semicolon or tab."""
    if value[:1].isalnum() and SPLIT.search(value) is None:
        return value
    return FORMULA.sub(r"\1\2'", value)


def draw(statement: Statement, file: BinaryIO) -> None:
    """Write the statement to ``file`` in the form for programs."""
    write(statement, file, spreadsheet=False)


def draw_for_spreadsheet(statement: Statement, file: BinaryIO) -> None:
    """Write the statement to ``file`` in the form for spreadsheets."""
    write(statement, file, spreadsheet=True)


def write(statement: Statement, file: BinaryIO, *, spreadsheet: bool) -> None:
    """The header and a row a CDR, section by section."""
    wrapper = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    wrapper.write(BYTE_ORDER_MARK)
    writer = csv.writer(wrapper, delimiter=";" if spreadsheet else ",", lineterminator="\r\n")
    priced = has_costs(statement)
    writer.writerow((*HEADER, *(OFFSETS if spreadsheet else ()), *(COSTS if priced else ())))
    for account in statement.accounts:
        for group in account.groups:
            writer.writerows(rows(statement, group, account.side, spreadsheet, priced))
    wrapper.flush()
    wrapper.detach()


def rows(statement: Statement, group: Group, side: Side, spreadsheet: bool, priced: bool) -> Iterator[tuple[str, ...]]:
    """The rows with one counterparty."""
    zone: Any = statement.zone
    document = text(statement.number)
    party = (text(group.counterparty_id), text(group.counterparty_name), text(group.own_id))
    for line in group.lines():
        start, end = line.started_at.astimezone(zone), line.ended_at.astimezone(zone)
        volume = kwh(line.volume_e4_kwh)
        yield (
            document,
            side.value,
            str(line.run_number),
            *party,
            text(line.cdr_id),
            local(start) if spreadsheet else start.isoformat(" ", "seconds"),
            local(end) if spreadsheet else end.isoformat(" ", "seconds"),
            clock_duration(line.duration_s),
            volume.replace(".", ",") if spreadsheet else volume,
            text(line.contract_id),
            text(line.chargepoint_id),
            text(line.city),
            text(line.product),
            text(line.tariff),
            *((offset(start), offset(end)) if spreadsheet else ()),
            *(cost(line, spreadsheet) if priced else ()),
        )


def cost(line: Line, spreadsheet: bool) -> tuple[str, str]:
    """What a CDR costs, and in which currency; empty where no price was told."""
    if line.cost is None:
        return "", ""
    amount = amount_text(line.cost.amount_e6)
    return amount.replace(".", ",") if spreadsheet else amount, line.cost.currency


def local(there: datetime) -> str:
    """A local time as a spreadsheet reads it."""
    return there.isoformat(" ", "seconds")[:19]


def offset(there: datetime) -> str:
    """How far a local time is from UTC, as a text that is no number and no formula."""
    return f"UTC{there.isoformat()[-6:]}" if there.utcoffset() else "UTC"
