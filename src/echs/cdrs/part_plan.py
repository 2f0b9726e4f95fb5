"""What comes of each CDR of an upload that may be taken in part, by where it stands: whether it is new, revises what
stands, gives it up, changes nothing, or cannot be.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from echs.base import deadline
from echs.base.errors import Problem, shown
from echs.cdrs import tables
from echs.cdrs.cdr import Cdr, CdrReason, label
from echs.cdrs.intake import purged_hashes, sent_as, some_at_a_time
from echs.cdrs.rules import Key, RefusedIfNew, RuleContext, validate
from echs.cdrs.standing import Standing, standing, standing_by_id
from echs.cdrs.transitions import Effect, Event, effect_of, reason_of
from echs.cdrs.upload import ReceivedCdrs
from echs.partners.market_ids import SameOwner

EVENTS = tuple(Event)
OF_ANOTHER = "another partner sent a CDR of this id, which is as it is"
ON_HOLD = "the clearing house has it on hold: ask it"
PURGED = "it was cleared long ago, and is as it is for good"
_cdr = tables.cdr.c
_purged = tables.cdr_purged.c
PURGED_ANYWHERE = select(_purged.operator_key, _purged.cdr_id).where(
    _purged.cdr_id.in_(bindparam("numbers", expanding=True)), _purged.protocol == bindparam("protocol")
)
_rows: Any = bindparam("rows", expanding=True)
# First revisions, also of what was purged.
BY_ROW = (
    select(_cdr.id, _cdr.operator_key, _cdr.cdr_id).where(_cdr.id.in_(_rows), _cdr.revision == 1),
    *(
        select(table.c.row_id, table.c.operator_key, table.c.cdr_id).where(table.c.row_id.in_(_rows))
        for table in (tables.cdr_purged, tables.cdr_purged_revision)
    ),
)


class SentCdr(NamedTuple):
    """A CDR and what its operator does with it."""

    cdr: Cdr
    event: Event


class MadeIds(NamedTuple):
    """How a protocol knows the ids again that it makes for CDRs of others: the row of the first revision, if an id may
    be made; and whether it is made of the CDR with this id and first row.
    """

    row_of: Callable[[str], int | None]
    fits: Callable[[str, str, int], bool]


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


class Known(NamedTuple):
    """What of its sender an upload is held against: the operator ids, by their keys, under which its CDRs may have been
    sent before, since which of several an operator sends them as may change; and the ids that its protocol makes.
    """

    operators: Mapping[str, SameOwner]
    made_ids: MadeIds


def planned(
    transaction: Connection,
    rules: RuleContext,
    received: ReceivedCdrs,
    events: Sequence[int],
    known: Known,
) -> Plan:
    """What comes of each record, by where its CDR stands."""
    plan, operators = Plan(), known.operators
    for positions, cdrs in received.batches():
        deadline.check()
        cdr_ids = [cdr.cdr_id for cdr in cdrs]
        stands = standing_by_id(transaction, cdr_ids, rules.form.name, operators)
        unseen = [cdr_id for cdr_id in cdr_ids if cdr_id not in stands]
        of_others = sent_by_another_protocol(transaction, known, unseen)
        elsewhere = purged_elsewhere(transaction, rules, unseen)
        ids = {key: key for key, _ in elsewhere} | {key: each.party_id for key, each in operators.items()}
        purged = {key: purged_hashes(transaction, key, unseen) for key in ids}
        for position, cdr in zip(positions, cdrs, strict=True):
            event, found = EVENTS[events[position]], stands.get(cdr.cdr_id)
            if cdr.cdr_id in of_others:
                decide_of_another_protocol(plan, rules, SentCdr(cdr, event), position, *of_others[cdr.cdr_id])
                continue
            of = [
                party_id
                for key, party_id in ids.items()
                if cdr.cdr_id in purged[key]
                and ((key, cdr.cdr_id) in elsewhere or (key in operators and operators[key].may_be(cdr.cdr_id)))
            ]
            if not of:
                content = "" if found is None else sent_as(rules.form, cdr, found.operator_id).content_hash
                decide(plan, rules, SentCdr(cdr, event), position, found, content, doubted=position in received.doubted)
                continue
            before = [sent_as(rules.form, cdr, party_id) for party_id in of]
            same = any(each.content_hash in purged[each.operator_key][each.cdr_id] for each in before)
            if same and event is not Event.WITHDRAWN:
                plan.known.add(position)
            else:
                plan.refused[position] = cdr.cdr_id, implausible(cdr, position, PURGED)
    return plan


def purged_elsewhere(transaction: Connection, rules: RuleContext, cdr_ids: Sequence[str]) -> set[Key]:
    """The keys of purged CDRs with these ids that came by the sender's protocol, as whatever operator: its ids are of
    one CDR in the whole house.
    """
    found: set[Key] = set()
    for some in some_at_a_time(cdr_ids):
        wanted = {"numbers": some, "protocol": rules.form.name}
        found.update((key, cdr_id) for key, cdr_id in transaction.execute(PURGED_ANYWHERE, wanted))
    return found


def sent_by_another_protocol(
    transaction: Connection, known: Known, cdr_ids: Sequence[str]
) -> dict[str, tuple[str, Standing | None]]:
    """The CDRs of the sender that came by another protocol and that it names by ids which were made for it, as it is
    given them to read: the id that each came with, and how it stands, None where it was purged.
    """
    made: dict[int, list[str]] = defaultdict(list)
    for cdr_id in cdr_ids:
        row = known.made_ids.row_of(cdr_id)
        if row is not None:
            made[row].append(cdr_id)
    found: dict[str, tuple[str, Standing | None]] = {}
    for some in some_at_a_time(sorted(made)):
        for query in BY_ROW:
            for row, operator_key, name in transaction.execute(query, {"rows": some}):
                said = [each for each in made[row] if known.made_ids.fits(each, name, row)]
                if operator_key in known.operators and said:
                    found |= dict.fromkeys(said, (name, standing(transaction, operator_key, [name]).get(name)))
    return found


def decide_of_another_protocol(
    plan: Plan, rules: RuleContext, sent: SentCdr, position: int, name: str, found: Standing | None
) -> None:
    """What comes of a record that names a CDR of another protocol: it can be given up, for which that may have no
    word, and is revised as it came.
    """
    cdr, event = sent
    if event is not Event.WITHDRAWN or found is None:
        detail = f"it is your CDR {shown(name)}, which came by another protocol: send it again by that"
        plan.refused[position] = cdr.cdr_id, implausible(cdr, position, detail)
    else:
        decide(plan, rules, sent, position, found, "", doubted=False)


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
