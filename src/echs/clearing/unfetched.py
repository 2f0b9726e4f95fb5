"""What partners have not fetched of runs that they receive CDRs in. Who only sends CDRs has no reason to fetch."""

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select, update

from echs.audit import trail
from echs.audit.entry import Action
from echs.base.context import Context
from echs.base.digest import as_text
from echs.clearing import tables


def receives() -> ColumnElement[bool]:
    """The condition that a party of a run receives CDRs in it, as the provider of a pair."""
    party, pair = tables.clearing_run_party, tables.clearing_run_pair
    return exists(
        select(pair.c.run_number).where(
            pair.c.run_number == party.c.run_number, pair.c.provider_partner_id == party.c.partner_id
        )
    )


def unfetched() -> Select[Any]:
    """The runs that partners receive CDRs in and have not fetched, and still could: of each the user id of the partner,
    and when the run was made.
    """
    party, run = tables.clearing_run_party, tables.clearing_run
    return (
        select(party.c.user_id, run.c.cleared_at)
        .join(run, run.c.number == party.c.run_number)
        .where(party.c.first_served_at.is_(None), run.c.purged_at.is_(None), receives())
    )


def unfetched_by(context: Context, partner_id: int) -> int:
    """How many of them are this partner's."""
    mine = unfetched().where(tables.clearing_run_party.c.partner_id == partner_id)
    with context.database.read() as snapshot:
        return snapshot.execute(select(func.count()).select_from(mine.subquery())).scalar() or 0


def note_delivered(context: Context, run_number: int, partner_id: int) -> bool:
    """A partner was handed its statement of a run: it counts as fetched from now on. Whether it did not before."""
    party = tables.clearing_run_party
    mine = (party.c.run_number == run_number) & (party.c.partner_id == partner_id) & party.c.first_served_at.is_(None)
    with context.database.write() as transaction:
        user_id = transaction.execute(select(party.c.user_id).where(mine)).scalar()
        if user_id is None:
            return False
        now = context.clock()
        transaction.execute(update(party).where(mine).values(first_served_at=now))
        facts = {"runs": [run_number], "partner": partner_id, "served_at": as_text(now), "by_hand": True}
        trail.record(context, transaction, Action.CDRS_FETCHED, user_id, facts)
        return True
