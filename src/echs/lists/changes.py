"""What changed of the lists since a number: for whoever asks, in the order of the commits, visibility included.

That a reader may no longer see an owner's list is a change like any other: all its records are gone for that reader.
That it may see it from now on makes the whole list new. Both have numbers among those of the lists' own changes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, case, func, literal, or_, select, union_all, update

from echs.base.context import Context
from echs.lists.keyed_list import ROWS_AT_ONCE
from echs.lists.list_writer import ListTables, lock_numbers, next_number
from echs.lists.published_list import PublishedList
from echs.lists.tables import list_change
from echs.partners import tables as partner_tables

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Condition = Callable[[Any], ColumnElement[bool]]


class ListedChange(NamedTuple):
    """A record that changed with this number, at this time (UTC): as it stands, or stood last where it is gone."""

    seq: int
    at: datetime
    owner_id: int
    protocol: str
    payload: str
    gone: bool


def changes_for(context: Context, published: PublishedList, reader_id: int, since: int) -> Iterator[ListedChange]:
    """What changed for a reader after this number, in the order of the numbers: from one snapshot of the store."""
    number_visibility(context, published.keyed)
    with context.database.read() as snapshot:
        yield from changes_in(snapshot, published, reader_id, since)


def changes_in(snapshot: Connection, published: PublishedList, reader_id: int, since: int) -> Iterator[ListedChange]:
    """The same inside of a snapshot of the caller's; what is seen must have been numbered before."""
    lists = published.keyed
    owner = lists.heads.c.partner_id
    owners = list(snapshot.execute(select(owner).order_by(owner)).scalars())
    visible = set(snapshot.execute(select(owner).where(published.seen_by(reader_id)(owner))).scalars())
    turned = turned_since(snapshot, lists, reader_id, since)
    steady = visible - turned.keys()
    found = [changed_since(snapshot, lists, since, lambda owner: owner.in_(steady))] if steady else []
    for each in owners:
        note = turned.get(each)
        if note is None:
            continue
        if each in visible:
            found.append(whole(snapshot, lists, each, note.seq))
        if note.hidden_at is not None and since:
            # Whoever never asked has no copy.
            found.append(gone(snapshot, lists, each, note, since, standing=each not in visible))
    # Each has its own in the order of the numbers.
    yield from merge(*found, key=attrgetter("seq"))


def changed_since(snapshot: Connection, lists: ListTables, seq: int, of: Condition) -> Iterator[ListedChange]:
    """What changed after this number in the lists of owners whose id fulfils ``of``, in the order of the numbers."""
    rows, former, change = lists.records.c, lists.former.c, list_change.c
    after = (change.list == lists.name) & (change.seq > seq)
    here = (
        select(*columns(change.seq, rows, gone=False))
        .join(list_change, change.id == rows.change_id)
        .join(lists.heads, lists.all_standing)
    )
    lost = select(*columns(change.seq, former, gone=True)).join(list_change, change.id == former.ended_by)
    found = union_all(
        here.where(after, of(rows.partner_id)), lost.where(after, former.gone, of(former.partner_id))
    ).order_by("seq", "partner_id", "gone", "position")
    for number, at, owner_id, _, is_gone, protocol, payload in snapshot.execute(
        found.execution_options(yield_per=ROWS_AT_ONCE)
    ):
        yield ListedChange(number, at, owner_id, protocol, payload, bool(is_gone))


def columns(seq: ColumnElement[int], table: Any, *, gone: bool) -> tuple[ColumnElement[Any], ...]:
    """What `changed_since` asks of records that stand, and of those that are gone."""
    return (
        seq.label("seq"),
        list_change.c.at.label("at"),
        table.partner_id.label("partner_id"),
        table.position.label("position"),
        literal(gone).label("gone"),
        table.protocol.label("protocol"),
        table.payload.label("payload"),
    )


@dataclass(frozen=True, slots=True)
class Turned:
    """That a reader sees an owner otherwise than before: the newest number of a note about it, and the newest of those
    that hid the owner's records, 0 where none did, with its time (UTC).
    """

    seq: int
    hidden: int
    hidden_at: datetime | None


def turned_since(snapshot: Connection, lists: ListTables, reader_id: int, since: int) -> dict[int, Turned]:
    """Whom a reader sees otherwise since this number, by owner."""
    note = partner_tables.visibility_change.c
    mine = or_(note.reader_id.is_(None), note.reader_id == reader_id)
    hidden = func.max(case((note.hides, note.seq), else_=0))
    hidden_at = func.max(case((note.hides, note.at)))
    query = (
        select(note.owner_id, func.max(note.seq), hidden, hidden_at)
        .where(note.kind == lists.kind, note.seq > since, mine, note.owner_id != reader_id)
        .group_by(note.owner_id)
    )
    return {owner_id: Turned(*turned) for owner_id, *turned in snapshot.execute(query)}


def whole(snapshot: Connection, lists: ListTables, owner_id: int, seq: int) -> Iterator[ListedChange]:
    """A list that a reader sees anew: all its records, each with the number of the last thing that happened to it."""
    rows, change = lists.records.c, list_change.c
    query = (
        select(change.seq, change.at, rows.protocol, rows.payload)
        .join(list_change, change.id == rows.change_id)
        .join(lists.heads, lists.all_standing)
        .where(rows.partner_id == owner_id)
        .order_by(change.seq, rows.position)
    )
    for changed, at, protocol, payload in snapshot.execute(query.execution_options(yield_per=ROWS_AT_ONCE)):
        yield ListedChange(max(changed, seq), at, owner_id, protocol, payload, False)


def gone(
    snapshot: Connection, lists: ListTables, owner_id: int, turned: Turned, since: int, *, standing: bool
) -> Iterator[ListedChange]:
    """What a reader may have of a list that was hidden from it with this number, and that stands no more; where it does
    not see the list now, all that ``standing``, too. Records that came later it never saw.
    """
    rows, former, change = lists.records.c, lists.former.c, list_change.c
    came, hidden = list_change.alias(), turned.hidden
    queries = [
        select(former.protocol, former.payload)
        .join(list_change, change.id == former.ended_by)
        .join(came, came.c.id == former.change_id)
        .where(former.partner_id == owner_id, former.gone, change.seq > since, came.c.seq < hidden)
    ]
    if standing:
        queries.append(
            select(rows.protocol, rows.payload)
            .join(lists.heads, lists.all_standing)
            .join(came, came.c.id == rows.change_id)
            .where(rows.partner_id == owner_id, came.c.seq < hidden)
        )
    for protocol, payload in snapshot.execute(union_all(*queries).execution_options(yield_per=ROWS_AT_ONCE)):
        yield ListedChange(hidden, turned.hidden_at or EPOCH, owner_id, protocol, payload, True)


def number_before(snapshot: Connection, lists: ListTables, at: datetime) -> int:
    """The newest number before all that changed at this time or later. Times grow with the numbers, but for what the
    clocks of several hosts differ.
    """
    change, note = list_change.c, partner_tables.visibility_change.c
    of_lists = select(func.min(change.seq)).where(change.list == lists.name, change.at >= at, change.seq > 0)
    of_notes = select(func.min(note.seq)).where(note.kind == lists.kind, note.at >= at)
    found = [snapshot.execute(query).scalar() for query in (of_lists, of_notes)]
    later = [number for number in found if number is not None]
    return min(later) - 1 if later else newest_number(snapshot, lists)


def newest_number(snapshot: Connection, lists: ListTables) -> int:
    """The number to ask with the next time, of what this snapshot shows."""
    return next_number(snapshot, lists) - 1


def number_visibility(context: Context, lists: ListTables) -> None:
    """Give numbers to the notes that have none yet, in order: whoever has seen a number has seen all before it."""
    note = partner_tables.visibility_change
    unnumbered = (note.c.kind == lists.kind) & note.c.seq.is_(None)
    with context.database.read() as snapshot:
        if snapshot.execute(select(note.c.id).where(unnumbered).limit(1)).first() is None:
            return
    with context.database.write() as transaction:
        lock_numbers(context, transaction, lists)
        number = next_number(transaction, lists)
        ids = list(transaction.execute(select(note.c.id).where(unnumbered).order_by(note.c.id)).scalars())
        for seq, each in enumerate(ids, number):
            transaction.execute(update(note).where(note.c.id == each).values(seq=seq))
