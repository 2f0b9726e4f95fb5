"""What the store has from the future: a clock was wrong, or is."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from echs.audit import tables as audit_tables
from echs.audit.clock import TOLERANCE, confirmed
from echs.cdrs import tables as cdr_tables
from echs.clearing import tables as clearing_tables
from echs.maintenance.store_state import LIST_HEADS
from echs.partners import tables as partner_tables

# Of the CDRs so many, the newest: to look at all would take long.
CDRS_LOOKED_AT = 100_000


def in_future(snapshot: Connection, now: datetime) -> Iterator[tuple[str, datetime]]:
    """What is more than five minutes after ``now``: what it is, and the latest time of it (UTC). What was there when an
    administrator said that the clock is right (`echs audit clock`) is no news.
    """
    known = confirmed(snapshot)
    newest_cdr = snapshot.execute(select(func.max(cdr_tables.cdr.c.id))).scalar() or 0
    run, party, cdr, entry = (
        clearing_tables.clearing_run.c,
        clearing_tables.clearing_run_party.c,
        cdr_tables.cdr.c,
        audit_tables.audit.c,
    )
    looked_at: list[tuple[str, Any, Any]] = [
        ("runs", run.cleared_at, run.number > known.run),
        ("purges of runs", run.purged_at, run.number > known.run),
        ("audit entries", entry.at, entry.number > known.entry),
        ("fetch times", party.first_served_at, party.run_number > known.run),
        ("CDR receipt times", cdr.received_at, cdr.id > max(known.cdr, newest_cdr - CDRS_LOOKED_AT)),
        ("logins", partner_tables.login.c.created_at, None),
        *((f"{name} lists", heads.c.replaced_at, None) for name, heads in LIST_HEADS.items()),
    ]
    for what, column, unknown in looked_at:
        query = select(func.max(column)).where(column > now + TOLERANCE)
        latest = snapshot.execute(query if unknown is None else query.where(unknown)).scalar()
        if latest is not None:
            yield what, latest
