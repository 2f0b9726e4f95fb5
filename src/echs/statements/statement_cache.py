"""Where drawn statements are kept. A cache: every file on it can be drawn again, and may be deleted at any time."""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# One statement at a time in a process: drawing is work, and the library that draws has state that all drawings share.
_drawing = threading.Lock()

# Those that are drawn in a process of their own: so many at once, and so many that wait for it, of each server process.
APART, WAITING, WAIT_SECONDS = 2, 4, 30.0
_apart = threading.Condition()
_drawn_apart: set[Path] = set()
_waiting: list[Path] = []


class DrawingBusy(Exception):
    """Too many large statements are being drawn; later it can be had."""


@dataclass(frozen=True)
class StatementCache:
    """A directory of finished files. A file is there whole or not at all."""

    directory: Path

    def open(self, name: str, draw: Callable[[BinaryIO], None]) -> BinaryIO:
        """The file of that name, drawn now if it is not there yet. Where the shelf is full, it is drawn for the caller
        alone."""
        path = self.directory / name
        with suppress(OSError):  # not there, or not to be read: draw it
            return path.open("rb")
        with _drawing:
            # Whoever waited here may find what it waited for.
            with suppress(OSError):
                return path.open("rb")
            return self._drawn(path, draw)

    def open_apart(self, name: str, draw: Callable[[BinaryIO], None]) -> BinaryIO:
        """As `open`, for one that ``draw`` has drawn by another process into the file that it is given. Who wants the
        same waits for it, and then has it; who wants another waits for its turn, within bounds.

        :raises DrawingBusy: too many wait already, or the turn did not come in time
        """
        path = self.directory / name
        with suppress(OSError):
            return path.open("rb")
        with turn_of(path):
            with suppress(OSError):
                return path.open("rb")
            drawn = tempfile.TemporaryFile()  # noqa: SIM115 - handed to the caller
            try:
                draw(drawn)
                drawn.seek(0)
                self._keep(path, drawn)
                drawn.seek(0)
            except BaseException:
                drawn.close()
                raise
            return drawn

    def clear(self) -> None:
        """Delete every file: whatever is still wanted is drawn again."""
        with suppress(OSError):
            for path in self.directory.iterdir():
                path.unlink(missing_ok=True)

    def _drawn(self, path: Path, draw: Callable[[BinaryIO], None]) -> BinaryIO:
        drawn = tempfile.SpooledTemporaryFile(max_size=8 << 20)  # noqa: SIM115 - handed to the caller
        draw(drawn)  # type: ignore[arg-type]
        drawn.seek(0)
        self._keep(path, drawn)  # type: ignore[arg-type]
        drawn.seek(0)
        return drawn  # type: ignore[return-value]

    def _keep(self, path: Path, drawn: BinaryIO) -> None:
        temporary = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".drawing-")
            with os.fdopen(handle, "wb") as file:
                shutil.copyfileobj(drawn, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError:
            # No space, or a read-only directory: the caller has its copy, and the next one draws again.
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)


@contextmanager
def turn_of(path: Path) -> Iterator[None]:
    """A block in which this file is drawn apart, by nobody else and beside few others.

    :raises DrawingBusy:
    """

    def free() -> bool:
        return path not in _drawn_apart and len(_drawn_apart) < APART

    with _apart:
        if not free():
            if len(_waiting) >= WAITING:
                raise DrawingBusy
            _waiting.append(path)
            try:
                if not _apart.wait_for(free, WAIT_SECONDS):
                    raise DrawingBusy
            finally:
                _waiting.remove(path)
        _drawn_apart.add(path)
    try:
        yield
    finally:
        with _apart:
            _drawn_apart.discard(path)
            _apart.notify_all()
