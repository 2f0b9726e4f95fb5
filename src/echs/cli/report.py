"""``echs report``: what was cleared in a month."""

import csv
import io
import re
from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo

import click

from echs.base.energy import kwh
from echs.clearing import report
from echs.cli.app_context import ready_context
from echs.cli.output import json_option, print_json, print_table
from echs.partners.partner import zones
from echs.statements.layout1_csv import text

MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
CSV_HEADER = ("row", "operator_user", "operator_id", "provider_user", "provider_id", "runs", "cdr_count", "volume_kwh")


def month_of(_: click.Context, __: click.Parameter, value: str) -> tuple[int, int]:
    """The year and the month of an option."""
    found = MONTH.fullmatch(value)
    # The first year has no month before it, and the last none after it, in another zone.
    if found is None or not 2 <= int(found[1]) <= 9998:
        raise click.BadParameter("write the month like 2026-10")
    return int(found[1]), int(found[2])


def zone_of(_: click.Context, __: click.Parameter, value: str) -> ZoneInfo:
    """The time zone of an option."""
    if value not in zones():
        raise click.BadParameter("unknown time zone; write it like Europe/Amsterdam")
    return ZoneInfo(value)


def with_kwh(facts: dict[str, Any]) -> dict[str, Any]:
    """The same facts, with a text in kWh beside each volume in units of 0.0001 kWh."""
    beside = {name.replace("volume_e4_kwh", "kwh"): kwh(facts[name]) for name in facts if "volume_e4_kwh" in name}
    return {**facts, **beside}


@click.command("report")
@click.option("--month", required=True, callback=month_of, metavar="YYYY-MM", help="Month in which the runs were made.")
@click.option(
    "--timezone",
    "zone",
    default="UTC",
    show_default=True,
    callback=zone_of,
    metavar="TZ",
    help="Time zone in which the month begins.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of tables.")
@json_option
def command(month: tuple[int, int], zone: ZoneInfo, as_csv: bool, as_json: bool) -> None:
    """Show the totals of a month's clearing runs, by pair and by partner.

    A CDR counts in the month in which it was cleared.
    """
    if as_csv and as_json:
        raise click.UsageError("use --csv or --json, not both")
    found = report.report(ready_context(), *report.month_span(*month, zone))
    if as_json:
        facts = with_kwh(asdict(found))
        print_json({**facts, **{name: [with_kwh(each) for each in facts[name]] for name in ("pairs", "partners")}})
    elif as_csv:
        click.echo(drawn(found), nl=False)
    else:
        show(f"{month[0]:04}-{month[1]:02}", found)


def drawn(found: report.Report) -> str:
    """The report as CSV: a line a pair, then the total; no text is taken for a formula."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(CSV_HEADER)
    for each in found.pairs:
        ids = (each.operator_user_id, each.operator_id, each.provider_user_id, each.provider_id)
        writer.writerow(("pair", *map(text, ids), each.runs, each.cdr_count, kwh(each.volume_e4_kwh)))
    writer.writerow(("total", "", "", "", "", found.runs, found.cdr_count, kwh(found.volume_e4_kwh)))
    return file.getvalue()


def show(month: str, found: report.Report) -> None:
    """The report as tables."""
    pairs = [
        (
            p.operator_user_id,
            p.operator_id,
            p.provider_user_id,
            p.provider_id,
            p.runs,
            p.cdr_count,
            kwh(p.volume_e4_kwh),
        )
        for p in found.pairs
    ]
    total = ("total", None, None, None, found.runs, found.cdr_count, kwh(found.volume_e4_kwh))
    print_table(
        f"Cleared in {month}",
        ("operator", "as", "provider", "as", "runs", "CDRs", "kWh"),
        [*pairs, total] if pairs else [],
        right=("runs", "CDRs", "kWh"),
    )
    print_table(
        f"Partners in {month}",
        ("user id", "sent CDRs", "sent kWh", "received CDRs", "received kWh"),
        (
            (
                each.user_id,
                each.sent_cdr_count,
                kwh(each.sent_volume_e4_kwh),
                each.received_cdr_count,
                kwh(each.received_volume_e4_kwh),
            )
            for each in found.partners
        ),
        right=("sent CDRs", "sent kWh", "received CDRs", "received kWh"),
    )
