"""Numbers for what changes for the readers of lists: in the order of the commits, for each kind of list.

Whoever takes a number holds the row of its kind until its commit: so numbers grow as the commits come, and whoever has
seen one has seen all before it. It is taken as one of the last steps of a transaction.
"""

from sqlalchemy import Connection, bindparam, select, update

from echs.partners.connection import ConnectionKind
from echs.partners.tables import change_number

_mine = change_number.c.kind == bindparam("of_kind")
NEXT = update(change_number).where(_mine).values(last=change_number.c.last + 1).returning(change_number.c.last)
NEWEST = select(change_number.c.last).where(_mine)


def next_change_number(transaction: Connection, kind: ConnectionKind) -> int:
    """The next number, which nobody else gets before this transaction ends."""
    return int(transaction.execute(NEXT, {"of_kind": kind.value}).scalar_one())


def newest_change_number(snapshot: Connection, kind: ConnectionKind) -> int:
    """The newest number that was committed; 0 where there is none."""
    return int(snapshot.execute(NEWEST, {"of_kind": kind.value}).scalar_one())
