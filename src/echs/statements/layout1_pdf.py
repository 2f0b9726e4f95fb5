"""The statement as PDF, for people: A4 landscape, a line a CDR, subtotals, page numbers.

Drawn straight onto ReportLab's canvas: texts of partners are never read as markup, lines are taken one at a time, and
``invariant`` keeps dates and random ids out of the file, so that the same statement is the same bytes.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO

import reportlab
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

from echs.base.energy import kwh
from echs.base.plural import counted
from echs.statements.statement import SIDE_TITLES, Account, Group, Line, Statement, clock_duration
from echs.statements.typesetting import BOLD, FONT, fonts, printable, set_texts, turn_page, width_of, wrapped

WIDTH, HEIGHT = landscape(A4)
MARGIN = 36
BOTTOM = 48
SIZE = 7.5
LEADING = 9.5
ROW_GAP = 3
INK, FAINT, RULE, BAND = HexColor("#1d2733"), HexColor("#5d6b7a"), HexColor("#c9d2dc"), HexColor("#eef2f6")
PAGES_FORM = "pages_in_all"
# The same statement is the same bytes as long as these are the same.
MADE_WITH = f"reportlab {reportlab.Version}, zlib {zlib.ZLIB_RUNTIME_VERSION}"


@dataclass(frozen=True)
class Column:
    """A column of the table: its title, its width in points, and on which side its text stands."""

    title: str
    width: float
    right: bool = False

    @cached_property
    def inner(self) -> float:
        """What its text may take; numbers stand clear of the next column."""
        return self.width - (12 if self.right else 6)


COLUMNS = (
    Column("CDR", 136),
    Column("Start", 100),
    Column("End", 100),
    Column("Duration", 50, right=True),
    Column("kWh", 62, right=True),
    Column("Contract", 102),
    Column("Charge point", 82),
    Column("City", 72),
    Column("Product / tariff", 66),
)
VOLUME_COLUMN = 4


def draw(statement: Statement, file: BinaryIO) -> None:
    """Write the statement to ``file``. Not for two threads at once, since fonts are shared; the shelf sees to that."""
    fonts()
    page = Page(statement, file)
    page.open_first()
    for account in statement.accounts:
        draw_account(page, account)
    page.close()


class Page:
    """The sheet under the pen: knows how far down it is written, and opens the next one when it is full."""

    def __init__(self, statement: Statement, file: BinaryIO) -> None:
        self.statement = statement
        self.canvas: Any = Canvas(file, pagesize=(WIDTH, HEIGHT), invariant=1, pageCompression=1)
        self.canvas.setTitle(f"Clearing statement, run {statement.run_text}, {statement.name}")
        self.canvas.setAuthor("eCHS")
        self.canvas.setSubject("Cleared roaming charge detail records")
        self.number = 0
        self.y = 0.0
        self.heading: Sequence[str] = ()

    def text(self, x: float, text: str, *, font: str = FONT, size: float = SIZE, color: Any = INK) -> None:
        """Write at x on the present line."""
        self.canvas.setFont(font, size)
        self.canvas.setFillColor(color)
        self.canvas.drawString(x, self.y, printable(text, font))

    def open_first(self) -> None:
        """The first page: who, which run, when, which period, and what it comes to."""
        statement = self.statement
        self._open()
        self.y -= 8
        self.text(MARGIN, "Clearing statement", font=BOLD, size=18)
        self.y -= 24
        runs = "Run" if len(statement.runs) == 1 else "Runs"
        facts = [
            ("Partner", f"{statement.name} ({statement.user_id})"),
            (runs, statement.run_text),
            ("Cleared", statement.cleared_text),
            ("Period", f"{statement.local(statement.period_start)}  to  {statement.local(statement.period_end)}"),
            ("Times", f"in the time zone {statement.timezone}"),
            *(
                (f"As {account.side}", f"{counted(account.cdr_count, 'CDR')}, {kwh(account.volume_e4_kwh)} kWh")
                for account in statement.accounts
            ),
        ]
        for title, fact in facts:
            self.text(MARGIN, title, size=9, color=FAINT)
            for piece in wrapped(fact, WIDTH - 2 * MARGIN - 60, FONT, 9):
                self.text(MARGIN + 60, piece, size=9)
                self.y -= 13
        self.y -= 6

    def _open(self) -> None:
        self.number += 1
        self.y = HEIGHT - MARGIN
        if self.number > 1:
            statement = self.statement
            running = f"Clearing statement \N{MIDDLE DOT} run {statement.run_text} \N{MIDDLE DOT} {statement.name}"
            self.text(MARGIN, wrapped(running, WIDTH - 2 * MARGIN, FONT, SIZE)[0], color=FAINT)
            self.y -= 16
        canvas = self.canvas
        canvas.setFont(FONT, SIZE)
        canvas.setFillColor(FAINT)
        canvas.drawString(MARGIN, MARGIN - 8, "Energy in kWh. Prices and payment are between the partners.")
        canvas.drawRightString(WIDTH - MARGIN - 22, MARGIN - 8, f"Page {self.number} of")
        # How many pages there are is known at the end: a form that is filled then stands in its place.
        canvas.doForm(PAGES_FORM)

    def need(self, height: float) -> None:
        """Make sure that so much fits, on a new page if need be, under the headings that are in force."""
        if self.y - height < BOTTOM:
            turn_page(self.canvas)
            self._open()
            for line in self.heading:
                self.text(MARGIN, line, font=BOLD, size=SIZE, color=FAINT)
                self.y -= LEADING
            if self.heading:
                self.y -= 2
                self.titles()

    def rule(self, color: Any = RULE) -> None:
        """A line across the page."""
        self.canvas.setStrokeColor(color)
        self.canvas.setLineWidth(0.5)
        self.canvas.line(MARGIN, self.y + LEADING - 1, WIDTH - MARGIN, self.y + LEADING - 1)

    def titles(self) -> None:
        """The titles of the columns, on a band."""
        self.canvas.setFillColor(BAND)
        self.canvas.rect(MARGIN, self.y - 3, WIDTH - 2 * MARGIN, LEADING + 3, stroke=0, fill=1)
        self.cells([column.title for column in COLUMNS], font=BOLD)
        self.y -= 3

    def cells(self, texts: Sequence[str], *, font: str = FONT) -> None:
        """One row of the table, as high as its fullest cell."""
        pieces = [wrapped(text, column.inner, font, SIZE) for text, column in zip(texts, COLUMNS, strict=True)]
        height = max(map(len, pieces)) * LEADING
        self.need(height + ROW_GAP)
        x = float(MARGIN)
        placed = []
        for column, lines in zip(COLUMNS, pieces, strict=True):
            for number, line in enumerate(lines):
                left = x + column.inner - width_of(line, font, SIZE) if column.right else x
                placed.append((left, self.y - number * LEADING, line))
            x += column.width
        set_texts(self.canvas, placed, font, SIZE, INK)
        self.y -= height + ROW_GAP

    def total(self, title: str, cdr_count: int, volume_e4_kwh: int) -> None:
        """A row with a sum: its title over the first columns, the volume in its column."""
        self.need(LEADING + 2 * ROW_GAP)
        self.rule()
        before = sum(column.width for column in COLUMNS[:VOLUME_COLUMN])
        self.text(MARGIN, wrapped(f"{title}: {counted(cdr_count, 'CDR')}", before - 12, BOLD, SIZE)[0], font=BOLD)
        self.canvas.drawRightString(MARGIN + before + COLUMNS[VOLUME_COLUMN].inner, self.y, kwh(volume_e4_kwh))
        self.y -= LEADING + ROW_GAP

    def close(self) -> None:
        """Fill in the number of pages and finish the file."""
        turn_page(self.canvas)
        self.canvas.beginForm(PAGES_FORM, 0, 0, WIDTH, HEIGHT)
        self.canvas.setFont(FONT, SIZE)
        self.canvas.setFillColor(FAINT)
        self.canvas.drawString(WIDTH - MARGIN - 20, MARGIN - 8, str(self.number))
        self.canvas.endForm()
        self.canvas.save()


def draw_account(page: Page, account: Account) -> None:
    """One side: its counterparties with their lines, and what they come to."""
    page.heading = ()
    page.need(60)
    page.y -= 10
    page.text(MARGIN, SIDE_TITLES[account.side], font=BOLD, size=11)
    page.y -= 18
    if not account.groups:
        page.text(MARGIN, "None in this statement.", color=FAINT)
        page.y -= LEADING + ROW_GAP
        return
    for group in account.groups:
        draw_group(page, group)
    page.heading = ()
    page.total("Total of this side", account.cdr_count, account.volume_e4_kwh)


def draw_group(page: Page, group: Group) -> None:
    """The lines with one counterparty, under its name, with their sum."""
    named = group.counterparty_name.startswith(group.counterparty_id)
    who = group.counterparty_name if named else f"{group.counterparty_id} \N{MIDDLE DOT} {group.counterparty_name}"
    title = f"{who} (with you as {group.own_id})"
    lines = wrapped(title, WIDTH - 2 * MARGIN, BOLD, SIZE)
    page.heading = ()
    page.need(len(lines) * LEADING + 4 * LEADING)
    for line in lines:
        page.text(MARGIN, line, font=BOLD)
        page.y -= LEADING
    page.y -= 3
    page.titles()
    page.heading = lines
    for each in group.lines():
        page.cells(row(page.statement, each))
    page.heading = ()
    page.total(f"Total {group.counterparty_id}", group.cdr_count, group.volume_e4_kwh)
    page.y -= 6


def row(statement: Statement, line: Line) -> list[str]:
    """The texts of one CDR, column by column."""
    return [
        line.cdr_id,
        statement.local(line.started_at),
        statement.local(line.ended_at),
        clock_duration(line.duration_s),
        kwh(line.volume_e4_kwh),
        line.contract_id,
        line.chargepoint_id,
        line.city,
        f"{line.product} / {line.tariff}",
    ]
