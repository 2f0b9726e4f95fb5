"""A list that each owner replaces as a whole, and that everybody reads as a whole.

Each replacement is a new generation. Rows are written under the new number and the pointer moves in the same
transaction, so that a reader sees the old list or the new one and never a mixture.
"""

import secrets
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain, count
from operator import add, itemgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    Select,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from echs.base.context import Context
from echs.base.database import Database, Identity, Instant, PreparedQuery, metadata
from echs.base.digest import RowDigest
from echs.base.errors import Problem, ProblemCollector, RecordProblems, Unreadable
from echs.base.fields import Columns, Field, maker
from echs.base.metrics import Metric
from echs.base.rule import Rule
from echs.base.spool import Row, Spool
from echs.base.upload_validation import (
    NOTHING_STORED,
    DuplicateFinder,
    RecordBatch,
    RecordValidator,
    row_content,
    validated,
)
from echs.lists.list_keys import ListKeys, has

LIST_RECORDS_RECEIVED = Metric("list_records_received_total", "counter", ("list",), "Records in accepted list uploads.")
ROWS_AT_ONCE = 1000
MARK_BYTES = 16
# Of this process, for all lists.
KEYS = ListKeys()
RECORD_KEY = ("partner_id", "generation", "position")

Record = TypeVar("Record", bound=tuple[Any, ...])


@dataclass(frozen=True, slots=True)
class ListState:
    """How one owner's list stands: which generation, how many records, since when. No two lists that ever were have the
    same ``mark``, not even where a store was brought back from a copy and counts a generation anew.
    """

    owner_id: int
    generation: int
    mark: str
    record_count: int
    replaced_at: datetime


@dataclass(frozen=True, slots=True)
class ReplaceResult:
    """What an upload did: records stored, identical repetitions left out, and how many records broke which rule of
    severity ``warn``.
    """

    stored: int
    repeated: int
    warnings: Mapping[str, int] = field(default_factory=dict)
    # What the audit trail holds of the list: `stored_digest` finds the same as long as nobody changes it.
    facts: Mapping[str, object] = field(default_factory=dict, compare=False)


@dataclass
class ReceivedList:
    """An upload that was read to its end: its rows put aside, which of them to leave out as repetitions, how many are
    left, and how many of those broke which rule of severity ``warn``.
    """

    spool: Spool[Row]
    skipped: set[int] = field(default_factory=set)
    stored: int = 0
    warnings: Counter[str] = field(default_factory=Counter)

    def rows(self) -> Iterator[tuple[int, Row]]:
        """The rows to store, each with its position in the upload."""
        for start, rows in self.spool:
            for position, row in enumerate(rows, start):
                if position not in self.skipped:
                    yield position, row

    def blocks(self) -> Iterator[Sequence[Row]]:
        """The rows to store, in order."""
        for start, rows in self.spool:
            if self.skipped.isdisjoint(range(start, start + len(rows))):
                yield rows
            else:
                yield [row for position, row in enumerate(rows, start) if position not in self.skipped]


@dataclass(frozen=True, slots=True)
class KeyForm:
    """A form of key by which records of a list are found: its name, and how the store and how Python makes it of a row.
    Beyond ASCII the two may differ in what an upper case is.
    """

    name: str
    of_row: ColumnElement[str]
    of_texts: Callable[[Row], str]


def head_table(name: str) -> Table:
    """One row an owner: which generation of its list is the present one."""
    return Table(
        name,
        metadata,
        Column("partner_id", ForeignKey("partner.id"), primary_key=True),
        Column("generation", BigInteger, nullable=False),
        Column("mark", String(2 * MARK_BYTES), nullable=False, server_default=""),
        Column("record_count", Integer, nullable=False),
        Column("replaced_at", Instant, nullable=False),
    )


def record_table(name: str, columns: Iterable[Column[Any]]) -> Table:
    """One row a record of a generation; ``columns`` stand in the order of the noun's fields.

    It has no foreign key: a row counts only through the head of its owner, which has one, and to look the owner up with
    every row cost an upload much of its time.
    """
    return Table(
        name,
        metadata,
        Column("partner_id", Identity, primary_key=True, autoincrement=False),
        Column("generation", BigInteger, primary_key=True, autoincrement=False),
        Column("position", Integer, primary_key=True, autoincrement=False),
        *columns,
        # One tree instead of two: rows are written and read in the order of their key.
        sqlite_with_rowid=False,
    )


@dataclass(frozen=True, slots=True)
class ListSchema(Generic[Record]):
    """What the records of a list are.

    ``key`` names the fields that tell which records of a list are the same thing; ``twice`` is the problem of a record
    (with its position) that has the key of an earlier one (whose position follows) and other content. ``warnings`` are
    rules that stop nothing.
    """

    fields: Sequence[Field]
    make: Callable[[Iterable[Any]], Record]
    key: Sequence[str]
    twice: Callable[[Record, int, int], Problem]
    warnings: Sequence[Rule[Record, None]]

    def place(self, name: str) -> int:
        """Where a field stands in a row."""
        return next(place for place, field in enumerate(self.fields) if field.name == name)

    @property
    def key_of(self) -> Callable[[Row], object]:
        """The key of a row."""
        return itemgetter(*map(self.place, self.key))

    @property
    def of_row(self) -> Callable[[Row], Record]:
        """The record of a row."""
        return maker(self.fields, self.make)

    def warned(self, rows: Sequence[Row]) -> Counter[str]:
        """How many of the rows break which rule of severity ``warn``."""
        found: Counter[str] = Counter()
        for rule in self.warnings:
            odd: Sequence[int] = range(len(rows))
            if rule.prefilter is not None:
                odd = rule.prefilter.suspects(list(map(itemgetter(self.place(rule.field)), rows)))
            number = sum(rule.violation(self.of_row(rows[place]), None) is not None for place in odd)
            if number:
                found[str(rule.name)] += number
        return found


@dataclass(frozen=True, slots=True)
class ListRules(Generic[Record]):
    """Who judges the records of an upload: what is wrong with one, and whether a run has nothing wrong at all, from its
    columns. The second may say no where the first finds nothing; never the other way round.
    """

    problems_of: Callable[[Record, int], Iterator[Problem]]
    all_right: Callable[[Sequence[Sequence[str]]], bool]


class VersionedList(Generic[Record]):
    """The lists of one kind, over a `head_table` and a `record_table`."""

    def __init__(self, heads: Table, records: Table, kind: ListSchema[Record]) -> None:
        self.heads = heads
        self.records = records
        self.columns = [column for column in records.columns if column.name not in RECORD_KEY]
        self.kind = kind
        self._numbers = [place for place, field in enumerate(kind.fields) if field.integer]
        self._in_form: PreparedQuery | None = None

    def receive(
        self,
        records: Iterable[Record | Unreadable | RecordBatch],
        judges: ListRules[Record],
        limit: int,
        problems: ProblemCollector,
        spool: Spool[Row],
    ) -> ReceivedList:
        """Read an upload to its end; identical repetitions collapse into the first. Needs no store.

        :raises Refused: TOO_MANY_RECORDS
        """

        def judge(record: Record, position: int) -> Row | Unreadable:
            return RecordProblems.among(judges.problems_of(record, position)) or tuple(map(str, record))

        def judge_run(rows: Sequence[Row], _position: int) -> Sequence[Row] | None:
            return rows if judges.all_right(Columns(rows)) else None

        received = ReceivedList(spool)
        repetitions: DuplicateFinder[Row] = DuplicateFinder(self.kind.key_of, row_content)
        for start, rows in validated(records, RecordValidator(judge, judge_run, self.kind.of_row), limit, problems):
            spool.add(start, rows)
            repetitions.note(rows)
            received.stored += len(rows)
            received.warnings += self.kind.warned(rows)
        contradictions = ProblemCollector(thorough=problems.thorough)
        for position, earlier, row, same in repetitions.found(spool):
            if same:
                received.skipped.add(position)
                received.stored -= 1
                received.warnings -= self.kind.warned([row])
            else:
                contradictions.add(self.kind.twice(self.kind.of_row(row), position, earlier))
        problems.merge(contradictions)
        return received

    def replace(
        self,
        context: Context,
        owner_id: int,
        records: Iterable[Record | Unreadable | RecordBatch],
        judges: ListRules[Record],
        confirm: Callable[[Connection, Iterable[Record]], None],
        note: Callable[[Connection, ReplaceResult], object],
        compare: Callable[[Callable[[], Iterator[tuple[int, Row]]], ProblemCollector], Counter[str]],
    ) -> ReplaceResult:
        """Make ``records`` the whole list of the owner; identical repetitions collapse into the first.

        ``confirm`` is asked inside the transaction whether the owner may still store these records, and refuses if not;
        ``note`` is called in it when all is done. ``compare`` gets the rows with their positions, as often as it asks,
        to look at what other owners have: it says how many broke which rule, or what refuses the upload.

        :raises Refused: for any problem in any record; the list that stood before stands still
        """
        problems = ProblemCollector()
        with Spool[Row]() as spool:
            received = self.receive(records, judges, context.limits.records_per_upload, problems, spool)
            if problems:
                raise problems.refusal(NOTHING_STORED)
            received.warnings += compare(received.rows, problems)
            if problems:
                raise problems.refusal(NOTHING_STORED)
            with context.database.write() as transaction:
                confirm(transaction, map(self.kind.of_row, chain.from_iterable(received.blocks())))
                context.database.lock(transaction, f"{self.heads.name}:{owner_id}")
                facts = self._replace(context.database, transaction, owner_id, received, context.clock())
                replaced = ReplaceResult(received.stored, len(received.skipped), received.warnings, facts)
                note(transaction, replaced)
        return replaced

    def _replace(
        self, database: Database, transaction: Connection, owner_id: int, received: ReceivedList, now: datetime
    ) -> dict[str, object]:
        mine = self.heads.c.partner_id == owner_id
        head = transaction.execute(select(self.heads.c.generation).where(mine)).scalar()
        generation = (head or 0) + 1
        # First out with the old: the store has their room for the new.
        transaction.execute(delete(self.records).where(self.records.c.partner_id == owner_id))
        names = ["position", *(column.name for column in self.columns)]
        digest = RowDigest()
        rows = chain.from_iterable(map(partial(self._taken_in, digest), received.blocks()))
        placed: Iterator[tuple[Any, ...]] = map(add, zip(count(), strict=False), rows)
        fixed = {"partner_id": owner_id, "generation": generation}
        database.insert_rows(transaction, self.records, names, placed, fixed)
        state = {
            "generation": generation,
            "mark": secrets.token_hex(MARK_BYTES),
            "record_count": received.stored,
            "replaced_at": now,
        }
        if head is None:
            transaction.execute(insert(self.heads).values(partner_id=owner_id, **state))
        else:
            transaction.execute(update(self.heads).where(mine).values(state))
        return {"partner": owner_id, "mark": state["mark"], "rows": digest.value}

    def _taken_in(self, digest: RowDigest, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows, when the digest has taken them in as the store will hold them: numbers without leading zeros."""
        for place in self._numbers:
            if any(text != str(int(text)) for text in set(map(itemgetter(place), rows))):
                digest.add([tuple(map(str, self.kind.of_row(row))) for row in rows])
                return rows
        digest.add(rows)
        return rows

    def stored_digest(self, snapshot: Connection, state: ListState) -> str:
        """The digest of the records that a list has in the store now."""
        digest = RowDigest()
        for rows in snapshot.execute(self._select(state, *self.columns)).partitions():
            digest.add([tuple(map(str, row)) for row in rows])
        return digest.value

    def download(self, context: Context, of: Callable[[Any], ColumnElement[bool]]) -> Iterator[Record]:
        """The lists of the owners whose id fulfils ``of``, from one snapshot, in the order of owners and uploads."""
        with context.database.read() as snapshot:
            for state in self.present(snapshot, of):
                for row in snapshot.execute(self._select(state, *self.columns)):
                    yield self.kind.make(row)

    def present(self, snapshot: Connection, of: Callable[[Any], ColumnElement[bool]]) -> list[ListState]:
        """How the lists stand of the owners whose id fulfils ``of``, in the order of the owners."""
        return self._states(snapshot, of(self.heads.c.partner_id))

    def asking(self, of: Callable[[Any], ColumnElement[bool]]) -> PreparedQuery:
        """The same as a question; `answered` reads the rows."""
        return PreparedQuery(self._query(of(self.heads.c.partner_id)))

    def answered(self, database: Database, rows: Iterable[Any]) -> list[ListState]:
        """The answer to `asking`."""
        return [
            ListState(owner_id, generation, mark, record_count, database.as_instant(replaced_at))
            for owner_id, generation, mark, record_count, replaced_at in rows
        ]

    def put_into(
        self, database: Database, snapshot: Connection, state: ListState, form: str
    ) -> Iterator[Sequence[str]]:
        """The records of a list in batches, each put by the store into ``form``, which has ``%s`` for each field."""
        if self._in_form is None:
            rows = self.records.c
            query = select(func.format(bindparam("form", type_=String), *self.columns)).where(
                rows.partner_id == bindparam("owner_id"),
                rows.generation == bindparam("generation"),
                rows.position >= bindparam("start"),
                rows.position < bindparam("end"),
            )
            self._in_form = PreparedQuery(query.order_by(rows.position))
        of_list = {"form": form, "owner_id": state.owner_id, "generation": state.generation}
        for start in range(0, state.record_count, ROWS_AT_ONCE):
            batch = {**of_list, "start": start, "end": start + ROWS_AT_ONCE}
            yield [text for (text,) in database.ask_within(snapshot, self._in_form, **batch)]

    def _select(self, state: ListState, *columns: Any) -> Select[Any]:
        return (
            select(*columns)
            .where(self.records.c.partner_id == state.owner_id, self.records.c.generation == state.generation)
            .order_by(self.records.c.position)
            .execution_options(yield_per=ROWS_AT_ONCE)
        )

    def among(self, context: Context, owner_id: int, form: KeyForm, wanted: Collection[str]) -> set[str] | None:
        """Those of ``wanted`` that stand in the owner's present list in this form of key; None without a list."""
        with context.database.read() as snapshot:
            states = self._states(snapshot, self.heads.c.partner_id == owner_id)
            if not states:
                return None
            numbers = self.keys(snapshot, states[0], form)
        return {key for key in wanted if has(numbers, key)}

    def keys(self, snapshot: Connection, state: ListState, form: KeyForm) -> "array[int]":
        """The sorted numbers of the keys of a list; see `echs.lists.list_keys`."""

        def load() -> Iterator[str]:
            return iter(snapshot.execute(self._select(state, form.of_row)).scalars())

        return KEYS.of((self.heads.name, state.owner_id, state.mark, form.name), load)

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
        query = select(self.heads).order_by(self.heads.c.partner_id)
        return query if where is None else query.where(where)
