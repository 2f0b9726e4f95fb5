"""How long CDRs are kept: those of old runs can be deleted, run by run, while the totals of the runs remain.

CDRs say where and when somebody charged. They are kept as long as somebody needs them, and no longer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, String, cast, exists, func, select, update

from echs.audit import tables as audit_tables
from echs.audit import trail
from echs.audit.entry import DONE, Action
from echs.base.context import Context
from echs.base.digest import RowDigest, as_text
from echs.base.errors import Reason, refuse
from echs.cdrs import tables as cdr_tables
from echs.cdrs.purge import delete_of_run
from echs.clearing import tables
from echs.clearing.run import LOCK, Run
from echs.clearing.unfetched import receives

ROWS_AT_ONCE = 2000


class RetentionReason(Reason):
    """Why CDRs are not deleted. It never goes over the wire."""

    PURGE_UNKNOWN = "PURGE_UNKNOWN"


@dataclass(frozen=True, slots=True)
class PurgeCandidate:
    """What would be deleted: runs, and those that are old enough and stay because a partner has not fetched them.

    ``begun`` are runs whose CDRs are not all deleted, because that was stopped.
    """

    runs: Sequence[Run]
    unfetched: Sequence[Run]
    begun: Sequence[Run] = ()

    @property
    def cdr_count(self) -> int:
        """How many CDRs that is."""
        return sum(run.cdr_count for run in self.runs)


def due(context: Context, before: datetime, *, unfetched_too: bool = False) -> PurgeCandidate:
    """The runs that were made before this instant and still have their CDRs. The newest run is none of them: partners
    are given it again whenever they ask.
    """
    run, party, cleared = tables.clearing_run, tables.clearing_run_party, cdr_tables.cdr_cleared
    waits = exists(
        select(party.c.partner_id).where(
            party.c.run_number == run.c.number, party.c.first_served_at.is_(None), receives()
        )
    )
    newest = select(func.max(run.c.number)).scalar_subquery()
    has_members = exists(select(cleared.c.cdr_id).where(cleared.c.run_number == run.c.number))
    begun = select(run).where(run.c.purged_at.is_not(None), has_members, in_trail(run.c.number)).order_by(run.c.number)
    old = (
        select(run, waits.label("waits"))
        .where(run.c.cleared_at < before, run.c.purged_at.is_(None), run.c.number < newest)
        .order_by(run.c.number)
    )
    with context.database.read() as snapshot:
        rows = [(Run(*values), waits) for *values, waits in snapshot.execute(old)]
        stopped = [Run(*values) for values in snapshot.execute(begun)]
    return PurgeCandidate(
        [run for run, waits in rows if unfetched_too or not waits],
        [run for run, waits in rows if waits and not unfetched_too],
        stopped,
    )


def in_trail(number: Any) -> ColumnElement[bool]:
    """The condition that the audit trail has a purge of the run of this number."""
    entry = audit_tables.audit
    subject = func.concat("run ", cast(number, String))
    return exists(
        select(entry.c.number).where(
            entry.c.action == Action.PURGED, entry.c.result == DONE, entry.c.subject == subject
        )
    )


def digest_of_names(snapshot: Connection, number: int) -> str:
    """The digest of the CDRs of a run, as far as something of each remains after a purge; see `rows_of_names`."""
    digest = RowDigest()
    for rows in snapshot.execute(rows_of_names(number)).partitions():
        digest.add([tuple(map(str, row)) for row in rows])
    return digest.value


def rows_of_names(number: int) -> Select[Any]:
    """Of each CDR of a run that is there: row, operator key, number, upload, and volume in 0.0001 kWh; by row."""
    cdr, cleared = cdr_tables.cdr, cdr_tables.cdr_cleared
    return (
        select(cdr.c.id, cdr.c.operator_key, cdr.c.cdr_id, cdr.c.request_id, cdr.c.volume_e4_kwh)
        .join(cleared, cleared.c.cdr_id == cdr.c.id)
        .where(cleared.c.run_number == number)
        .order_by(cdr.c.id)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )


def purge_run(context: Context, number: int) -> Iterator[int]:
    """Delete the CDRs of a run; yields how many, again and again, until all are gone.

    First of all the run counts as purged: from then on it is given to nobody, and its statement is drawn no more. Its
    totals stay. What was stopped in between is taken up by the next call; done already, it does nothing.

    :raises Refused: PURGE_UNKNOWN where it counts as purged, and the audit trail knows of no purge
    """
    run = tables.clearing_run
    with context.database.read(patient=True) as snapshot:
        names = digest_of_names(snapshot, number)
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        present = (run.c.number == number) & run.c.purged_at.is_(None)
        count = transaction.execute(select(run.c.cdr_count).where(present)).scalar()
        if count is not None:
            now = context.clock()
            transaction.execute(update(run).where(present).values(purged_at=now))
            facts = {"cdrs": count, "names": names, "purged_at": as_text(now)}
            trail.record(context, transaction, Action.PURGED, f"run {number}", facts)
        elif transaction.execute(select(run.c.number).where(run.c.number == number, ~in_trail(number))).first():
            detail = f"run {number} counts as purged, and the audit trail has no purge of it: nothing was deleted"
            raise refuse(RetentionReason.PURGE_UNKNOWN, f"{detail}; see: echs verify")
    yield from delete_of_run(context, number)
