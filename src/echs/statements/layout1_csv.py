"""The statement as CSV: RFC 4180, the same rows as the PDF, safe to open in a spreadsheet.

UTF-8 with a byte order mark: without one, spreadsheets read Łódź and Köln wrong.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from echs.base.energy import kwh
from echs.statements.statement import Account, Group, Statement, clock_duration

BYTE_ORDER_MARK = "\ufeff"
HEADER = (
    "row",
    "side",
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
    "cdr_count",
)

# A text that begins so could be run as a formula (OWASP ASVS 5.0, 1.2.10).
FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\0")


def text(value: str) -> str:
    """A text cell that no spreadsheet takes for a formula."""
    return "'" + value if value.startswith(FORMULA_START) else value


def draw(statement: Statement, file: BinaryIO) -> None:
    """Write the statement to ``file``: a line a CDR, a total a counterparty, a total a side."""
    wrapper = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    wrapper.write(BYTE_ORDER_MARK)
    writer = csv.writer(wrapper, lineterminator="\r\n")
    writer.writerow(HEADER)
    for account in statement.accounts:
        writer.writerows(account_rows(statement, account))
    wrapper.flush()
    wrapper.detach()


def account_rows(statement: Statement, account: Account) -> Iterator[Iterable[str]]:
    """The rows of one side."""
    side = account.side.value
    for group in account.groups:
        yield from group_rows(statement, group, side)
    total = ("total", side, statement.run_text, "", "", "", "", "", "", "", kwh(account.volume_e4_kwh))
    yield (*total, "", "", "", "", "", str(account.cdr_count))


def group_rows(statement: Statement, group: Group, side: str) -> Iterator[Iterable[str]]:
    """The rows with one counterparty, and their total."""
    party = (text(group.counterparty_id), text(group.counterparty_name), text(group.own_id))
    for line in group.lines():
        yield (
            "cdr",
            side,
            str(line.run_number),
            *party,
            text(line.cdr_id),
            statement.local(line.started_at),
            statement.local(line.ended_at),
            clock_duration(line.duration_s),
            kwh(line.volume_e4_kwh),
            text(line.contract_id),
            text(line.chargepoint_id),
            text(line.city),
            text(line.product),
            text(line.tariff),
            "1",
        )
    total = ("counterparty total", side, statement.run_text, *party, "", "", "", "", kwh(group.volume_e4_kwh))
    yield (*total, "", "", "", "", "", str(group.cdr_count))
