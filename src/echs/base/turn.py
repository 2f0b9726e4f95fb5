"""Taking turns: in a process, one short request after the other instead of all at once.

Only one thread of Python runs at a time anyway. Where many requests are on their way together, they hand the
interpreter to each other at every read and every query, and to hand it on costs more than the work between. So a
request waits for its turn, does all of its work, and lets the next one go.

A turn is a courtesy and no lock: who has waited for a few milliseconds goes on without, and who is about to do
something long, or to wait for somebody, stands aside. Nothing relies on being alone.
"""

import threading

PATIENCE_SECONDS = 0.005

_turn = threading.Lock()
_mine = threading.local()


def take() -> None:
    """Wait for a turn, but not for long. Give it back with `stand_aside`, whatever happens."""
    _mine.held = _turn.acquire(timeout=PATIENCE_SECONDS)


def is_mine() -> bool:
    """Whether this thread has a turn."""
    return getattr(_mine, "held", False)


def stand_aside() -> None:
    """Let the next one go; without a turn, nothing."""
    if is_mine():
        _mine.held = False
        _turn.release()
