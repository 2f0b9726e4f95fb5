"""The last change of a list: what it changed, and how to take it back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Subquery, and_, select, union_all

from echs.base.context import Context
from echs.base.errors import refuse
from echs.base.spool import ROWS, TEXTS, Spool
from echs.lists import set_aside
from echs.lists.keyed_list import ROWS_AT_ONCE, KeyedList, ListReason, ReplaceResult
from echs.lists.list_content import PayloadContent, StoredContent
from echs.lists.list_format import AsStored, ListFormat, values_of
from echs.lists.list_writer import Cause, ListState
from echs.lists.tables import list_change

# The formats of a kind of list by protocol.
Formats = Mapping[str, ListFormat]


class Kind(StrEnum):
    """What a change did to a record."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class Sent(NamedTuple):
    """A record as it was sent, and the protocol that brought it."""

    protocol: str
    payload: str


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One record in a change: as it was and as it is, None where it was or is not there."""

    kind: Kind
    before: Sent | None
    after: Sent | None


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


def last_change(snapshot: Connection, lists: KeyedList, owner_id: int, name: str) -> Change:
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


def state_or_refused(snapshot: Connection, lists: KeyedList, owner_id: int, name: str) -> ListState:
    """How the list stands.

    :raises Refused: LIST_UNKNOWN
    """
    state = lists.state_of(snapshot, owner_id)
    if state is None:
        raise refuse(ListReason.LIST_UNKNOWN, f"{name} was never uploaded")
    return state


def record_changes(snapshot: Connection, lists: KeyedList, owner_id: int, name: str) -> Iterator[RecordChange]:
    """What the last change of a list did, record by record: first the former ones in their order, then those that were
    added.
    """
    state = state_or_refused(snapshot, lists, owner_id, name)
    former, rows = former_state(lists, state), lists.records.c
    same = and_(lists.standing(state), rows.key_number == former.c.key_number, rows.change_id == state.change_id)
    ended = (
        select(former.c.protocol, former.c.payload, rows.protocol, rows.payload)
        .select_from(former.outerjoin(lists.records, same))
        .order_by(former.c.position)
    )
    for before_by, before, after_by, after in snapshot.execute(ended):
        kind = Kind.REMOVED if after is None else Kind.CHANGED
        if before != after:
            yield RecordChange(kind, Sent(before_by, before), None if after is None else Sent(after_by, after))
    was = select(former.c.key_number).where(former.c.key_number == rows.key_number).exists()
    new = select(rows.protocol, rows.payload).where(lists.standing(state), rows.change_id == state.change_id, ~was)
    for after in snapshot.execute(new.order_by(rows.position)):
        yield RecordChange(Kind.ADDED, None, Sent(*after))


def former_state(lists: KeyedList, state: ListState) -> Subquery:
    """The records that the last change of a list ended, as they stood before: position, key, protocol and payload.

    Of a list that was written anew as a whole these are the rows that it left behind.
    """
    former, rows = lists.former.c, lists.records.alias().c
    if state.first_position:
        names = (rows.position, rows.key_number, rows.protocol, rows.payload)
        where = and_(rows.partner_id == state.owner_id, rows.position < state.first_position)
    else:
        names = (former.position, former.key_number, former.protocol, former.payload)
        where = and_(former.partner_id == state.owner_id, former.ended_by == state.change_id)
    return select(*names).where(where).subquery()


def undo(
    context: Context,
    transaction: Connection,
    lists: KeyedList,
    formats: Formats,
    owner_id: int,
    zone: str,
    name: str,
) -> ReplaceResult:
    """Take the last change of a list back, as a change of its own, inside a transaction that holds the list's lock.

    :raises Refused: LIST_UNKNOWN; NOTHING_TO_UNDO where nothing of a former state is kept
    """
    head = state_or_refused(transaction, lists, owner_id, name)
    former, rows = former_state(lists, head), lists.records.c
    stayed = and_(lists.standing(head), rows.change_id != head.change_id)
    before = union_all(
        select(rows.position, rows.protocol, rows.payload).where(stayed),
        select(former.c.position, former.c.protocol, former.c.payload),
    ).subquery()
    query = select(before.c.protocol, before.c.payload).order_by(before.c.position)
    with Spool(ROWS) as spool:
        content = StoredContent(spool)
        for batch in transaction.execute(query.execution_options(yield_per=ROWS_AT_ONCE)).partitions():
            spool.add(content.stored, list(values_again(batch, formats, zone, context.database.as_stored)))
            content.stored += len(batch)
        if not content.stored:
            raise refuse(ListReason.NOTHING_TO_UNDO, f"there is no former state of {name}")
        return lists.apply(context, transaction, owner_id, zone, content, Cause.UNDO)


def values_again(batch: Sequence[Any], formats: Formats, zone: str, as_stored: AsStored) -> Iterator[tuple[Any, ...]]:
    """What is stored of records, anew from what was sent by whatever protocol."""
    for protocol, records in groupby(batch, key=itemgetter(0)):
        yield from values_of(formats[protocol], [payload for _, payload in records], zone, as_stored)


def release(
    context: Context,
    transaction: Connection,
    lists: KeyedList,
    formats: Formats,
    owner_id: int,
    zone: str,
    name: str,
) -> ReplaceResult:
    """Make the upload that was put aside the owner's list, inside a transaction that holds the list's lock.

    :raises Refused: LIST_NOT_SET_ASIDE
    """
    upload = set_aside.of_owner(transaction, lists.name, owner_id)
    if upload is None:
        raise refuse(ListReason.LIST_NOT_SET_ASIDE, f"no upload of {name} is put aside")
    with Spool(TEXTS) as spool:
        content = PayloadContent(spool, formats[upload.protocol])
        left = set_aside.payloads(transaction, lists.name, owner_id)
        while block := list(islice(left, ROWS_AT_ONCE)):
            spool.add(content.stored, block)
            content.stored += len(block)
        return lists.apply(context, transaction, owner_id, zone, content, Cause.RELEASE)
