"""Rows put aside between reading an upload and storing it: in memory while they are few, then in a temporary file."""

import marshal
import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

Row = tuple[str, ...]

# Some 30 MB of a roaming list; in the file a row takes a quarter of that.
ROWS_IN_MEMORY = 60_000
SIZE_BYTES = 4


class Spool:
    """Blocks of rows in the order in which they were put in, each with a number of the caller's; read any number of
    times. The file has no name, and is gone when the spool is closed.
    """

    def __init__(self) -> None:
        self._blocks: list[tuple[int, Sequence[Row]]] = []
        self._room = ROWS_IN_MEMORY
        self._file: Any = None

    def add(self, number: int, rows: Sequence[Row]) -> None:
        """Put a block in.

        :raises OSError: there is no space left
        """
        if len(rows) <= self._room:
            self._room -= len(rows)
            self._blocks.append((number, rows))
            return
        self._room = 0
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        data = marshal.dumps((number, list(rows)))
        self._file.write(len(data).to_bytes(SIZE_BYTES, "little"))
        self._file.write(data)

    def __iter__(self) -> Iterator[tuple[int, Sequence[Row]]]:
        yield from self._blocks
        if self._file is None:
            return
        self._file.seek(0)
        while size := self._file.read(SIZE_BYTES):
            yield marshal.loads(self._file.read(int.from_bytes(size, "little")))  # noqa: S302 - our own bytes

    def close(self) -> None:
        """Let go of everything."""
        self._blocks.clear()
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
