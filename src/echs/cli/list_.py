"""``echs list``: the partners' lists."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from echs.base.fields import FieldText
from echs.base.plural import counted
from echs.cli.app_context import ready_context
from echs.cli.output import emit, json_option, print_facts, print_json, print_table, say
from echs.config.app_context import AppContext
from echs.lists.history import RecordChange, Sent
from echs.lists.keyed_list import ReplaceResult
from echs.lists.list_format import ListFormat
from echs.lists.list_writer import ListState
from echs.lists.published_list import PublishedList
from echs.lists.set_aside import SetAside
from echs.lists.withheld_counts import all_withheld, title
from echs.locations.charge_point_list import CHARGE_POINTS
from echs.partners import queries
from echs.protocols.record_formats import RECORD_FORMATS
from echs.tokens.token_list import TOKENS

LISTS: dict[str, PublishedList] = {"tokens": TOKENS, "charge-points": CHARGE_POINTS}
HIDDEN = "(secret)"

user_argument = click.argument("user_id", metavar="USER_ID")
list_option = click.option(
    "--list", "which", type=click.Choice(list(LISTS)), default="tokens", show_default=True, help="Which of its lists."
)


@click.group("list")
def command() -> None:
    """Show partners' lists and their last change; undo a change, release an upload that was put aside."""


@command.command()
@click.option("--withheld", is_flag=True, help="Show what is not given to partners of another protocol, and why.")
@json_option
def show(withheld: bool, as_json: bool) -> None:
    """Show the size of each partner's lists, and when they were last replaced (UTC)."""
    context = ready_context()
    if withheld:
        show_withheld(context, as_json)
        return
    tokens, points = TOKENS.states(context), CHARGE_POINTS.states(context)
    aside = {name: each.put_aside(context) for name, each in LISTS.items()}
    partners = queries.all_partners(context)
    if as_json:
        print_json(
            [
                {
                    "user_id": partner.user_id,
                    "active": partner.active,
                    "roaming_list": facts_of(tokens.get(partner.id), aside["tokens"].get(partner.id)),
                    "chargepoint_list": facts_of(points.get(partner.id), aside["charge-points"].get(partner.id)),
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
    users = {partner.id: partner.user_id for partner in partners}
    for name, found in aside.items():
        for owner_id, upload in found.items():
            say(
                f"an upload of {users.get(owner_id)} is put aside: {counted(upload.record_count, 'record')}, "
                f"{upload.removed} of the present ones would be removed; "
                f"echs list release {users.get(owner_id)} --list {name}"
            )


def show_withheld(context: AppContext, as_json: bool) -> None:
    """Of each list, how many records another protocol cannot say."""
    users = {partner.id: partner.user_id for partner in queries.all_partners(context)}
    rows = [
        (users[each.owner_id], name, title(each.protocol), each.reason, each.records, each.of)
        for name, lists in LISTS.items()
        for each in all_withheld(context, lists, formats_of(name))
    ]
    names = ("user_id", "list", "protocol", "reason", "records", "of")
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    if not rows:
        say("Nothing is withheld: every record of every list can be said in every protocol.")
        return
    heads = ("user id", "list", "not given to", "reason", "records", "of")
    print_table("Records that are withheld", heads, rows, right=("records", "of"))


@command.command()
@user_argument
@list_option
@json_option
def diff(user_id: str, which: str, as_json: bool) -> None:
    """Show what the last change of a partner's list did, record by record. Pins and card numbers are not shown."""
    lists = LISTS[which]
    change, records = lists.last_change(ready_context(), user_id)
    facts = {name: value for name, value in asdict(change).items() if name != "id"}
    if as_json:
        print_json({**facts, "records": [record_facts(formats_of(which), each) for each in records]})
        return
    print_facts(f"Last change of the {lists.title} of {user_id} (times are UTC)", list(facts.items()))
    rows = []
    for each in records:
        shown = record_facts(formats_of(which), each)
        rows += [(each.kind.value, shown["key"], field, before, after) for field, before, after in shown["fields"]]
    print_table("Records", ("change", "record", "field", "before", "after"), rows, widest="after")


@command.command()
@user_argument
@list_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def undo(user_id: str, which: str, yes: bool) -> None:
    """Take the last change of a partner's list back. One former state is kept; to undo twice is to redo."""
    if not yes:
        click.confirm(f"Take the last change of the {LISTS[which].title} of {user_id} back?", abort=True, err=True)
    tell(LISTS[which], user_id, LISTS[which].undo(ready_context(), user_id, formats_of(which)))


@command.command()
@user_argument
@list_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def release(user_id: str, which: str, yes: bool) -> None:
    """Publish an upload that was put aside because it would remove too much of the list."""
    if not yes:
        click.confirm(f"Publish the upload of {user_id} that is put aside?", abort=True, err=True)
    tell(LISTS[which], user_id, LISTS[which].release(ready_context(), user_id, formats_of(which)))


def tell(lists: PublishedList, user_id: str, result: ReplaceResult) -> None:
    """What a list has now, and what changed."""
    counts = result.counts
    emit(
        f"the {lists.title} of {user_id} has {counted(result.stored, 'record')} now: {counts.added} added, "
        f"{counts.changed} changed, {counts.removed} removed"
    )


def formats_of(which: str) -> Mapping[str, ListFormat]:
    """What the protocols know of the records of a list."""
    return RECORD_FORMATS.of_list(LISTS[which].keyed.name)


def record_facts(formats: Mapping[str, ListFormat], change: RecordChange) -> dict[str, Any]:
    """A change of a record: its key, and the fields that differ with their values before and after."""
    before, after = texts_of(formats, change.before), texts_of(formats, change.after)
    differing = [
        (name, *(HIDDEN if each is not None and each.secret and each.text else each and each.text for each in both))
        for name in dict.fromkeys([*before, *after])
        for both in [(before.get(name), after.get(name))]
        if len({each and each.text for each in both}) > 1 and any(each and each.text for each in both)
    ]
    some = change.after or change.before
    label = None if some is None else formats[some.protocol].label(some.payload)
    return {"change": change.kind.value, "key": None if label is None else label[1], "fields": differing}


def texts_of(formats: Mapping[str, ListFormat], sent: Sent | None) -> dict[str, FieldText]:
    """The fields of a record by their names."""
    return {} if sent is None else {each.name: each for each in formats[sent.protocol].texts(sent.payload)}


def facts_of(state: ListState | None, aside: SetAside | None) -> dict[str, object] | None:
    """A list as JSON shows it; null where there never was one."""
    if state is None:
        return None
    facts: dict[str, object] = {
        "records": state.record_count,
        "replaced_at": state.replaced_at,
        "generation": state.generation,
    }
    if aside is not None:
        facts["set_aside"] = {name: value for name, value in asdict(aside).items() if name != "owner_id"}
    return facts


def columns(state: ListState | None) -> tuple[object, object]:
    """A list as the table shows it."""
    return (state.record_count, state.replaced_at) if state else (None, None)
