"""What time it is. The clock is handed in, so that a test can turn it."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import time_ns

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


def milliseconds() -> int:
    """The present instant in milliseconds since 1970, for what only has to sort."""
    return time_ns() // 1_000_000
