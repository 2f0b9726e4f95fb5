"""What the office decides about a CDR between its acceptance and clearing: hold it, release it, reject it.

Each decision is a row that nobody changes; the newest of a CDR counts. After clearing nothing is decided any more: what
was wrong then is for the partners to settle.
"""

from sqlalchemy import Connection, func, insert, select

from echs.audit import trail
from echs.audit.entry import Action
from echs.base import request_context
from echs.base.context import Context
from echs.base.digest import as_text
from echs.base.errors import NOTHING_CHANGED, Reason, Refused, refuse, shown
from echs.base.fields import CONTROL_CHARACTER
from echs.cdrs import tables
from echs.cdrs.intake import RUNS_LOCK
from echs.cdrs.lookup import Decision, decisions_of, number_of
from echs.cdrs.pending import newest_answer
from echs.cdrs.status import Answer, Decided, Status, status_of

REASON_LIMIT = 200
ACTIONS = {
    Decided.HOLD: Action.CDR_HELD,
    Decided.RELEASE: Action.CDR_RELEASED,
    Decided.REJECT: Action.CDR_REJECTED,
}
# From which states each decision may be made.
ALLOWED = {
    Decided.HOLD: (Status.PENDING, Status.AWAITING, Status.HELD),
    Decided.RELEASE: (Status.ON_HOLD,),
    Decided.REJECT: (Status.PENDING, Status.AWAITING, Status.DECLINED, Status.HELD, Status.ON_HOLD),
}


class DecisionReason(Reason):
    """Why a CDR cannot be decided about so. These never go over the wire."""

    CDR_STATE = "CDR_STATE"
    DECISION_VALUE = "DECISION_VALUE"


def decide(
    context: Context, kind: Decided, cdr_id: str, operator_id: str | None, reason: str, decided_by: str
) -> Decision:
    """Put a CDR on hold, release it or reject it, in one transaction.

    :raises Refused: DECISION_VALUE, CDR_UNKNOWN, CDR_OF_SEVERAL, CDR_STATE where it is cleared already, or is as wanted
    """
    check_reason(reason)
    with context.database.write() as transaction:
        context.database.lock(transaction, RUNS_LOCK)
        number, operator = number_of(transaction, cdr_id, operator_id)
        before = decisions_of(transaction, number)
        state = state_of(transaction, number, before)
        if state not in ALLOWED[kind]:
            raise wrong_state(kind, cdr_id, state)
        decision = Decision(
            len(before) + 1, kind, reason, context.clock(), decided_by, request_context.current().request_id
        )
        row = {"cdr_id": number, **{name: getattr(decision, name) for name in Decision.__slots__}}
        transaction.execute(insert(tables.cdr_decision).values(row))
        facts = {
            "row": number,
            "decision": decision.number,
            "reason": reason,
            "by": decided_by,
            "at": as_text(decision.decided_at),
        }
        trail.record(context, transaction, ACTIONS[kind], f"CDR {cdr_id} of {operator}", facts)
        return decision


def check_reason(reason: str) -> None:
    """A decision has a reason: of a line, and not of blanks.

    :raises Refused: DECISION_VALUE
    """
    if not reason.strip():
        raise refuse(DecisionReason.DECISION_VALUE, "a decision needs a reason", effect=NOTHING_CHANGED)
    if len(reason) > REASON_LIMIT or CONTROL_CHARACTER.search(reason):
        detail = f"a reason is one line of at most {REASON_LIMIT} characters"
        raise refuse(DecisionReason.DECISION_VALUE, detail, effect=NOTHING_CHANGED)


def state_of(snapshot: Connection, number: int, decisions: list[Decision]) -> Status:
    """The state of the CDR of this row, where it is as if somebody had its provider id and took runs for approval."""
    cleared = tables.cdr_cleared
    run_number = snapshot.execute(select(func.max(cleared.c.run_number)).where(cleared.c.cdr_id == number)).scalar()
    answer = snapshot.execute(select(newest_answer(tables.cdr)).where(tables.cdr.c.id == number)).scalar()
    decided = decisions[-1].kind if decisions else None
    return status_of(run_number, True, decided, None if answer is None else Answer(answer))


def wrong_state(kind: Decided, cdr_id: str, state: Status) -> Refused:
    """The refusal of a decision that the state of the CDR does not allow."""
    wanted = {Decided.HOLD: "put on hold", Decided.RELEASE: "released", Decided.REJECT: "rejected"}[kind]
    detail = f"CDR {shown(cdr_id)} is {state.value} and cannot be {wanted}"
    if state is Status.CLEARED:
        detail += "; after clearing nothing changes: the partners settle it with a credit"
    return refuse(DecisionReason.CDR_STATE, detail, effect=NOTHING_CHANGED)
