"""``echs clear``: the clearing run."""

import sys
from dataclasses import asdict
from typing import Any

import click
from rich.progress import Progress

from echs.base import request_context
from echs.base.energy import kwh
from echs.base.errors import Refused, shown
from echs.base.plural import counted
from echs.cdrs.pending import PairTotal, held, preview, stopped_count, unconnected, warned
from echs.cdrs.status import Status
from echs.clearing import run, statement_builder
from echs.cli.app_context import ready_context
from echs.cli.output import console, json_option, print_json, print_table, say
from echs.config.app_context import AppContext

BY = "command line"


def as_facts(total: PairTotal | run.Run) -> dict[str, Any]:
    """A total for programs: energy in kWh beside the integer."""
    return {**asdict(total), "kwh": kwh(total.volume_e4_kwh)}


def show_pairs(title: str, pairs: list[PairTotal]) -> None:
    """The table of totals by pair, with their sum."""
    count, volume = sum(pair.cdr_count for pair in pairs), sum(pair.volume_e4_kwh for pair in pairs)
    rows: list[tuple[object, ...]] = [
        (
            pair.operator_id,
            pair.provider_id,
            pair.cdr_count,
            kwh(pair.volume_e4_kwh),
            pair.first_started_at,
            pair.last_ended_at,
        )
        for pair in pairs
    ]
    if len(rows) > 1:
        rows.append(
            (
                "total",
                "",
                count,
                kwh(volume),
                min(p.first_started_at for p in pairs),
                max(p.last_ended_at for p in pairs),
            )
        )
    print_table(
        title,
        ("operator", "provider", "CDRs", "kWh", "first start", "last end"),
        rows,
        right=("CDRs", "kWh"),
    )


def show_held(context: AppContext) -> None:
    """What waits for a partner, if anything does."""
    for each in held(context):
        waiting = f"held: {counted(each.cdr_count, 'CDR')} for provider id {shown(each.provider_id)}"
        if each.disabled_owner is not None:
            enable = f"echs partner enable {each.disabled_owner}"
            say(f"{waiting}, owned by the disabled partner {each.disabled_owner} ({enable})")
        else:
            say(f"{waiting}, owned by no partner (echs partner own USER_ID --provider {each.provider_id})")


def show_unconnected(context: AppContext) -> None:
    """What waits for a connection, if anything does."""
    for each in unconnected(context):
        waiting = (
            f"held: {counted(each.cdr_count, 'CDR')} of {each.operator} for {each.provider}, which are not connected"
        )
        say(f"{waiting} (echs connection add {each.provider} {each.operator})")


def show_stopped(context: AppContext) -> None:
    """What the office keeps out of the run."""
    for state in (Status.ON_HOLD, Status.REJECTED):
        count = stopped_count(context, state)
        if count:
            say(f"{state.value}: {counted(count, 'CDR')} (echs cdr list --status {state.value})")


def show_warned(context: AppContext) -> None:
    """How much of what is pending deserves a look."""
    count = warned(context)
    if count:
        say(f"with warnings: {counted(count, 'CDR')} (echs cdr list --status pending --warnings)")


@click.command("clear")
@click.option("--dry-run", is_flag=True, help="Show what would be cleared, without clearing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
def command(dry_run: bool, yes: bool, as_json: bool) -> None:
    """Clear all pending charge detail records in a new run, and create the statements.

    Clearing cannot be undone. Held CDRs stay held until an active partner owns their provider id.
    """
    context = ready_context()
    if dry_run or not yes:
        pairs = preview(context)
        if dry_run and as_json:
            print_json(
                {
                    "cdr_count": sum(pair.cdr_count for pair in pairs),
                    "kwh": kwh(sum(pair.volume_e4_kwh for pair in pairs)),
                    "pairs": [as_facts(pair) for pair in pairs],
                    "held": held(context),
                    "unconnected": unconnected(context),
                    "on_hold": stopped_count(context, Status.ON_HOLD),
                    "rejected": stopped_count(context, Status.REJECTED),
                }
            )
        elif not as_json:
            show_pairs(f"Pending: {counted(sum(pair.cdr_count for pair in pairs), 'CDR')}", pairs)
            show_held(context)
            show_unconnected(context)
            show_stopped(context)
            show_warned(context)
        if dry_run:
            return
        if not pairs:
            if as_json:
                print_json(None)
            say("no CDRs are pending; no run was created")
            return
        if not sys.stdin.isatty():
            raise click.UsageError("clearing cannot be undone: pass --yes to run non-interactively")
        click.confirm("Clear these CDRs? This cannot be undone", abort=True, err=True)
    made = run.clear(context, BY, request_context.current().request_id, context.issuer)
    if made is None:
        if as_json:
            print_json(None)
        say("no CDRs are pending; no run was created")
        return
    _, pairs, parties = run.run_of_number(context, made.number)
    if as_json:
        print_json({"run": as_facts(made), "pairs": [as_facts(pair) for pair in pairs], "parties": parties})
    else:
        show_pairs(f"Run {made.number}: {counted(made.cdr_count, 'CDR')}, {kwh(made.volume_e4_kwh)} kWh", pairs)
        show_held(context)
    draw_statements(context, made.number, len(parties))
    say(f"statements: echs statement draw {made.number} USER_ID, or the link that each partner gets")


def draw_statements(context: AppContext, number: int, count: int) -> None:
    """Draw the run's statements ahead of the first who asks; they can always be drawn again."""
    out = console()
    out.stderr = True
    try:
        with Progress(console=out, transient=True) as progress:
            task = progress.add_task("creating statements", total=count)
            for _ in statement_builder.draw_run(context, context.statement_cache, number):
                progress.advance(task)
    except (OSError, Refused) as error:
        say(f"run {number} is complete; not all statements could be created now ({error}); each is created on request")
