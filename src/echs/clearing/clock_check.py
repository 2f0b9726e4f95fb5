"""A wrong clock, before it does harm: nothing is cleared while the newest run or audit entry is from the future."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from echs.audit import trail
from echs.audit.clock import TOLERANCE, confirmed, newest_entry
from echs.audit.entry import Action, Entry
from echs.base.context import Context
from echs.base.errors import Reason, refuse
from echs.cdrs import tables as cdr_tables
from echs.clearing import tables


class ClockReason(Reason):
    """Why nothing can be cleared now. The same request again, when the clock is put right, is safe."""

    CLOCK_WRONG = "CLOCK_WRONG"


def refuse_wrong_clock(snapshot: Connection, now: datetime) -> None:
    """Refuse where the store is ahead of the clock.

    :raises Refused: CLOCK_WRONG
    """
    ahead = newest_in_future(snapshot, now)
    if ahead is not None:
        what, at = ahead
        detail = (
            f"{what} is of {at:%Y-%m-%dT%H:%M:%SZ}, and the clock says {now:%Y-%m-%dT%H:%M:%SZ}; one of them is wrong, "
            "and the administrator must look: echs doctor"
        )
        raise refuse(ClockReason.CLOCK_WRONG, detail, effect="Nothing was cleared.")


def newest_in_future(snapshot: Connection, now: datetime) -> tuple[str, datetime] | None:
    """The newest run, or the newest entry of the trail, where it is more than five minutes after now: what it is, and
    its time (UTC). Runs that an administrator knows of (`confirm_clock`) do not count.
    """
    entry = newest_entry(snapshot)
    if entry is not None and entry[1] > now + TOLERANCE:
        return f"entry {entry[0]} of the audit trail", entry[1]
    run = tables.clearing_run
    newest = select(run.c.number, run.c.cleared_at).order_by(run.c.number.desc()).limit(1)
    row = snapshot.execute(newest).one_or_none()
    if row is not None and row.cleared_at > now + TOLERANCE and row.number > confirmed(snapshot).run:
        return f"run {row.number}", row.cleared_at
    return None


def confirm_clock(context: Context) -> Entry:
    """Enter that the clock is right now, and that what the store has from the future was written by a wrong one: from
    then on the times of the runs that are there hold up nothing. Their numbers keep the order.
    """
    with context.database.write() as transaction:
        facts = {
            "run": transaction.execute(select(func.max(tables.clearing_run.c.number))).scalar() or 0,
            "cdr": transaction.execute(select(func.max(cdr_tables.cdr.c.id))).scalar() or 0,
        }
        return trail.record(context, transaction, Action.CLOCK_CONFIRMED, "clock", facts)
