"""What the provider of CDRs answers about them: each is approved or declined (OCHP 1.4, ConfirmCDRs)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection, and_, select

from echs.audit import trail
from echs.audit.entry import Action
from echs.base.context import Context
from echs.cdrs import tables
from echs.cdrs.between_partners import given_to
from echs.cdrs.intake import lock_out_runs
from echs.cdrs.pending import awaiting
from echs.cdrs.rules import Key
from echs.cdrs.standing import standing_of, write_answers
from echs.cdrs.status import Answer
from echs.cdrs.transitions import Effect, Event, effect_of, reason_of
from echs.partners import enrolment
from echs.partners import tables as partner_tables
from echs.partners.login import lock_active_partner
from echs.partners.partner import Answers, Partner, PartyRole
from echs.partners.queries import LOCK
from echs.partners.visibility import may_receive

AT_ONCE = 500
ANSWERS = {Effect.APPROVE: Answer.APPROVE, Effect.DECLINE: Answer.DECLINE}
UNKNOWN = "no such CDR is for you"
NOT_SEEN = "it was not given to you as it is now: fetch it before you answer"
SEVERAL = "several CDRs for you have these ids: ask the clearing house"
BOTH = "it is both approved and declined"


class GivenAnswer(NamedTuple):
    """What a provider says of the CDR with this key; None where it named none, and ``several`` where it cannot be told
    which.
    """

    key: Key | None
    event: Event
    several: bool = False


class Confirmed(NamedTuple):
    """What came of the answers of a request: how many of each were written, how many changed nothing, and by the place
    of each that was not applied the reason.
    """

    approved: int
    declined: int
    unchanged: int
    refused: dict[int, str]


def confirm(context: Context, provider: Partner, given: Sequence[GivenAnswer], request_id: str) -> Confirmed:
    """Write what a provider answers, item by item, in one transaction. With the first one it decides about each of its
    CDRs itself, and a run is no approval any more.

    :raises Refused: LOGIN_TOKEN_UNKNOWN where it was disabled meanwhile
    """
    keys = sorted({each.key for each in given if each.key is not None})
    for alone in (False, True):
        with context.database.write() as transaction:
            lock_out_runs(context, transaction)
            if alone:
                context.database.lock(transaction, LOCK)
            now = lock_active_partner(context, transaction, provider)
            for operator_key in sorted({operator_key for operator_key, _ in keys}):
                context.database.lock(transaction, f"cdr:{operator_key}")
            answers, unchanged, refused = judged(transaction, now, given, keys)
            if answers and now.answers is not Answers.EXPLICIT:
                if not alone:
                    continue  # what the partner is changes too, and nobody may rely on it meanwhile
                enrolment.decides_itself(context, transaction, now)
            approved = sum(answer is Answer.APPROVE for _, answer in answers)
            if not answers:
                break
            facts = write_answers(context, transaction, answers, now.id, request_id)
            facts |= {"partner": now.id, "approved": approved, "declined": len(answers) - approved}
            subject = f"CDRs for {now.user_id}"
            trail.record(context, transaction, Action.CDRS_CONFIRMED, subject, facts, request_id=request_id)
        break
    return Confirmed(approved, len(answers) - approved, unchanged, refused)


def judged(
    transaction: Connection, provider: Partner, given: Sequence[GivenAnswer], keys: Sequence[Key]
) -> tuple[list[tuple[int, Answer]], int, dict[int, str]]:
    """What comes of each answer: those to be written, by the rows that they are about; how many change nothing; and by
    their places why others are not applied.
    """
    refused: dict[int, str] = {}
    effects: dict[int, Answer] = {}
    unchanged = 0
    stands = standing_of(transaction, keys)
    rows = [each.row for each in stands.values()]
    mine, seen = received_by(transaction, provider.id, rows), given_to(transaction, provider.id, rows)
    said: dict[Key, set[Event]] = defaultdict(set)
    for key, event, _ in given:
        if key is not None:
            said[key].add(event)
    for place, (key, event, several) in enumerate(given):
        found = None if key is None else stands.get(key)
        if key is None or found is None or found.row not in mine:
            refused[place] = SEVERAL if several else UNKNOWN
            continue
        effect = effect_of(found.stand, event)
        if len(said[key]) > 1:
            refused[place] = BOTH
        elif effect is Effect.UNCHANGED:
            unchanged += 1
        elif effect is Effect.REFUSE:
            refused[place] = reason_of(found.stand, event)
        elif found.row not in seen:
            refused[place] = NOT_SEEN
        else:
            effects[found.row] = ANSWERS[effect]
    return list(effects.items()), unchanged, refused


def received_by(snapshot: Connection, provider_id: int, rows: Sequence[int]) -> set[int]:
    """Those of these rows that a provider receives, or received in a run."""
    cdr, cleared, party = tables.cdr, tables.cdr_cleared, partner_tables.party_id
    found: set[int] = set()
    for start in range(0, len(rows), AT_ONCE):
        some = cdr.c.id.in_(list(rows[start : start + AT_ONCE]))
        mine = (party.c.role == PartyRole.PROVIDER) & party.c.active & (party.c.partner_id == provider_id)
        owned = select(cdr.c.id).join(party, mine & (party.c.party_key == cdr.c.provider_key))
        seen = may_receive(party.c.partner_id, cdr.c.operator_partner_id, cdr.c.started_at)
        found.update(snapshot.execute(owned.where(some, seen)).scalars())
        of_runs = select(cleared.c.cdr_id).join(cdr, cdr.c.id == cleared.c.cdr_id)
        found.update(snapshot.execute(of_runs.where(some, cleared.c.provider_partner_id == provider_id)).scalars())
    return found


def approve_silent(context: Context, transaction: Connection, days: int, request_id: str) -> dict[str, object]:
    """Take the silence of providers for consent about every CDR that they were given so many days ago, inside the
    transaction of a run; 0 for never. What the audit trail holds of it.
    """
    if not days:
        return {}
    cdr, given, before = tables.cdr, tables.cdr_given, context.clock() - timedelta(days=days)
    to_receiver = and_(given.c.cdr_id == cdr.c.id, given.c.partner_id == partner_tables.party_id.c.partner_id)
    query = select(cdr.c.id).select_from(awaiting().join(given, to_receiver)).where(given.c.given_at < before)
    answers = [(row, Answer.APPROVE) for row in transaction.execute(query.order_by(cdr.c.id)).scalars()]
    if not answers:
        return {}
    return {"silent": len(answers), **write_answers(context, transaction, answers, None, request_id)}
