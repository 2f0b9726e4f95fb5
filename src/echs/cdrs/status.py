"""The states of a CDR. Nothing stores them: they follow from what is stored, and so cannot contradict it.

==========  ==================================  ==============================  ====================
state       when                                goes to                         by
==========  ==================================  ==============================  ====================
held        not cleared, and no active partner  pending or awaiting             a partner takes the
            owns the provider id, or in a                                       provider id, or is
            closed house the two are not                                        connected
            connected
awaiting    not cleared, and its provider       pending, declined               ConfirmCDRs
            answers about each CDR and has not
            yet
pending     not cleared, and its provider       cleared (or held, when the id   a clearing run
            approved it, or takes a run for     is given up)
            approval
declined    not cleared, and the provider       pending, withdrawn; superseded  ConfirmCDRs,
            declined it                         by a revision                   AddCDRs
withdrawn   not cleared, and its operator gave  nothing, for ever               -
            it up
superseded  not cleared, and there is a newer   nothing, for ever               -
            revision of it
on-hold     not cleared, and the office's       as before; rejected             `echs cdr release`,
            newest decision is to hold it                                       `echs cdr reject`
rejected    not cleared, and the office's       nothing, for ever               -
            newest decision is to reject it
cleared     member of a clearing run            nothing, for ever               -
==========  ==================================  ==============================  ====================

A decision of the office comes before the answers of partners, these before who owns the provider id.
"""

from enum import StrEnum


class Status(StrEnum):
    """Where a CDR stands."""

    HELD = "held"
    AWAITING = "awaiting"
    PENDING = "pending"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    ON_HOLD = "on-hold"
    REJECTED = "rejected"
    CLEARED = "cleared"


class Decided(StrEnum):
    """What the office decided about a CDR before clearing."""

    HOLD = "hold"
    RELEASE = "release"
    REJECT = "reject"


class Answer(StrEnum):
    """What a partner answered about a CDR: its provider approved or declined it, its operator gave it up."""

    APPROVE = "approve"
    DECLINE = "decline"
    WITHDRAW = "withdraw"


# The decisions that keep a CDR out of every run, and the state that each makes.
STOPPING = {Decided.HOLD: Status.ON_HOLD, Decided.REJECT: Status.REJECTED}
# The answers that do, and theirs.
REFUSING = {Answer.DECLINE: Status.DECLINED, Answer.WITHDRAW: Status.WITHDRAWN}


def status_of(
    run_number: int | None,
    provider_is_owned: bool,
    decided: Decided | None = None,
    answer: Answer | None = None,
    *,
    explicit: bool = False,
    superseded: bool = False,
) -> Status:
    """The state that follows from membership in a run, from whether there is a newer revision, from the newest decision
    and the newest answer, from who owns the provider id and whether it answers about each CDR (``explicit``).
    """
    if run_number is not None:
        return Status.CLEARED
    if superseded:
        return Status.SUPERSEDED
    if decided in STOPPING:
        return STOPPING[decided]
    if answer in REFUSING:
        return REFUSING[answer]
    if not provider_is_owned:
        return Status.HELD
    return Status.AWAITING if explicit and answer is None else Status.PENDING
