"""What time it is. The clock is handed in, so that a test can turn it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)
