"""The states of a CDR. Nothing stores them: they follow from what is stored, and so cannot contradict it.

========  ====================================  ==============================  ====================
state     when                                  goes to                         by
========  ====================================  ==============================  ====================
held      not cleared, and no active partner    pending                         a partner takes the
          owns the provider id                                                  provider id
pending   not cleared, and an active partner    cleared (or held, when the id   a clearing run
          owns the provider id                  is given up)
cleared   member of a clearing run              nothing, for ever               -
========  ====================================  ==============================  ====================
"""

from enum import StrEnum


class Status(StrEnum):
    """Where a CDR stands."""

    HELD = "held"
    PENDING = "pending"
    CLEARED = "cleared"


def status_of(run_number: int | None, provider_is_owned: bool) -> Status:
    """The state that follows from membership in a run and from ownership of the provider id."""
    if run_number is not None:
        return Status.CLEARED
    return Status.PENDING if provider_is_owned else Status.HELD
