"""``echs run``: clearing runs of the past."""

from datetime import datetime

import click

from echs.base.energy import kwh
from echs.base.plural import counted
from echs.clearing import run
from echs.cli.app_context import ready_context
from echs.cli.clear import as_facts, show_pairs
from echs.cli.output import DAY, json_option, print_facts, print_json, print_table


@click.group("run")
def command() -> None:
    """Look up clearing runs."""


@command.command("list")
@click.option("--since", type=DAY, metavar="DAY", help="Only runs made on this day (UTC) or later.")
@click.option("--until", type=DAY, metavar="DAY", help="Only runs made before this day (UTC).")
@json_option
def list_(since: datetime | None, until: datetime | None, as_json: bool) -> None:
    """List clearing runs, newest first, with their total. Times are UTC."""
    runs = [
        each
        for each in run.all_runs(ready_context())
        if (since is None or each.cleared_at >= since) and (until is None or each.cleared_at < until)
    ]
    if as_json:
        print_json([as_facts(each) for each in runs])
        return
    count, volume = sum(each.cdr_count for each in runs), sum(each.volume_e4_kwh for each in runs)
    print_table(
        f"Clearing runs: {counted(count, 'CDR')}, {kwh(volume)} kWh",
        ("run", "cleared", "by", "CDRs", "kWh"),
        ((each.number, each.cleared_at, each.cleared_by, each.cdr_count, kwh(each.volume_e4_kwh)) for each in runs),
        right=("run", "CDRs", "kWh"),
    )


@command.command()
@click.argument("number", type=click.IntRange(1), metavar="N")
@json_option
def show(number: int, as_json: bool) -> None:
    """Show run N: totals by pair, the partners in it, and when each fetched it. Times are UTC."""
    found, pairs, parties = run.run_of_number(ready_context(), number)
    if as_json:
        print_json({"run": as_facts(found), "pairs": [as_facts(each) for each in pairs], "parties": parties})
        return
    print_facts(
        f"Run {found.number}",
        (
            ("cleared", found.cleared_at),
            ("by", found.cleared_by),
            ("request", found.request_id),
            ("CDRs", found.cdr_count),
            ("kWh", kwh(found.volume_e4_kwh)),
        ),
    )
    show_pairs("Totals", pairs)
    print_table(
        "Partners",
        ("user id", "name", "first fetched"),
        ((party.user_id, party.name, party.first_served_at or "not yet") for party in parties),
    )
