"""What the provider of CDRs answers about them: each is approved or declined (OCHP 1.4, ConfirmCDRs)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection, select

from echs.audit import trail
from echs.audit.entry import Action
from echs.base.context import Context
from echs.cdrs import tables
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
from echs.partners.visibility import may_receive

AT_ONCE = 500
ANSWERS = {Effect.APPROVE: Answer.APPROVE, Effect.DECLINE: Answer.DECLINE}
UNKNOWN = "no such CDR is for you"
NOT_SEEN = "it was revised: fetch it before you answer"


class GivenAnswer(NamedTuple):
    """What a provider says of the CDR with this key; None where it named none that there is."""

    key: Key | None
    event: Event


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
    if provider.answers is not Answers.EXPLICIT and any(each.key is not None for each in given):
        enrolment.change(context, provider.user_id, answers=Answers.EXPLICIT)
    refused: dict[int, str] = {}
    effects: dict[int, tuple[int, Answer]] = {}
    unchanged = 0
    keys = sorted({each.key for each in given if each.key is not None})
    with context.database.write() as transaction:
        lock_out_runs(context, transaction)
        now = lock_active_partner(context, transaction, provider)
        for operator_key in sorted({operator_key for operator_key, _ in keys}):
            context.database.lock(transaction, f"cdr:{operator_key}")
        stands = standing_of(transaction, keys)
        mine = received_by(transaction, now.id, [each.row for each in stands.values()])
        for place, (key, event) in enumerate(given):
            found = None if key is None else stands.get(key)
            if found is None or found.row not in mine:
                refused[place] = UNKNOWN
                continue
            effect = effect_of(found.stand, event)
            if effect is Effect.UNCHANGED:
                unchanged += 1
            elif effect is Effect.REFUSE:
                refused[place] = reason_of(found.stand, event)
            elif not found.given:
                refused[place] = NOT_SEEN
            else:
                effects[place] = found.row, ANSWERS[effect]
        answers = list(dict.fromkeys(effects.values()))
        approved = sum(answer is Answer.APPROVE for _, answer in answers)
        if answers:
            facts = write_answers(context, transaction, answers, provider.id, request_id)
            facts |= {"partner": provider.id, "approved": approved, "declined": len(answers) - approved}
            subject = f"CDRs for {provider.user_id}"
            trail.record(context, transaction, Action.CDRS_CONFIRMED, subject, facts, request_id=request_id)
    return Confirmed(approved, len(answers) - approved, unchanged, refused)


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
    """Take the silence of providers for consent about every CDR that came so many days ago, inside the transaction of a
    run; 0 for never. What the audit trail holds of it.
    """
    if not days:
        return {}
    cdr, before = tables.cdr, context.clock() - timedelta(days=days)
    query = select(cdr.c.id).select_from(awaiting()).where(cdr.c.received_at < before).order_by(cdr.c.id)
    answers = [(row, Answer.APPROVE) for row in transaction.execute(query).scalars()]
    if not answers:
        return {}
    return {"silent": len(answers), **write_answers(context, transaction, answers, None, request_id)}
