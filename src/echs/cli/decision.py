"""``echs cdr hold``, ``release`` and ``reject``: what the office decides about a CDR before clearing."""

from collections.abc import Callable
from typing import Any

import click

from echs.base.errors import printable
from echs.cdrs import decisions
from echs.cdrs.lookup import look_up
from echs.cdrs.status import Decided
from echs.cli import system_user
from echs.cli.app_context import ready_context
from echs.cli.output import json_option, print_json, say


def decision_options(function: Callable[..., Any]) -> Any:
    """What every decision is told."""
    reason = click.option(
        "--reason", required=True, metavar="TEXT", help="Reason: one line, kept with the CDR permanently."
    )
    operator = click.option(
        "--operator", "operator_id", metavar="ID", help="Operator id, if several operators use this CDR id."
    )
    return click.argument("cdr_id", metavar="CDR_ID")(operator(reason(json_option(function))))


def decide(kind: Decided, cdr_id: str, operator_id: str | None, reason: str, as_json: bool) -> None:
    """Decide, and say in what state the CDR is now."""
    context = ready_context()
    made = decisions.decide(context, kind, cdr_id, operator_id, reason, system_user())
    status = look_up(context, cdr_id, operator_id).listed.status
    if as_json:
        print_json({"cdr_id": cdr_id, "status": status, "decision": made})
    else:
        say(f"CDR {printable(cdr_id)} is now {status.value}")


@click.command()
@decision_options
def hold(cdr_id: str, operator_id: str | None, reason: str, as_json: bool) -> None:
    """Put a CDR on hold: it is not cleared until it is released. Only before clearing."""
    decide(Decided.HOLD, cdr_id, operator_id, reason, as_json)


@click.command()
@decision_options
def release(cdr_id: str, operator_id: str | None, reason: str, as_json: bool) -> None:
    """Release a CDR on hold: the next run clears it, if an active partner owns its provider id."""
    decide(Decided.RELEASE, cdr_id, operator_id, reason, as_json)


@click.command()
@decision_options
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def reject(cdr_id: str, operator_id: str | None, reason: str, as_json: bool, yes: bool) -> None:
    """Reject a CDR permanently: it is never cleared, and its id remains in use. Only before clearing."""
    if not yes:
        click.confirm(f"Reject CDR {printable(cdr_id)} permanently?", abort=True, err=True)
    decide(Decided.REJECT, cdr_id, operator_id, reason, as_json)
