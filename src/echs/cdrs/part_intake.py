"""Taking CDRs in where the plausible ones of an upload may be taken without the others: new ones, revised ones, and
those that their operator gives up (OCHP 1.4, AddCDRs).
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sqlalchemy import Connection

from echs.audit import trail
from echs.audit.entry import Action
from echs.base import deadline
from echs.base.context import Context
from echs.base.errors import Problem, RecordProblems, Refused, Unreadable
from echs.base.fields import UploadReason
from echs.base.spool import Spool
from echs.base.upload_validation import NOTHING_STORED, DuplicateFinder
from echs.cdrs.cdr import Cdr, CdrFormat, CdrReason, label
from echs.cdrs.cross_checks import ListLookups, published_ids
from echs.cdrs.intake import (
    IntakeResult,
    counted_outcomes,
    lock_out_runs,
    lock_rights,
    purged_hashes,
    sent_as,
    store,
    with_published_ids,
)
from echs.cdrs.rules import RefusedIfNew, RuleContext, validate
from echs.cdrs.standing import Standing, standing_by_id, write_answers
from echs.cdrs.status import Answer
from echs.cdrs.transitions import Effect, Event, effect_of, reason_of
from echs.cdrs.upload import CDRS, ReceivedCdrs, content_of
from echs.lists.refused_records import RefusedRecords, refuse_mostly_wrong
from echs.partners.market_ids import ids_of_same_owner
from echs.partners.partner import Partner, PartyRole

EVENTS = tuple(Event)
AT_ONCE = 256
OF_ANOTHER = "another partner sent a CDR of this id, which is as it is"
ON_HOLD = "the clearing house has it on hold: ask it"


class SentCdr(NamedTuple):
    """A CDR and what its operator does with it."""

    cdr: Cdr
    event: Event


class Implausible(NamedTuple):
    """A record that cannot be read, with its id where it has one, and what is wrong with it."""

    cdr_id: str
    problem: Unreadable


@dataclass
class Plan:
    """What comes of the records of an upload, by their positions: those that change nothing, those that revise what
    stands, those that are given up, and those that are refused, each with its id and the problem.
    """

    known: set[int] = field(default_factory=set)
    revisions: dict[int, Standing] = field(default_factory=dict)
    withdrawn: dict[int, int] = field(default_factory=dict)
    refused: dict[int, tuple[str, Problem]] = field(default_factory=dict)
    # Sent as revisions of what nobody has.
    unknown: set[tuple[str, str]] = field(default_factory=set)

    @property
    def left_out(self) -> set[int]:
        """The positions of what is not refused and changes no row."""
        return self.known | self.withdrawn.keys()


@dataclass(frozen=True, slots=True)
class PartResult:
    """What became of an upload: as of one that is accepted whole, and how many revised a CDR or gave one up."""

    taken: IntakeResult
    new: int
    revised: int
    withdrawn: int
    unchanged: int


def add_in_part(
    context: Context,
    sender: Partner,
    records: Iterable[SentCdr | Implausible],
    request_id: str,
    lists: ListLookups,
    form: CdrFormat,
    refused: RefusedRecords,
) -> PartResult:
    """Accept the plausible ones of ``records`` from ``sender`` in one transaction; the ids of the others go into
    ``refused``. What is sent again as it stands changes nothing.

    :raises Refused: where none is plausible, or there are too many; DEADLINE_EXCEEDED
    """
    rules = RuleContext(sender, context.clock(), context.limits, form)
    with Spool(CDRS) as spool:
        received, events = read_in_part(rules, records, spool, refused)
        rules = with_published_ids(rules, published_ids(context, lists, sender, received.cdrs()))
        for alone in (False, True):
            with context.database.write() as transaction:
                if alone:
                    lock_out_runs(context, transaction)
                operators = ids_of_same_owner(transaction, PartyRole.OPERATOR, sender.id)
                lock_rights(context, transaction, rules, received, operators.keys())
                plan = planned(transaction, rules, received, events, operators)
                if (plan.revisions or plan.withdrawn) and not alone:
                    continue  # once no run can take what is revised or given up
                received.refused.update(plan.refused)
                for position, (cdr_id, problem) in sorted(plan.refused.items()):
                    refused.add(position, cdr_id, problem, NOTHING_STORED)
                refuse_mostly_wrong(refused, received.count - refused.count)
                rules = replace(rules, unknown_revisions=plan.unknown)
                writer = store(context, transaction, rules, received, plan.left_out, request_id, plan.revisions)
                answers = [(row, Answer.WITHDRAW) for row in plan.withdrawn.values()]
                answered = write_answers(context, transaction, answers, sender.id, request_id) if answers else {}
                facts = {"received": received.count, **writer.facts(), "refused": refused.count, **answered}
                subject = f"CDRs of {sender.user_id}"
                trail.record(context, transaction, Action.CDRS_ADDED, subject, facts, request_id=request_id)
            break
    taken = writer.summary(received, plan.left_out)
    unchanged = len(plan.known) + len(received.repeated)
    new = writer.new - len(plan.revisions)
    return PartResult(counted_outcomes(taken), new, len(plan.revisions), len(plan.withdrawn), unchanged)


def read_in_part(
    rules: RuleContext, records: Iterable[SentCdr | Implausible], spool: Spool[Cdr], refused: RefusedRecords
) -> tuple[ReceivedCdrs, "array[int]"]:
    """The CDRs that are plausible by themselves, put aside; and of every record what its operator does.

    :raises Refused: TOO_MANY_RECORDS, TOO_MANY_REFUSED, UPLOAD_EMPTY
    """
    received, events = ReceivedCdrs(spool), array("b")
    repetitions: DuplicateFinder[Cdr] = DuplicateFinder(lambda cdr: cdr.key, content_of)
    some: list[Cdr] = []
    start = position = 0

    def put_aside() -> None:
        if some:
            spool.add(start, list(some))
            repetitions.note(some)
            some.clear()

    for position, record in enumerate(records):
        deadline.check()
        if position >= rules.limits.records_per_upload:
            detail = f"more than {rules.limits.records_per_upload} records in one upload"
            raise Refused([Problem(UploadReason.TOO_MANY_RECORDS, detail)], effect=NOTHING_STORED)
        events.append(EVENTS.index(record.event) if isinstance(record, SentCdr) else 0)
        received.count += 1
        if isinstance(record, Implausible):
            put_aside()
            received.refused.add(position)
            refused.add(position, record.cdr_id, record.problem, NOTHING_STORED)
            continue
        verdict = validate(record.cdr, position, rules)
        if isinstance(verdict, RecordProblems):
            put_aside()
            received.refused.add(position)
            refused.add(position, record.cdr.cdr_id, verdict, NOTHING_STORED)
            continue
        if isinstance(verdict, RefusedIfNew):
            received.doubted.add(position)
        if not some:
            start = position
        some.append(record.cdr)
        received.operator_keys.add(record.cdr.operator_key)
        if len(some) == AT_ONCE:
            put_aside()
    put_aside()
    if not received.count:
        raise Refused([Problem(UploadReason.UPLOAD_EMPTY, "the upload holds no CDR")], effect=NOTHING_STORED)
    refuse_contradictions(received, events, repetitions, refused)
    return received, events


def refuse_contradictions(
    received: ReceivedCdrs, events: Sequence[int], repetitions: DuplicateFinder[Cdr], refused: RefusedRecords
) -> None:
    """Of two with one id the first counts; the second is refused where it says something else, or is given up while the
    other is sent.
    """
    for position, earlier, cdr, same in repetitions.found(received.spool):
        ends = [EVENTS[events[each]] is Event.WITHDRAWN for each in (earlier, position)]
        if same and ends[0] == ends[1]:
            received.repeated.add(position)
            continue
        received.refused.add(position)
        detail = f"conflicts with the record at position {earlier}, which has the same CdrId"
        problem = Problem(CdrReason.CDR_TWICE, detail, position=position, label=label(cdr))
        refused.add(position, cdr.cdr_id, problem, NOTHING_STORED)


def planned(
    transaction: Connection,
    rules: RuleContext,
    received: ReceivedCdrs,
    events: Sequence[int],
    operators: Mapping[str, str],
) -> Plan:
    """What comes of each record, by where its CDR stands: under any of the ids of ``operators``, by their keys, since
    which of several an operator sends it as may change.
    """
    plan = Plan()
    for positions, cdrs in received.batches():
        deadline.check()
        cdr_ids = [cdr.cdr_id for cdr in cdrs]
        stands = standing_by_id(transaction, cdr_ids, rules.form.name, operators.keys())
        unseen = [cdr_id for cdr_id in cdr_ids if cdr_id not in stands]
        purged = {key: purged_hashes(transaction, key, unseen) for key in operators}
        for position, cdr in zip(positions, cdrs, strict=True):
            event, found = EVENTS[events[position]], stands.get(cdr.cdr_id)
            of = [party_id for key, party_id in operators.items() if cdr.cdr_id in purged[key]]
            if not of:
                content = "" if found is None else sent_as(rules.form, cdr, found.operator_id).content_hash
                decide(plan, rules, SentCdr(cdr, event), position, found, content, doubted=position in received.doubted)
                continue
            before = [sent_as(rules.form, cdr, party_id) for party_id in of]
            same = any(each.content_hash in purged[each.operator_key][each.cdr_id] for each in before)
            if same and event is not Event.WITHDRAWN:
                plan.known.add(position)
            else:
                detail = "it was cleared long ago, and is as it is for good"
                plan.refused[position] = cdr.cdr_id, implausible(cdr, position, detail)
    return plan


def decide(
    plan: Plan,
    rules: RuleContext,
    sent: SentCdr,
    position: int,
    found: Standing | None,
    content: str,
    *,
    doubted: bool,
) -> None:
    """What comes of one record; ``content`` is its hash as the operator whose CDR was found."""
    cdr, event = sent
    same = found is not None and (content == found.content_hash or (event is Event.NEW and content in found.hashes))
    effect = effect_of(None if found is None else found.stand, event, same_content=same)
    if found is not None and found.operator_partner_id != rules.sender.id and effect is not Effect.UNCHANGED:
        # The operator id or its market id changed hands: what somebody else sent is not revised.
        plan.refused[position] = cdr.cdr_id, implausible(cdr, position, OF_ANOTHER)
        return
    if found is not None and found.on_hold and effect in (Effect.REVISE, Effect.WITHDRAW):
        plan.refused[position] = cdr.cdr_id, implausible(cdr, position, ON_HOLD)
        return
    if effect in (Effect.STORE, Effect.REVISE) and doubted:
        verdict = validate(cdr, position, rules)
        if isinstance(verdict, RefusedIfNew):
            plan.refused[position] = cdr.cdr_id, verdict.problems.first
            return
    if effect is Effect.UNCHANGED:
        plan.known.add(position)
    elif effect is Effect.REVISE and found is not None:
        plan.revisions[position] = found
    elif effect is Effect.WITHDRAW and found is not None:
        plan.withdrawn[position] = found.row
    elif effect is Effect.STORE:
        if event is Event.REVISED:
            plan.unknown.add(cdr.key)
    else:
        stand = None if found is None else found.stand
        plan.refused[position] = cdr.cdr_id, implausible(cdr, position, reason_of(stand, event))


def implausible(cdr: Cdr, position: int, detail: str) -> Problem:
    """The problem of a record that does not fit where its CDR stands."""
    return Problem(CdrReason.CDR_STATE, detail, position=position, field="cdr_id", label=label(cdr))
