"""A list that partners publish: uploaded by its owner, read by all, taken back and released by the office."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic

from sqlalchemy import ColumnElement, Connection

from echs.audit import trail
from echs.audit.entry import Action
from echs.base import request_context
from echs.base.context import Context
from echs.base.database import PreparedQuery
from echs.base.errors import Problem, ProblemCollector, RecordProblems, Unreadable
from echs.base.fields import Columns
from echs.base.spool import TEXTS, Row, Spool
from echs.base.upload_validation import NOTHING_STORED, RecordBatch, RecordValidator
from echs.lists import history, set_aside
from echs.lists.claims import Claims, compare
from echs.lists.keyed_list import LIST_RECORDS_RECEIVED, Guard, KeyedList, ReplaceResult
from echs.lists.list_schema import Record, row_of
from echs.lists.list_writer import ListState
from echs.lists.received_list import receive
from echs.partners.login import lock_active_partner
from echs.partners.market_ids import FOREIGN_IDS
from echs.partners.partner import Partner
from echs.partners.queries import LOCK, find, is_active


@dataclass(frozen=True)
class PublishedList(Generic[Record]):
    """One kind of list. ``title`` is how the trail and people call it, ``label`` how metrics do.

    ``problems_of`` and ``batch_is_valid`` are the rules for what an owner sends, record by record and for a batch from
    its columns; ``recheck`` is what an owner may have lost since they were asked.
    """

    title: str
    label: str
    keyed: KeyedList[Record]
    claims: Claims
    problems_of: Callable[[Record, int, Partner | None], Iterator[Problem]]
    batch_is_valid: Callable[[Sequence[Sequence[str]], Partner], bool]
    recheck: Callable[[Partner, Partner, Iterable[Record]], Iterator[Problem]] = lambda *_: iter(())

    def replace(
        self, context: Context, owner: Partner, records: Iterable[Record | Unreadable | RecordBatch]
    ) -> ReplaceResult:
        """Make ``records`` the whole list of ``owner``, in one transaction.

        :raises Refused: for any problem in any record; the list that stood before stands still
        """

        def may_still(transaction: Connection, kept: Iterable[Record]) -> Guard | None:
            now = lock_active_partner(context, transaction, owner)
            lost = ProblemCollector()
            for problem in self.recheck(owner, now, kept):
                lost.add(problem)
            if lost:
                raise lost.refusal(NOTHING_STORED)
            return self._guard(context, now)

        result = self.keyed.replace(
            context,
            owner.id,
            owner.timezone,
            records,
            self.validator(owner),
            may_still,
            lambda transaction, done: self._audit(context, transaction, owner, done),
            lambda rows, problems: compare(context, owner, self.keyed, self.claims, rows, problems),
        )
        if result.set_aside is None:
            request_context.current().count(LIST_RECORDS_RECEIVED, self.label, amount=result.stored)
        return result

    def validator(self, owner: Partner) -> RecordValidator[Record, Row]:
        """The rules for what ``owner`` sends."""

        def record(record: Record, position: int) -> Row | Unreadable:
            return RecordProblems.among(self.problems_of(record, position, owner)) or tuple(map(str, record))

        def batch(rows: Sequence[Row], _position: int) -> Sequence[Row] | None:
            return rows if self.batch_is_valid(Columns(rows), owner) else None

        return RecordValidator(record, batch, self.keyed.schema.of_row)

    def examine(
        self,
        records: Iterable[Record | Unreadable | RecordBatch],
        wrong: Callable[[Record, int], Iterator[Problem]],
        limit: int,
        problems: ProblemCollector,
    ) -> None:
        """Read an upload as `replace` does, without a store, for what is wrong with it."""

        def record(record: Record, position: int) -> Row | Unreadable:
            return RecordProblems.among(wrong(record, position)) or tuple(map(str, record))

        with Spool(TEXTS) as spool:
            validator: RecordValidator[Record, Row] = RecordValidator(record, make=self.keyed.schema.of_row)
            receive(self.keyed.schema, records, validator, limit, problems, spool)

    def undo(self, context: Context, user_id: str) -> ReplaceResult:
        """Take the last change of a partner's list back.

        :raises Refused: PARTNER_UNKNOWN, LIST_UNKNOWN, NOTHING_TO_UNDO
        """
        return self._by_office(context, user_id, Action.LIST_UNDONE, history.undo)

    def release(self, context: Context, user_id: str) -> ReplaceResult:
        """Make the upload that was put aside a partner's list.

        :raises Refused: PARTNER_UNKNOWN, LIST_NOT_SET_ASIDE
        """
        return self._by_office(context, user_id, Action.LIST_RELEASED, history.release)

    def _by_office(
        self, context: Context, user_id: str, action: Action, change: Callable[..., ReplaceResult]
    ) -> ReplaceResult:
        with context.database.write() as transaction:
            context.database.lock(transaction, LOCK, shared=True)
            owner = find(transaction, user_id)
            self.keyed.lock(context, transaction, owner.id)
            name = f"the {self.title} of {owner.user_id}"
            result = change(context, transaction, self.keyed, owner.id, owner.timezone, name)
            trail.record(context, transaction, action, f"{self.title} of {owner.user_id}", self._facts(result))
        return result

    def last_change(self, context: Context, user_id: str) -> tuple[history.Change, list[history.RecordChange]]:
        """The last change of a partner's list, and what it did, record by record.

        :raises Refused: PARTNER_UNKNOWN, LIST_UNKNOWN
        """
        with context.database.read() as snapshot:
            owner = find(snapshot, user_id)
            change = history.last_change(snapshot, self.keyed, owner.id, f"the {self.title} of {owner.user_id}")
            return change, list(history.record_changes(snapshot, self.keyed, owner.id, change.id))

    def put_aside(self, context: Context) -> dict[int, set_aside.SetAside]:
        """The uploads that are put aside, by owner."""
        with context.database.read() as snapshot:
            return set_aside.all_of(snapshot, self.keyed.schema.name)

    def download(self, context: Context) -> Iterator[Record]:
        """Every active partner's list, in the order of the partners and of their uploads, from one snapshot."""
        make = self.keyed.schema.of_row
        with context.database.read() as snapshot:
            for state in self.keyed.present(snapshot, is_active):
                for payloads in self.keyed.payloads(snapshot, state.owner_id):
                    yield from (make(row_of(payload)) for payload in payloads)

    def states(self, context: Context) -> dict[int, ListState]:
        """How every partner's list stands, by partner."""
        return self.keyed.states(context)

    @cached_property
    def active_states(self) -> PreparedQuery:
        """How the lists of all active partners stand, as a prepared query."""
        return self.keyed.states_query(is_active)

    @property
    def of_active(self) -> Callable[[Any], ColumnElement[bool]]:
        """Whose lists are given out."""
        return is_active

    def _guard(self, context: Context, owner: Partner) -> Guard | None:
        """Whether an upload removes so much that it is put aside, where the owner wants that."""
        if not owner.shrink_guard:
            return None
        percent = context.limits.list_shrink_percent
        return lambda standing, removed: removed * 100 > standing * percent

    def _audit(self, context: Context, transaction: Connection, owner: Partner, result: ReplaceResult) -> None:
        aside = result.set_aside is not None
        action = Action.LIST_SET_ASIDE if aside else Action.LIST_REPLACED
        facts = {"removed": result.set_aside} if aside else self._facts(result)
        trail.record(context, transaction, action, f"{self.title} of {owner.user_id}", facts)

    @staticmethod
    def _facts(result: ReplaceResult) -> dict[str, object]:
        foreign = {name: count for name, count in result.warnings.items() if name in FOREIGN_IDS}
        return {"records": result.stored, **({"foreign": foreign} if foreign else {}), **result.facts}
