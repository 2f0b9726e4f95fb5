"""What the store holds of a clock that was wrong, and what an administrator said about it.

Order comes from numbers, time comes from the clock. Where the newest thing in the store is from the future, a clock was
wrong then or is wrong now; who knows which of the two says so once, and that is entered into the trail.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from echs.audit import tables
from echs.audit.entry import DONE, Action

# By so much the clocks of hosts may differ.
TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What was there when an administrator said that the clock was right and the times in the store were not: the
    newest entry, run and CDR by their numbers.
    """

    entry: int = 0
    run: int = 0
    cdr: int = 0


def confirmed(snapshot: Connection) -> Confirmed:
    """What was said last; zeros where nobody ever said so."""
    table = tables.audit
    said = select(table.c.number, table.c.detail).where(
        table.c.action == Action.CLOCK_CONFIRMED, table.c.result == DONE
    )
    row = snapshot.execute(said.order_by(table.c.number.desc()).limit(1)).one_or_none()
    if row is None:
        return Confirmed()
    facts = json.loads(row.detail)
    return Confirmed(row.number, facts["run"], facts["cdr"])


def newest_entry(snapshot: Connection) -> tuple[int, datetime, str] | None:
    """Number, time (UTC) and hash of the newest entry of the trail; None where there is none."""
    table = tables.audit
    query = select(table.c.number, table.c.at, table.c.hash).order_by(table.c.number.desc()).limit(1)
    row = snapshot.execute(query).one_or_none()
    return None if row is None else (row.number, row.at, row.hash)
