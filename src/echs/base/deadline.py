"""The deadline of a request: when its work must end, and not only its connection.

Whoever works through many records or bytes asks `check` from time to time. It is set where a request comes in; a
command has none.
"""

import threading
import time
from collections.abc import Callable

from echs.base import request_context
from echs.base.errors import LoadReason, refuse

NOTHING_STORED = "Nothing was stored."

_mine = threading.local()


def watched_by(extend: Callable[[float], None] | None) -> None:
    """Whoever else looks at the time of this thread's request, and must know where it gets more."""
    _mine.extend = extend


def extend(seconds: float) -> None:
    """Give the present request more time: what it waited for somebody else is none of its work."""
    present = request_context.present()
    if present is not None and present.deadline is not None:
        present.deadline += seconds
    watcher = getattr(_mine, "extend", None)
    if watcher is not None:
        watcher(seconds)


def passed() -> bool:
    """Whether the time of the present request is over."""
    present = request_context.present()
    return present is not None and present.deadline is not None and time.monotonic() >= present.deadline


def check() -> None:
    """Go on only while there is time.

    :raises Refused: DEADLINE_EXCEEDED
    """
    if passed():
        detail = "the request took longer than it may; send less at once, or the same again later"
        raise refuse(LoadReason.DEADLINE_EXCEEDED, detail, effect=NOTHING_STORED)
