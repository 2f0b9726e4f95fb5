"""``echs upload``: what partners uploaded, also what was refused."""

from dataclasses import asdict
from datetime import datetime

import click

from echs.audit import receipts
from echs.cli.app_context import ready_context
from echs.cli.output import DAY, json_option, print_facts, print_json, print_table, say
from echs.partners.queries import all_partners, partner_of_user


@click.group("upload")
def command() -> None:
    """Show partners' uploads, accepted and rejected. Receipts are kept for `ECHS_RECEIPT_DAYS`."""


@command.command("list")
@click.option("--partner", "user_id", metavar="USER_ID", help="Only uploads by this partner.")
@click.option("--since", type=DAY, metavar="DAY", help="Only uploads on this day (UTC) or later.")
@click.option(
    "--outcome", metavar="NAME", help="Only uploads with this outcome: ok, refused, or the name of a result code."
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Maximum number of rows.")
@json_option
def list_(user_id: str | None, since: datetime | None, outcome: str | None, limit: int, as_json: bool) -> None:
    """List uploads, newest first. Times are UTC."""
    context = ready_context()
    partner_id = None if user_id is None else partner_of_user(context, user_id).id
    found = receipts.newest(context, partner_id=partner_id, since=since, outcome=outcome, limit=limit)
    users = {partner.id: partner.user_id for partner in all_partners(context)}
    if as_json:
        print_json([{**asdict(each), "partner": users.get(each.partner_id)} for each in found])
        return
    print_table(
        "Uploads",
        ("request", "received", "partner", "operation", "outcome", "records", "new", "known", "warned", "problems"),
        (
            (
                each.request_id,
                each.received_at,
                users.get(each.partner_id),
                each.operation,
                each.outcome,
                each.records,
                each.new,
                each.known,
                each.warned,
                each.problem_count,
            )
            for each in found
        ),
        right=("records", "new", "known", "warned", "problems"),
    )


@command.command()
@click.argument("request_id", metavar="REQUEST_ID")
@json_option
def show(request_id: str, as_json: bool) -> None:
    """Show one upload and its problems. REQUEST_ID is in the response to the partner."""
    context = ready_context()
    found = receipts.of_request(context, request_id)
    partner = next((each.user_id for each in all_partners(context) if each.id == found.partner_id), None)
    if as_json:
        print_json({**asdict(found), "partner": partner})
        return
    facts = {name: value for name, value in asdict(found).items() if name not in ("problems", "partner_id")}
    print_facts(f"Upload {found.request_id}", [("partner", partner), *facts.items()])
    print_table(
        "Problems",
        ("record", "field", "code", "problem"),
        ((each.position, each.field or None, each.reason, each.detail) for each in found.problems),
        right=("record",),
        widest="problem",
    )
    if found.problem_count > len(found.problems):
        say(f"{found.problem_count - len(found.problems)} more problems were not stored; use echs validate to see all")
