"""What the database raises, as refusals: which of them are safe to repeat, and which are defects of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from echs.base import deadline
from echs.base.errors import Refused, StoreReason, refuse

POOL_SECONDS = 10
SQLITE_ERROR = 1
SQLITE_INTERRUPTED = 9
SQLITE_NO_ROOM = (13, 4874)  # full, the shared memory beside the store cannot grow
SQLITE_NOT_A_STORE = (11, 26)  # corrupt, not a database
POSTGRES_DISK_FULL = "53100"
POSTGRES_READ_ONLY, POSTGRES_NOT_SUPPORTED = "25006", "0A000"


@contextmanager
def translated(effect: str) -> Iterator[None]:
    """Turn what the database raises into a refusal of ours; the original stays as its cause, for the log."""
    try:
        yield
    except Refused:
        raise
    except exc.DBAPIError as error:
        if getattr(error.orig, "sqlite_errorcode", None) == SQLITE_INTERRUPTED:
            deadline.check()
        if is_full(error):
            raise refuse(StoreReason.STORE_FULL, "the store has no space left", effect=effect) from error
        if is_defect(error):
            raise
        raise refuse(StoreReason.STORE_UNAVAILABLE, "the store is not available now", effect=effect) from error
    except exc.TimeoutError as error:
        raise refuse(
            StoreReason.STORE_UNAVAILABLE,
            f"the database is overloaded: no connection became free within {POOL_SECONDS} s",
            effect=effect,
        ) from error


def is_defect(error: exc.DBAPIError) -> bool:
    """Whether the statement was wrong, which no repetition mends; SQLite says so with an operational error."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if error.connection_invalidated or code in SQLITE_NOT_A_STORE or is_standby(error.orig):
        return False
    if not isinstance(error, exc.OperationalError | exc.InterfaceError):
        return True
    return bool(code == SQLITE_ERROR)


def is_standby(error: BaseException | None) -> bool:
    """Whether PostgreSQL refused because this server of it cannot be written to, now or any more."""
    state = getattr(error, "sqlstate", None)
    return state == POSTGRES_READ_ONLY or (state == POSTGRES_NOT_SUPPORTED and "recovery" in str(error))


def is_full(error: exc.DBAPIError) -> bool:
    """Whether the store refused because there is no space left."""
    original = error.orig
    if getattr(original, "sqlstate", None) == POSTGRES_DISK_FULL:
        return True
    return getattr(original, "sqlite_errorcode", None) in SQLITE_NO_ROOM or "disk is full" in str(original)
