"""``echs purge``: an end for what is old."""

import re
import sys
from datetime import timedelta

import click
from rich.progress import Progress

from echs.base.plural import counted
from echs.clearing.retention import PurgeCandidate, due, purge_run
from echs.cli.app_context import ready_context
from echs.cli.output import console, json_option, print_json, print_table, say
from echs.config.app_context import AppContext
from echs.locations.charge_point_list import CHARGE_POINTS
from echs.partners.login import forget_ended
from echs.tokens.token_list import TOKENS

UNITS = {"d": 1, "w": 7, "m": 31, "y": 366}
AGE = re.compile(r"([1-9][0-9]{0,4})([dwmy])")
LEAST_DAYS, MOST_DAYS = 31, 36_600


class Age(click.ParamType[timedelta]):
    """An age: a number with d, w, m or y."""

    name = "age"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The age as a span of time."""
        match = AGE.fullmatch(str(value))
        if match is None:
            self.fail(f"{value}: give a number of days, weeks, months or years, like 400d or 10y", param, ctx)
        days = int(match[1]) * UNITS[match[2]]
        if days > MOST_DAYS:
            self.fail(f"{value}: no CDR is older than a hundred years", param, ctx)
        if days < LEAST_DAYS:
            self.fail(f"{value}: at least {LEAST_DAYS} days must be kept", param, ctx)
        return timedelta(days=days)


@click.command("purge")
@click.option("--older-than", type=Age(), required=True, metavar="AGE", help="Only runs older than this: 400d, 10y.")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@click.option("--unfetched-too", is_flag=True, help="Include runs that a partner has not fetched yet.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
def command(older_than: timedelta, dry_run: bool, unfetched_too: bool, yes: bool, as_json: bool) -> None:
    """Delete the CDRs of old runs, expired logins, and upload receipts and tombstones past their retention.

    The totals of the runs remain, and enough of each CDR that it cannot be billed again; statements of these runs are
    no longer available. The newest run is never deleted. This cannot be undone: make a backup, and try --dry-run first.
    """
    context = ready_context()
    found = due(context, context.clock() - older_than, unfetched_too=unfetched_too)
    if not as_json:
        show(found)
    if not dry_run and (found.runs or found.begun) and not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("deleting cannot be undone: pass --yes to run non-interactively")
        click.confirm(f"Delete {counted(found.cdr_count, 'CDR')}? This cannot be undone", abort=True, err=True)
    deleted = 0 if dry_run else delete(context, found)
    if as_json:
        print_json({"runs": found.runs, "unfetched": found.unfetched, "cdrs": found.cdr_count, "deleted": deleted})
    elif not dry_run:
        say(f"{counted(deleted, 'CDR')} deleted, and expired logins")
    elif not (found.runs or found.unfetched or found.begun):
        say(f"no run except the newest is older than {context.clock() - older_than:%Y-%m-%d}")


def show(found: PurgeCandidate) -> None:
    """What would be deleted, and what stays."""
    rows = [(run.number, run.cleared_at, run.cdr_count, "would be deleted") for run in found.runs]
    rows += [
        (run.number, run.cleared_at, run.cdr_count, "partly purged: the rest would be deleted") for run in found.begun
    ]
    rows += [
        (run.number, run.cleared_at, run.cdr_count, "kept: not fetched by all partners") for run in found.unfetched
    ]
    print_table("Old runs", ("run", "cleared", "CDRs", ""), sorted(rows), right=("run", "CDRs"))


def delete(context: AppContext, found: PurgeCandidate) -> int:
    """Delete, run by run, a few CDRs at a time; stopped in between, the next purge goes on."""
    out = console()
    out.stderr = True
    deleted = 0
    with Progress(console=out, transient=True) as progress:
        task = progress.add_task("deleting", total=found.cdr_count)
        for run in (*found.begun, *found.runs):
            for count in purge_run(context, run.number):
                deleted += count
                progress.advance(task, count)
    context.statement_cache.clear()
    forget_ended(context)
    context.receipts.forget(context)
    for published in (TOKENS, CHARGE_POINTS):
        published.forget_tombstones(context)
    return deleted
