"""A running server on each kind of store, and a seed that a failure names."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import Server


@pytest.fixture
def seed() -> int:
    """ECHS_SEED, or a new one."""
    chosen = int(os.environ.get("ECHS_SEED", time.time_ns() % 10**6))
    print(f"ECHS_SEED={chosen}")
    return chosen


@pytest.fixture
def server(environment: dict[str, str], cast: object, tmp_path: Path) -> Iterator[Server]:
    """A running server on the store of the test, with the cast enrolled."""
    running = Server(environment, tmp_path / "server.log")
    running.start()
    yield running
    running.stop()
