"""How long it is told that records are gone: the former records that nothing replaced, and their end.

Who asks for changes since before that gets everything instead: what has ended in between may be forgotten.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update

from echs.base.context import Context
from echs.lists.list_writer import ListTables
from echs.lists.tables import list_change

# An upload deletes no more of its owner's than so many, but for those of one change.
MOST_AT_ONCE = 200_000
# They stay a while longer than they are told of: a change gets its number before its time, and a download may begin
# while they are deleted.
MARGIN = timedelta(days=1)


def told_since(context: Context, snapshot: Connection, lists: ListTables) -> datetime:
    """Since when (UTC) every end of a record in lists of this kind can be told; a longer `tombstone_days` than before
    brings nothing back.
    """
    forgotten = snapshot.execute(select(func.max(lists.heads.c.forgotten_until))).scalar()
    return horizon(context) if forgotten is None else max(horizon(context), forgotten)


def horizon(context: Context) -> datetime:
    """Since when (UTC) ends of records are told, by the setting."""
    return context.clock() - timedelta(days=context.limits.tombstone_days)


def forget_old(context: Context, transaction: Connection, lists: ListTables, owner_id: int) -> int:
    """Delete an owner's tombstones that are older, `MOST_AT_ONCE` or those of one change, inside a transaction that
    holds the list's lock; how many. Those of the last change stay: it can be taken back.
    """
    former, change, heads = lists.former.c, list_change.c, lists.heads
    since = horizon(context)
    newest = select(change.id).where(change.list == lists.name, change.at < since - MARGIN)
    last = select(heads.c.change_id).where(heads.c.partner_id == owner_id).scalar_subquery()
    old = (
        former.partner_id == owner_id,
        former.gone,
        former.ended_by <= newest.order_by(change.at.desc()).limit(1).scalar_subquery(),
        former.ended_by < last,
    )
    ends = select(former.ended_by).where(*old).order_by(former.ended_by)
    first = transaction.execute(ends.limit(1)).scalar()
    if first is None:
        return 0
    beyond = transaction.execute(ends.offset(MOST_AT_ONCE).limit(1)).scalar()
    some = [*old] if beyond is None else [*old, (former.ended_by < beyond) | (former.ended_by == first)]
    deleted = transaction.execute(
        delete(lists.former).where(*some), execution_options={"preserve_rowcount": True}
    ).rowcount
    until = heads.c.forgotten_until
    earlier = (heads.c.partner_id == owner_id) & (until.is_(None) | (until < since))
    transaction.execute(update(heads).where(earlier).values(forgotten_until=since))
    return deleted
