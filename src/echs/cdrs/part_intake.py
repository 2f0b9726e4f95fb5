"""Taking CDRs in where the plausible ones of an upload may be taken without the others: new ones, revised ones, and
those that their operator gives up (OCHP 1.4, AddCDRs).
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import Connection

from echs.audit import trail
from echs.audit.entry import Action
from echs.base import deadline
from echs.base.context import Context
from echs.base.errors import Problem, RecordProblems, Refused, Unreadable, refuse
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
    store,
    with_published_ids,
)
from echs.cdrs.part_plan import EVENTS, Known, MadeIds, Plan, SentCdr, planned
from echs.cdrs.rules import RefusedIfNew, RuleContext, validate
from echs.cdrs.standing import write_answers
from echs.cdrs.status import Answer
from echs.cdrs.upload import CDRS, ReceivedCdrs, content_of
from echs.lists.refused_records import RefusedRecords, refuse_mostly_wrong
from echs.partners.market_ids import ids_of_same_owner, party_ids_by_market_id
from echs.partners.partner import Partner, PartyRole

AT_ONCE = 256


class Implausible(NamedTuple):
    """A record that cannot be read, with its id where it has one, and what is wrong with it."""

    cdr_id: str
    problem: Unreadable


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
    made_ids: MadeIds,
    refused: RefusedRecords,
    operators: Mapping[str, str],
) -> PartResult:
    """Accept the plausible ones of ``records`` from ``sender`` in one transaction; the ids of the others go into
    ``refused``. What is sent again as it stands changes nothing. ``operators`` are the sender's party ids by their
    market ids, as the records were read by.

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
                before = ids_of_same_owner(transaction, PartyRole.OPERATOR, sender.id)
                lock_rights(context, transaction, rules, received, before.keys())
                refuse_moved(transaction, sender, operators)
                plan = planned(transaction, rules, received, events, Known(before, made_ids))
                if (plan.revisions or plan.withdrawn) and not alone:
                    continue  # once no run can take what is revised or given up
                refuse_repetitions(received, plan)
                received.refused.update(plan.refused)
                received.repeated.difference_update(plan.refused)
                for position, (cdr_id, problem) in sorted(plan.refused.items()):
                    refused.add(position, cdr_id, problem, NOTHING_STORED)
                refuse_mostly_wrong(refused, received.count - refused.count)
                rules = replace(rules, unknown_revisions=plan.unknown)
                writer = store(context, transaction, rules, received, plan.left_out, request_id, plan.revisions)
                answers = [(row, Answer.WITHDRAW) for row in dict.fromkeys(plan.withdrawn.values())]
                answered = write_answers(context, transaction, answers, sender.id, request_id) if answers else {}
                facts = {"received": received.count, **writer.facts(), "refused": refused.count, **answered}
                subject = f"CDRs of {sender.user_id}"
                trail.record(context, transaction, Action.CDRS_ADDED, subject, facts, request_id=request_id)
            break
    taken = writer.summary(received, plan.left_out)
    unchanged = len(plan.known) + len(received.repeated)
    new = writer.new - len(plan.revisions)
    return PartResult(counted_outcomes(taken), new, len(plan.revisions), len(plan.withdrawn), unchanged)


def refuse_repetitions(received: ReceivedCdrs, plan: Plan) -> None:
    """A repetition of what is refused is refused, too."""
    for position, (earlier, cdr_id) in received.repeats.items():
        if earlier in plan.refused:
            detail = f"repeats the record at position {earlier}, which is refused"
            plan.refused[position] = cdr_id, Problem(CdrReason.CDR_TWICE, detail, position=position)


def refuse_moved(transaction: Connection, sender: Partner, operators: Mapping[str, str]) -> None:
    """What was read by market ids that the sender has no more, or that mean another id now, is not stored. It has them
    for the rest of the transaction, and nobody else does.

    :raises Refused: CDR_OPERATOR_NOT_YOURS
    """
    if party_ids_by_market_id(transaction, PartyRole.OPERATOR, sender.id).by_market_id != operators:
        detail = "your operator ids or market ids were changed while this was on its way; send it again"
        raise refuse(CdrReason.CDR_OPERATOR_NOT_YOURS, detail, effect=NOTHING_STORED)


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
    """Of two with one id the first counts; the second is refused where it says something else, or does: gives up what
    the other sends, or revises it.
    """
    for position, earlier, cdr, same in repetitions.found(received.spool):
        if same and events[position] == events[earlier]:
            received.repeated.add(position)
            received.repeats[position] = earlier, cdr.cdr_id
            continue
        received.refused.add(position)
        detail = f"conflicts with the record at position {earlier}, which has the same CdrId"
        problem = Problem(CdrReason.CDR_TWICE, detail, position=position, label=label(cdr))
        refused.add(position, cdr.cdr_id, problem, NOTHING_STORED)
