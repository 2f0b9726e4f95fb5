"""A running server on each kind of store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import Server


@pytest.fixture
def server(environment: dict[str, str], cast: object, tmp_path: Path) -> Iterator[Server]:
    """A running server on the store of the test, with the cast enrolled."""
    running = Server(environment, tmp_path / "server.log")
    running.start()
    yield running
    running.stop()
