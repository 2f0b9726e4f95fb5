"""The last change of a list: what it changed, and how to take it back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import Connection, and_, exists, literal, select, union_all

from echs.base.context import Context
from echs.base.errors import refuse
from echs.base.spool import TEXTS, Row, Spool
from echs.lists import set_aside
from echs.lists.keyed_list import ROWS_AT_ONCE, KeyedList, ListReason, ReplaceResult
from echs.lists.list_schema import row_of
from echs.lists.list_writer import Cause, ListState
from echs.lists.received_list import ReceivedList
from echs.lists.tables import list_change


class Kind(StrEnum):
    """What a change did to a record."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One record in a change: as it was and as it is, each as its texts, None where it was or is not there."""

    kind: Kind
    before: Row | None
    after: Row | None


@dataclass(frozen=True, slots=True)
class Change:
    """A committed change of one owner's list."""

    id: int
    seq: int
    at: datetime
    request_id: str
    cause: str
    added: int
    changed: int
    removed: int
    moved: int


def last_change(snapshot: Connection, lists: KeyedList[Any], owner_id: int, name: str) -> Change:
    """The last change of an owner's list; ``name`` is how a person calls the list.

    :raises Refused: LIST_UNKNOWN where the owner never had one
    """
    state = state_or_refused(snapshot, lists, owner_id, name)
    table = list_change.c
    columns = (
        table.id,
        table.seq,
        table.at,
        table.request_id,
        table.cause,
        table.added,
        table.changed,
        table.removed,
        table.moved,
    )
    return Change(*snapshot.execute(select(*columns).where(table.id == state.change_id)).one())


def state_or_refused(snapshot: Connection, lists: KeyedList[Any], owner_id: int, name: str) -> ListState:
    """How the list stands.

    :raises Refused: LIST_UNKNOWN
    """
    state = lists.state_of(snapshot, owner_id)
    if state is None:
        raise refuse(ListReason.LIST_UNKNOWN, f"{name} was never uploaded")
    return state


def record_changes(
    snapshot: Connection, lists: KeyedList[Any], owner_id: int, change_id: int
) -> Iterator[RecordChange]:
    """What a change did, record by record: first the former ones in their order, then those that were added."""
    former, rows = lists.former.c, lists.records.c
    same = and_(rows.partner_id == former.partner_id, rows.key_number == former.key_number, rows.change_id == change_id)
    ended = (
        select(former.payload, rows.payload)
        .select_from(lists.former.outerjoin(lists.records, same))
        .where(former.partner_id == owner_id, former.ended_by == change_id)
        .order_by(former.position)
    )
    for before, after in snapshot.execute(ended):
        kind = Kind.REMOVED if after is None else Kind.CHANGED
        if before != after:
            yield RecordChange(kind, row_of(before), None if after is None else row_of(after))
    was = and_(former.partner_id == rows.partner_id, former.key_number == rows.key_number, former.ended_by == change_id)
    new = select(rows.payload).where(
        rows.partner_id == owner_id, rows.change_id == change_id, ~exists(select(literal(1)).where(was))
    )
    for (after,) in snapshot.execute(new.order_by(rows.position)):
        yield RecordChange(Kind.ADDED, None, row_of(after))


def undo(
    context: Context, transaction: Connection, lists: KeyedList[Any], owner_id: int, zone: str, name: str
) -> ReplaceResult:
    """Take the last change of a list back, as a change of its own, inside a transaction that holds the list's lock.

    :raises Refused: LIST_UNKNOWN; NOTHING_TO_UNDO where nothing of a former state is kept
    """
    head = state_or_refused(transaction, lists, owner_id, name)
    former, rows = lists.former.c, lists.records.c
    ended = and_(former.partner_id == owner_id, former.ended_by == head.change_id)
    stayed = and_(rows.partner_id == owner_id, rows.change_id != head.change_id)
    before = union_all(
        select(rows.position.label("position"), rows.payload.label("payload")).where(stayed),
        select(former.position, former.payload).where(ended),
    ).subquery()
    query = select(before.c.payload).order_by(before.c.position).execution_options(yield_per=ROWS_AT_ONCE)
    with Spool(TEXTS) as spool:
        received = ReceivedList(spool)
        for payloads in transaction.execute(query).scalars().partitions():
            spool.add(received.stored, payloads)
            received.stored += len(payloads)
        if not received.stored:
            raise refuse(ListReason.NOTHING_TO_UNDO, f"there is no former state of {name}")
        return lists.apply(context, transaction, owner_id, zone, received, Cause.UNDO)


def release(
    context: Context, transaction: Connection, lists: KeyedList[Any], owner_id: int, zone: str, name: str
) -> ReplaceResult:
    """Make the upload that was put aside the owner's list, inside a transaction that holds the list's lock.

    :raises Refused: LIST_NOT_SET_ASIDE
    """
    if set_aside.of_owner(transaction, lists.schema.name, owner_id) is None:
        raise refuse(ListReason.LIST_NOT_SET_ASIDE, f"no upload of {name} is put aside")
    with Spool(TEXTS) as spool:
        received = ReceivedList(spool)
        left = set_aside.payloads(transaction, lists.schema.name, owner_id)
        while block := list(islice(left, ROWS_AT_ONCE)):
            spool.add(received.stored, block)
            received.stored += len(block)
        return lists.apply(context, transaction, owner_id, zone, received, Cause.RELEASE)
