"""What commands print: a table for people, JSON for programs, sentences to standard error."""

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from echs.base.errors import printable
from echs.cli.tables import (
    BETWEEN,
    BORDER,
    INDENT,
    NONE,
    Cell,
    column_widths,
    stacked,
    terminal_width,
    text_cell,
    words_of,
    wrap,
)

PIPED_WIDTH = 200
# Signs that show nothing, or that turn the direction of others: two ids that differ in one look alike.
INVISIBLE = re.compile(
    "[\\x7f-\\x9f\\xad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f"
    "\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb"
    "\\U00013430-\U0001343f\U000110bd\\U000110cd\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff]"
)


def this_command() -> str:
    """How the command was called, for a hint that can be copied."""
    called = sys.argv[0]
    return called if Path(called).name == "echs" else f"{sys.executable} -m echs"


Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """The option that every listing has."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(command)


def console() -> Console:
    """Standard output as Rich sees it, for progress and for the demo."""
    return Console(highlight=False, width=terminal_width() or PIPED_WIDTH)


@dataclass(frozen=True, slots=True)
class Paragraphs:
    """A value of a table that begins a new line for each of its texts."""

    texts: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.texts)


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    widest: str | None = None,
) -> None:
    """A table as wide as the terminal; texts are shown as they are, never markup. Ids, times and names are never broken
    over lines: only texts of several words, those of ``widest`` among them, are wrapped, and where that is not enough
    each row is stacked. The numbers of the columns ``right`` stand at the right.
    """
    cells = [
        [shown_cell(value, prose=name == widest) for name, value in zip(columns, row, strict=True)] for row in rows
    ]
    clean = printable(title)
    if not cells:
        emit(f"{clean}: none")
        return
    width = terminal_width()
    emit_bold(clean)
    widths = column_widths(columns, cells, width)
    if widths is None:
        for row in cells:
            heading, *more = stacked(columns, row, width or PIPED_WIDTH)
            emit_bold(heading)
            for line in more:
                emit(line)
        return
    table = Table(header_style="bold")
    for name, wide in zip(columns, widths, strict=True):
        table.add_column(
            Text("\n".join(wrap(name.split(), wide))),
            justify="right" if name in right else "left",
            width=wide,
            no_wrap=True,
            overflow="ignore",
        )
    for row in cells:
        table.add_row(*(Text("\n".join(each.wrapped(wide))) for each, wide in zip(row, widths, strict=True)))
    Console(highlight=False, width=sum(widths) + BORDER + BETWEEN * len(widths)).print(table)


def print_facts(title: str, facts: Iterable[tuple[str, object]]) -> None:
    """A table of two columns: what, and its value."""
    rows = [(name, shown_cell(value)) for name, value in facts]
    emit_bold(printable(title))
    names = max((cell_len(name) for name, _ in rows), default=0)
    width = terminal_width()
    room = None if width is None else width - BORDER - 2 * BETWEEN - names
    wide = max((each.narrowest if room is not None else each.width for _, each in rows), default=0)
    if room is not None and wide > room:
        for name, each in rows:
            emit_bold(name)
            for line in each.wrapped((width or PIPED_WIDTH) - len(INDENT)):
                emit(INDENT + line)
        return
    wide = max((each.width for _, each in rows), default=0)
    wide = wide if room is None else min(wide, room)
    table = Table(show_header=False)
    table.add_column(style="bold", width=names, no_wrap=True)
    table.add_column(width=wide, no_wrap=True, overflow="ignore")
    for name, each in rows:
        table.add_row(name, Text("\n".join(each.wrapped(wide))))
    Console(highlight=False, width=names + wide + BORDER + 2 * BETWEEN).print(table)


def emit(line: str) -> None:
    """A line that no one wraps but the terminal."""
    click.echo(line)


def emit_bold(line: str) -> None:
    """A heading; bold on a terminal."""
    click.echo(click.style(line, bold=True))


def shown_cell(value: object, *, prose: bool = False) -> Cell:
    """A value as a table shows it; the items of a list, and times, stay whole."""
    if isinstance(value, (list, tuple, set, frozenset)) and len(value) > 1:
        *most, last = (cell(each) for each in value)
        return Cell(((*(f"{each}," for each in most), last),), prose=True)
    if isinstance(value, Paragraphs):
        return Cell(tuple(words_of(printable(each)) for each in value.texts), prose=True)
    return text_cell(cell(value), prose=prose)


def print_json(value: object) -> None:
    """The value as JSON; instants in ISO 8601."""
    text = INVISIBLE.sub(escaped, json.dumps(value, default=jsonable, ensure_ascii=False, indent=2))
    # The name of a file need not be UTF-8; what is printed must be.
    click.echo(text.encode("utf-8", "replace").decode())


def print_json_array(values: Iterable[object]) -> None:
    """The values as one JSON array, each written as it comes: there may be millions."""
    lead = "["
    for value in values:
        text = INVISIBLE.sub(escaped, json.dumps(value, default=jsonable, ensure_ascii=False))
        click.echo(f"{lead}{text}".encode("utf-8", "replace").decode(), nl=False)
        lead = ",\n"
    click.echo("[]" if lead == "[" else "]")


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows as CSV (RFC 4180), each written as it comes."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\r\n")
    for row in chain([columns], rows):
        writer.writerow(row)
        click.echo(line.getvalue().encode("utf-8", "replace").decode(), nl=False)
        line.seek(0)
        line.truncate()


class Day(click.ParamType[datetime]):
    """A day, 2026-10-01, as the instant at which it begins in UTC."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant.

        :raises click.BadParameter: it is no day
        """
        try:
            return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is not a day like 2026-10-01", param, ctx)


DAY = Day()


def escaped(match: re.Match[str]) -> str:
    """A sign as JSON spells it in ASCII."""
    return json.dumps(match[0])[1:-1]


def say(sentence: str) -> None:
    """A sentence beside the output, on standard error."""
    click.echo(sentence, err=True)


def cell(value: object) -> str:
    """A value as a table shows it; instants in UTC, to the second, marked with Z."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(cell(each) for each in value) or NONE
    if isinstance(value, Enum):
        return str(value.value)
    return printable(str(value))


def jsonable(value: object) -> object:
    """What JSON has no form for."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
