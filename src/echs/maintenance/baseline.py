"""What is older than the audit trail, and so cannot be missed in it: where the trail begins."""

import json

from sqlalchemy import Connection, func, select

from echs.audit import tables as audit_tables
from echs.audit import trail
from echs.audit.entry import Action, Entry
from echs.base.context import Context
from echs.cdrs import tables as cdr_tables
from echs.clearing import tables as clearing_tables


def baseline(snapshot: Connection) -> tuple[int, int]:
    """The numbers of the newest CDR and of the newest run of which the audit trail knows nothing: they were there when
    it began, or when an administrator said that it begins (`echs audit begin`).
    """
    table, begun = audit_tables.audit_baseline, audit_tables.audit
    cdr, run = snapshot.execute(select(func.max(table.c.cdr_id), func.max(table.c.run_number))).one()
    said = select(begun.c.detail).where(begun.c.action == Action.TRAIL_BEGUN).order_by(begun.c.number.desc()).limit(1)
    later = snapshot.execute(said).scalar()
    facts = {} if later is None else json.loads(later)
    return max(cdr or 0, facts.get("cdr", 0)), max(run or 0, facts.get("run", 0))


def begin_trail(context: Context) -> Entry:
    """Enter that the trail begins now, with the numbers of the newest CDR and of the newest run."""
    with context.database.write() as transaction:
        facts = {
            "cdr": transaction.execute(select(func.max(cdr_tables.cdr.c.id))).scalar() or 0,
            "run": transaction.execute(select(func.max(clearing_tables.clearing_run.c.number))).scalar() or 0,
        }
        return trail.record(context, transaction, Action.TRAIL_BEGUN, "audit trail", facts)
