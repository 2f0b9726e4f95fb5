"""``echs validate``: uploads checked before they are sent, without a server and without a store."""

import io
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click
from rich.markup import escape
from rich.progress import Progress

from echs.base.clock import system_clock
from echs.base.errors import printable
from echs.base.plural import counted
from echs.cli import EXIT_FAILED
from echs.cli.output import console, json_option, print_json, print_table, say
from echs.config.app_context import limits
from echs.config.settings import read_settings
from echs.partners.market_ids import SEPARATORS, market_id_problem
from echs.partners.partner import first_of, hub_problem, timezone_problem
from echs.protocols.ochp02 import validate as validate02
from echs.protocols.ochp02.validate_csv import check_csv
from echs.protocols.ochp14 import validate as validate14
from echs.protocols.upload_report import Checker, Report

PEEK_BYTES = 64 * 1024
GZIP = b"\x1f\x8b"
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@click.command("validate")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
@click.option("--operator", "operator_ids", multiple=True, metavar="ID", help="Your infraProviderId; may be repeated.")
@click.option("--hub", "hubs", multiple=True, type=int, metavar="N", help="Your hub number; may be repeated.")
@click.option(
    "--market-id", "market_ids", multiple=True, metavar="ID", help="Your market id (OCHP 1.4); may be repeated."
)
@click.option("--timezone", default="UTC", show_default=True, help="Time zone of times without an offset.")
@click.option(
    "--limit", type=click.IntRange(0), default=1000, show_default=True, help="Maximum number of rows in a table."
)
@json_option
def command(
    files: tuple[str, ...],
    operator_ids: tuple[str, ...],
    hubs: tuple[int, ...],
    market_ids: tuple[str, ...],
    timezone: str,
    limit: int,
    as_json: bool,
) -> int:
    """Check uploads without a server: all problems of all records, and warnings.

    FILE is a request body of OCHP 0.2 or 1.4 that brings something (AddCDRs, SetRoamingAuthorisationList,
    SetChargePointList and the like; SOAP 1.1 or 1.2, optionally gzip), or for OCHP 0.2 a CSV file in UTF-8 or UTF-16,
    with comma, semicolon or tab and the field names in its first line; - is standard input. Exit code 1 if a record
    would be rejected. Checks that need the store are skipped: known or held CDRs, overlapping sessions, lists.
    """
    market_ids = tuple(each.upper().translate(SEPARATORS) for each in market_ids)
    wrong = first_of((timezone_problem(timezone), *map(hub_problem, hubs), *map(market_id_problem, market_ids)))
    if wrong is not None:
        raise click.UsageError(wrong.detail)
    if files.count("-") > 1:
        raise click.UsageError("standard input can only be read once")
    checker = Checker(limits(read_settings()), system_clock(), timezone, operator_ids, hubs, market_ids)
    reports = []
    for name in files:
        reports.append((name, checked(checker, name)))
        if not as_json:
            show(*reports[-1], limit)
    if as_json:
        print_json([as_facts(name, report) for name, report in reports])
    for unchecked in dict.fromkeys(report.unchecked for _, report in reports if report.unchecked):
        say(unchecked)
    return EXIT_FAILED if any(report.refused for _, report in reports) else 0


def checked(checker: Checker, name: str) -> Report:
    """The report on one file."""
    out = console()
    out.stderr = True
    with Progress(console=out, transient=True, disable=not sys.stderr.isatty()) as progress:
        try:
            with opened(name) as file:
                task = progress.add_task(escape(name), total=None if name == "-" else Path(name).stat().st_size)
                watched = Watched(file, lambda count: progress.advance(task, count))
                report = judged(checker, watched)
                if watched.failure is not None:
                    # The reader of bodies took it for their end.
                    raise watched.failure
                return report
        except OSError as error:
            raise click.ClickException(f"{printable(name)} cannot be read ({error.strerror or error})") from None


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """The file, closed in the end; standard input is not ours to close."""
    if name == "-":
        if sys.stdin is None or sys.stdin.closed:
            raise click.ClickException("standard input is closed")
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file


def judged(checker: Checker, file: io.RawIOBase) -> Report:
    """The report on what is in a file: a body, perhaps compressed, or a table."""
    buffered = io.BufferedReader(file, PEEK_BYTES)
    first = buffered.peek(PEEK_BYTES)
    gzipped = first.startswith(GZIP)
    if gzipped or is_xml(first):
        check = validate14.check_body if is_ochp14(first, gzipped=gzipped) else validate02.check_body
        return check(checker, buffered.read, gzipped=gzipped)
    encoding = "utf-16" if first.startswith(MARKS[1:]) else "utf-8-sig"
    return check_csv(checker, io.TextIOWrapper(buffered, encoding=encoding, newline=""))


def is_ochp14(first: bytes, *, gzipped: bool) -> bool:
    """Whether a body that begins so names the namespace of OCHP 1.4, in whatever encoding."""
    if gzipped:
        try:
            first = zlib.decompressobj(wbits=31).decompress(first, PEEK_BYTES)
        except zlib.error:
            return False  # who reads it says what is wrong
    return validate14.NAMESPACE.encode() in first.replace(b"\0", b"")


def is_xml(first: bytes) -> bool:
    """Whether a file that begins so is XML, in whatever encoding."""
    for mark in MARKS:
        first = first.removeprefix(mark)
    return first.replace(b"\0", b"").lstrip()[:1] == b"<"


class Watched(io.RawIOBase):
    """A file that tells how much of it was read, and remembers why it could not be."""

    def __init__(self, file: BinaryIO, tell: Callable[[int], None]) -> None:
        self.failure: OSError | None = None
        self.file = file
        self.tell_of = tell

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read, and tell."""
        try:
            data = self.file.read(len(buffer))
        except OSError as error:
            self.failure = error
            raise
        buffer[: len(data)] = data
        self.tell_of(len(data))
        return len(data)


def show(name: str, report: Report, limit: int) -> None:
    """The report for people: so many remarks, and how many more there are of each name."""
    warned = len(report.remarks) - report.refused
    title = f"{name}: {report.what or 'not readable'}, {counted(report.records, 'record')}: "
    title += f"{counted(report.refused, 'problem')}, {counted(warned, 'warning')}"
    has_lines = bool(report.lines)
    if not report.remarks:
        click.echo(printable(f"{title}: ok"))
        return
    print_table(
        title,
        ("severity", "position", *(("line",) if has_lines else ()), "record", "field", "what"),
        (
            (
                remark.severity,
                remark.position,
                *((remark.line,) if has_lines else ()),
                remark.record or None,
                remark.place or None,
                f"{remark.name}: {remark.detail}",
            )
            for remark in report.remarks[:limit]
        ),
        right=("position", "line"),
        widest="what",
    )
    left = Counter(remark.name for remark in report.remarks[limit:])
    if left:
        names = ", ".join(f"{name} {count}" for name, count in left.most_common())
        say(f"{left.total()} more are not shown: {names}; use --limit or --json")


def as_facts(name: str, report: Report) -> dict[str, object]:
    """The report for programs."""
    return {
        "file": name,
        "what": report.what,
        "records": report.records,
        "problems": report.refused,
        "warnings": len(report.remarks) - report.refused,
        "remarks": report.remarks,
    }
