"""``echs partner rename`` and ``retire``; and what happens to CDRs when a provider id changes hands."""

from collections.abc import Sequence

import click

from echs.base.plural import counted
from echs.cdrs.pending import waiting_for
from echs.clearing.unfetched import unfetched_by
from echs.cli.app_context import ready_context
from echs.cli.output import json_option, say
from echs.config.app_context import AppContext
from echs.partners import departure, queries
from echs.partners.partner import Partner


def say_waiting(context: AppContext, provider_ids: Sequence[str], now: str) -> None:
    """Say how many CDRs for these provider ids are pending or held now."""
    count = waiting_for(context, provider_ids)
    if count:
        say(f"{counted(count, 'CDR')} for {', '.join(provider_ids)} {'is' if count == 1 else 'are'} now {now}")


def say_shared_hubs(context: AppContext, partner: Partner) -> None:
    """Say with whom the partner shares its hub numbers: they may be."""
    for hub in partner.hubs:
        others = [
            other.user_id
            for other in queries.all_partners(context)
            if hub in other.hubs and other.id != partner.id and other.retired_at is None
        ]
        if others:
            say(f"hub {hub} is shared with {', '.join(others)}")


@click.command()
@click.argument("user_id")
@click.argument("new", metavar="NEW_USER_ID")
def rename(user_id: str, new: str) -> None:
    """Change a partner's user id, with which it logs in from now on.

    Its password and logins stay valid. Earlier runs and their statements keep the old user id.
    """
    partner = departure.rename(ready_context(), user_id, new)
    say(f"{user_id} is now {partner.user_id}; tell the partner to log in with the new user id")


@click.command()
@click.argument("user_id")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
def retire(user_id: str, yes: bool, as_json: bool) -> None:
    """Retire a partner permanently. It can never be enabled again; its history remains.

    Its logins end, its ids, hub numbers and certificates become free, and it is only listed with --all. CDRs addressed
    to it are held until another partner gets its provider id.
    """
    from echs.cli.partner import show_partner

    context = ready_context()
    partner = queries.partner_of_user(context, user_id)
    waiting = waiting_for(context, partner.provider_ids) if partner.active else 0
    unfetched = unfetched_by(context, partner.id)
    if waiting:
        say(f"{counted(waiting, 'CDR')} would be held: clear first, or assign its provider ids to another partner")
    if unfetched:
        say(f"it has not fetched {counted(unfetched, 'run')}: create the statements with echs statement draw")
    if not yes:
        click.confirm(f"Retire {partner.user_id} permanently?", abort=True, err=True)
    gone = departure.retire(context, user_id)
    show_partner(gone, as_json)
    say_waiting(context, partner.provider_ids, "held")


@click.command(hidden=True)
@click.argument("user_id", required=False)
def remove(user_id: str | None) -> None:
    """Not available: a partner's history is kept."""
    named = user_id or "USER_ID"
    raise click.UsageError(
        f"partners cannot be removed, since their CDRs and runs are kept: echs partner disable {named} locks it out, "
        f"echs partner retire {named} retires it permanently"
    )
