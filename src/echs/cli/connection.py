"""``echs connection``: who sees whom in a closed house."""

import sys
from dataclasses import asdict

import click

from echs.base.plural import counted
from echs.cdrs.pending import unconnected
from echs.cli.app_context import ready_context
from echs.cli.output import json_option, print_json, print_table, say
from echs.config.app_context import AppContext
from echs.partners import connections
from echs.partners.connection import ConnectionKind, ConnectionMode
from echs.partners.connections import Connected

KINDS = [kind.value for kind in ConnectionKind]
MODES = [mode.value for mode in ConnectionMode]
provider_argument = click.argument("provider", metavar="PROVIDER")
operator_argument = click.argument("operator", metavar="OPERATOR")
kind_option = click.option(
    "--kind",
    "kinds",
    type=click.Choice(KINDS),
    multiple=True,
    help="Only this; repeat for several.  [default: tokens, locations and cdrs]",
)


@click.group("connection")
def command() -> None:
    """Connect providers and operators; open or close the house.

    In an open house, the default, every partner sees every other. In a closed one a provider and an operator see each
    other only along a connection: the operator gets the provider's tokens, the provider gets the operator's charge
    points and CDRs. CDRs without a connection are held.
    """


@command.command()
@provider_argument
@operator_argument
@kind_option
@click.option("--close/--stay-open", default=None, help="Close the house with the first connection, or do not.")
def add(provider: str, operator: str, kinds: tuple[str, ...], close: bool | None) -> None:
    """Connect the partner PROVIDER, as provider, with the partner OPERATOR, as operator (user ids)."""
    context = ready_context()
    first = not connections.was_ever_connected(context)
    tell("connected", connections.connect(context, provider, operator, chosen(kinds)))
    if connections.mode(context) is ConnectionMode.CLOSED:
        return
    if close is None and first and sys.stdin.isatty():
        close = click.confirm("The house is open: everybody sees everybody. Close it now?", err=True)
    if close:
        switch(context, ConnectionMode.CLOSED)
    else:
        say("the house is open, so connections have no effect yet; to close it: echs connection mode closed")


@command.command()
@provider_argument
@operator_argument
@kind_option
def end(provider: str, operator: str, kinds: tuple[str, ...]) -> None:
    """End a connection. CDRs of sessions that began before are still cleared; lists are withdrawn at once."""
    tell("no longer connected", connections.disconnect(ready_context(), provider, operator, chosen(kinds)))


@command.command("list")
@click.option("--all", "ended_too", is_flag=True, help="Include connections that have ended.")
@json_option
def list_(ended_too: bool, as_json: bool) -> None:
    """List the connections. Times are UTC."""
    context = ready_context()
    found, mode = connections.all_connections(context, ended_too=ended_too), connections.mode(context)
    if as_json:
        print_json({"mode": mode.value, "connections": [asdict(each) for each in found]})
        return
    print_table(
        f"Connections (the house is {mode.value})",
        ("provider", "operator", "kind", "since", "until"),
        ((each.provider, each.operator, each.kind.value, each.since, each.until) for each in found),
    )


@command.command()
@click.argument("wanted", metavar="[open|closed]", type=click.Choice(MODES), required=False)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
def mode(wanted: str | None, yes: bool, as_json: bool) -> None:
    """Show whether the house is open or closed, or change it."""
    context = ready_context()
    if wanted is not None and ConnectionMode(wanted) is not connections.mode(context):
        confirm(context, ConnectionMode(wanted), yes)
        switch(context, ConnectionMode(wanted))
    elif not as_json:
        say(f"the house is {connections.mode(context).value}")
    if as_json:
        print_json({"mode": connections.mode(context).value})


def confirm(context: AppContext, wanted: ConnectionMode, yes: bool) -> None:
    """Ask, when it was said what the change means."""
    if yes:
        return
    count = len(connections.all_connections(context))
    if wanted is ConnectionMode.CLOSED:
        question = f"Close the house? Partners will see each other only along {counted(count, 'connection')}"
    else:
        question = "Open the house? Every partner will see every other"
    if not sys.stdin.isatty():
        raise click.UsageError("everybody is affected: pass --yes to run non-interactively")
    click.confirm(question, abort=True, err=True)


def switch(context: AppContext, wanted: ConnectionMode) -> None:
    """Open or close the house, and say what waits because of it."""
    connections.set_mode(context, wanted)
    say(f"the house is {wanted.value} now")
    for each in unconnected(context):
        say(f"held: {counted(each.cdr_count, 'CDR')} of {each.operator} for {each.provider}, which are not connected")


def chosen(kinds: tuple[str, ...]) -> list[ConnectionKind]:
    """The kinds that were named, or all, each once."""
    return [ConnectionKind(kind) for kind in dict.fromkeys(kinds or KINDS)]


def tell(what: str, done: Connected) -> None:
    """Say what became of a change."""
    both = f"provider {done.provider.user_id} and operator {done.operator.user_id}"
    say(f"{both} are {what}: {', '.join(done.changed)}")
    if done.unchanged:
        say(f"unchanged: {', '.join(done.unchanged)}")
