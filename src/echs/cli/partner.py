"""``echs partner``: who takes part."""

from dataclasses import asdict
from typing import Any

import click

from echs.cli import certificate, credential, departure
from echs.cli.app_context import ready_context
from echs.cli.credential import password_of, password_option, show_password
from echs.cli.departure import say_shared_hubs, say_waiting
from echs.cli.output import json_option, print_facts, print_json, print_table, say
from echs.partners import enrolment, queries
from echs.partners.enrolment import Ownership
from echs.partners.partner import Answers, Partner, PartyRole, UidOrder


@click.group("partner")
def command() -> None:
    """Enrol and administer partners: companies whose systems connect to this clearing house."""


def ownership_options(function: Any) -> Any:
    """The options that name ids."""
    hub = click.option(
        "--hub", "hubs", type=int, multiple=True, metavar="N", help="Hub number that it may set on its tokens."
    )
    provider = click.option(
        "--provider",
        "provider_ids",
        multiple=True,
        metavar="ID",
        help="serviceProviderId under which it receives CDRs.",
    )
    operator = click.option(
        "--operator", "operator_ids", multiple=True, metavar="ID", help="infraProviderId under which it sends CDRs."
    )
    return operator(provider(hub(function)))


def letter_options(function: Any) -> Any:
    """The options for what stands on a statement beside the name."""
    vat_id = click.option("--vat-id", metavar="ID", help='VAT number, for its statements; "" removes it.')
    address = click.option(
        "--address",
        multiple=True,
        metavar="LINE",
        help='Line of the postal address, for its statements; repeat for each line. A single "" removes it.',
    )
    return address(vat_id(function))


def pins_option(function: Any) -> Any:
    """How the partner's back end reads pins."""
    return click.option(
        "--numeric-pins/--text-pins",
        default=None,
        help="For back ends generated from the WSDL before August 2013, where a PIN is an integer: in the lists that it"
        " downloads, empty and non-numeric PINs are 0.",
    )(function)


def guard_option(function: Any) -> Any:
    """Whether uploads that shrink a list are put aside."""
    return click.option(
        "--shrink-guard/--no-shrink-guard",
        default=None,
        help="Put an upload aside if it removes more of a list than ECHS_LIST_SHRINK_PERCENT, until echs list release.",
    )(function)


def facts_of(partner: Partner) -> dict[str, object]:
    """A partner as JSON and tables show it."""
    facts = asdict(partner)
    facts["groups"] = sorted(partner.groups)
    facts["address"] = partner.address.splitlines()
    facts["market_ids"] = [f"{role.value} {party_id}: {market}" for role, party_id, market in partner.market_ids]
    return facts


def ids_of(partner: Partner, ids: tuple[str, ...]) -> str:
    """Party ids as the list shows them: in brackets where they are kept for a disabled partner, and free for others."""
    text = ", ".join(ids) or "-"
    return text if partner.active or not ids else f"({text})"


def show_partner(partner: Partner, as_json: bool, password: str | None = None) -> None:
    """Print one partner, and a new password if there is one."""
    facts = facts_of(partner)
    if as_json:
        print_json({**facts, "password": password} if password else facts)
        return
    print_facts(f"Partner {partner.user_id}", facts.items())
    if password:
        show_password(password)


@command.command()
@click.argument("user_id")
@click.option("--name", required=True, help="Company name, as printed on statements.")
@ownership_options
@click.option("--administrator", is_flag=True, help="Allow it to clear.")
@click.option("--navigation", is_flag=True, help="Let it read charge points and live status without an id of its own.")
@click.option(
    "--timezone", default="UTC", show_default=True, metavar="TZ", help="Time zone of its timestamps without an offset."
)
@letter_options
@pins_option
@guard_option
@password_option
@json_option
def add(
    user_id: str,
    name: str,
    operator_ids: tuple[str, ...],
    provider_ids: tuple[str, ...],
    hubs: tuple[int, ...],
    administrator: bool,
    navigation: bool,
    timezone: str,
    address: tuple[str, ...],
    vat_id: str | None,
    numeric_pins: bool | None,
    shrink_guard: bool | None,
    password_file: Any,
    as_json: bool,
) -> None:
    """Enrol a partner under USER_ID.

    Example: echs partner add tnm --name "The New Motion" --operator TheNewMotion --provider TheNewMotion --hub 5
    --timezone Europe/Amsterdam
    """
    context = ready_context()
    password, made = password_of(password_file)
    partner = enrolment.add_partner(
        context,
        user_id,
        name,
        password,
        Ownership(operator_ids, provider_ids, hubs),
        administrator=administrator,
        navigation=navigation,
        timezone=timezone,
        address=address,
        vat_id=vat_id or "",
        numeric_pins=bool(numeric_pins),
        shrink_guard=bool(shrink_guard),
    )
    show_partner(partner, as_json, password if made else None)
    say_shared_hubs(context, partner)


@command.command("list")
@click.option("--all", "retired_too", is_flag=True, help="Include retired partners.")
@json_option
def list_(retired_too: bool, as_json: bool) -> None:
    """List the partners."""
    partners = [each for each in queries.all_partners(ready_context()) if retired_too or each.retired_at is None]
    if as_json:
        print_json([facts_of(partner) for partner in partners])
        return
    print_table(
        "Partners",
        ("user id", "name", "operator ids", "provider ids", "hubs", "time zone", "groups", "active"),
        (
            (
                p.user_id,
                p.name,
                ids_of(p, p.operator_ids),
                ids_of(p, p.provider_ids),
                p.hubs,
                p.timezone,
                sorted(p.groups),
                p.active,
            )
            for p in partners
        ),
    )


@command.command()
@click.argument("user_id")
@json_option
def show(user_id: str, as_json: bool) -> None:
    """Show one partner."""
    context = ready_context()
    partner = queries.partner_of_user(context, user_id)
    show_partner(partner, as_json)
    say_shared_hubs(context, partner)
    if not partner.active and partner.retired_at is None:
        say(f"it is disabled and its ids are free for others; to enable it: echs partner enable {partner.user_id}")


@command.command()
@click.argument("user_id")
@password_option
@json_option
def passwd(user_id: str, password_file: Any, as_json: bool) -> None:
    """Set a new password for the partner's user id. All logins of the partner end."""
    context = ready_context()
    password, made = password_of(password_file)
    partner = enrolment.set_password(context, user_id, password)
    if as_json:
        print_json({"user_id": partner.user_id, "password": password if made else None})
    elif made:
        show_password(password)
    else:
        say(f"the password of {partner.user_id} is set; its logins have ended")


@command.command()
@click.argument("user_id")
@ownership_options
@click.option("--remove", is_flag=True, help="Remove the named ids instead.")
@json_option
def own(
    user_id: str,
    operator_ids: tuple[str, ...],
    provider_ids: tuple[str, ...],
    hubs: tuple[int, ...],
    remove: bool,
    as_json: bool,
) -> None:
    """Assign ids to a partner, or remove them.

    An operator or provider id has one owner at a time; a hub number may be shared. Held CDRs become pending when an
    active partner gets their provider id.
    """
    if not (operator_ids or provider_ids or hubs):
        raise click.UsageError("name at least one --operator, --provider or --hub")
    verb, context = enrolment.revoke_ids if remove else enrolment.assign_ids, ready_context()
    partner = verb(context, user_id, Ownership(operator_ids, provider_ids, hubs))
    show_partner(partner, as_json)
    say_waiting(context, provider_ids, "held" if remove or not partner.active else "pending")
    say_shared_hubs(context, partner)


@command.command("market-id")
@click.argument("user_id")
@click.option("--operator", "operator_id", metavar="ID", help="The infraProviderId that it belongs to.")
@click.option("--provider", "provider_id", metavar="ID", help="The serviceProviderId that it belongs to.")
@click.argument("market_id")
@json_option
def market_id(user_id: str, operator_id: str | None, provider_id: str | None, market_id: str, as_json: bool) -> None:
    """Enter the MARKET_ID of one of a partner's ids: country and three signs, such as NL*TNM; "" removes it.

    EVSE ids and contract ids that begin with it are then this partner's. An id that is spelt as a market id needs none.
    """
    if (operator_id is None) == (provider_id is None):
        raise click.UsageError("name either --operator or --provider")
    role = PartyRole.OPERATOR if operator_id is not None else PartyRole.PROVIDER
    of = operator_id if operator_id is not None else provider_id
    partner = enrolment.set_market_id(ready_context(), user_id, role, str(of), market_id or None)
    show_partner(partner, as_json)


@command.command()
@click.argument("user_id")
@click.option("--name", help="Company name.")
@click.option("--timezone", metavar="TZ", help="Time zone of its timestamps without an offset.")
@click.option("--administrator/--no-administrator", default=None, help="Whether it is allowed to clear.")
@click.option(
    "--navigation/--no-navigation",
    default=None,
    help="Whether it reads charge points and live status without an id of its own.",
)
@letter_options
@pins_option
@guard_option
@click.option(
    "--answers",
    type=click.Choice([each.value for each in Answers]),
    help="How it decides as a provider about its CDRs: a run is its approval, or each waits for its own answer.",
)
@click.option(
    "--uid-order",
    type=click.Choice([each.value for each in UidOrder]),
    help="Which byte the card numbers of its lists of OCHP 0.2 begin with; little: they are turned as they come in.",
)
@json_option
def change(
    user_id: str,
    name: str | None,
    timezone: str | None,
    administrator: bool | None,
    navigation: bool | None,
    address: tuple[str, ...],
    vat_id: str | None,
    numeric_pins: bool | None,
    shrink_guard: bool | None,
    answers: str | None,
    uid_order: str | None,
    as_json: bool,
) -> None:
    """Change name, time zone, groups, PIN format, postal address, VAT number, order of bytes or answers about CDRs.

    Earlier runs and CDRs are not affected.
    """
    given = (name, timezone, administrator, navigation, vat_id, numeric_pins, shrink_guard, answers, uid_order)
    if not address and all(each is None for each in given):
        options = (
            "--name, --timezone, --administrator, --navigation, --address, --vat-id, --numeric-pins, --shrink-guard, "
            "--answers or --uid-order"
        )
        raise click.UsageError(f"name what to change: {options}")
    lines = None if not address else [] if address == ("",) else address
    changed = enrolment.change(
        ready_context(),
        user_id,
        name=name,
        timezone=timezone,
        administrator=administrator,
        navigation=navigation,
        address=lines,
        vat_id=vat_id,
        numeric_pins=numeric_pins,
        shrink_guard=shrink_guard,
        answers=None if answers is None else Answers(answers),
        uid_order=None if uid_order is None else UidOrder(uid_order),
    )
    show_partner(changed, as_json)


@command.command()
@click.argument("user_id")
def logout(user_id: str) -> None:
    """End all logins of a partner. It can log in again with its password."""
    partner = enrolment.log_out(ready_context(), user_id)
    say(f"the logins of {partner.user_id} have ended")


@command.command()
@click.argument("user_id")
@json_option
def disable(user_id: str, as_json: bool) -> None:
    """Lock a partner out. Its logins end, its lists and statements are withdrawn; nothing is deleted.

    Its ids become free for others. CDRs addressed to it are held until it is enabled or another partner gets the id.
    """
    context = ready_context()
    partner = enrolment.disable(context, user_id)
    show_partner(partner, as_json)
    say("its ids are now free for others; CDRs addressed to it are held")
    say_waiting(context, partner.provider_ids, "held")


@command.command()
@click.argument("user_id")
@json_option
def enable(user_id: str, as_json: bool) -> None:
    """Enable a disabled partner again, with its previous ids."""
    context = ready_context()
    partner = enrolment.enable(context, user_id)
    show_partner(partner, as_json)
    say_waiting(context, partner.provider_ids, "pending")


command.add_command(certificate.command)
command.add_command(credential.command)
command.add_command(departure.rename)
command.add_command(departure.retire)
for name in ("remove", "delete"):
    command.add_command(departure.remove, name)
