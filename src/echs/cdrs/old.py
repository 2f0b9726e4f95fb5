"""Deleting CDRs that nobody needs any more. What remains of each is enough to know it again."""

from sqlalchemy import Connection, delete, select

from echs.base.ground import Ground
from echs.cdrs import tables
from echs.cdrs.cdr import FIELDS, content_hash

ROWS_AT_ONCE = 2000
KEPT = ("operator_key", "cdr_id", "content_hash")


def delete_of_run(ground: Ground, transaction: Connection, run_number: int) -> int:
    """Delete the CDRs of a run, with their warnings; how many they were.

    Sent again, each of them is known, or refused where it differs: it can be billed no second time.
    """
    cdr, cleared, warning = tables.cdr, tables.cdr_cleared, tables.cdr_warning
    texts = [cdr.c[field.name] for field in FIELDS]
    members = (
        select(cdr.c.id, cdr.c.operator_key, cdr.c.cdr_id, *texts)
        .join(cleared, cleared.c.cdr_id == cdr.c.id)
        .where(cleared.c.run_number == run_number)
        .order_by(cdr.c.id)
        .limit(ROWS_AT_ONCE)
    )
    count = 0
    while rows := transaction.execute(members).all():
        kept = ((key, name, content_hash(key, record)) for _, key, name, *record in rows)
        ground.database.insert_rows(transaction, tables.cdr_purged, KEPT, kept, {"run_number": run_number})
        numbers = [row[0] for row in rows]
        for column in (warning.c.cdr_id, cleared.c.cdr_id, cdr.c.id):
            transaction.execute(delete(column.table).where(column.in_(numbers)))
        count += len(rows)
    return count
