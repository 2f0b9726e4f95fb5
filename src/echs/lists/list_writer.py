"""Writing one change of one owner's list: end what is no longer, write what is new, number the change.

A change is numbered as the last step before its commit, under a lock that is held until then: so numbers grow in the
order of the commits, and whoever has seen one has seen all before it.
"""

import json
import secrets
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Table,
    and_,
    any_,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from echs.base import request_context
from echs.base.context import Context
from echs.base.joined_texts import BETWEEN
from echs.lists.list_content import ListContent
from echs.lists.list_diff import NOT_PLACED, STRIDE, Alignment, positions, renumbered
from echs.lists.list_format import ListOwner
from echs.lists.tables import TOKEN_BYTES, list_change
from echs.partners.change_numbers import next_change_number
from echs.partners.connection import ConnectionKind
from echs.partners.market_ids import spelt_market_id

AT_ONCE = 10_000
FEW_KEYS = 1000
FIXED = ("partner_id", "position", "key_number", "change_id", "first_change_id", "protocol", "payload")


class Cause(StrEnum):
    """Why a list changed."""

    UPLOAD = "upload"
    UPDATE = "update"
    RELEASE = "release"
    UNDO = "undo"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class ListState:
    """How one owner's list stands: which generation, how many records, since when. No two lists that ever were have the
    same ``version_token``, not even where a store was brought back from a copy and counts a generation anew.
    """

    owner_id: int
    generation: int
    version_token: str
    change_id: int
    record_count: int
    replaced_at: datetime
    first_position: int
    # Of the owner: its time zone, and its ids in the role of such lists, or the market ids that were entered for them.
    zone: str
    party_ids: str | None

    @property
    def owner(self) -> ListOwner:
        """What the meaning of the records depends on."""
        found = filter(None, map(spelt_market_id, (self.party_ids or "").split(BETWEEN)))
        return ListOwner(self.zone, min(found, default=""))


@dataclass(frozen=True)
class ListTables:
    """Where lists of one kind are: the tables of their heads, records and former records. ``name`` tells their changes
    from those of other kinds, ``kind`` along which connections they go.
    """

    name: str
    kind: ConnectionKind
    heads: Table
    records: Table
    former: Table

    def standing(self, state: "ListState") -> ColumnElement[bool]:
        """The condition for the records that stand in a list."""
        rows = self.records.c
        return and_(rows.partner_id == state.owner_id, rows.position >= state.first_position)

    @property
    def all_standing(self) -> ColumnElement[bool]:
        """The condition for a record that stands in the list of a row of heads."""
        rows, heads = self.records.c, self.heads.c
        return and_(rows.partner_id == heads.partner_id, rows.position >= heads.first_position)

    @cached_property
    def names(self) -> list[str]:
        """The columns of a record, in the order in which they are written."""
        typed = [column.name for column in self.records.columns if column.name not in FIXED]
        return ["position", "change_id", "first_change_id", "key_number", "protocol", "payload", *typed]


@dataclass
class Difference:
    """What an upload changes. ``added`` counts its new records; ``moved`` are those that stand elsewhere, by their
    index in the upload, with their change and the one since which they have stood; the others are positions of records
    that stand.
    """

    alignment: Alignment
    added: int = 0
    moved: dict[int, tuple[int, int]] = field(default_factory=dict)
    moved_from: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records a change added, changed, removed and moved."""

    added: int
    changed: int
    removed: int
    moved: int = 0


class ListWriter:
    """One change of one owner's list, inside a transaction that holds the list's lock."""

    def __init__(
        self,
        lists: ListTables,
        context: Context,
        transaction: Connection,
        owner_id: int,
        zone: str,
        cause: Cause,
        head: ListState | None,
    ) -> None:
        self.lists, self.context, self.transaction = lists, context, transaction
        self.owner_id, self.zone, self.head = owner_id, zone, head
        self.first_position = 0
        self.now = context.clock()
        self.mine = lists.records.c.partner_id == owner_id
        values = {
            "list": lists.name,
            "partner_id": owner_id,
            # Nobody else's until it is numbered.
            "seq": -secrets.randbits(62) - 1,
            "at": self.now,
            "request_id": request_context.current().request_id,
            "cause": cause.value,
            **dict.fromkeys(("added", "changed", "removed", "moved"), 0),
        }
        made = transaction.execute(insert(list_change).values(values).returning(list_change.c.id))
        self.change_id = int(made.scalar_one())
        # Change, and since which change it has stood, of a record that is new.
        self.new = self.change_id, self.change_id

    def write(self, content: ListContent[Any], difference: Difference) -> Counts:
        """Write a difference: end what was changed or removed, write what is new or stands elsewhere."""
        self.forget_replaced()
        self.end(difference.changed, gone=False)
        self.end(difference.removed, gone=True)
        self.delete([*difference.changed, *difference.removed, *difference.moved_from])
        placed = difference.alignment.placed
        target = positions(placed)
        if target is None:
            self._renumber()
            target = positions(renumbered(placed))
        if target is None:
            raise AssertionError("a stride has room for every record that an upload may have")
        keys: list[int] = []
        rows = self._unplaced(content, placed, target, difference.moved, keys)
        self.insert(rows)
        self.carry_first(keys)
        self.back_again(keys)
        moved = len(difference.moved)
        return Counts(difference.added, len(difference.changed), len(difference.removed), moved)

    def rewrite(self, content: ListContent[Any]) -> Counts:
        """Write a list anew as a whole, behind the one that stood, which stays as its former state. A record that is
        equal counts as changed.
        """
        if self.head is None:
            self.insert(self._all(content, 0))
            return Counts(content.stored, 0, 0)
        self.forget_replaced()
        rows = self.lists.records.c
        last = self.transaction.execute(select(func.max(rows.position)).where(self.mine)).scalar() or 0
        self.first_position = last + 1
        self.insert(self._all(content, last))
        new = self.lists.records.alias()
        same = and_(
            new.c.partner_id == rows.partner_id, new.c.key_number == rows.key_number, new.c.position > literal(last)
        )
        lost = and_(self.mine, rows.position <= last, ~exists(select(literal(1)).select_from(new).where(same)))
        removed = self._copy_to_former(lost, gone=True)
        self.carry_first(None, before=last)
        self.back_again(None)
        changed = self.head.record_count - removed
        return Counts(content.stored - changed, changed, removed)

    def forget_replaced(self) -> None:
        """Delete what is left of the list that the last change replaced as a whole: one former state is kept."""
        if self.head is not None and self.head.first_position:
            rows = self.lists.records
            self.transaction.execute(delete(rows).where(self.mine, rows.c.position < self.head.first_position))

    def finish(self, record_count: int, counts: Counts) -> str:
        """Keep one former state, point the head at what stands now, and number the change; the new version token."""
        former = self.lists.former.c
        old = and_(former.partner_id == self.owner_id, ~former.gone, former.ended_by < self.change_id)
        self.transaction.execute(delete(self.lists.former).where(old))
        head, heads = self.head, self.lists.heads
        token = secrets.token_hex(TOKEN_BYTES)
        state = {
            "generation": 1 if head is None else head.generation + 1,
            "version_token": token,
            "change_id": self.change_id,
            "record_count": record_count,
            "replaced_at": self.now,
            "first_position": self.first_position,
        }
        if head is None:
            self.transaction.execute(insert(heads).values(partner_id=self.owner_id, **state))
        else:
            self.transaction.execute(update(heads).where(heads.c.partner_id == self.owner_id).values(state))
        numbered = {
            "seq": next_change_number(self.transaction, self.lists.kind),
            # Of now, so that times grow with the numbers: who asks since when asks for no less than by the number.
            "at": self.context.clock(),
            "added": counts.added,
            "changed": counts.changed,
            "removed": counts.removed,
            "moved": counts.moved,
        }
        self.transaction.execute(update(list_change).where(list_change.c.id == self.change_id).values(numbered))
        return token

    # ------------------------------------------------------------------ steps

    def end(self, ended: Sequence[int], *, gone: bool) -> None:
        """Make former records of those at these positions."""
        for numbers in in_batches(ended):
            self._copy_to_former(self.at(numbers), gone=gone)

    def delete(self, ended: Iterable[int]) -> None:
        """Delete the records at these positions."""
        for numbers in in_batches(sorted(ended)):
            self.transaction.execute(delete(self.lists.records).where(self.at(numbers)))

    def at(self, numbers: Sequence[int]) -> ColumnElement[bool]:
        """The condition for the list's records at these positions."""
        return and_(self.mine, among(self.transaction, self.lists.records.c.position, numbers))

    def insert(self, rows: Iterable[Sequence[object]]) -> None:
        """Write records, with the values of `ListTables.names`."""
        fixed = {"partner_id": self.owner_id}
        self.context.database.insert_rows(self.transaction, self.lists.records, self.lists.names, rows, fixed)

    def values(self, content: ListContent[Any], items: Sequence[Any]) -> Iterable[tuple[Any, ...]]:
        """What is written of records beside position and change."""
        return content.values(items, self.zone, self.context.database.as_stored)

    def carry_first(self, keys: Sequence[int] | None, before: int | None = None) -> None:
        """Let new records with the key of one that stood, or is gone, have stood since that one did; ``before`` is the
        last position of a list that was written anew as a whole. Of those with these keys, or all of this change.
        """
        rows, former = self.lists.records, self.lists.former.c
        new = [self.mine, rows.c.change_id == self.change_id]
        if keys is not None and len(keys) <= FEW_KEYS:
            new.append(among(self.transaction, rows.c.key_number, keys))
        was = [
            select(func.min(former.first_change_id)).where(
                former.partner_id == self.owner_id, former.key_number == rows.c.key_number
            )
        ]
        if before is not None:
            old = rows.alias().c
            was.append(
                select(func.min(old.first_change_id)).where(
                    old.partner_id == self.owner_id, old.key_number == rows.c.key_number, old.position <= before
                )
            )
        for query in was:
            first = query.correlate(rows).scalar_subquery()
            self.transaction.execute(update(rows).where(*new, first.is_not(None)).values(first_change_id=first))

    def back_again(self, keys: Sequence[int] | None) -> None:
        """Forget that records were gone which are there again: those with these keys, or whichever, for None."""
        former, rows = self.lists.former.c, self.lists.records.c
        was_gone = and_(former.partner_id == self.owner_id, former.gone, former.ended_by != self.change_id)
        if keys is not None and len(keys) <= FEW_KEYS:
            back = among(self.transaction, former.key_number, keys)
        else:
            here = and_(
                rows.partner_id == former.partner_id,
                rows.key_number == former.key_number,
                rows.position >= self.first_position,
            )
            back = exists(select(literal(1)).where(here))
        self.transaction.execute(delete(self.lists.former).where(was_gone, back))

    def _unplaced(
        self,
        content: ListContent[Any],
        placed: "array[int]",
        target: "array[int]",
        moved: dict[int, tuple[int, int]],
        keys: list[int],
    ) -> Iterator[tuple[object, ...]]:
        """The records of an upload that stand nowhere in this order; the keys of new ones go into ``keys``."""
        unplaced = [index for index, position in enumerate(placed) if position == NOT_PLACED]
        for indexes, items in content.at(unplaced):
            for index, values in zip(indexes, self.values(content, items), strict=True):
                since = moved.get(index)
                if since is None:
                    keys.append(values[0])
                yield (target[index], *(since or self.new), *values)

    def _all(self, content: ListContent[Any], after: int) -> Iterator[tuple[object, ...]]:
        position = after
        for items in content.items():
            for values in self.values(content, items):
                position += STRIDE
                yield (position, *self.new, *values)

    def _copy_to_former(self, where: ColumnElement[bool], *, gone: bool) -> int:
        rows = self.lists.records.c
        query = select(*(rows[name] for name in FIXED), literal(self.change_id), literal(gone)).where(where)
        statement = insert(self.lists.former).from_select([*FIXED, "ended_by", "gone"], query)
        return self.transaction.execute(statement.execution_options(preserve_rowcount=True)).rowcount

    def _renumber(self) -> None:
        """Give the records of a list positions a stride apart, in their order."""
        rows = self.lists.records.c
        rank = func.row_number().over(order_by=rows.position).label("rank")
        ranked = select(rows.position, rank).where(self.mine).subquery()
        # By way of negative ones, which none has.
        aside = update(self.lists.records).where(self.mine, rows.position == ranked.c.position)
        self.transaction.execute(aside.values(position=-ranked.c.rank * STRIDE))
        self.transaction.execute(update(self.lists.records).where(self.mine).values(position=-rows.position))


def difference_of(
    transaction: Connection,
    lists: ListTables,
    owner_id: int,
    content: ListContent[Any],
    alignment: Alignment,
) -> Difference:
    """Which of the records that were left over were changed, moved or removed."""
    found = Difference(alignment)
    by_key = left_over_by_key(transaction, lists, owner_id, alignment)
    moved: dict[int, int] = {}
    unplaced = [index for index, position in enumerate(alignment.placed) if position == NOT_PLACED]
    for indexes, items in content.at(unplaced):
        keyed = zip(indexes, content.key_numbers(items), content.payloads(items), strict=True)
        for index, number, payload in keyed:
            known = by_key.pop(number, None)
            if known is None:
                found.added += 1
            elif known[1] == payload:
                moved[known[0]] = index
            else:
                found.changed.append(known[0])
    found.removed = sorted(position for position, _ in by_key.values())
    found.changed.sort()
    found.moved_from = sorted(moved)
    table = lists.records.c
    for numbers in in_batches(found.moved_from):
        query = select(table.position, table.change_id, table.first_change_id).where(
            table.partner_id == owner_id, among(transaction, table.position, numbers)
        )
        found.moved.update((moved[position], (since, first)) for position, since, first in transaction.execute(query))
    return found


def left_over_by_key(
    transaction: Connection, lists: ListTables, owner_id: int, alignment: Alignment
) -> dict[int, tuple[int, str]]:
    """The records that were left over, by the numbers of their keys: position and payload."""
    payloads = dict(alignment.left_over)
    found: dict[int, tuple[int, str]] = {}
    table = lists.records.c
    for positions_ in in_batches(sorted(payloads)):
        query = select(table.key_number, table.position).where(
            table.partner_id == owner_id, among(transaction, table.position, positions_)
        )
        found.update((number, (at, payloads[at])) for number, at in transaction.execute(query))
    return found


def among(connection: Connection, column: ColumnElement[int], numbers: Sequence[int]) -> ColumnElement[bool]:
    """The condition that a column is one of these, as one value: a statement of a thousand values takes longer to write
    than to carry out."""
    if connection.dialect.name == "sqlite":
        value = func.json_each(json.dumps(numbers)).table_valued("value")
        return column.in_(select(value.c.value))
    return column == any_(cast(literal(list(numbers), ARRAY(BigInteger)), ARRAY(BigInteger)))


def in_batches(numbers: Iterable[int]) -> Iterator[Sequence[int]]:
    """Some at a time."""
    left = iter(numbers)
    while batch := list(islice(left, AT_ONCE)):
        yield batch
