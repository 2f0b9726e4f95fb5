"""Lists of keyed records: each owner uploads its whole list, everybody reads all lists, and changes have an order.

An upload is a difference to the list that stands: equal records are not written, others get the number of a change, and
what an upload no longer has becomes a former record.
"""

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, select, update

from echs.base.context import Context
from echs.base.database import Database
from echs.base.digest import RowDigest
from echs.base.errors import Reason
from echs.base.joined_texts import joined_texts
from echs.base.metrics import Metric
from echs.base.prepared_query import PreparedQuery
from echs.lists import set_aside
from echs.lists.list_content import ListContent, PayloadContent
from echs.lists.list_diff import STRIDE, align
from echs.lists.list_format import KeyForm, ListFormat, ListOwner, key_number, values_of
from echs.lists.list_keys import ListKeys, has
from echs.lists.list_writer import (
    Cause,
    Counts,
    Difference,
    ListState,
    ListTables,
    ListWriter,
    among,
    difference_of,
    in_batches,
)
from echs.lists.tombstones import forget_old
from echs.partners.connection import ConnectionKind
from echs.partners.partner import PartyRole
from echs.partners.tables import partner, party_id

LIST_RECORDS_RECEIVED = Metric(
    "list_records_received_total", "counter", ("list",), "Records in accepted uploads of lists."
)
ROWS_AT_ONCE = 1000
# What a `ListState` begins with.
OF_HEAD = (
    "partner_id",
    "generation",
    "version_token",
    "change_id",
    "record_count",
    "replaced_at",
    "first_position",
)
# Of this process, for all lists.
KEYS = ListKeys()
# Told how many records stand and how many would be removed: whether to put the upload aside.
Guard = Callable[[int, int], bool]


class ListReason(Reason):
    """What can be wrong with a whole list."""

    LIST_SET_ASIDE = "LIST_SET_ASIDE"
    LIST_UNKNOWN = "LIST_UNKNOWN"
    LIST_NOT_SET_ASIDE = "LIST_NOT_SET_ASIDE"
    NOTHING_TO_UNDO = "NOTHING_TO_UNDO"


@dataclass(frozen=True, slots=True)
class ReplaceResult:
    """What an upload did: records that the list has now, identical repetitions left out, how many records broke which
    rule of severity ``warn``, and what it changed. ``set_aside`` is how many records it would have removed, where it
    was put aside instead.
    """

    stored: int
    repeated: int
    warnings: Mapping[str, int] = field(default_factory=dict)
    # What the audit trail holds of the list: `stored_digest` finds the same as long as nobody changes it.
    facts: Mapping[str, object] = field(default_factory=dict, compare=False)
    counts: Counts = field(default=Counts(0, 0, 0), compare=False)
    set_aside: int | None = None


class KeyedList(ListTables):
    """The lists of one kind."""

    # ------------------------------------------------------------------ writing

    def lock(self, context: Context, transaction: Connection, owner_id: int) -> None:
        """Let nobody else change this owner's list."""
        context.database.lock(transaction, f"{self.heads.name}:{owner_id}")

    def apply(
        self,
        context: Context,
        transaction: Connection,
        owner_id: int,
        zone: str,
        content: ListContent[Any],
        cause: Cause,
        guard: Guard | None = None,
    ) -> ReplaceResult:
        """Write what the upload changes, inside a transaction that holds the `lock`."""
        head = self.state_of(transaction, owner_id)
        digest = RowDigest()
        uploaded = digested(content.blocks(), digest)
        standing = self._standing(context.database, transaction, head) if head else ()
        alignment = align(standing, uploaded)
        for _ in uploaded:
            pass  # what was not compared
        rewrite = head is None or alignment.too_different or alignment.disjoint
        difference = Difference(alignment)
        if not rewrite:
            difference = difference_of(transaction, self, owner_id, content, alignment)
        done = (content.stored, len(content.skipped), content.warnings)
        if head is not None and guard is not None and not alignment.equal:
            removed = self._missing(transaction, head, content) if rewrite else len(difference.removed)
            if guard(head.record_count, removed):
                now = context.clock()
                set_aside.store(transaction, self.name, owner_id, content, removed, now)
                return ReplaceResult(*done, set_aside=removed)
        set_aside.discard(transaction, self.name, owner_id)
        if head is not None and alignment.equal:
            mine = self.heads.c.partner_id == owner_id
            transaction.execute(update(self.heads).where(mine).values(replaced_at=context.clock()))
            return ReplaceResult(*done, {"partner": owner_id, "version": head.version_token, "rows": digest.value})
        writer = ListWriter(self, context, transaction, owner_id, zone, cause, head)
        counts = writer.rewrite(content) if rewrite else writer.write(content, difference)
        version = writer.finish(content.stored, counts)
        forget_old(context, transaction, self, owner_id)
        return ReplaceResult(*done, {"partner": owner_id, "version": version, "rows": digest.value}, counts)

    def update(
        self,
        context: Context,
        transaction: Connection,
        owner_id: int,
        zone: str,
        form: ListFormat,
        payloads: Sequence[str],
    ) -> Counts:
        """Write some records of an owner's list, each in the place of the one with its key or at the end, inside a
        transaction that holds the `lock`. Records that stand there as they are change nothing. What came by another
        protocol and is the same thing ends. An upload that is put aside is forgotten: it knows nothing of this.

        The payloads are valid, and no two have one key.
        """
        head, table = self.state_of(transaction, owner_id), self.records.c
        wanted = dict(zip(map(key_number, form.keys(payloads)), payloads, strict=True))
        standing: dict[int, int] = {}
        for numbers in in_batches(sorted(wanted)):
            if head is None:
                break
            query = select(table.key_number, table.position, table.payload).where(
                self.standing(head), among(transaction, table.key_number, numbers)
            )
            for number, position, payload in transaction.execute(query):
                if payload == wanted[number]:
                    del wanted[number]
                else:
                    standing[number] = position
        rivals = [] if head is None else self._rivals(transaction, head, form, payloads)
        if not wanted and not rivals:
            return Counts(0, 0, 0)
        set_aside.discard(transaction, self.name, owner_id)
        writer = ListWriter(self, context, transaction, owner_id, zone, Cause.UPDATE, head)
        writer.forget_replaced()
        last = select(func.max(table.position)).where(table.partner_id == owner_id)
        end = transaction.execute(last).scalar() or 0
        writer.end(sorted(standing.values()), gone=False)
        writer.end(rivals, gone=True)
        writer.delete([*standing.values(), *rivals])
        written = []
        made = values_of(form, list(wanted.values()), zone, context.database.as_stored)
        for number, values in zip(wanted, made, strict=True):
            position = standing.get(number)
            if position is None:
                position = end = end + STRIDE
            written.append((position, *writer.new, *values))
        writer.insert(sorted(written))
        writer.carry_first(list(wanted))
        writer.back_again(list(wanted))
        counts = Counts(len(wanted) - len(standing), len(standing), len(rivals))
        writer.finish((0 if head is None else head.record_count) + counts.added - counts.removed, counts)
        forget_old(context, transaction, self, owner_id)
        return counts

    def _rivals(self, transaction: Connection, head: ListState, form: ListFormat, payloads: Sequence[str]) -> list[int]:
        """The positions of records of other protocols that are the same things as these."""
        rivals = form.rivals(payloads)
        if rivals is None:
            return []
        rows = self.records.c
        found: list[int] = []
        for start in range(0, len(rivals.texts), ROWS_AT_ONCE):
            same = rows[rivals.column].in_(rivals.texts[start : start + ROWS_AT_ONCE])
            other = self.standing(head), rows.protocol != form.protocol, same
            found += transaction.execute(select(rows.position).where(*other)).scalars()
        return sorted(set(found))

    def keep_standing(
        self,
        transaction: Connection,
        owner_id: int,
        content: PayloadContent,
        numbers: Iterable[int],
        still_right: Callable[[str], bool],
    ) -> None:
        """Put those records with these keys behind the content that stand in the list, came by the same protocol, are
        right as they stand and are not in the content: it was refused what would have taken their place.
        """
        head, table = self.state_of(transaction, owner_id), self.records.c
        left = set(numbers)
        if head is None or not left:
            return
        left.difference_update(number for items in content.items() for number in content.key_numbers(items))
        kept: list[str] = []
        for some in in_batches(sorted(left)):
            same = and_(
                self.standing(head), table.protocol == content.protocol, among(transaction, table.key_number, some)
            )
            payloads = transaction.execute(select(table.payload).where(same).order_by(table.position)).scalars()
            kept += filter(still_right, payloads)
        if kept:
            content.add_behind(kept)

    def _standing(
        self, database: Database, transaction: Connection, state: ListState
    ) -> Iterator[Sequence[tuple[int, str]]]:
        """What stands in a list: positions and payloads in order, in blocks."""
        after, owner_id = state.first_position - 1, state.owner_id
        while rows := database.fetch_within(transaction, self._next_records, owner_id=owner_id, after=after):
            yield [(position, payload) for position, _, payload in rows]
            after = rows[-1][0]

    def _missing(self, transaction: Connection, state: ListState, content: ListContent[Any]) -> int:
        """How many records of a list an upload does not have, where too many differ to keep them all."""
        wanted = {number for items in content.items() for number in content.key_numbers(items)}
        query = select(self.records.c.key_number).where(self.standing(state))
        return sum(number not in wanted for number in transaction.execute(query).scalars())

    # ------------------------------------------------------------------ reading

    def state_of(self, connection: Connection, owner_id: int) -> ListState | None:
        """How an owner's list stands; None where it never had one."""
        found = connection.execute(self._state_of_owner, {"owner_id": owner_id}).first()
        return None if found is None else ListState(*found)

    @cached_property
    def _state_of_owner(self) -> Select[Any]:
        return self._query(self.heads.c.partner_id == bindparam("owner_id"))

    def stored_digest(self, snapshot: Connection, state: ListState) -> str:
        """The digest of the records that a list has in the store now."""
        digest = RowDigest()
        for payloads in self.payloads(snapshot, state):
            digest.add_joined(payloads)
        return digest.value

    def payloads(self, snapshot: Connection, state: ListState) -> Iterator[Sequence[str]]:
        """What was sent of a list, in batches, in order."""
        rows = self.records.c
        query = select(rows.payload).where(self.standing(state)).order_by(rows.position)
        result = snapshot.execute(query.execution_options(yield_per=ROWS_AT_ONCE))
        yield from result.scalars().partitions()

    @cached_property
    def _next_records(self) -> PreparedQuery:
        rows = self.records.c
        of_list = and_(rows.partner_id == bindparam("owner_id"), rows.position > bindparam("after"))
        query = select(rows.position, rows.protocol, rows.payload).where(of_list)
        return PreparedQuery(query.order_by(rows.position).limit(ROWS_AT_ONCE))

    def batches(
        self, database: Database, snapshot: Connection, state: ListState
    ) -> Iterator[tuple[str, Sequence[str]]]:
        """As `payloads`, by a query that is compiled once: each batch with the protocol that brought it."""
        after, owner_id = state.first_position - 1, state.owner_id
        while rows := database.fetch_within(snapshot, self._next_records, owner_id=owner_id, after=after):
            for protocol, some in groupby(rows, itemgetter(1)):
                yield protocol, [payload for _, _, payload in some]
            after = rows[-1][0]

    def present(self, snapshot: Connection, of: Callable[[Any], ColumnElement[bool]]) -> list[ListState]:
        """How the lists stand of the owners whose id fulfils ``of``, in the order of the owners."""
        return self._states(snapshot, of(self.heads.c.partner_id))

    def owners(self, snapshot: Connection) -> dict[int, ListOwner]:
        """All owners of lists, also of those that nobody sees."""
        return {state.owner_id: state.owner for state in self._states(snapshot)}

    def states_query(self, of: Callable[[Any], ColumnElement[bool]]) -> PreparedQuery:
        """The same as a prepared query; `states_of_rows` reads its rows."""
        return PreparedQuery(self._query(of(self.heads.c.partner_id)))

    def states_of_rows(self, database: Database, rows: Iterable[Any]) -> list[ListState]:
        """The answer to `states_query`."""
        return [
            ListState(owner_id, generation, version, change_id, count, database.as_instant(replaced_at), *rest)
            for owner_id, generation, version, change_id, count, replaced_at, *rest in rows
        ]

    def contained_in(
        self, snapshot: Connection, owner_id: int, form: KeyForm, wanted: Collection[str]
    ) -> set[str] | None:
        """Those of ``wanted`` that stand in the owner's present list in this form of key; None without a list."""
        state = self.state_of(snapshot, owner_id)
        if state is None or not wanted:
            return None if state is None else set()
        numbers = self.keys(snapshot, state, form)
        return {key for key in wanted if has(numbers, key)}

    def keys(self, snapshot: Connection, state: ListState, form: KeyForm) -> "array[int]":
        """The sorted numbers of the keys of a list; see `echs.lists.list_keys`."""

        def load() -> Iterator[str]:
            query = select(form.of_row).where(self.standing(state))
            return iter(snapshot.execute(query.execution_options(yield_per=ROWS_AT_ONCE)).scalars())

        return KEYS.of((self.heads.name, state.owner_id, state.version_token, form.name), load)

    def of_others(
        self,
        context: Context,
        owner_id: int,
        form: KeyForm,
        numbers: Callable[[], Set[int]],
        of: Callable[[Any], ColumnElement[bool]],
    ) -> set[int]:
        """Those of the numbers of keys that stand in the present list of another owner, whose id fulfils ``of``."""
        found: set[int] = set()
        with context.database.read() as snapshot:
            others = [state for state in self.present(snapshot, of) if state.owner_id != owner_id]
            wanted = numbers() if others else frozenset()
            for state in others:
                found.update(frozenset(wanted).intersection(self.keys(snapshot, state, form)))
        return found

    def states(self, context: Context) -> dict[int, ListState]:
        """How every owner's list stands, by owner; who never uploaded is not in it."""
        with context.database.read() as snapshot:
            return {state.owner_id: state for state in self._states(snapshot)}

    def _states(self, snapshot: Connection, where: ColumnElement[bool] | None = None) -> list[ListState]:
        rows: Iterable[Any] = snapshot.execute(self._query(where))
        return [ListState(*row) for row in rows]

    def _query(self, where: ColumnElement[bool] | None = None) -> Select[Any]:
        owner = self.heads.c.partner_id
        zone = select(partner.c.timezone).where(partner.c.id == owner).scalar_subquery()
        role = PartyRole.PROVIDER if self.kind is ConnectionKind.TOKENS else PartyRole.OPERATOR
        spelt = joined_texts(func.coalesce(party_id.c.market_id, party_id.c.party_id))
        mine = party_id.c.partner_id == owner, party_id.c.role == role
        columns = [self.heads.c[name] for name in OF_HEAD]
        query = select(*columns, zone, select(spelt).where(*mine).scalar_subquery()).order_by(owner)
        return query if where is None else query.where(where)


def digested(blocks: Iterable[Sequence[str]], digest: RowDigest) -> Iterator[Sequence[str]]:
    """The blocks, when the digest has taken them in."""
    for block in blocks:
        digest.add_joined(block)
        yield block
