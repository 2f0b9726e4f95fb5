"""Writing to the trail, and reading it.

An entry is written by the transaction whose work it tells of, as its last step: both are there, or neither. Entries
come one after the other, under a lock that is held until that transaction ends; as everybody takes it last, nobody who
holds it waits for anything else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Connection, insert, select

from echs.audit import tables
from echs.audit.entry import (
    ACTOR_LIMIT,
    DONE,
    FIRST_HASH,
    ORIGIN_LIMIT,
    SUBJECT_LIMIT,
    Action,
    Entry,
    as_detail,
)
from echs.base import request_context
from echs.base.context import Context
from echs.base.database import Database

LOCK = "audit"
ROWS_AT_ONCE = 1000
REFUSAL_APART = timedelta(minutes=1)
REFUSALS_KNOWN = 10_000

# Made once: SQLAlchemy then keeps how they are compiled.
NEWEST = select(tables.audit.c.number, tables.audit.c.hash).order_by(tables.audit.c.number.desc()).limit(1)
ENTER = insert(tables.audit)

_refusals: WeakKeyDictionary[Database, dict[tuple[str, str, str], datetime]] = WeakKeyDictionary()


def record(
    context: Context,
    transaction: Connection,
    action: Action,
    subject: str,
    facts: Mapping[str, object] | None = None,
    result: str = DONE,
    request_id: str | None = None,
) -> Entry:
    """Enter into the trail, as the last step of the transaction, what was done to ``subject``; by the present request,
    unless another is named."""
    present = request_context.current()
    context.database.lock(transaction, LOCK)
    number, before = transaction.execute(NEWEST).one_or_none() or (0, FIRST_HASH)
    entry = Entry(
        number=number + 1,
        at=context.clock(),
        channel=present.channel,
        actor=present.actor[:ACTOR_LIMIT],
        origin=present.origin[:ORIGIN_LIMIT],
        action=action,
        subject=subject[:SUBJECT_LIMIT],
        result=result,
        request_id=present.request_id if request_id is None else request_id,
        detail=as_detail(facts or {}),
        previous_hash=before,
        hash="",
    )
    entry = replace(entry, hash=entry.right_hash)
    transaction.execute(ENTER, asdict(entry))
    present.entering = f"{entry.number}:{entry.hash}"
    return entry


def record_refusal(context: Context, action: Action, subject: str, result: str) -> None:
    """Enter what somebody wanted to do and was not let; a transaction of its own.

    The same of the same within a minute is entered once by each process: who sends what is refused again and again
    would else fill the store for ever. The log has a line for each.
    """
    known = _refusals.setdefault(context.database, {})
    same, now = (request_context.current().actor, action, result), context.clock()
    if same in known and now - known[same] < REFUSAL_APART:
        return
    if len(known) >= REFUSALS_KNOWN:
        known.clear()
    known[same] = now
    with context.database.write() as transaction:
        record(context, transaction, action, subject, result=result)


def entries(
    context: Context,
    *,
    since: datetime | None = None,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    request_id: str | None = None,
    newest: int | None = None,
) -> Iterator[Entry]:
    """The entries that match, in their order; of those the ``newest`` so many. From one snapshot."""
    table = tables.audit
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(table.c.at >= since)
    if actor is not None:
        conditions.append(table.c.actor == actor)
    if action is not None:
        conditions.append(table.c.action == action)
    if subject is not None:
        conditions.append(table.c.subject == subject)
    if request_id is not None:
        conditions.append(table.c.request_id == request_id)
    query = select(table).where(*conditions)
    with context.database.read() as snapshot:
        if newest is not None:
            rows = snapshot.execute(query.order_by(table.c.number.desc()).limit(newest)).all()
            yield from (Entry(*row) for row in reversed(rows))
            return
        ordered = query.order_by(table.c.number).execution_options(yield_per=ROWS_AT_ONCE)
        for row in snapshot.execute(ordered):
            yield Entry(*row)
