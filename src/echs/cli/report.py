"""``echs report``: what was cleared in a month."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from echs.base.energy import kwh
from echs.base.wording import counted
from echs.clearing.report import PairSum, PartnerSum, report
from echs.cli.output import json_option, print_csv, print_json, print_table, say
from echs.cli.store import ready_house
from echs.partners.partner import timezone_problem
from echs.statements.csv import text as csv_text

CSV_COLUMNS = ("row", "operator", "operator_id", "provider", "provider_id", "own_network", "cdrs", "kwh")


@click.command("report")
@click.option("--month", required=True, metavar="YYYY-MM", help="The month in which the runs were made.")
@click.option("--timezone", default="UTC", show_default=True, metavar="TZ", help="Where the month begins and ends.")
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV instead of tables: a row a pair, and the total.")
@json_option
def command(month: str, timezone: str, as_csv: bool, as_json: bool) -> None:
    """Report what the runs of a month cleared: by pair of operator and provider, and by partner, with totals.

    A session of a partner's own drivers at its own charge points is counted apart: nothing is owed for it.
    """
    since, until = bounds(month, timezone)
    found = report(ready_house(), since, until)
    if as_json:
        print_json(
            {
                **asdict(found),
                "kwh": kwh(found.volume_e4_kwh),
                "pairs": [{**asdict(each), "kwh": kwh(each.volume_e4_kwh)} for each in found.pairs],
                "partners": [as_facts(each) for each in found.partners],
            }
        )
        return
    if as_csv:
        total = ["total", "", "", "", "", "", str(found.cdr_count), kwh(found.volume_e4_kwh)]
        print_csv(CSV_COLUMNS, [*map(csv_row, found.pairs), total])
        return
    title = f"{month} ({timezone}): {counted(len(found.runs), 'run')}, {counted(found.cdr_count, 'CDR')}"
    print_table(
        f"{title}, {kwh(found.volume_e4_kwh)} kWh",
        ("operator", "provider", "CDRs", "kWh", ""),
        (
            (each.operator_id, each.provider_id, each.cdr_count, kwh(each.volume_e4_kwh), own(each))
            for each in found.pairs
        ),
        right=("CDRs", "kWh"),
    )
    print_table(
        "By partner",
        ("partner", "sent", "kWh sent", "received", "kWh received", "own", "kWh own"),
        (
            (
                each.user_id,
                each.sent_cdrs,
                kwh(each.sent_e4_kwh),
                each.received_cdrs,
                kwh(each.received_e4_kwh),
                each.own_cdrs,
                kwh(each.own_e4_kwh),
            )
            for each in found.partners
        ),
        right=("sent", "kWh sent", "received", "kWh received", "own", "kWh own"),
    )
    if not found.runs:
        say(f"no run was made in {month}")


def bounds(month: str, timezone: str) -> tuple[datetime, datetime]:
    """When a month begins and ends, in UTC.

    :raises click.UsageError: it is no month, or no time zone
    """
    wrong = timezone_problem(timezone)
    if wrong is not None:
        raise click.UsageError(wrong.detail)
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=ZoneInfo(timezone))
    except ValueError:
        raise click.UsageError(f"{month!r} is not a month like 2026-10") from None
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return first.astimezone(UTC), after.astimezone(UTC)


def own(pair: PairSum) -> str:
    """What stands beside a pair."""
    return "own network" if pair.own_network else ""


def csv_row(pair: PairSum) -> list[str]:
    """A pair for a spreadsheet; no text is a formula."""
    names = (pair.operator, pair.operator_id, pair.provider, pair.provider_id)
    said = "yes" if pair.own_network else "no"
    return ["pair", *map(csv_text, names), said, str(pair.cdr_count), kwh(pair.volume_e4_kwh)]


def as_facts(partner: PartnerSum) -> dict[str, Any]:
    """A partner's sums for programs, energy in kWh beside the integers."""
    return {
        **asdict(partner),
        "sent_kwh": kwh(partner.sent_e4_kwh),
        "received_kwh": kwh(partner.received_e4_kwh),
        "own_kwh": kwh(partner.own_e4_kwh),
    }
