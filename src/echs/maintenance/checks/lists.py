"""Lists: whole, and with the records that their owners sent."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import exists, func, select

from echs.base.columns import Instant
from echs.lists.keyed_list import KeyedList
from echs.lists.list_format import ListFormat, values_of
from echs.lists.list_writer import ListState
from echs.lists.tables import list_change
from echs.locations.charge_point_list import CHARGE_POINTS
from echs.maintenance.checks.trail_facts import list_subject
from echs.maintenance.checks.view import Found, View
from echs.partners import tables as partner_tables
from echs.tokens.token_list import TOKENS

ROWS_AT_ONCE = 1000
# By the name that the trail has for them.
LISTS: dict[str, KeyedList] = {"roaming": TOKENS.keyed, "charge point": CHARGE_POINTS.keyed}


def whole(view: View) -> Iterator[Found]:
    """Lists that are not whole, records of lists that nobody has, and changes out of their order."""
    for lists in LISTS.values():
        heads, records, former, changes = lists.heads, lists.records, lists.former, list_change
        stand = select(records.c.partner_id, func.count().label("n")).join(heads, lists.all_standing)
        counted = stand.group_by(records.c.partner_id).subquery()
        everything = select(records.c.partner_id, func.count().label("n")).group_by(records.c.partner_id).subquery()
        mine = counted.c.partner_id == heads.c.partner_id
        query = select(heads.c.partner_id, heads.c.record_count, counted.c.n)
        for partner_id, promised, n in view.snapshot.execute(query.select_from(heads.outerjoin(counted, mine))):
            if (n or 0) != promised:
                yield f"{heads.name} of partner {partner_id}", f"has {n or 0} records instead of {promised}"
        headless = ~exists(select(heads).where(everything.c.partner_id == heads.c.partner_id))
        left = select(everything.c.partner_id, everything.c.n).where(headless)
        for partner_id, n in view.snapshot.execute(left):
            yield f"{heads.name} of partner {partner_id}", f"{n} records belong to no list that is given out"
        name = lists.name
        newest = (
            select(changes.c.partner_id, func.max(changes.c.id).label("id"))
            .where(changes.c.list == name)
            .group_by(changes.c.partner_id)
            .subquery()
        )
        same = newest.c.partner_id == heads.c.partner_id
        query = select(heads.c.partner_id, heads.c.change_id, newest.c.id)
        for partner_id, change_id, last in view.snapshot.execute(query.select_from(heads.outerjoin(newest, same))):
            if change_id != last:
                yield (
                    f"{heads.name} of partner {partner_id}",
                    f"it stands at change {change_id}, the last is {last}",
                )
        known = exists(select(changes.c.id).where(changes.c.id == records.c.change_id, changes.c.list == name))
        ended = exists(select(changes.c.id).where(changes.c.id == former.c.ended_by, changes.c.list == name))
        for table, there in ((records, known), (former, ended)):
            lost = view.snapshot.execute(select(func.count()).select_from(table).where(~there)).scalar() or 0
            if lost:
                yield table.name, f"{lost} records of no change"
        unnumbered = select(func.count()).where(changes.c.list == name, changes.c.seq <= 0)
        if count := view.snapshot.execute(unnumbered).scalar():
            yield "list_change", f"{count} changes of {name} have no number"


def as_sent(view: View) -> Iterator[Found]:
    """Lists that are not what was sent, as the audit trail has it."""
    user_ids = user_ids_of(view)
    for kind, kept in LISTS.items():
        states = {state.owner_id: state for state in kept.present(view.snapshot, lambda owner: owner.is_not(None))}
        for owner_id in sorted(user_ids.keys() | states.keys()):
            said = view.trail.lists.get(list_subject(kind, owner_id, ""))
            older = view.trail.lists.get(f"{kind} list of {user_ids.get(owner_id)}")
            if said is None or (older is not None and older.number > said.number):
                continue  # a release before this one took it in
            subject = f"{kind} list of partner {owner_id}"
            state: ListState | None = states.get(owner_id)
            if state is None:
                yield subject, f"missing, although entry {said.number} of the audit trail has it"
            elif state.version_token != said.facts.get("version", said.facts.get("mark")):
                yield subject, f"not the list that was sent last (entry {said.number})"
            elif kept.stored_digest(view.snapshot, state) != said.facts["rows"]:
                yield subject, f"its records differ from those sent (entry {said.number})"


def as_meant(view: View) -> Iterator[Found]:
    """Records whose typed columns are not what their payload means. Instants depend on the time zone that their owner
    had then, and are not compared."""
    partner = partner_tables.partner.c
    zones = {row.id: row.timezone for row in view.snapshot.execute(select(partner.id, partner.timezone))}
    for lists in LISTS.values():
        formats = view.formats.of_list(lists.name)
        names = [name for name in lists.names if name not in ("position", "change_id", "first_change_id")]
        table = lists.records.c
        compared = [place for place, name in enumerate(names) if not isinstance(table[name].type, Instant)]
        columns = [table[names[place]] for place in compared]
        for state in lists.present(view.snapshot, lambda owner: owner.is_not(None)):
            query = select(table.position, table.protocol, table.payload, *columns)
            query = query.where(lists.standing(state))
            for position, protocol, payload, *found in view.snapshot.execute(
                query.execution_options(yield_per=ROWS_AT_ONCE)
            ):
                values = meaning(formats.get(protocol), payload, zones[state.owner_id])
                wrong = [
                    names[place]
                    for place, value in zip(compared, found, strict=True)
                    if values is None or value != values[place]
                ]
                if wrong:
                    subject = f"{lists.records.name} of partner {state.owner_id} at {position}"
                    yield subject, f"{', '.join(wrong)}: not what was sent"


def meaning(form: ListFormat | None, payload: str, zone: str) -> tuple[Any, ...] | None:
    """What is stored beside a payload; None where it means nothing."""
    if form is None:
        return None
    try:
        return next(values_of(form, [payload], zone, lambda instant: instant))
    except (ValueError, IndexError):
        return None


def user_ids_of(view: View) -> dict[int, str]:
    """The user ids of all partners."""
    partner = partner_tables.partner.c
    rows = view.snapshot.execute(select(partner.id, partner.user_id))
    return {row.id: row.user_id for row in rows}
