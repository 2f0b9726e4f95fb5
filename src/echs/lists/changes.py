"""What changed of the lists since a number: for whoever asks, in the order of the commits, visibility included.

That a reader may no longer see an owner's list is a change like any other: all its records are gone for that reader.
That it may see it from now on makes the whole list new. Both have numbers among those of the lists' own changes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, false, func, literal, or_, select, true, union_all

from echs.base.context import Context
from echs.lists.keyed_list import ROWS_AT_ONCE
from echs.lists.list_writer import ListTables
from echs.lists.published_list import PublishedList
from echs.lists.tables import list_change
from echs.partners import tables as partner_tables
from echs.partners.change_numbers import newest_change_number
from echs.partners.connection import ConnectionKind

# A number that none reaches.
NEVER = 2**62

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
    with context.database.read() as snapshot:
        yield from changes_in(snapshot, published, reader_id, since)


def changes_in(snapshot: Connection, published: PublishedList, reader_id: int, since: int) -> Iterator[ListedChange]:
    """The same inside of a snapshot of the caller's."""
    lists = published.keyed
    owner = lists.heads.c.partner_id
    owners = list(snapshot.execute(select(owner).order_by(owner)).scalars())
    visible = set(snapshot.execute(select(owner).where(published.seen_by(reader_id)(owner))).scalars())
    turns = turns_since(snapshot, lists, reader_id, since)
    steady = visible - turns.keys()
    found = [changed_since(snapshot, lists, since, lambda owner: owner.in_(steady))] if steady else []
    for each in owners:
        if each not in turns:
            continue
        sight = Sight.of(turns[each])
        found.append(gone(snapshot, lists, each, sight, since))
        if sight.last.hides:
            found.append(hidden(snapshot, lists, each, sight))
        else:
            found.append(whole(snapshot, lists, each, sight.last.seq))
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


class Turn(NamedTuple):
    """That a reader sees an owner's records from this number and time (UTC) on, or no more."""

    seq: int
    at: datetime
    hides: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """When a reader saw an owner's records: between which numbers, from the beginning of all where the first turn hid
    them; None is the present. The turns are in order, and each is one.
    """

    spans: tuple[tuple[int, int | None], ...]
    last: Turn

    @classmethod
    def of(cls, turns: Sequence[Turn]) -> "Sight":
        """What the turns since some number say."""
        spans: list[tuple[int, int | None]] = []
        begun: int | None = 0 if turns[0].hides else None
        for turn in turns:
            if turn.hides and begun is not None:
                spans.append((begun, turn.seq))
                begun = None
            elif not turn.hides and begun is None:
                begun = turn.seq
        if begun is not None:
            spans.append((begun, None))
        return cls(tuple(spans), turns[-1])

    def met(self, first: ColumnElement[int], ended: ColumnElement[int]) -> ColumnElement[bool]:
        """The condition that a record that stood between these numbers was seen at some time."""
        return or_(
            false(),
            *(and_(ended > begun, true() if until is None else first < until) for begun, until in self.spans),
        )


def turns_since(snapshot: Connection, lists: ListTables, reader_id: int, since: int) -> dict[int, list[Turn]]:
    """When a reader began and ceased to see owners since this number, by owner. That the house was opened or closed is
    none for owners with which the reader was connected then.
    """
    note = partner_tables.visibility_change.c
    mine = or_(note.reader_id.is_(None), note.reader_id == reader_id)
    query = select(note.owner_id, note.seq, note.at, note.hides, note.by_mode).where(
        note.kind == lists.kind, note.seq > since, mine, note.owner_id != reader_id
    )
    connected = connected_times(snapshot, lists, reader_id)
    turns: dict[int, list[Turn]] = defaultdict(list)
    for owner_id, seq, at, hides, by_mode in snapshot.execute(query.order_by(note.seq)):
        stood = any(begun <= at and (until is None or until > at) for begun, until in connected[owner_id])
        before = turns[owner_id][-1:] if owner_id in turns else []
        if (by_mode and stood) or (before and before[0].hides == bool(hides)):
            continue
        turns[owner_id].append(Turn(seq, at, bool(hides)))
    return {owner_id: found for owner_id, found in turns.items() if found}


def connected_times(
    snapshot: Connection, lists: ListTables, reader_id: int
) -> dict[int, list[tuple[datetime, datetime | None]]]:
    """When connections stood along which a reader sees the lists of owners, by owner."""
    table = partner_tables.roaming_connection.c
    tokens = lists.kind is ConnectionKind.TOKENS
    owner = table.provider_partner_id if tokens else table.operator_partner_id
    reader = table.operator_partner_id if tokens else table.provider_partner_id
    found: dict[int, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    mine = select(owner, table.since, table.until).where(table.kind == lists.kind, reader == reader_id)
    for owner_id, begun, until in snapshot.execute(mine):
        found[owner_id].append((begun, until))
    return found


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


def gone(snapshot: Connection, lists: ListTables, owner_id: int, sight: Sight, since: int) -> Iterator[ListedChange]:
    """The records of an owner that are gone since a number, of those that a reader saw at some time."""
    former, change, came = lists.former.c, list_change.c, list_change.alias()
    query = (
        select(change.seq, change.at, former.protocol, former.payload)
        .join(list_change, change.id == former.ended_by)
        .join(came, came.c.id == former.first_change_id)
        .where(former.partner_id == owner_id, former.gone, change.seq > since, sight.met(came.c.seq, change.seq))
        .order_by(change.seq, former.position)
    )
    for seq, at, protocol, payload in snapshot.execute(query.execution_options(yield_per=ROWS_AT_ONCE)):
        yield ListedChange(seq, at, owner_id, protocol, payload, True)


def hidden(snapshot: Connection, lists: ListTables, owner_id: int, sight: Sight) -> Iterator[ListedChange]:
    """The records of an owner that stand, and that a reader saw and sees no more: gone for it since it was hidden."""
    rows, came = lists.records.c, list_change.alias()
    query = (
        select(rows.protocol, rows.payload)
        .join(lists.heads, lists.all_standing)
        .join(came, came.c.id == rows.first_change_id)
        .where(rows.partner_id == owner_id, came.c.seq < sight.last.seq, sight.met(came.c.seq, literal(NEVER)))
        .order_by(rows.position)
    )
    for protocol, payload in snapshot.execute(query.execution_options(yield_per=ROWS_AT_ONCE)):
        yield ListedChange(sight.last.seq, sight.last.at, owner_id, protocol, payload, True)


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
    return newest_change_number(snapshot, lists.kind)
