"""Files that hold what only their owner may read, and which file the embedded store is."""

import os
from contextlib import suppress
from pathlib import Path

# A file as the system tells it from others: its device, and its number there.
FileIdentity = tuple[int, int]


def file_identity(path: Path) -> FileIdentity | None:
    """Which file is there, as the system tells files apart; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def own_file(path: Path) -> None:
    """Make the file for its owner alone: it will hold pins and card numbers. SQLite gives its other files the same."""
    with suppress(OSError):  # a directory that is not there: connecting says so
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
