"""Deleting CDRs that nobody needs any more. What remains of each is enough to know it again."""

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Select, and_, delete, select

from echs.base.context import Context
from echs.cdrs import tables

ROWS_AT_ONCE = 1000
KEPT = ("operator_key", "cdr_id", "content_hash", "request_id", "row_id", "volume_e4_kwh", "protocol")
KEPT_OF_OLDER = KEPT[:-2]
# What stands beside a CDR and goes with it.
BESIDE = (tables.cdr_warning, tables.cdr_decision, tables.cdr_answer, tables.cdr_given, tables.cdr_cleared)


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
    cdr, cleared = tables.cdr, tables.cdr_cleared
    members = (
        select(
            cdr.c.operator_key,
            cdr.c.cdr_id,
            cdr.c.content_hash,
            cdr.c.request_id,
            cdr.c.id,
            cdr.c.volume_e4_kwh,
            cdr.c.protocol,
        )
        .join(cleared, cleared.c.cdr_id == cdr.c.id)
        .where(cdr.c.id.in_(list(numbers)), cleared.c.run_number == run_number)
    )
    with context.database.write() as transaction:
        context.database.lock(transaction, f"purge:{run_number}")
        rows = transaction.execute(members).all()
        there = [row.id for row in rows]
        older = transaction.execute(older_revisions(there)).all()
        insert = context.database.insert_rows
        of_run = {"run_number": run_number}
        insert(transaction, tables.cdr_purged, KEPT, map(tuple, rows), of_run)
        if older:
            insert(transaction, tables.cdr_purged_revision, KEPT_OF_OLDER, map(tuple, older), of_run)
        every = [*there, *(row.id for row in older)]
        for column in (*(table.c.cdr_id for table in BESIDE), cdr.c.id):
            transaction.execute(delete(column.table).where(column.in_(every)))
    return len(rows)


def older_revisions(numbers: Sequence[int]) -> Select[Any]:
    """The older revisions of the CDRs of these rows."""
    cdr, newer = tables.cdr, tables.cdr.alias()
    same = and_(newer.c.operator_key == cdr.c.operator_key, newer.c.cdr_id == cdr.c.cdr_id)
    columns = (cdr.c.operator_key, cdr.c.cdr_id, cdr.c.content_hash, cdr.c.request_id, cdr.c.id)
    query = select(*columns).join(newer, and_(same, newer.c.revision > cdr.c.revision))
    return query.where(newer.c.id.in_(list(numbers)))
