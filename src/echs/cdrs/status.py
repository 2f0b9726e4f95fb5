"""The states of a CDR. Nothing stores them: they follow from what is stored, and so cannot contradict it.

========  ====================================  ==============================  ====================
state     when                                  goes to                         by
========  ====================================  ==============================  ====================
held      not cleared, and no active partner    pending                         a partner takes the
          owns the provider id, or in a closed                                  provider id, or is
          house the two are not connected                                       connected
pending   not cleared, and an active partner    cleared (or held, when the id   a clearing run
          owns the provider id                  is given up)
on-hold   not cleared, and the office's newest  pending or held; rejected       `echs cdr release`,
          decision is to hold it                                                `echs cdr reject`
rejected  not cleared, and the office's newest  nothing, for ever               -
          decision is to reject it
cleared   member of a clearing run              nothing, for ever               -
========  ====================================  ==============================  ====================

A decision of the office comes before who owns the provider id.
"""

from enum import StrEnum


class Status(StrEnum):
    """Where a CDR stands."""

    HELD = "held"
    PENDING = "pending"
    ON_HOLD = "on-hold"
    REJECTED = "rejected"
    CLEARED = "cleared"


class Decided(StrEnum):
    """What the office decided about a CDR before clearing."""

    HOLD = "hold"
    RELEASE = "release"
    REJECT = "reject"


# The decisions that keep a CDR out of every run, and the state that each makes.
STOPPING = {Decided.HOLD: Status.ON_HOLD, Decided.REJECT: Status.REJECTED}


def status_of(run_number: int | None, provider_is_owned: bool, decided: Decided | None = None) -> Status:
    """The state that follows from membership in a run, from the newest decision and from who owns the provider id."""
    if run_number is not None:
        return Status.CLEARED
    if decided in STOPPING:
        return STOPPING[decided]
    return Status.PENDING if provider_is_owned else Status.HELD
