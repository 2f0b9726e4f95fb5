"""How a CDR goes on between its operator and its provider, as a table (OCHP 1.4, CDR validation process).

======================  ==============================  ===================  ======================================
from                    event                           to                   and where the content is the same
======================  ==============================  ===================  ======================================
(nothing)               sent as new, or as revised      accepted
(nothing)               given up                        (refused)
accepted, revised       sent as new                     (refused)            unchanged
accepted, revised       sent as revised                 revised              unchanged
accepted, revised       given up                        (refused)
accepted, revised       approved                        approved
accepted, revised       declined                        declined
declined                sent as new                     (refused)            unchanged
declined                sent as revised                 revised              unchanged
declined                given up                        rejected
declined                approved                        approved
declined                declined                        unchanged
approved, rejected      sent as new, or as revised      (refused)            unchanged
approved                approved                        unchanged
rejected                given up                        unchanged
approved, rejected      any other                       (refused)
======================  ==============================  ===================  ======================================
"""

from collections.abc import Mapping
from enum import StrEnum

from echs.cdrs.status import Answer, Decided


class Stand(StrEnum):
    """Where a CDR stands between operator and provider, in the words of OCHP 1.4 (CdrStatusType)."""

    ACCEPTED = "accepted"
    REVISED = "revised"
    DECLINED = "declined"
    APPROVED = "approved"
    REJECTED = "rejected"


class Event(StrEnum):
    """What is done to it: the operator sends it or gives it up, the provider answers."""

    NEW = "new"
    REVISED = "revised"
    WITHDRAWN = "rejected"
    APPROVED = "approved"
    DECLINED = "declined"


class Effect(StrEnum):
    """What comes of it."""

    STORE = "store"
    REVISE = "revise"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    DECLINE = "decline"
    UNCHANGED = "unchanged"
    REFUSE = "refuse"


OPEN = (Stand.ACCEPTED, Stand.REVISED)
SENDING = (Event.NEW, Event.REVISED)
# Where the content is another one; what is not named is refused.
TRANSITIONS: Mapping[tuple[Stand | None, Event], Effect] = {
    **dict.fromkeys([(None, event) for event in SENDING], Effect.STORE),
    **dict.fromkeys([(stand, Event.REVISED) for stand in (*OPEN, Stand.DECLINED)], Effect.REVISE),
    (Stand.DECLINED, Event.WITHDRAWN): Effect.WITHDRAW,
    (Stand.REJECTED, Event.WITHDRAWN): Effect.UNCHANGED,
    **dict.fromkeys([(stand, Event.APPROVED) for stand in (*OPEN, Stand.DECLINED)], Effect.APPROVE),
    **dict.fromkeys([(stand, Event.DECLINED) for stand in OPEN], Effect.DECLINE),
    (Stand.DECLINED, Event.DECLINED): Effect.UNCHANGED,
    (Stand.APPROVED, Event.APPROVED): Effect.UNCHANGED,
}


def effect_of(stand: Stand | None, event: Event, *, same_content: bool = False) -> Effect:
    """What comes of an event; ``same_content`` where a CDR is sent with the content that stands."""
    if stand is not None and same_content and event in SENDING:
        return Effect.UNCHANGED
    return TRANSITIONS.get((stand, event), Effect.REFUSE)


def stand_of(revision: int, answer: Answer | None, decided: Decided | None, *, cleared: bool) -> Stand:
    """Where the newest revision of a CDR stands. A run is an approval; what the office rejected is over; that it is on
    hold is between the office and the run.
    """
    if cleared:
        return Stand.APPROVED
    if decided is Decided.REJECT or answer is Answer.WITHDRAW:
        return Stand.REJECTED
    if answer is Answer.DECLINE:
        return Stand.DECLINED
    if answer is Answer.APPROVE:
        return Stand.APPROVED
    return Stand.ACCEPTED if revision == 1 else Stand.REVISED


OTHER_CONTENT = "a CDR of this id has other content: send it as revised"
REASONS: Mapping[tuple[Stand | None, Event], str] = {
    (None, Event.WITHDRAWN): "there is no such CDR to give up",
    **{(stand, Event.NEW): OTHER_CONTENT for stand in (*OPEN, Stand.DECLINED)},
    **{(stand, Event.WITHDRAWN): "its provider has not declined it" for stand in OPEN},
}


def reason_of(stand: Stand | None, event: Event) -> str:
    """Why an event is refused."""
    return REASONS.get((stand, event), f"it is {stand} for good" if stand is not None else "there is no such CDR")
