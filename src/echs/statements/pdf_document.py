"""The statement as PDF, layout 3: a letter with a summary, then every line; A4 landscape, for keeping.

As in layout 2 it is drawn straight onto the canvas, texts of partners are never read as markup, and lines are taken
one at a time. Whatever the file says of itself comes from the run, so that the same statement is the same bytes.
"""

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any, BinaryIO

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

from echs.base.energy import kwh
from echs.base.plural import counted
from echs.statements.description import describe
from echs.statements.issuer import is_png
from echs.statements.statement import (
    SIDE_TITLES,
    Account,
    Group,
    Line,
    OpenItem,
    Side,
    Statement,
    Why,
    clock_duration,
    costs_text,
    has_costs,
)
from echs.statements.svg import Drawing, read_drawing
from echs.statements.typesetting import BOLD, FONT, fonts, printable, set_texts, turn_page, width_of, wrapped

WIDTH, HEIGHT = landscape(A4)
MARGIN = 42
BOTTOM = 54
INNER = WIDTH - 2 * MARGIN
SIZE = 7.5
LEADING = 9.5
ROW_GAP = 3
INK, FAINT, RULE, BAND = HexColor("#1d2733"), HexColor("#5d6b7a"), HexColor("#c9d2dc"), HexColor("#eef2f6")
# No letter of ASCII is wider, in either font, of its size.
WIDEST = 0.95
PAGES_FORM = "pages_in_all"
LOGO_WIDTH, LOGO_HEIGHT = 170.0, 48.0
TITLE = "Clearing statement"
# Behind a local time that comes twice in the night in which clocks are set back: the second of both.
SECOND = "*"
DOT = " \N{MIDDLE DOT} "


class Column:
    """A column of a table: its title, its width in points, and on which side its text stands."""

    def __init__(self, title: str, width: float, *, right: bool = False) -> None:
        self.title, self.width, self.right = title, width, right
        # What its text may take; numbers stand clear of the next column.
        self.inner = width - (12 if right else 6)
        # So many letters fit whatever they are: need not be measured.
        self.fits = int(self.inner / (WIDEST * SIZE))


LINES = (
    Column("CDR", 138),
    Column("Start", 86),
    Column("End", 86),
    Column("Duration", 52, right=True),
    Column("kWh", 66, right=True),
    Column("Contract", 104),
    Column("Charge point", 86),
    Column("City", 78),
    Column("Product / tariff", 61.89),
)
# Where a price was told for any CDR.
PRICED = (
    Column("CDR", 116),
    Column("Start", 80),
    Column("End", 80),
    Column("Duration", 50, right=True),
    Column("kWh", 60, right=True),
    Column("Contract", 98),
    Column("Charge point", 78),
    Column("City", 64),
    Column("Product / tariff", 61.89),
    Column("Net cost", 70, right=True),
)
SUMMARY = (
    Column("Counterparty", 257.89),
    Column("CDRs", 65, right=True),
    Column("kWh", 100, right=True),
    Column("CDRs", 65, right=True),
    Column("kWh", 100, right=True),
    Column("CDRs", 65, right=True),
    Column("kWh", 105, right=True),
)
SUMMARY_HEADS = (
    ("Your customers at their charge points", 1, 3),
    ("Their customers at your charge points", 3, 5),
    ("Both", 5, 7),
)
LEFT = (
    Column("Why", 60),
    Column("Operator", 110),
    Column("Provider", 110),
    Column("CDR", 150),
    Column("CDRs", 50, right=True),
    Column("kWh", 80, right=True),
    Column("Reason", 197.89),
)
LEFT_NOTE = (
    "What is held waits until somebody has its provider id. What is on hold waits until the clearing house releases "
    "it. What was rejected is in no run, now or later. None of it is in the totals."
)
# Only where providers answer about CDRs.
ANSWERS_NOTE = "What awaits an answer, and what is declined, is for its provider and its operator to settle."


def draw(statement: Statement, file: BinaryIO) -> None:
    """Write the statement to ``file``. Not for two threads at once, since fonts are shared; the shelf sees to that."""
    fonts()
    sheet = Sheet(statement, file)
    draw_letter(sheet)
    draw_summary(sheet)
    for account in statement.accounts:
        if account.side is not Side.OWN or account.groups:
            draw_account(sheet, account)
    if statement.left:
        draw_left(sheet, statement.left)
    sheet.close()


class Sheet:
    """The page under the pen: knows how far down it is written, and opens the next one when it is full."""

    def __init__(self, statement: Statement, file: BinaryIO) -> None:
        self.statement = statement
        self.priced = has_costs(statement)
        self.canvas: Any = Canvas(
            file,
            pagesize=(WIDTH, HEIGHT),
            invariant=1,
            pageCompression=1,
            pdfVersion=(1, 7),
            initialFontName=FONT,
            lang="en",
        )
        subject = f"CDRs cleared in run {statement.run_text}, for {statement.name}"
        title = f"{TITLE} {statement.number}"
        describe(self.canvas, title, statement.issuer.name or "eCHS", subject, statement.issued_at)
        self.foot = foot_of(statement)
        self.number = 0
        self.y = 0.0
        self.columns: Sequence[Column] = ()
        self.heading: Sequence[str] = ()
        self.open()

    def text(self, x: float, text: str, *, font: str = FONT, size: float = SIZE, color: Any = INK) -> None:
        """Write at x on the present line."""
        set_texts(self.canvas, [(x, self.y, printable(text, font))], font, size, color)

    def text_to(self, x: float, text: str, *, font: str = FONT, size: float = SIZE, color: Any = INK) -> None:
        """Write on the present line so that it ends at x."""
        shown = printable(text, font)
        self.text(x - width_of(shown, font, size), shown, font=font, size=size, color=color)

    def open(self) -> None:
        """Begin a page: what the document is called, from the second page on, and the foot."""
        self.number += 1
        self.y = MARGIN - 14
        if self.statement.issuer.name:
            self.text(MARGIN, wrapped(self.foot, INNER - 80, FONT, SIZE)[0], color=FAINT)
        else:
            self.text(MARGIN, "Energy in kWh. Prices and payment are between the partners.", color=FAINT)
        self.text_to(WIDTH - MARGIN - 22, f"Page {self.number} of", color=FAINT)
        # How many pages there are is known at the end: a form that is filled then stands in its place.
        self.canvas.doForm(PAGES_FORM)
        self.y = HEIGHT - MARGIN
        if self.number > 1:
            running = f"{TITLE} {self.statement.number}{DOT}{self.statement.name}"
            self.text(MARGIN, wrapped(running, INNER, FONT, SIZE)[0], color=FAINT)
            self.y -= 18

    def need(self, height: float) -> None:
        """Make sure that so much fits, on a new page if need be, under the headings that are in force."""
        if self.y - height >= BOTTOM:
            return
        turn_page(self.canvas)
        self.open()
        for line in self.heading:
            self.text(MARGIN, f"{line} (continued)", font=BOLD, color=FAINT)
            self.y -= LEADING
        if self.heading:
            self.y -= 3
            self.titles()

    def rule(self) -> None:
        """A line across the page, above the present line."""
        self.canvas.setStrokeColor(RULE)
        self.canvas.setLineWidth(0.5)
        self.canvas.line(MARGIN, self.y + LEADING - 1, WIDTH - MARGIN, self.y + LEADING - 1)

    def band(self, height: float) -> None:
        """A band across the page, behind the present line."""
        self.canvas.setFillColor(BAND)
        self.canvas.rect(MARGIN, self.y - 4, INNER, height + 4, stroke=0, fill=1)

    def table(self, columns: Sequence[Column], heading: Sequence[str]) -> None:
        """Begin a table; its titles, and on every page that follows its heading before them."""
        self.columns = columns
        self.titles()
        self.heading = heading

    def titles(self) -> None:
        """The titles of the columns, on a band."""
        self.band(LEADING)
        self.cells([column.title for column in self.columns], font=BOLD)
        self.y -= 3

    def cells(self, texts: Sequence[str], *, font: str = FONT) -> None:
        """One row of the table, as high as its fullest cell."""
        columns = self.columns
        pieces = [
            (text,)
            if len(text) <= column.fits and text.isascii() and text.isprintable()
            else wrapped(text, column.inner, font, SIZE)
            for text, column in zip(texts, columns, strict=True)
        ]
        height = max(map(len, pieces)) * LEADING
        self.need(height + ROW_GAP)
        # A text as wide as its column touches nothing: it begins a little inside of the band.
        x = MARGIN + 4.0
        placed = []
        for column, lines in zip(columns, pieces, strict=True):
            for number, line in enumerate(lines):
                left = x + column.inner - width_of(line, font, SIZE) if column.right else x
                placed.append((left, self.y - number * LEADING, line))
            x += column.width
        set_texts(self.canvas, placed, font, SIZE, INK)
        self.y -= height + ROW_GAP

    def sums(self, texts: Sequence[str]) -> None:
        """The last row of a table, with what it adds up to."""
        self.heading = ()
        self.need(LEADING + 3 * ROW_GAP)
        self.rule()
        self.cells(texts, font=BOLD)
        self.y -= ROW_GAP

    def title(self, text: str, room: float = 70) -> None:
        """The title of a section, on a page on which something of it fits too."""
        self.heading = ()
        self.need(room)
        self.y -= 16
        self.text(MARGIN, text, font=BOLD, size=11)
        self.y -= 17

    def paragraph(self, text: str, *, color: Any = FAINT) -> None:
        """A text across the page."""
        for line in wrapped(text, INNER, FONT, SIZE):
            self.need(LEADING)
            self.text(MARGIN, line, color=color)
            self.y -= LEADING
        self.y -= ROW_GAP

    def close(self) -> None:
        """Fill in the number of pages and finish the file."""
        turn_page(self.canvas)
        self.canvas.beginForm(PAGES_FORM, 0, 0, WIDTH, HEIGHT)
        self.y = MARGIN - 14
        self.text(WIDTH - MARGIN - 20, str(self.number), color=FAINT)
        self.canvas.endForm()
        self.canvas.save()


def foot_of(statement: Statement) -> str:
    """What stands at the foot of every page: who issues it, in a line."""
    issuer = statement.issuer
    vat_id = f"VAT {issuer.vat_id}" if issuer.vat_id else ""
    return DOT.join(filter(None, (issuer.name, *issuer.address, issuer.register, vat_id)))


# ---------------------------------------------------------------------- the letter


def draw_letter(sheet: Sheet) -> None:
    """The head of the first page: the issuer, the addressee, and what document this is."""
    statement, top = sheet.statement, sheet.y
    draw_logo(sheet, top + 6)
    issuer = statement.issuer
    right = WIDTH - MARGIN
    sheet.y = top - 4
    if issuer.name:
        sheet.text_to(right, wrapped(issuer.name, INNER / 2, BOLD, 9)[0], font=BOLD, size=9)
        for line in issuer.address:
            sheet.y -= 11
            sheet.text_to(right, wrapped(line, INNER / 2, FONT, 8)[0], size=8, color=FAINT)
    beside = sheet.y
    sheet.y = min(beside, top - (LOGO_HEIGHT if issuer.logo else 0)) - 30
    begin = sheet.y
    sheet.text(MARGIN, TITLE, font=BOLD, size=18)
    sheet.y -= 26
    facts = facts_of(statement)
    after = draw_addressee(sheet)
    sheet.y = begin
    draw_facts(sheet, facts)
    sheet.y = min(sheet.y, after) - 4


def draw_addressee(sheet: Sheet) -> float:
    """To whom it is, on the left; answers how far down that goes."""
    statement, width = sheet.statement, INNER / 2 - 20
    for number, line in enumerate((statement.name, *statement.address)):
        for piece in wrapped(line, width, BOLD if number == 0 else FONT, 10):
            sheet.text(MARGIN, piece, font=BOLD if number == 0 else FONT, size=10)
            sheet.y -= 13
    if statement.vat_id:
        sheet.text(MARGIN, f"VAT {statement.vat_id}", size=10)
        sheet.y -= 13
    return sheet.y


def facts_of(statement: Statement) -> list[tuple[str, str]]:
    """What is said of the document, title by title. The zone of all its times is named here, once."""
    first, last = statement.period_start, statement.period_end
    return [
        ("Document", statement.number),
        ("Date", local(statement, statement.issued_at)[:10]),
        ("Clearing run" if len(statement.runs) == 1 else "Clearing runs", statement.run_text),
        ("Cleared", cleared_text(statement)),
        ("Sessions", f"{local(statement, first)}  to  {local(statement, last)}"),
        ("Time zone", f"{statement.timezone}, for all times here"),
        ("Partner", statement.user_id),
    ]


def draw_facts(sheet: Sheet, facts: Sequence[tuple[str, str]]) -> None:
    """The facts on the right half, titles in one column and what they say in the next."""
    left = MARGIN + INNER / 2
    for title, fact in facts:
        sheet.text(left, title, size=9, color=FAINT)
        for piece in wrapped(fact, INNER / 2 - 80, FONT, 9):
            sheet.text(left + 80, piece, size=9)
            sheet.y -= 13


def draw_logo(sheet: Sheet, top: float) -> None:
    """The issuer's logo in the corner, as large as fits."""
    logo = sheet.statement.issuer.logo
    if logo is None:
        return
    canvas = sheet.canvas
    if not is_png(logo):
        drawing = read_drawing(logo)
        scale = min(LOGO_WIDTH / drawing.width, LOGO_HEIGHT / drawing.height)
        draw_shapes(canvas, drawing, MARGIN, top, scale)
        return
    from reportlab.lib.utils import ImageReader

    picture = ImageReader(io.BytesIO(logo))
    width, height = picture.getSize()
    scale = min(LOGO_WIDTH / width, LOGO_HEIGHT / height)
    size = {"width": width * scale, "height": height * scale}
    canvas.drawImage(picture, MARGIN, top - height * scale, mask="auto", **size)


def draw_shapes(canvas: Any, drawing: Drawing, left: float, top: float, scale: float) -> None:
    """The shapes of a drawing, whose y goes downwards from ``top``; nothing of it outside of its frame."""
    canvas.saveState()
    frame = canvas.beginPath()
    frame.rect(left, top - drawing.height * scale, drawing.width * scale, drawing.height * scale)
    canvas.clipPath(frame, stroke=0, fill=0)
    canvas.transform(scale, 0, 0, -scale, left, top)
    for shape in drawing.shapes:
        path = canvas.beginPath()
        for kind, points in shape.steps:
            numbers = [number for point in points for number in point]
            if kind == "Z":
                path.close()
            else:
                {"M": path.moveTo, "L": path.lineTo, "C": path.curveTo}[kind](*numbers)
        if shape.fill is not None:
            canvas.setFillColor(shape.fill)
        if shape.stroke is not None:
            canvas.setStrokeColor(shape.stroke)
            canvas.setLineWidth(shape.stroke_width)
        how = {"stroke": int(shape.stroke is not None), "fill": int(shape.fill is not None)}
        canvas.drawPath(path, fillMode=0 if shape.even_odd else 1, **how)
    canvas.restoreState()


# ---------------------------------------------------------------------- the summary


def draw_summary(sheet: Sheet) -> None:
    """What it comes to: a row for each counterparty, both directions side by side, and their sum."""
    statement = sheet.statement
    sheet.title("Summary", 110)
    by_side = {account.side: account for account in statement.accounts}
    provider, operator = by_side[Side.PROVIDER], by_side[Side.OPERATOR]
    sheet.band(LEADING)
    x = MARGIN + 4.0
    edges = [x + sum(column.width for column in SUMMARY[:number]) for number in range(len(SUMMARY) + 1)]
    for head, _, last in SUMMARY_HEADS:
        sheet.text_to(edges[last] - 12, head, font=BOLD)
    sheet.y -= LEADING + ROW_GAP
    sheet.table(SUMMARY, ["Summary"])
    for name, mine, theirs in counterparties(provider, operator):
        sheet.cells([name, *amounts(mine), *amounts(theirs), *amounts(both(mine, theirs))])
    sums = (of_account(provider), of_account(operator))
    sheet.sums(["Roaming in all", *amounts(sums[0]), *amounts(sums[1]), *amounts(both(*sums))])
    notes = []
    own = by_side[Side.OWN]
    if own.groups:
        told = f"{counted(own.cdr_count, 'CDR')}, {kwh(own.volume_e4_kwh)} kWh"
        notes.append(f"Not roaming and not in these totals: your own customers at your own charge points, {told}.")
    if statement.left:
        count, volume = sum(each.cdr_count for each in statement.left), sum(e.volume_e4_kwh for e in statement.left)
        notes.append(
            f"Not in this statement: {counted(count, 'CDR')}, {kwh(volume)} kWh; what and why stands at the end."
        )
    notes.append("Energy in kWh. Prices and payment are between the partners.")
    if statement.timezone != "UTC":
        notes.append(f"{SECOND} behind a time: of two equal ones, in the night when clocks are set back, the later.")
    for note in notes:
        sheet.paragraph(note)


Amount = tuple[int, int]


def counterparties(provider: Account, operator: Account) -> list[tuple[str, Amount, Amount]]:
    """Each counterparty by id, with CDRs and volume of both directions; those of several own ids are one row."""
    found: dict[str, tuple[str, list[Amount]]] = {}
    for place, account in enumerate((provider, operator)):
        for group in account.groups:
            key = group.counterparty_id.casefold()
            _, both_ways = found.setdefault(key, (naming(group), [(0, 0), (0, 0)]))
            both_ways[place] = both(both_ways[place], (group.cdr_count, group.volume_e4_kwh))
    return [(name, mine, theirs) for _, (name, (mine, theirs)) in sorted(found.items())]


def of_account(account: Account) -> Amount:
    """CDRs and volume of a side."""
    return account.cdr_count, account.volume_e4_kwh


def both(one: Amount, other: Amount) -> Amount:
    """Two amounts together."""
    return one[0] + other[0], one[1] + other[1]


def amounts(amount: Amount) -> tuple[str, str]:
    """CDRs and kWh as texts; a dash where there is nothing."""
    return (f"{amount[0]:,}".replace(",", "\N{NO-BREAK SPACE}"), kwh(amount[1])) if amount[0] else ("–", "–")


def naming(group: Group) -> str:
    """A counterparty by its id and its name, which often begins with the id."""
    named = group.counterparty_name.startswith(group.counterparty_id)
    return group.counterparty_name if named else f"{group.counterparty_id}{DOT}{group.counterparty_name}"


# ---------------------------------------------------------------------- the lines


def draw_account(sheet: Sheet, account: Account) -> None:
    """One side: its counterparties with their lines, and what they come to."""
    sheet.title(SIDE_TITLES[account.side])
    if not account.groups:
        sheet.paragraph("None in this statement.")
        return
    for group in account.groups:
        draw_group(sheet, group, account.side)
    if len(account.groups) > 1:
        sheet.columns = line_columns(sheet)
        total = total_of("Total of this section", account.cdr_count, account.volume_e4_kwh)
        sheet.sums([*total, costs_text(account.costs())] if sheet.priced else total)


def line_columns(sheet: Sheet) -> Sequence[Column]:
    """The columns of the lines: with what each costs, where any costs something."""
    return PRICED if sheet.priced else LINES


def draw_group(sheet: Sheet, group: Group, side: Side) -> None:
    """The lines with one counterparty, under its name, with their sum."""
    own = f"{group.counterparty_id} as operator, {group.own_id} as provider"
    title = own if side is Side.OWN else f"{naming(group)} (with you as {group.own_id})"
    lines = wrapped(title, INNER - 60, BOLD, SIZE)
    sheet.heading = ()
    sheet.need(len(lines) * LEADING + 4 * LEADING)
    for line in lines:
        sheet.text(MARGIN, line, font=BOLD)
        sheet.y -= LEADING
    sheet.y -= 5
    sheet.table(line_columns(sheet), lines)
    for number, each in enumerate(group.lines(), 1):
        if number == group.cdr_count:
            # No sum stands alone on a page.
            sheet.need(2 * LEADING + 5 * ROW_GAP)
        sheet.cells([*row(sheet.statement, each), *([cost_of(each)] if sheet.priced else [])])
    total = total_of(f"Total {group.counterparty_id}", group.cdr_count, group.volume_e4_kwh)
    sheet.sums([*total, costs_text(group.costs())] if sheet.priced else total)
    sheet.y -= 8


def row(statement: Statement, line: Line) -> list[str]:
    """The texts of one CDR, column by column."""
    return [
        line.cdr_id,
        local(statement, line.started_at),
        local(statement, line.ended_at),
        clock_duration(line.duration_s),
        kwh(line.volume_e4_kwh),
        line.contract_id,
        line.chargepoint_id,
        line.city,
        " / ".join(filter(None, (line.product, line.tariff))),
    ]


def cost_of(line: Line) -> str:
    """What a CDR costs; empty where no price was told."""
    return "" if line.cost is None else costs_text({line.cost.currency: line.cost.amount_e6})


def total_of(title: str, cdr_count: int, volume_e4_kwh: int) -> list[str]:
    """A row of the table of lines with a sum."""
    return [title, counted(cdr_count, "CDR"), "", "", kwh(volume_e4_kwh), "", "", "", ""]


def draw_left(sheet: Sheet, left: Sequence[OpenItem]) -> None:
    """What the run left, and why."""
    sheet.title("Not in this statement")
    sheet.paragraph(LEFT_NOTE)
    if any(each.why in (Why.AWAITING, Why.DECLINED) for each in left):
        sheet.paragraph(ANSWERS_NOTE)
    sheet.y -= 5
    sheet.table(LEFT, ["Not in this statement"])
    for each in left:
        amount = (f"{each.cdr_count:,}".replace(",", "\N{NO-BREAK SPACE}"), kwh(each.volume_e4_kwh))
        sheet.cells([each.why, each.operator_id, each.provider_id, each.cdr_id or "–", *amount, each.reason])
    sheet.heading = ()


# ---------------------------------------------------------------------- times


def local(statement: Statement, instant: datetime) -> str:
    """An instant in the partner's zone, to the second and without an offset; see `SECOND`."""
    there = instant.astimezone(statement.zone)
    text = there.isoformat(" ", "seconds")[:19]
    return text + SECOND if there.fold else text


def cleared_text(statement: Statement) -> str:
    """When the run was made, or the first and the last of several."""
    first, last = (local(statement, run.cleared_at) for run in (statement.runs[0], statement.runs[-1]))
    return first if first == last else f"{first}  to  {last}"
