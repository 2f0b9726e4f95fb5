"""The live status of an EVSE or a parking spot, and what may be said of one (OCHP 1.4, Live Status Interface)."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from echs.base.errors import Reason


class StatusReason(Reason):
    """What can be wrong with a live status."""

    STATUS_COMBINATION = "STATUS_COMBINATION"
    STATUS_NOT_YOURS = "STATUS_NOT_YOURS"


class Kind(StrEnum):
    """Of what a status is."""

    EVSE = "evse"
    PARKING = "parking"


AVAILABLE, NOT_AVAILABLE, UNKNOWN = "available", "not-available", "unknown"
MAJORS = (AVAILABLE, NOT_AVAILABLE, UNKNOWN)
# Which minor status may stand beside which major one; a major one alone may always stand.
MINORS = {
    AVAILABLE: ("available", "reserved"),
    NOT_AVAILABLE: ("charging", "blocked", "reserved", "outoforder"),
    UNKNOWN: (),
}


class LiveStatus(NamedTuple):
    """A status as it was set: by what the thing is called and found, and until when it is valid (UTC)."""

    kind: Kind
    key: str
    said_id: str
    owner_id: int
    major: str
    minor: str
    valid_until: datetime
    set_at: datetime
