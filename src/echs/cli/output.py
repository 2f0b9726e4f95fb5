"""What commands print: a table for people, JSON for programs, sentences to standard error."""

import csv
import io
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from echs.base.errors import printable

PIPED_WIDTH = 200
# Wider than any table of ours would like to be.
TABLE_WIDTH = 10_000


def this_command() -> str:
    """How the command was called, for a hint that can be copied."""
    called = sys.argv[0]
    return called if Path(called).name == "echs" else f"{sys.executable} -m echs"


Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """The option that every listing has."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(command)


def console() -> Console:
    """Standard output as Rich sees it: as wide as the terminal or COLUMNS, or wide enough for any table in a pipe."""
    fallback = (PIPED_WIDTH, 25)
    width = None if sys.stdout.isatty() else shutil.get_terminal_size(fallback).columns
    return Console(highlight=False, width=width)


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    widest: str | None = None,
) -> None:
    """A table; texts are shown as they are, never markup. Where there is too little room, ``widest`` gets most."""
    out = console()
    table = Table(title=Text(printable(title)), title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    count = 0
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
        count += 1
    if widest is not None and out.measure(table, options=out.options.update(width=TABLE_WIDTH)).maximum > out.width:
        table.expand = True
        for each in table.columns:
            if each.header not in right:
                each.ratio = 3 if each.header == widest else 1
    out.print(table if count else Text(printable(f"{title}: none")))


def print_facts(title: str, facts: Iterable[tuple[str, object]]) -> None:
    """A table of two columns: what, and its value."""
    table = Table(title=Text(printable(title)), title_justify="left", title_style="bold", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, Text(cell(value)))
    console().print(table)


def print_json(value: object) -> None:
    """The value as JSON; instants in ISO 8601."""
    text = json.dumps(value, default=jsonable, ensure_ascii=False, indent=2)
    # The name of a file need not be UTF-8; what is printed must be.
    click.echo(text.encode("utf-8", "replace").decode())


def print_json_array(values: Iterable[object]) -> None:
    """The values as one JSON array, each written as it comes: there may be millions."""
    lead = "["
    for value in values:
        text = json.dumps(value, default=jsonable, ensure_ascii=False)
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


def say(sentence: str) -> None:
    """A sentence beside the output, on standard error."""
    click.echo(sentence, err=True)


def cell(value: object) -> str:
    """A value as a table shows it; instants in UTC, to the second, marked with Z."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(cell(each) for each in value) or "-"
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
