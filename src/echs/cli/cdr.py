"""``echs cdr``: charge detail records."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from echs.base.energy import kwh
from echs.base.errors import printable
from echs.cdrs import decisions, listing
from echs.cdrs.status import Decided, Status
from echs.cli import system_user
from echs.cli.output import json_option, print_facts, print_json, print_table, say
from echs.cli.store import ready_house
from echs.protocols.ochp02.names import CDR_INFO


@click.group("cdr")
def command() -> None:
    """Look up charge detail records, and decide about them before clearing."""


def spelt(record: dict[str, str]) -> dict[str, str]:
    """The texts of a CDR by their names on the wire."""
    return {CDR_INFO.spelling[name]: text for name, text in record.items()}


def as_facts(cdr: listing.ListedCdr) -> dict[str, object]:
    """A line of the listing for programs; the fields of its warnings by their names on the wire."""
    warnings = [{**asdict(each), "field": CDR_INFO.spelling.get(each.field, each.field)} for each in cdr.warnings]
    return {**asdict(cdr), "kwh": kwh(cdr.volume_e4_kwh), "warnings": warnings}


@command.command("list")
@click.option("--status", type=click.Choice([status.value for status in Status]), help="Only those in this state.")
@click.option("--run", "run_number", type=click.IntRange(1), metavar="N", help="Only those of this clearing run.")
@click.option("--warnings", "only_warned", is_flag=True, help="Only those with warnings; shows them.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@json_option
def list_(status: str | None, run_number: int | None, only_warned: bool, limit: int, as_json: bool) -> None:
    """List the newest CDRs, newest first. Times are UTC."""
    wanted = Status(status) if status else None
    found = listing.find(ready_house(), wanted, run_number, limit + 1, only_warned=only_warned)
    more, found = len(found) > limit, found[:limit]
    last = ("warnings",) if only_warned else ("run", "warnings")
    if as_json:
        print_json([as_facts(each) for each in found])
    else:
        print_table(
            "Charge detail records",
            ("cdrId", "operator", "provider", "start", "kWh", "received", "status", *last),
            (
                (
                    each.cdr_id,
                    each.operator_id,
                    each.provider_id,
                    each.started_at,
                    kwh(each.volume_e4_kwh),
                    each.received_at,
                    each.status,
                    *(
                        (", ".join(warned.name for warned in each.warnings),)
                        if only_warned
                        else (each.run_number, len(each.warnings) or None)
                    ),
                )
                for each in found
            ),
            right=("kWh", "run"),
        )
    if more:
        say(f"there are more than these {limit}; see --limit")


@command.command()
@click.argument("cdr_id", metavar="CDR_ID")
@click.option("--operator", "operator_id", metavar="ID", help="Whose CDR, where several operators use the number.")
@json_option
def show(cdr_id: str, operator_id: str | None, as_json: bool) -> None:
    """Show everything that is known of one CDR, but for the card number. Times are UTC."""
    house = ready_house()
    found = listing.look_up(house, cdr_id, operator_id)
    decided = decisions.of_cdr(house, cdr_id, operator_id)
    if as_json:
        facts = {**asdict(found), "listed": as_facts(found.listed), "record": spelt(found.record)}
        print_json({**facts, "decisions": decided})
        return
    each = found.listed
    print_facts(
        f"CDR {each.cdr_id} of {each.operator_id}",
        (
            ("status", each.status),
            ("run", each.run_number),
            ("received", each.received_at),
            ("from partner", found.sender),
            ("request", found.request_id),
            ("start", each.started_at),
            ("end", each.ended_at),
            ("kWh", kwh(each.volume_e4_kwh)),
            ("seconds as stated", found.duration_s),
        ),
    )
    print_facts(
        "As received",
        (
            *((name, text or None) for name, text in spelt(found.record).items()),
            (CDR_INFO.spelling["token_id"], "(not shown)" if found.has_token_id else None),
        ),
    )
    print_table(
        "Warnings",
        ("warning", "field", "what is odd"),
        ((warned.name, CDR_INFO.spelling.get(warned.field), warned.detail) for warned in each.warnings),
    )
    print_table(
        "Decisions",
        ("no.", "when", "decision", "by", "reason", "request"),
        ((d.number, d.decided_at, d.kind, d.decided_by, d.reason, d.request_id) for d in decided),
        right=("no.",),
        widest="reason",
    )


def decision_options(function: Callable[..., Any]) -> Any:
    """What every decision is told."""
    reason = click.option("--reason", required=True, metavar="TEXT", help="Why: one line, kept with the CDR for ever.")
    operator = click.option(
        "--operator", "operator_id", metavar="ID", help="Whose CDR, where several operators use the number."
    )
    return click.argument("cdr_id", metavar="CDR_ID")(operator(reason(json_option(function))))


def decide(kind: Decided, cdr_id: str, operator_id: str | None, reason: str, as_json: bool) -> None:
    """Decide, and say in what state the CDR is now."""
    house = ready_house()
    made = decisions.decide(house, kind, cdr_id, operator_id, reason, system_user())
    status = listing.look_up(house, cdr_id, operator_id).listed.status
    if as_json:
        print_json({"cdr_id": cdr_id, "status": status, "decision": made})
    else:
        say(f"CDR {printable(cdr_id)} is {status.value} now")


@command.command()
@decision_options
def hold(cdr_id: str, operator_id: str | None, reason: str, as_json: bool) -> None:
    """Put a CDR on hold: no run takes it until it is released. Only before clearing."""
    decide(Decided.HOLD, cdr_id, operator_id, reason, as_json)


@command.command()
@decision_options
def release(cdr_id: str, operator_id: str | None, reason: str, as_json: bool) -> None:
    """Release a CDR that is on hold: the next run takes it, if an active partner owns its provider id."""
    decide(Decided.RELEASE, cdr_id, operator_id, reason, as_json)


@command.command()
@decision_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def reject(cdr_id: str, operator_id: str | None, reason: str, as_json: bool, yes: bool) -> None:
    """Reject a CDR for ever: no run takes it, and its number stays used. Only before clearing."""
    if not yes:
        click.confirm(f"Reject CDR {printable(cdr_id)} for ever?", abort=True, err=True)
    decide(Decided.REJECT, cdr_id, operator_id, reason, as_json)
