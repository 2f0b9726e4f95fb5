"""Where drawn statements are kept. A cache: every file on it can be drawn again, and may be deleted at any time."""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# One statement at a time in a process: drawing is work, and the library that draws has state that all drawings share.
_drawing = threading.Lock()


@dataclass(frozen=True)
class Shelf:
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
