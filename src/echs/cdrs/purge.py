"""Deleting CDRs that nobody needs any more. What remains of each is enough to know it again."""

from array import array
from collections.abc import Iterator, Sequence

from sqlalchemy import delete, select

from echs.base.context import Context
from echs.cdrs import tables

ROWS_AT_ONCE = 1000
KEPT = ("operator_key", "cdr_id", "content_hash", "request_id", "row_id", "volume_e4_kwh")


def delete_of_run(context: Context, run_number: int) -> Iterator[int]:
    """Delete the CDRs of a run, with their warnings, in many small transactions: nobody waits long for one of them.

    Yields how many each has deleted. Stopped in between, what is left is left for the next time. Sent again, each CDR
    is known, or refused where it differs: it can be billed no second time.
    """
    cleared = tables.cdr_cleared
    with context.database.read(patient=True) as snapshot:
        of_run = select(cleared.c.cdr_id).where(cleared.c.run_number == run_number).order_by(cleared.c.cdr_id)
        numbers = array("q", snapshot.execute(of_run).scalars())
    for start in range(0, len(numbers), ROWS_AT_ONCE):
        yield delete_some(context, run_number, numbers[start : start + ROWS_AT_ONCE])


def delete_some(context: Context, run_number: int, numbers: Sequence[int]) -> int:
    """Delete those that are still there."""
    cdr, cleared, warning, decision = tables.cdr, tables.cdr_cleared, tables.cdr_warning, tables.cdr_decision
    members = (
        select(cdr.c.operator_key, cdr.c.cdr_id, cdr.c.content_hash, cdr.c.request_id, cdr.c.id, cdr.c.volume_e4_kwh)
        .join(cleared, cleared.c.cdr_id == cdr.c.id)
        .where(cdr.c.id.in_(list(numbers)), cleared.c.run_number == run_number)
    )
    with context.database.write() as transaction:
        context.database.lock(transaction, f"purge:{run_number}")
        rows = transaction.execute(members).all()
        context.database.insert_rows(transaction, tables.cdr_purged, KEPT, map(tuple, rows), {"run_number": run_number})
        there = [row.id for row in rows]
        for column in (warning.c.cdr_id, decision.c.cdr_id, cleared.c.cdr_id, cdr.c.id):
            transaction.execute(delete(column.table).where(column.in_(there)))
    return len(rows)
