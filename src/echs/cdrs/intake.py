"""Taking CDRs in: an upload is accepted whole or refused whole, and knows the outcome of each record."""

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import Connection, and_, bindparam, func, insert, select

from echs.audit import trail
from echs.audit.entry import Action
from echs.base import deadline, request_context
from echs.base.context import Context
from echs.base.digest import RowDigest, as_text
from echs.base.errors import Problem, ProblemCollector, RecordProblems, Unreadable, shown
from echs.base.metrics import Metric
from echs.base.spool import Spool
from echs.base.upload_validation import NOTHING_STORED, RecordBatch
from echs.cdrs import tables
from echs.cdrs.cdr import Cdr, CdrFormat, CdrReason, label
from echs.cdrs.cross_checks import ListLookups, PublishedIds, overlaps, published_ids
from echs.cdrs.rules import RefusedIfNew, RuleContext, validate, warnings_among
from echs.cdrs.standing import Standing, standing, supersede
from echs.cdrs.transitions import Stand
from echs.cdrs.upload import CDRS, CdrBatch, ReceivedCdrs, receive
from echs.partners.connections import connections_of_operator
from echs.partners.login import lock_active_partner
from echs.partners.market_ids import SameOwner, market_id_of, own_ids_ever
from echs.partners.partner import Partner, PartyRole, party_key
from echs.partners.queries import owners_of_provider_keys

CDRS_RECEIVED = Metric(
    "cdrs_received_total", "counter", ("outcome",), "CDRs in accepted uploads: pending, held or known."
)
KEYS_AT_ONCE = 500
Item = TypeVar("Item")
# The lock of the clearing run: a CDR is decided about before a run or after it, never during it.
RUNS_LOCK = "clearing"
DETAIL_LIMIT = 400
# In the order in which `row_of` gives the values.
COLUMNS = (
    "operator_key",
    "cdr_id",
    "revision",
    "kind",
    "operator_id",
    "provider_key",
    "provider_id",
    "operator_partner_id",
    "started_at",
    "started_offset_s",
    "ended_at",
    "ended_offset_s",
    "duration_s",
    "volume_e4_kwh",
    "cost_e6",
    "currency",
    "token_id",
    "contract_id",
    "evse_id",
    "chargepoint_id",
    "city",
    "product",
    "tariff_id",
    "protocol",
    "payload",
    "content_hash",
    "received_at",
    "request_id",
)
# Queries are made once: SQLAlchemy then keeps how each is compiled, and most uploads bring a single CDR.
_cdr, _purged = tables.cdr.c, tables.cdr_purged.c
_named = and_(_cdr.operator_key == bindparam("operator"), _cdr.cdr_id.in_(bindparam("numbers", expanding=True)))
HASHES = select(_cdr.cdr_id, _cdr.content_hash).where(_named)
CONTENTS = (
    select(_cdr.cdr_id, _cdr.received_at, _cdr.operator_partner_id, _cdr.protocol, _cdr.payload)
    .where(_named)
    .order_by(_cdr.revision)
)
# Of all revisions.
PURGED_HASHES = [
    select(purged.cdr_id, purged.content_hash).where(
        purged.operator_key == bindparam("operator"), purged.cdr_id.in_(bindparam("numbers", expanding=True))
    )
    for purged in (_purged, tables.cdr_purged_revision.c)
]
# What came by other protocols as other operators.
SENT_ELSEWHERE, PURGED_ELSEWHERE = (
    select(table.cdr_id, table.operator_key).where(
        table.cdr_id.in_(bindparam("numbers", expanding=True)),
        table.operator_key != bindparam("operator"),
        table.protocol != bindparam("protocol"),
    )
    for table in (_cdr, _purged)
)
ANY_PURGED = select(_purged.cdr_id).limit(1)
NEWEST = select(func.max(_cdr.id))
# The rows that this request has written: numbers only grow, and the request is ours alone.
_just_stored = and_(_cdr.id > bindparam("after"), _cdr.request_id == bindparam("request"))
NUMBERS_STORED = select(_cdr.id).where(_just_stored).order_by(_cdr.id).limit(bindparam("most"))
ENTER_UNCLEARED = insert(tables.cdr_uncleared).from_select(
    ["cdr_id", "provider_key"], select(_cdr.id, _cdr.provider_key).where(_just_stored)
)

# The positions whose records revise a CDR, and what stands of it.
Revisions = Mapping[int, Standing]
# By operator and number, the position of a CDR in the upload and the CDR.
ByOperator = dict[str, dict[str, tuple[int, Cdr]]]


class Outcome(StrEnum):
    """What became of one record of an accepted upload."""

    PENDING = "pending"
    HELD = "held"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """An accepted upload: the outcome of each record in the order of the upload, and the provider ids nobody owns.

    ``warned`` counts the new records with a warning that the sender may know of, ``warnings`` has their positions by
    the name of the warning.
    """

    outcomes: tuple[Outcome, ...]
    unowned_provider_ids: tuple[str, ...]
    warned: int
    warnings: Mapping[str, Sequence[int]]

    @property
    def received(self) -> int:
        """How many records were sent."""
        return len(self.outcomes)

    def count(self, outcome: Outcome) -> int:
        """How many records had this outcome."""
        return self.outcomes.count(outcome)


def add(
    context: Context,
    sender: Partner,
    records: Iterable[Cdr | Unreadable | RecordBatch],
    request_id: str,
    lists: ListLookups,
    form: CdrFormat,
) -> IntakeResult:
    """Accept ``records`` from ``sender`` in one transaction; ``form`` is what their protocol knows of them.

    A record that is stored already, with the same content, changes nothing; with other content it is a problem. A
    record whose provider id nobody owns is accepted and held. What is odd about a new record is stored beside it. What
    is held in memory does not grow with the upload, but for some tens of bytes a record.

    :raises Refused: for any problem in any record, then nothing of the upload is stored; DEADLINE_EXCEEDED
    """
    rules = RuleContext(sender, context.clock(), context.limits, form)
    with Spool(CDRS) as spool:
        received = receive_valid(rules, records, spool)
        # Before the transaction: the lists may change meanwhile, and a warning is not worth making others wait.
        rules = with_published_ids(rules, published_ids(context, lists, sender, received.cdrs()))
        for alone in (False, True):
            with context.database.write() as transaction:
                if alone:
                    lock_out_runs(context, transaction)
                same_owner = own_ids_ever(transaction, PartyRole.OPERATOR, sender.id)
                lock_rights(context, transaction, rules, received, same_owner.keys() if len(same_owner) > 1 else set())
                known, revisions = known_positions(transaction, rules, received, same_owner)
                if revisions and not alone:
                    continue  # what a run might take this moment is revised, once none can
                refuse_invalid_new(rules, received, known)
                writer = store(context, transaction, rules, received, known, request_id, revisions)
                facts = {"received": received.count, **writer.facts()}
                subject = f"CDRs of {sender.user_id}"
                trail.record(context, transaction, Action.CDRS_ADDED, subject, facts, request_id=request_id)
            break
    return counted_outcomes(writer.summary(received, known))


def lock_out_runs(context: Context, transaction: Connection) -> None:
    """Let no run take anything during this transaction: what it revises or answers about is taken before, or not."""
    context.database.lock(transaction, RUNS_LOCK, shared=True)


def receive_valid(
    rules: RuleContext, records: Iterable[Cdr | Unreadable | RecordBatch], spool: Spool[Cdr]
) -> ReceivedCdrs:
    """An upload whose every record is valid.

    :raises Refused: for any problem in any record
    """
    problems = ProblemCollector()
    received = receive(rules, records, problems, spool)
    if problems:
        raise problems.refusal(NOTHING_STORED)
    return received


def with_published_ids(rules: RuleContext, published: PublishedIds) -> RuleContext:
    """The context with what the partners' lists hold of the upload."""
    return replace(
        rules,
        tokens=published.tokens,
        turned_tokens=published.turned_tokens,
        contracts=published.contracts,
        chargepoints=published.chargepoints,
    )


def lock_rights(
    context: Context,
    transaction: Connection,
    rules: RuleContext,
    received: ReceivedCdrs,
    operator_keys: Set[str] = frozenset(),
) -> None:
    """Let the sender's rights stand still for this transaction, and nobody else store CDRs of the same operators, nor
    of those with ``operator_keys``.

    :raises Refused: LOGIN_TOKEN_UNKNOWN, CDR_OPERATOR_NOT_YOURS
    """
    now = lock_active_partner(context, transaction, rules.sender)
    recheck_ownership(replace(rules, sender=now), received)
    for operator_key in sorted(received.operator_keys | operator_keys):
        context.database.lock(transaction, f"cdr:{operator_key}")


def store(
    context: Context,
    transaction: Connection,
    rules: RuleContext,
    received: ReceivedCdrs,
    known: Set[int],
    request_id: str,
    revisions: Revisions,
) -> "CdrWriter":
    """Write the new CDRs of an upload, then their warnings, when all of them are there."""
    writer = CdrWriter(context, transaction, rules, request_id, revisions)
    for batch in received.batches(known):
        writer.store(batch)
    writer.enter_uncleared()
    supersede(transaction, [each.row for each in revisions.values()])
    with context.database.nearest_by_index(transaction):
        for batch in received.batches(known):
            writer.warn(batch)
    return writer


def counted_outcomes(result: IntakeResult) -> IntakeResult:
    """The result, when its outcomes are counted for the metrics."""
    for outcome in Outcome:
        request_context.current().count(CDRS_RECEIVED, outcome.value, amount=result.count(outcome))
    return result


def refuse_invalid_new(rule_context: RuleContext, received: ReceivedCdrs, known: Set[int]) -> None:
    """Rules that depend on the clock or on a setting are for new CDRs: the same record sent again changes nothing.

    :raises Refused: CDR_IN_FUTURE, CDR_VOLUME_LIMIT
    """
    if received.doubted <= known:
        return
    doubted = ProblemCollector()
    for positions, cdrs in received.batches(known):
        for position, cdr in zip(positions, cdrs, strict=True):
            verdict = validate(cdr, position, rule_context) if position in received.doubted else None
            if isinstance(verdict, RefusedIfNew):
                doubted.add_of_record(verdict.problems)
    if doubted:
        raise doubted.refusal(NOTHING_STORED)


def recheck_ownership(rule_context: RuleContext, received: ReceivedCdrs) -> None:
    """An operator id can be taken away while an upload is on its way.

    :raises Refused: CDR_OPERATOR_NOT_YOURS
    """
    if received.operator_keys <= rule_context.sender.operator_keys:
        return
    lost = ProblemCollector()
    for positions, cdrs in received.batches():
        for position, cdr in zip(positions, cdrs, strict=True):
            if cdr.operator_key in rule_context.sender.operator_keys:
                continue
            verdict = validate(cdr, position, rule_context)
            if isinstance(verdict, RecordProblems):
                lost.add_of_record(verdict)
    if lost:
        raise lost.refusal(NOTHING_STORED)


def known_positions(
    transaction: Connection, rules: RuleContext, received: ReceivedCdrs, same_owner: Mapping[str, SameOwner]
) -> tuple[set[int], dict[int, Standing]]:
    """The positions whose record is stored already, and those whose record revises what its provider declined;
    ``same_owner`` are the ids as which the sender may have sent a record before.

    :raises Refused: CDR_DIFFERS where any other is stored with other content
    """
    purged_too = transaction.execute(ANY_PURGED).first() is not None
    known: set[int] = set()
    revisions: dict[int, Standing] = {}
    found = ProblemCollector()
    for positions, cdrs in received.batches():
        deadline.check()
        by_operator: ByOperator = defaultdict(dict)
        for position, cdr in zip(positions, cdrs, strict=True):
            by_operator[cdr.operator_key][cdr.cdr_id] = position, cdr
        problems = find_stored(transaction, rules, by_operator, known, revisions)
        if purged_too:
            problems += find_purged(transaction, by_operator, known)
        if len(same_owner) > 1:
            problems += sent_as_another(transaction, rules, by_operator, same_owner, purged_too=purged_too)
        for problem in sorted(problems, key=lambda problem: problem.position or 0):
            found.add(problem)
    if found:
        raise found.refusal(NOTHING_STORED)
    return known, revisions


def sent_as_another(
    transaction: Connection,
    rules: RuleContext,
    by_operator: ByOperator,
    same_owner: Mapping[str, SameOwner],
    *,
    purged_too: bool,
) -> list[Problem]:
    """The problems of records that the sender sent by another protocol as another operator of its own: there an id is
    of one CDR, whatever operator stands behind it.
    """
    queries = [SENT_ELSEWHERE, PURGED_ELSEWHERE] if purged_too else [SENT_ELSEWHERE]
    problems: dict[int, Problem] = {}
    for operator_key, mine in by_operator.items():
        named = [cdr_id for cdr_id in mine if market_id_of(cdr_id) is not None]
        for numbers in some_at_a_time(named):
            wanted = {"operator": operator_key, "numbers": numbers, "protocol": rules.form.name}
            for cdr_id, key in (row for query in queries for row in transaction.execute(query, wanted)):
                if key in same_owner:
                    position, cdr = mine[cdr_id]
                    detail = "is the number of a CDR that was sent by another protocol, as another operator of yours"
                    problem = Problem(CdrReason.CDR_DIFFERS, detail, position=position, label=label(cdr))
                    problems.setdefault(position, problem)
    return list(problems.values())


def find_stored(
    transaction: Connection,
    rules: RuleContext,
    by_operator: ByOperator,
    known: set[int],
    revisions: dict[int, Standing],
) -> list[Problem]:
    """Note the positions of the records that are stored, and of those that revise what was declined; the problems of
    all others that are stored with other content.
    """
    problems: list[Problem] = []
    for operator_key, mine in by_operator.items():
        stored: dict[str, list[str]] = defaultdict(list)
        for numbers in some_at_a_time(list(mine)):
            for cdr_id, content_hash in transaction.execute(HASHES, {"operator": operator_key, "numbers": numbers}):
                stored[cdr_id].append(content_hash)
        asked = {cdr_id for cdr_id, hashes in stored.items() if hashes != [mine[cdr_id][1].content_hash]}
        known.update(mine[cdr_id][0] for cdr_id in stored.keys() - asked)
        others: list[str] = []
        for cdr_id, each in standing(transaction, operator_key, sorted(asked)).items():
            position, sent = mine[cdr_id]
            is_mine = each.operator_partner_id == rules.sender.id
            if is_mine and each.stand is Stand.DECLINED and not each.on_hold and sent.content_hash != each.content_hash:
                revisions[position] = each
            # One that has several revisions is known by any of them: it is sent again, by whoever heard of none.
            elif sent.content_hash in each.hashes:
                known.add(position)
            else:
                others.append(cdr_id)
        newest: dict[str, Any] = {}
        for numbers in some_at_a_time(others):
            for cdr_id, *content in transaction.execute(CONTENTS, {"operator": operator_key, "numbers": numbers}):
                newest[cdr_id] = content
        problems += [differs_problem(rules, *mine[cdr_id], *content) for cdr_id, content in newest.items()]
    return problems


def find_purged(transaction: Connection, by_operator: ByOperator, known: set[int]) -> list[Problem]:
    """As `find_stored`, for CDRs that were deleted because they were old: they stay accepted."""
    problems: list[Problem] = []
    for operator_key, mine in by_operator.items():
        for cdr_id, stored in purged_hashes(transaction, operator_key, list(mine)).items():
            position, cdr = mine[cdr_id]
            if cdr.content_hash in stored:
                known.add(position)
            else:
                detail = "differs from the CDR of this number that was accepted long ago; a CDR is never changed"
                problems.append(Problem(CdrReason.CDR_DIFFERS, detail, position=position, label=label(cdr)))
    return problems


def purged_hashes(transaction: Connection, operator_key: str, cdr_ids: Sequence[str]) -> dict[str, set[str]]:
    """The contents of all revisions of those of these CDRs of an operator that were purged, by their ids."""
    found: dict[str, set[str]] = defaultdict(set)
    for numbers in some_at_a_time(cdr_ids):
        for query in PURGED_HASHES:
            for cdr_id, content_hash in transaction.execute(query, {"operator": operator_key, "numbers": numbers}):
                found[cdr_id].add(content_hash)
    return found


def some_at_a_time(numbers: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Numbers or rows of CDRs, as many as one query may name."""
    for start in range(0, len(numbers), KEYS_AT_ONCE):
        yield numbers[start : start + KEYS_AT_ONCE]


def differs_problem(
    rules: RuleContext, position: int, cdr: Cdr, received_at: datetime, partner_id: int, protocol: str, payload: str
) -> Problem:
    """The problem of a CDR that was accepted before with other content. What it said then is told to nobody but the
    partner who sent it: an operator id can change hands.
    """
    detail = f"differs from the CDR of this number that was accepted on {received_at:%Y-%m-%d}; a CDR is never changed"
    differs = rules.form.difference(payload, cdr.payload) if protocol == cdr.protocol else None
    if differs is not None and partner_id == rules.sender.id and not differs.secret:
        detail += f". It was {shown(differs.one)} and is {shown(differs.other)} now"
    field = None if differs is None else differs.field
    return Problem(CdrReason.CDR_DIFFERS, detail, position=position, field=field, label=label(cdr))


class CdrWriter:
    """Writing the new CDRs of an upload batch by batch, inside its transaction, and what is known of them then."""

    def __init__(
        self,
        context: Context,
        transaction: Connection,
        rule_context: RuleContext,
        request_id: str,
        revisions: Revisions = MappingProxyType({}),
    ) -> None:
        self.context, self.transaction, self.request_id = context, transaction, request_id
        self.rule_context, self.revisions = rule_context, revisions
        self._received = context.database.as_stored(rule_context.now)
        self.new = 0
        self.digest = hashlib.sha256()
        self.warnings_digest = RowDigest()
        self.before = transaction.execute(NEWEST).scalar() or 0
        self._warned_to = self.before
        self._owners: dict[str, int | None] = {}
        self.connections = connections_of_operator(transaction, rule_context.sender.id)
        self._held: set[int] = set()
        self._unowned: dict[str, str] = {}
        self._told: dict[str, array[int]] = defaultdict(lambda: array("q"))
        self._warned = 0

    def store(self, batch: CdrBatch) -> None:
        """Write the rows of a batch.

        :raises Refused: DEADLINE_EXCEEDED
        """
        deadline.check()
        cdrs = batch.cdrs
        if self.revisions:
            revised = map(self.revisions.get, batch.positions)
            cdrs = [
                cdr if earlier is None else self.revision_of(earlier, cdr)
                for earlier, cdr in zip(revised, cdrs, strict=True)
            ]
        self.context.database.insert_rows(self.transaction, tables.cdr, COLUMNS, map(self.row_of, cdrs))
        self.new += len(cdrs)
        self.digest.update("".join([cdr.content_hash for cdr in cdrs]).encode("ascii"))

    def revision_of(self, earlier: Standing, cdr: Cdr) -> Cdr:
        """A CDR as the next revision of an earlier one, under whose operator id it stays."""
        return sent_as(self.rule_context.form, cdr, earlier.operator_id)._replace(revision=earlier.revision + 1)

    def row_of(self, cdr: Cdr) -> tuple[object, ...]:
        """What is stored of a CDR, in the order of `COLUMNS`."""
        as_stored = self.context.database.as_stored
        return (
            cdr.operator_key,
            cdr.cdr_id,
            cdr.revision,
            cdr.kind.value,
            cdr.operator_id,
            cdr.provider_key,
            cdr.provider_id,
            self.rule_context.sender.id,
            as_stored(cdr.started_at),
            cdr.started_offset_s,
            as_stored(cdr.ended_at),
            cdr.ended_offset_s,
            cdr.duration_s,
            cdr.volume_e4_kwh,
            None if cdr.cost is None else cdr.cost.amount_e6,
            None if cdr.cost is None else cdr.cost.currency,
            cdr.token_id,
            cdr.contract_id,
            cdr.evse_id,
            cdr.chargepoint_id,
            cdr.city,
            cdr.product,
            cdr.tariff_id,
            cdr.protocol,
            cdr.payload,
            cdr.content_hash,
            self._received,
            self.request_id,
        )

    def enter_uncleared(self) -> None:
        """Enter all that was written among the uncleared."""
        self.transaction.execute(ENTER_UNCLEARED, {"after": self.before, "request": self.request_id})

    def warn(self, batch: CdrBatch) -> None:
        """Write what is odd about the rows of a batch, when all of them are there; in the order of `store`.

        :raises Refused: DEADLINE_EXCEEDED
        """
        deadline.check()
        # Numbers are given in the order in which rows are written.
        mine = {"after": self._warned_to, "request": self.request_id, "most": len(batch.cdrs)}
        numbers = list(self.transaction.execute(NUMBERS_STORED, mine).scalars())
        found = overlaps(self.context.database, self.transaction, self._warned_to, numbers[-1], self.request_id)
        self._warned_to = numbers[-1]
        self._look_up_owners(batch)
        rule_context = replace(
            self.rule_context,
            socket_overlaps=found.socket,
            card_overlaps=found.card,
            card_overlaps_elsewhere=found.card_elsewhere,
        )
        rows: list[tuple[Any, ...]] = []
        found_odd = warnings_among(batch.cdrs, rule_context)
        for number, position, odd in zip(numbers, batch.positions, found_odd, strict=True):
            rows += sorted((number, str(one.rule.name), one.rule.field, one.detail[:DETAIL_LIMIT]) for one in odd)
            told = [str(one.rule.name) for one in odd if one.rule.visible_to_sender]
            for name in told:
                self._told[name].append(position)
            self._warned += bool(told)
        self.warnings_digest.add([(str(number), *texts) for number, *texts in rows])
        if rows:
            names = ("cdr_id", "name", "field", "detail")
            self.context.database.insert_rows(self.transaction, tables.cdr_warning, names, rows)

    def _look_up_owners(self, batch: CdrBatch) -> None:
        unknown = {cdr.provider_key for cdr in batch.cdrs} - self._owners.keys()
        owners = owners_of_provider_keys(self.transaction, unknown)
        self._owners.update((key, owners.get(key)) for key in unknown)
        for position, cdr in zip(batch.positions, batch.cdrs, strict=True):
            if not self.connections.let_through(self._owners[cdr.provider_key], cdr.started_at):
                self._held.add(position)
                self._unowned.setdefault(cdr.provider_key, cdr.provider_id)

    def facts(self) -> dict[str, object]:
        """What the audit trail holds of what was written."""
        return {
            "new": self.new,
            "digest": self.digest.hexdigest(),
            "partner": self.rule_context.sender.id,
            "received_at": as_text(self.rule_context.now),
            "warnings": self.warnings_digest.value,
            **({"revised": len(self.revisions)} if self.revisions else {}),
        }

    def summary(self, received: ReceivedCdrs, known: Set[int]) -> IntakeResult:
        """The outcome of each record that was not refused."""
        outcomes = tuple(
            Outcome.KNOWN
            if position in known or position in received.repeated
            else Outcome.HELD
            if position in self._held
            else Outcome.PENDING
            for position in range(received.count)
            if position not in received.refused
        )
        return IntakeResult(outcomes, tuple(self._unowned.values()), self._warned, self._told)


def sent_as(form: CdrFormat, cdr: Cdr, operator_id: str) -> Cdr:
    """A CDR as if it had been sent as this operator: content hashes are of a CDR and its operator."""
    if party_key(operator_id) == cdr.operator_key:
        return cdr
    values = {"payload": cdr.payload, "provider_id": cdr.provider_id, "revision": cdr.revision}
    return form.noun({**values, "operator_id": operator_id})


def digest_of(hashes: Iterable[str]) -> str:
    """What the audit trail holds of the CDRs that an upload brought: a SHA-256 over the hashes of all, in order."""
    return hashlib.sha256("".join(hashes).encode("ascii")).hexdigest()
