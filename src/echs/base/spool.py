"""Items put aside between reading an upload and storing it: in memory while they are small, then in a file."""

import marshal
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from types import TracebackType
from typing import Any, Generic, TypeVar

Row = tuple[str, ...]
Item = TypeVar("Item")

# What the items of one upload may take in memory; a character beyond Latin makes a text four times as large.
MEMORY_BYTES = 24 * 1024 * 1024
SIZE_BYTES = 4


def row_bytes(rows: Sequence[Row]) -> int:
    """What rows of texts take in memory, in bytes."""
    return sum(map(sys.getsizeof, chain(rows, chain.from_iterable(rows))))


@dataclass(frozen=True, slots=True)
class Codec(Generic[Item]):
    """How items are kept: ``size`` is what some take in memory, in bytes; ``encode`` makes of some what `marshal`
    knows, for the file, and ``decode`` makes them anew.
    """

    size: Callable[[Sequence[Item]], int]
    encode: Callable[[Sequence[Item]], Any]
    decode: Callable[[Any], Sequence[Item]]


def text_bytes(texts: Sequence[str]) -> int:
    """What texts take in memory, in bytes."""
    return sum(map(sys.getsizeof, texts))


TEXTS: Codec[str] = Codec(text_bytes, list, lambda texts: texts)
ROWS: Codec[Row] = Codec(row_bytes, list, lambda rows: rows)


class Spool(Generic[Item]):
    """Blocks of items in the order in which they were put in, each with a number of the caller's; read any number of
    times, also several times at once. The file has no name, and is gone when the spool is closed.
    """

    def __init__(self, codec: Codec[Item] = ROWS) -> None:  # type: ignore[assignment]
        self._codec = codec
        self._blocks: list[tuple[int, Sequence[Item]]] = []
        self._room = MEMORY_BYTES
        self._file: Any = None
        self._end = 0

    def add(self, number: int, items: Sequence[Item]) -> None:
        """Put a block in.

        :raises OSError: there is no space left
        """
        if self._file is None:
            size = self._codec.size(items)
            if size <= self._room:
                self._room -= size
                self._blocks.append((number, items))
                return
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        data = marshal.dumps((number, self._codec.encode(items)))
        self._file.write(len(data).to_bytes(SIZE_BYTES, "little"))
        self._file.write(data)
        self._end += SIZE_BYTES + len(data)

    def __iter__(self) -> Iterator[tuple[int, Sequence[Item]]]:
        yield from self._blocks
        if self._file is None:
            return
        self._file.flush()
        descriptor, place, end = self._file.fileno(), 0, self._end
        while place < end:
            size = int.from_bytes(os.pread(descriptor, SIZE_BYTES, place), "little")
            place += SIZE_BYTES
            number, encoded = marshal.loads(os.pread(descriptor, size, place))  # noqa: S302 - our own bytes
            place += size
            yield number, self._codec.decode(encoded)

    def without(self, left_out: Set[int]) -> Iterator[tuple[Sequence[int], Sequence[Item]]]:
        """The items that are not left out, in blocks with their places, where the number of each block is the place of
        its first item.
        """
        for start, items in self:
            places = range(start, start + len(items))
            if not left_out or left_out.isdisjoint(places):
                yield places, items
            else:
                kept = [place for place in places if place not in left_out]
                yield kept, [items[place - start] for place in kept]

    def close(self) -> None:
        """Let go of everything."""
        self._blocks.clear()
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> "Spool[Item]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
