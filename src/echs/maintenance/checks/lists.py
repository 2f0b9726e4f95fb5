"""Lists: whole, and with the records that their owners sent."""

from collections.abc import Iterator

from sqlalchemy import and_, exists, func, select

from echs.lists.versioned_list import ListState
from echs.locations import charge_point_list
from echs.maintenance.checks.trail_facts import list_subject
from echs.maintenance.checks.view import Found, View
from echs.partners import tables as partner_tables
from echs.tokens import token_list

# By the name that the trail has for them.
LISTS = {"roaming": token_list.PUBLISHED.lists, "charge point": charge_point_list.PUBLISHED.lists}


def whole(view: View) -> Iterator[Found]:
    """Lists that are not whole, and rows of lists that nobody has."""
    for kept in LISTS.values():
        heads, records = kept.heads, kept.records
        counted = (
            select(
                records.c.partner_id,
                records.c.generation,
                func.count().label("n"),
                func.min(records.c.position).label("first"),
                func.max(records.c.position).label("last"),
            )
            .group_by(records.c.partner_id, records.c.generation)
            .subquery()
        )
        mine = and_(counted.c.partner_id == heads.c.partner_id, counted.c.generation == heads.c.generation)
        query = select(heads.c.partner_id, heads.c.record_count, counted.c.n, counted.c.first, counted.c.last)
        rows = view.snapshot.execute(query.select_from(heads.outerjoin(counted, mine)))
        for partner_id, promised, n, first, last in rows:
            if (n or 0) != promised or (promised and (first, last) != (0, promised - 1)):
                yield f"{heads.name} of partner {partner_id}", f"{n or 0} records found, {promised} expected"
        left = select(counted.c.partner_id, counted.c.n).where(~exists(select(heads).where(mine)))
        for partner_id, n in view.snapshot.execute(left):
            yield f"{heads.name} of partner {partner_id}", f"{n} records belong to no published list"


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
            elif state.mark != said.facts["mark"]:
                yield subject, f"not the list that was sent last (entry {said.number})"
            elif kept.stored_digest(view.snapshot, state) != said.facts["rows"]:
                yield subject, f"its records differ from those sent (entry {said.number})"


def user_ids_of(view: View) -> dict[int, str]:
    """The user ids of all partners."""
    partner = partner_tables.partner.c
    rows = view.snapshot.execute(select(partner.id, partner.user_id))
    return {row.id: row.user_id for row in rows}
