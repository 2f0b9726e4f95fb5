"""``echs direct``: the address book of OCHPdirect."""

import click

from echs.cli import EXIT_FAILED
from echs.cli.app_context import ready_context
from echs.cli.output import json_option, print_facts, print_json, print_table, say
from echs.direct import address_book
from echs.direct.endpoint import Endpoint
from echs.partners import queries
from echs.partners.partner import PartyRole


@click.group("direct")
def command() -> None:
    """Look into the address book of OCHPdirect: where partners can be called, day by day. Secrets are never shown."""


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Show the endpoints that are handed on now: of today, and after 12:05 UTC of tomorrow."""
    context = ready_context()
    users = {partner.id: partner.user_id for partner in queries.all_partners(context)}
    found = [facts_of(users[owner], endpoint) for owner, endpoint in address_book.all_endpoints(context)]
    if as_json:
        print_json(found)
        return
    names = ("user_id", "role", "day", "url", "namespace", "whitelist", "blacklist")
    rows = [tuple(" ".join(text) if isinstance(text := each[name], list) else text for name in names) for each in found]
    print_table("Endpoints", ("user id", *names[1:]), rows)


@command.command("find")
@click.argument("number", metavar="EVSE_ID|CONTRACT_ID")
@click.option("--contract", is_flag=True, help="It is a contract id: find the provider's endpoint.")
@json_option
def find(number: str, contract: bool, as_json: bool) -> None:
    """Show which endpoint serves an EVSE (or a contract) today: by the longest pattern, then the newest version."""
    context = ready_context()
    role = PartyRole.PROVIDER if contract else PartyRole.OPERATOR
    plain = number.upper().replace("-", "") if contract else plain_evse_id(number)
    found = address_book.endpoint_of(context, role, plain)
    if found is None:
        say(f"no endpoint serves {number} today")
        raise click.exceptions.Exit(EXIT_FAILED)
    owner, endpoint = found
    users = {partner.id: partner.user_id for partner in queries.all_partners(context)}
    facts = facts_of(users[owner], endpoint)
    if as_json:
        print_json(facts)
    else:
        print_facts(f"Endpoint for {number}", list(facts.items()))


def plain_evse_id(number: str) -> str:
    """An EVSE id as patterns have it: in upper case, without its first two separators; others are content."""
    return number.upper().replace("*", "", 2) if "*" in number[:6] else number.upper()


def facts_of(user_id: str, endpoint: Endpoint) -> dict[str, object]:
    """An endpoint as people and programs are shown it, without its secret."""
    return {
        "user_id": user_id,
        "role": endpoint.role.value,
        "day": endpoint.day.isoformat(),
        "url": endpoint.url,
        "namespace": endpoint.namespace,
        "whitelist": list(endpoint.whitelist),
        "blacklist": list(endpoint.blacklist),
    }
