"""``echs audit``: who did what."""

import sys
from datetime import UTC, datetime

import click

from echs.audit import trail
from echs.audit.entry import Action, Entry
from echs.base.request_context import COMMAND
from echs.clearing.clock_check import confirm_clock
from echs.cli.app_context import ready_context
from echs.cli.output import json_option, print_json, print_table, say
from echs.maintenance.baseline import begin_trail


@click.group("audit")
def command() -> None:
    """See who did what to which object, when, from where, and with which result."""


@command.command("list")
@click.option("--actor", metavar="NAME", help="Only entries of this partner, or user of the system.")
@click.option("--action", type=click.Choice([each.value for each in Action]), help="Only entries of this action.")
@click.option("--subject", metavar="TEXT", help="Only entries about this object, such as: partner north.")
@click.option("--wide", is_flag=True, help="Also show origin, detail and request id.")
@click.option("--request", "request_id", metavar="ID", help="Only entries of this request.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only from this day on (UTC).")
@click.option("--last", type=click.IntRange(1), default=50, show_default=True, help="Show only the newest N entries.")
@click.option("--all", "everything", is_flag=True, help="Show all entries.")
@json_option
def list_(
    actor: str | None,
    action: str | None,
    subject: str | None,
    wide: bool,
    request_id: str | None,
    since: datetime | None,
    last: int,
    everything: bool,
    as_json: bool,
) -> None:
    """List the entries, the newest last. Times are UTC. `echs verify` says whether the chain is whole."""
    found = trail.entries(
        ready_context(),
        since=None if since is None else since.replace(tzinfo=UTC),
        actor=actor,
        action=action,
        subject=subject,
        request_id=request_id,
        newest=None if everything else last,
    )
    if as_json:
        print_json(list(found))
        return
    columns = ["no.", "when", "who", "did", "to", "result", *(("from", "detail", "request") if wide else ())]
    rows = (
        (each.number, each.at, who(each), each.action, each.subject, each.result)
        + ((each.origin, each.detail, each.request_id) if wide else ())
        for each in found
    )
    print_table("Audit trail", columns, rows, right=("no.", "when"), widest="detail" if wide else "to")


def who(entry: Entry) -> str:
    """The actor; a user of the system is marked as one."""
    return f"{entry.actor} (command)" if entry.channel == COMMAND else entry.actor


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def begin(yes: bool) -> None:
    """Say that the trail begins now: `echs verify` misses no entry for what is older.

    For once, after an update from a release that had no trail, when the last server of that release is stopped. It is
    entered into the trail itself.
    """
    context = ready_context()
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("this cannot be undone: pass --yes to run non-interactively")
        click.confirm(
            "Start the audit trail now and accept that older records have no entries? This cannot be undone",
            abort=True,
            err=True,
        )
    entry = begin_trail(context)
    say(f"entry {entry.number}: {entry.detail}")


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def clock(yes: bool) -> None:
    """Say that the clock of this host is right now, and that what the store has from the future was written by a wrong
    one.

    For once, after a clock was wrong and is put right: runs can be made again, and times from then are no findings any
    more. It is entered into the trail itself.
    """
    context = ready_context()
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("this cannot be taken back: say --yes where nobody can be asked")
        question = f"Is it {context.clock():%Y-%m-%d %H:%M} UTC now? It cannot be taken back"
        click.confirm(question, abort=True, err=True)
    entry = confirm_clock(context)
    say(f"entry {entry.number}: {entry.detail}")
