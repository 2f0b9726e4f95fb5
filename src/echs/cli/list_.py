"""``echs list``: the partners' lists."""

import click

from echs.cli.app_context import ready_context
from echs.cli.output import json_option, print_json, print_table
from echs.lists.versioned_list import ListState
from echs.locations import charge_point_list
from echs.partners import queries
from echs.tokens import token_list


@click.group("list")
def command() -> None:
    """Show the size and age of partners' lists."""


@command.command()
@json_option
def show(as_json: bool) -> None:
    """Show the size of each partner's lists, and when they were last replaced (UTC)."""
    context = ready_context()
    tokens, points = token_list.list_states(context), charge_point_list.list_states(context)
    partners = queries.all_partners(context)
    if as_json:
        print_json(
            [
                {
                    "user_id": partner.user_id,
                    "active": partner.active,
                    "roaming_list": facts_of(tokens.get(partner.id)),
                    "chargepoint_list": facts_of(points.get(partner.id)),
                }
                for partner in partners
            ]
        )
        return
    print_table(
        "Lists",
        ("user id", "active", "tokens", "tokens updated", "charge points", "charge points updated"),
        (
            (partner.user_id, partner.active, *columns(tokens.get(partner.id)), *columns(points.get(partner.id)))
            for partner in partners
        ),
        right=("tokens", "charge points"),
    )


def facts_of(state: ListState | None) -> dict[str, object] | None:
    """A list as JSON shows it; null where there never was one."""
    if state is None:
        return None
    return {"records": state.record_count, "replaced_at": state.replaced_at, "generation": state.generation}


def columns(state: ListState | None) -> tuple[object, object]:
    """A list as the table shows it."""
    return (state.record_count, state.replaced_at) if state else (None, None)
