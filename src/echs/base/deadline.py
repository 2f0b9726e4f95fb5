"""The deadline of a request: when its work must end, and not only its connection.

Whoever works through many records or bytes asks `check` from time to time. It is set where a request comes in; a
command has none.
"""

import time

from echs.base import trace
from echs.base.errors import LoadReason, refuse

NOTHING_STORED = "Nothing was stored."


def passed() -> bool:
    """Whether the time of the present request is over."""
    present = trace.present()
    return present is not None and present.deadline is not None and time.monotonic() >= present.deadline


def check() -> None:
    """Go on only while there is time.

    :raises Refused: DEADLINE_EXCEEDED
    """
    if passed():
        detail = "the request took longer than it may; send less at once, or the same again later"
        raise refuse(LoadReason.DEADLINE_EXCEEDED, detail, effect=NOTHING_STORED)
