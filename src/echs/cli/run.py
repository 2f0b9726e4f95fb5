"""``echs run``: clearing runs of the past."""

from dataclasses import asdict

import click

from echs.base.energy import kwh
from echs.clearing import run
from echs.cli.clear import show_pairs
from echs.cli.output import json_option, print_facts, print_json, print_table
from echs.cli.store import ready_house


@click.group("run")
def command() -> None:
    """Look up clearing runs."""


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List every run, the newest first. Times are UTC."""
    runs = run.all_runs(ready_house())
    if as_json:
        print_json([{**asdict(each), "kwh": kwh(each.volume_e4_kwh)} for each in runs])
        return
    print_table(
        "Clearing runs",
        ("run", "cleared", "by", "CDRs", "kWh"),
        ((each.number, each.cleared_at, each.cleared_by, each.cdr_count, kwh(each.volume_e4_kwh)) for each in runs),
        right=("run", "CDRs", "kWh"),
    )


@command.command()
@click.argument("number", type=click.IntRange(1), metavar="N")
@json_option
def show(number: int, as_json: bool) -> None:
    """Show run N: its totals by pair, who took part, and who has fetched it. Times are UTC."""
    found, pairs, parties = run.run_of_number(ready_house(), number)
    if as_json:
        print_json({"run": found, "pairs": pairs, "parties": parties})
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
