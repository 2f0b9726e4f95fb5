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
    """Show the audit trail: actor, action, object, time, origin and result of every change."""


@command.command("list")
@click.option("--actor", metavar="NAME", help="Only entries by this partner or system user.")
@click.option("--action", type=click.Choice([each.value for each in Action]), help="Only entries with this action.")
@click.option("--subject", metavar="TEXT", help="Only entries about this object, such as: partner north.")
@click.option("--wide", is_flag=True, help="Also show origin, detail and request id.")
@click.option("--request", "request_id", metavar="ID", help="Only entries from this request.")
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
    """List audit entries, newest last. Times are UTC. Use `echs verify` to check the hash chain."""
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
    columns = ["no.", "time", "actor", "action", "object", "result"]
    columns += ["origin", "detail", "request"] if wide else []
    rows = (
        (each.number, each.at, who(each), each.action, each.subject, each.result)
        + ((each.origin, each.detail, each.request_id) if wide else ())
        for each in found
    )
    print_table("Audit trail", columns, rows, right=("no.", "time"), widest="detail" if wide else "object")


def who(entry: Entry) -> str:
    """The actor; a user of the system is marked as one."""
    return f"{entry.actor} (command)" if entry.channel == COMMAND else entry.actor


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def begin(yes: bool) -> None:
    """Start the audit trail now: `echs verify` then accepts older records without audit entries.

    Use it once, after upgrading from a release without an audit trail, when the last server of that release has
    stopped. The command itself is recorded in the audit trail.
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
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def clock(yes: bool) -> None:
    """Confirm that this host's clock is right, and that a wrong clock wrote the future times in the store.

    Use it once, after correcting a wrong clock: clearing is possible again, and the existing future times are no longer
    reported. The command itself is recorded in the audit trail.
    """
    context = ready_context()
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("this cannot be undone: pass --yes to run non-interactively")
        question = f"Is it {context.clock():%Y-%m-%d %H:%M} UTC now? This cannot be undone"
        click.confirm(question, abort=True, err=True)
    entry = confirm_clock(context)
    say(f"entry {entry.number}: {entry.detail}")
