"""A list that each owner replaces as a whole, and that everybody reads as a whole.

Each replacement is a new generation. Rows are written under the new number and the pointer moves in the same
transaction, so that a reader sees the old list or the new one and never a mixture.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    Table,
    delete,
    insert,
    select,
    update,
)

from echs.base.database import Database, Instant, metadata
from echs.base.errors import Problem, ProblemList, Problems, Unread
from echs.base.ground import Ground
from echs.base.plausibility import Rule, findings
from echs.base.upload import NOTHING_STORED, Keys, examined

ROWS_AT_ONCE = 1000
KEYS_AT_ONCE = 10_000
RECORD_KEY = ("partner_id", "generation", "position")

Record = TypeVar("Record", bound=tuple[Any, ...])


@dataclass(frozen=True, slots=True)
class ListState:
    """How one owner's list stands: which generation, how many records, since when."""

    owner_id: int
    generation: int
    record_count: int
    replaced_at: datetime


@dataclass(frozen=True, slots=True)
class Replaced:
    """What an upload did: records stored, identical repetitions left out, and how many records broke which rule of
    severity ``warn``.
    """

    stored: int
    repeated: int
    warnings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Examined(Generic[Record]):
    """An upload that was read to its end: the records to keep, and how many repetitions were left out."""

    kept: list[Record]
    repeated: int


def head_table(name: str) -> Table:
    """One row an owner: which generation of its list is the present one."""
    return Table(
        name,
        metadata,
        Column("partner_id", ForeignKey("partner.id"), primary_key=True),
        Column("generation", BigInteger, nullable=False),
        Column("record_count", Integer, nullable=False),
        Column("replaced_at", Instant, nullable=False),
    )


def record_table(name: str, columns: Iterable[Column[Any]]) -> Table:
    """One row a record of a generation; ``columns`` stand in the order of the noun's fields."""
    return Table(
        name,
        metadata,
        Column("partner_id", ForeignKey("partner.id"), primary_key=True),
        Column("generation", BigInteger, primary_key=True, autoincrement=False),
        Column("position", Integer, primary_key=True, autoincrement=False),
        *columns,
    )


class ReplacedList(Generic[Record]):
    """The lists of one kind, over a `head_table` and a `record_table`.

    ``make`` turns a row into a record; ``key`` tells which records of a list are the same thing; ``twice`` is the
    problem of a record (with its position) that has the key of an earlier one (whose position follows) and other
    content. ``warnings`` are rules that stop nothing.
    """

    def __init__(
        self,
        heads: Table,
        records: Table,
        make: Callable[[Iterable[Any]], Record],
        key: Callable[[Record], object],
        twice: Callable[[Record, int, int], Problem],
        warnings: Sequence[Rule[Record, None]],
    ) -> None:
        self.heads = heads
        self.records = records
        self.columns = [column for column in records.columns if column.name not in RECORD_KEY]
        self.make = make
        self.key = key
        self.twice = twice
        self.warnings = warnings

    def examine(
        self,
        records: Iterable[Record | Unread],
        problems_of: Callable[[Record, int], Iterator[Problem]],
        limit: int,
        problems: ProblemList,
    ) -> Examined[Record]:
        """Read an upload to its end; identical repetitions collapse into the first. Needs no store.

        :raises Refused: TOO_MANY_RECORDS
        """
        keys = Keys()
        repeated = 0

        def judge(record: Record, position: int) -> Record | Unread | None:
            nonlocal repeated
            wrong = Problems.among(problems_of(record, position))
            if wrong is not None:
                return wrong
            earlier = keys.earlier(self.key(record), record, position)
            if earlier is None:
                return record
            earlier_position, same = earlier
            if not same:
                return self.twice(record, position, earlier_position)
            repeated += 1
            return None

        return Examined(examined(records, judge, limit, problems), repeated)

    def replace(
        self,
        ground: Ground,
        owner_id: int,
        records: Iterable[Record | Unread],
        problems_of: Callable[[Record, int], Iterator[Problem]],
        confirm: Callable[[Connection, Sequence[Record]], None],
    ) -> Replaced:
        """Make ``records`` the whole list of the owner; identical repetitions collapse into the first.

        ``confirm`` is asked inside the transaction whether the owner may still store these records, and refuses if not.

        :raises Refused: for any problem in any record; the list that stood before stands still
        """
        problems = ProblemList()
        upload = self.examine(records, problems_of, ground.limits.records_per_upload, problems)
        if problems:
            raise problems.refusal(NOTHING_STORED)
        with ground.database.write() as transaction:
            confirm(transaction, upload.kept)
            ground.database.lock(transaction, f"{self.heads.name}:{owner_id}")
            self._replace(ground.database, transaction, owner_id, upload.kept, ground.clock())
        found = Counter(str(each.rule.name) for record in upload.kept for each in findings(self.warnings, record, None))
        return Replaced(len(upload.kept), upload.repeated, found)

    def _replace(
        self, database: Database, transaction: Connection, owner_id: int, rows: Sequence[Record], now: datetime
    ) -> None:
        mine = self.heads.c.partner_id == owner_id
        head = transaction.execute(select(self.heads.c.generation).where(mine)).scalar()
        generation = (head or 0) + 1
        names = [*RECORD_KEY, *(column.name for column in self.columns)]
        placed = ((owner_id, generation, position, *row) for position, row in enumerate(rows))
        database.insert_rows(transaction, self.records, names, placed)
        state = {"generation": generation, "record_count": len(rows), "replaced_at": now}
        if head is None:
            transaction.execute(insert(self.heads).values(partner_id=owner_id, **state))
        else:
            transaction.execute(update(self.heads).where(mine).values(state))
        old = (self.records.c.partner_id == owner_id) & (self.records.c.generation < generation)
        transaction.execute(delete(self.records).where(old))

    def download(self, ground: Ground, of: Callable[[Any], ColumnElement[bool]]) -> Iterator[Record]:
        """The lists of the owners whose id fulfils ``of``, from one snapshot, in the order of owners and uploads."""
        with ground.database.read() as snapshot:
            for state in self._states(snapshot, of(self.heads.c.partner_id)):
                query = (
                    select(*self.columns)
                    .where(self.records.c.partner_id == state.owner_id, self.records.c.generation == state.generation)
                    .order_by(self.records.c.position)
                    .execution_options(yield_per=ROWS_AT_ONCE)
                )
                for row in snapshot.execute(query):
                    yield self.make(row)

    def among(self, ground: Ground, owner_id: int, form: ColumnElement[str], wanted: Collection[str]) -> set[str]:
        """Those of ``wanted`` that are in the owner's present list, in this form of its columns.

        One pass over the list for every ten thousand: an index would cost every upload of a list more than this costs
        the uploads of CDRs, which wait for no one meanwhile.
        """
        found: set[str] = set()
        keys = sorted(wanted)
        present = select(self.heads.c.generation).where(self.heads.c.partner_id == owner_id).scalar_subquery()
        with ground.database.read() as snapshot:
            for start in range(0, len(keys), KEYS_AT_ONCE):
                query = select(form).where(
                    self.records.c.partner_id == owner_id,
                    self.records.c.generation == present,
                    form.in_(keys[start : start + KEYS_AT_ONCE]),
                )
                found.update(snapshot.execute(query).scalars())
        return found

    def states(self, ground: Ground) -> dict[int, ListState]:
        """How every owner's list stands, by owner; who never uploaded is not in it."""
        with ground.database.read() as snapshot:
            return {state.owner_id: state for state in self._states(snapshot)}

    def _states(self, snapshot: Connection, where: ColumnElement[bool] | None = None) -> list[ListState]:
        query = select(self.heads).order_by(self.heads.c.partner_id)
        rows = snapshot.execute(query if where is None else query.where(where)).all()
        return [ListState(row.partner_id, row.generation, row.record_count, row.replaced_at) for row in rows]
