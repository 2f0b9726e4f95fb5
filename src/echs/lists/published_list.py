"""A list that partners publish: uploaded by its owner, read by all, taken back and released by the office."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam

from echs.audit import trail
from echs.audit.entry import Action
from echs.base import request_context
from echs.base.context import Context
from echs.base.errors import Problem, ProblemCollector, RecordProblems, Unreadable
from echs.base.prepared_query import PreparedQuery
from echs.base.spool import TEXTS, Spool
from echs.base.upload_validation import NOTHING_STORED, RecordBatch
from echs.lists import history, set_aside
from echs.lists.claims import Claims, compare
from echs.lists.history import Formats
from echs.lists.keyed_list import LIST_RECORDS_RECEIVED, Guard, KeyedList, ReplaceResult
from echs.lists.list_content import PayloadContent
from echs.lists.list_format import ListFormat
from echs.lists.list_writer import Cause, Counts, ListState
from echs.lists.received_list import receive
from echs.lists.refused_records import RefusedRecords, refuse_mostly_wrong
from echs.lists.tombstones import forget_old
from echs.partners.login import lock_active_partner
from echs.partners.partner import Partner
from echs.partners.queries import LOCK, find
from echs.partners.visibility import sees


@dataclass(frozen=True)
class PublishedList:
    """One kind of list. ``title`` is how the trail and people call it, ``label`` how metrics do."""

    title: str
    label: str
    keyed: KeyedList
    claims: Claims

    def replace(
        self,
        context: Context,
        owner: Partner,
        records: Iterable[Any | Unreadable | RecordBatch],
        form: ListFormat,
        refused: RefusedRecords | None = None,
    ) -> ReplaceResult:
        """Make ``records``, which came in this form, the whole list of ``owner``, in one transaction.

        Where they may be taken in part, those that are wrong go into ``refused``, and of each that stands in the list
        the version that stands stays there. Where too many are wrong nothing is taken.

        :raises Refused: for any problem in any record, or where none is taken; the list that stood before stands still
        """
        with Spool(TEXTS) as spool:
            upload = self._received(context, owner, records, form, spool, refused)
            if refused is not None:
                refuse_mostly_wrong(refused, upload.stored, context.limits.set_refused_percent)
            with context.database.write() as transaction:
                now = self._owner_as_is(context, transaction, owner, upload)
                self.keyed.lock(context, transaction, owner.id)
                if refused is not None:
                    numbers, right = refused.key_numbers, still_right(form, now)
                    self.keyed.keep_standing(transaction, owner.id, upload, numbers, right)
                guard = self._guard(context, now)
                result = self.keyed.apply(context, transaction, owner.id, owner.timezone, upload, Cause.UPLOAD, guard)
                self._audit(context, transaction, owner, result, upload.foreign)
        if result.set_aside is None:
            request_context.current().count(LIST_RECORDS_RECEIVED, self.label, amount=result.stored)
        return result

    def update(
        self,
        context: Context,
        owner: Partner,
        records: Iterable[Any | Unreadable | RecordBatch],
        form: ListFormat,
        refused: RefusedRecords,
    ) -> Counts:
        """Add ``records`` to the list of ``owner``, each in the place of the one with its key; none is removed. Those
        that are wrong go into ``refused``.

        :raises Refused: where none is taken
        """
        with Spool(TEXTS) as spool:
            upload = self._received(context, owner, records, form, spool, refused)
            refuse_mostly_wrong(refused, upload.stored)
            with context.database.write() as transaction:
                self._owner_as_is(context, transaction, owner, upload)
                self.keyed.lock(context, transaction, owner.id)
                payloads = list(chain.from_iterable(upload.blocks()))
                counts = self.keyed.update(context, transaction, owner.id, owner.timezone, form, payloads)
                facts: dict[str, object] = {"new": counts.added, "changed": counts.changed, "refused": refused.count}
                changed = counts.added or counts.changed or counts.removed
                state = self.keyed.state_of(transaction, owner.id) if changed else None
                if state is not None:
                    facts |= {"partner": owner.id, "version": state.version_token}
                    facts |= {"records": state.record_count, "rows": self.keyed.stored_digest(transaction, state)}
                subject = f"{self.title} of {owner.user_id}"
                trail.record(context, transaction, Action.LIST_UPDATED, subject, facts)
        request_context.current().count(LIST_RECORDS_RECEIVED, self.label, amount=upload.stored)
        return counts

    def undo(self, context: Context, user_id: str, formats: Formats) -> ReplaceResult:
        """Take the last change of a partner's list back.

        :raises Refused: PARTNER_UNKNOWN, LIST_UNKNOWN, NOTHING_TO_UNDO
        """
        return self._by_office(context, user_id, formats, Action.LIST_UNDONE, history.undo)

    def release(self, context: Context, user_id: str, formats: Formats) -> ReplaceResult:
        """Make the upload that was put aside a partner's list.

        :raises Refused: PARTNER_UNKNOWN, LIST_NOT_SET_ASIDE
        """
        return self._by_office(context, user_id, formats, Action.LIST_RELEASED, history.release)

    def _by_office(
        self, context: Context, user_id: str, formats: Formats, action: Action, change: Callable[..., ReplaceResult]
    ) -> ReplaceResult:
        with context.database.write() as transaction:
            context.database.lock(transaction, LOCK, shared=True)
            owner = find(transaction, user_id)
            self.keyed.lock(context, transaction, owner.id)
            name = f"the {self.title} of {owner.user_id}"
            result = change(context, transaction, self.keyed, formats, owner.id, owner.timezone, name)
            trail.record(context, transaction, action, f"{self.title} of {owner.user_id}", self._facts(result))
        return result

    def last_change(self, context: Context, user_id: str) -> tuple[history.Change, list[history.RecordChange]]:
        """The last change of a partner's list, and what it did, record by record.

        :raises Refused: PARTNER_UNKNOWN, LIST_UNKNOWN
        """
        with context.database.read() as snapshot:
            owner = find(snapshot, user_id)
            name = f"the {self.title} of {owner.user_id}"
            change = history.last_change(snapshot, self.keyed, owner.id, name)
            return change, list(history.record_changes(snapshot, self.keyed, owner.id, name))

    def put_aside(self, context: Context) -> dict[int, set_aside.SetAside]:
        """The uploads that are put aside, by owner."""
        with context.database.read() as snapshot:
            return set_aside.all_of(snapshot, self.keyed.name)

    def states(self, context: Context) -> dict[int, ListState]:
        """How every partner's list stands, by partner."""
        return self.keyed.states(context)

    def forget_tombstones(self, context: Context) -> int:
        """Delete what is told of records that are gone, where it is older than `tombstone_days`; how many. An upload
        does that for its own list; owners that send nothing more do not.
        """
        deleted = 0
        for owner_id in self.states(context):
            some = None
            while some != 0:
                with context.database.write() as transaction:
                    self.keyed.lock(context, transaction, owner_id)
                    some = forget_old(context, transaction, self.keyed, owner_id)
                    deleted += some
        return deleted

    @cached_property
    def states_for_reader(self) -> PreparedQuery:
        """How the lists stand that a reader sees, as a prepared query with the parameter ``reader_id``."""
        return self.keyed.states_query(self.seen_by(bindparam("reader_id")))

    def seen_by(self, reader: Any) -> Callable[[Any], ColumnElement[bool]]:
        """Whose lists are given to a reader: a condition of the owner's id."""
        return partial(sees, self.keyed.kind, reader)

    def _received(
        self,
        context: Context,
        owner: Partner,
        records: Iterable[Any | Unreadable | RecordBatch],
        form: ListFormat,
        spool: Spool[str],
        refused: RefusedRecords | None,
    ) -> PayloadContent:
        """An upload whose every record is valid, compared with the lists of the others. Those that are not go into
        ``refused``, where there is that.

        :raises Refused: for any problem in any other record
        """
        problems, most = ProblemCollector(), context.limits.records_per_upload
        upload = receive(form, records, form.validator(owner), most, problems, spool, refused)
        if not problems:
            foreign = compare(context, owner, self.keyed, self.claims, upload, problems)
            upload.warnings += foreign.told
            upload.foreign = foreign.found
        if problems:
            raise problems.refusal(NOTHING_STORED)
        return upload

    def _owner_as_is(
        self, context: Context, transaction: Connection, owner: Partner, upload: PayloadContent
    ) -> Partner:
        """The owner as it is in this transaction, in which its rights stand still.

        :raises Refused: LOGIN_TOKEN_UNKNOWN; what it has lost since the upload began
        """
        now = lock_active_partner(context, transaction, owner)
        lost = ProblemCollector()
        for problem in upload.form.lost(owner, now, chain.from_iterable(upload.blocks())):
            lost.add(problem)
        if lost:
            raise lost.refusal(NOTHING_STORED)
        return now

    def _guard(self, context: Context, owner: Partner) -> Guard | None:
        """Whether an upload removes so much that it is put aside, where the owner wants that."""
        if not owner.shrink_guard:
            return None
        percent = context.limits.list_shrink_percent
        return lambda standing, removed: removed * 100 > standing * percent

    def _audit(
        self,
        context: Context,
        transaction: Connection,
        owner: Partner,
        result: ReplaceResult,
        foreign: Mapping[str, int],
    ) -> None:
        aside = result.set_aside is not None
        action = Action.LIST_SET_ASIDE if aside else Action.LIST_REPLACED
        facts: dict[str, object] = {"removed": result.set_aside}
        if not aside:
            facts = {**self._facts(result), **({"foreign": dict(foreign)} if foreign else {})}
        trail.record(context, transaction, action, f"{self.title} of {owner.user_id}", facts)

    @staticmethod
    def _facts(result: ReplaceResult) -> dict[str, object]:
        return {"records": result.stored, **result.facts}


def still_right(form: ListFormat, owner: Partner) -> Callable[[str], bool]:
    """Whether a record that stands would be right if its owner sent it now."""
    judge = form.validator(owner).record
    return lambda payload: not isinstance(judge(form.record_of_payload(payload), 0), Problem | RecordProblems)
