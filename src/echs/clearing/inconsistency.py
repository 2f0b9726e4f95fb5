"""Why the store itself would not let a run be made: a sentence about the rows that stand in the way."""

from sqlalchemy import Connection, select

from echs.base.errors import shown
from echs.cdrs import tables as cdr_tables
from echs.clearing import tables

NAMED = 5


def conflicting_members(snapshot: Connection) -> list[str]:
    """What stands in the way of the next run, each in a sentence; empty where nothing of that kind does."""
    cdr, uncleared, cleared = cdr_tables.cdr, cdr_tables.cdr_uncleared, cdr_tables.cdr_cleared
    twice = (
        select(cdr.c.id, cdr.c.cdr_id, cleared.c.run_number)
        .join(uncleared, uncleared.c.cdr_id == cdr.c.id)
        .join(cleared, cleared.c.cdr_id == cdr.c.id)
        .order_by(cdr.c.id)
        .limit(NAMED)
    )
    found = [
        f"CDR {shown(name)} (row {number}) is in run {run} and uncleared at once"
        for number, name, run in snapshot.execute(twice)
    ]
    runs = select(tables.clearing_run.c.number)
    for table in (tables.clearing_run_pair, tables.clearing_run_party, tables.clearing_run_open_item, cleared):
        orphans = select(table.c.run_number).where(table.c.run_number.not_in(runs)).distinct().limit(NAMED)
        found += [
            f"{table.name} has rows of run {number}, which is not there" for (number,) in snapshot.execute(orphans)
        ]
    return found
