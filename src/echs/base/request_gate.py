"""Taking turns: in a process, one short request after the other instead of all at once.

Only one thread of Python runs at a time anyway. Where many requests are on their way together, they hand the
interpreter to each other at every read and every query, and to hand it on costs more than the work between. So a
request waits for its turn, does all of its work, and lets the next one go.

A turn is a courtesy and no lock: who has waited for a few milliseconds goes on without, and who is about to do
something long, or to wait for somebody, stands aside. Nothing relies on being alone.

Beside it there is a place: so many requests of a process are worked on at once, the others wait until one of them is
done or stands aside. So what is long (an upload, a statement, a transaction that waits for another) takes no place from
what is short, where there are more threads than places.
"""

import threading

PATIENCE_SECONDS = 0.005

_turn = threading.Lock()
_mine = threading.local()
_places: list[threading.Semaphore] = []


def limit(places: int) -> None:
    """From now on so many requests of this process are worked on at once."""
    _places[:] = [threading.Semaphore(places)]


def acquire() -> None:
    """Wait for a place, then not for long for a turn. Give both back with `stand_aside`, whatever happens."""
    if _places:
        (place,) = _places
        place.acquire()
        _mine.place = place
    _mine.held = _turn.acquire(timeout=PATIENCE_SECONDS)


def held() -> bool:
    """Whether this thread has a turn."""
    return getattr(_mine, "held", False)


def release() -> None:
    """Let the next one go; without a turn and a place, nothing."""
    if held():
        _mine.held = False
        _turn.release()
    place = getattr(_mine, "place", None)
    if place is not None:
        _mine.place = None
        place.release()
