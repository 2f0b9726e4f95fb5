"""The records of an answer on their way out: bytes from memory, from files, from a list that is being drawn."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from echs.base import request_gate
from echs.base.gzip_concat import Crc
from echs.base.prefetch_buffer import PrefetchBuffer

READ_BYTES = 256 * 1024
MEMORY_BYTES = 1024 * 1024
# So much is made before the first byte of an answer goes out, whatever it is in the end: some 45,000 CDRs.
SPOOL_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CachedPart:
    """A part that is there whole: as it goes out, how many bytes of the file that is, and the sum of its text; the sum
    is known only of a deflated part, where it is needed."""

    file: BinaryIO
    length: int
    sum: Crc

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


@dataclass(frozen=True, slots=True)
class OpenPart:
    """A part that is being written. What follows, as ranges, is what of it can be read now."""

    file: BinaryIO

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A piece of the part that was begun."""

    start: int
    length: int


class ResponseStream:
    """The records of an answer: iterate over the bytes once, then close it.

    ``length`` is how many bytes there will be, None where nobody knows yet. Where they are ``deflated``, ``sum`` is
    that of their text: known at once where the length is, and otherwise at the end.
    """

    def __init__(self, items: Iterable[Any], *, deflated: bool = False, stored: bool = False) -> None:
        self._items = items
        self.deflated = deflated
        self.length: int | None = None
        self.sum = Crc()
        self._counts = True
        if stored and isinstance(items, list):
            self.length = sum(len(part) if isinstance(part, bytes) else part.length for part in items)
            for part in items:
                if isinstance(part, CachedPart):
                    self.sum += part.sum
            self._counts = False

    def __iter__(self) -> Iterator[bytes]:
        begun = None
        try:
            for item in self._items:
                match item:
                    case bytes():
                        yield item
                    case CachedPart():
                        yield from pieces(item)
                        self._add(item.sum)
                    case OpenPart():
                        begun = item
                    case ByteRange(start, length) if begun is not None:
                        yield os.pread(begun.file.fileno(), length, start)
                    case Crc():
                        self._add(item)
                        if begun is not None:
                            begun.close()
                            begun = None
                    case _:
                        raise AssertionError(f"{type(item).__name__} out of place")
        finally:
            if begun is not None:
                begun.close()

    def _add(self, part: Crc) -> None:
        if self._counts:
            self.sum += part

    def close(self) -> None:
        """Let go of everything."""
        if isinstance(self._items, PrefetchBuffer):
            self._items.close()
        elif isinstance(self._items, list):
            for item in self._items:
                if isinstance(item, CachedPart):
                    item.close()


def pieces(part: CachedPart) -> Iterator[bytes]:
    """The bytes of a stored part."""
    place, descriptor = 0, part.file.fileno()
    request_gate.release()  # the reader may be slow
    try:
        while place < part.length and (data := os.pread(descriptor, min(READ_BYTES, part.length - place), place)):
            yield data
            place += len(data)
    finally:
        part.close()


def collected(texts: Iterable[bytes], done: Callable[[], None] = lambda: None) -> ResponseStream:
    """Records that are all there before the first goes out, so that whatever fails is still answered; of very many the
    first `SPOOL_BYTES`, so that who waits gets a first byte soon. The rest is made while it is read. ``done`` is called
    when the last of them was made; what it raises fails as what makes them does.

    :raises OSError: there is no space left
    """
    held: list[bytes] = []
    file: Any = None
    size = 0
    made, whole = followed_by(texts, done), True
    try:
        for text in made:
            size += len(text)
            if file is None and size > MEMORY_BYTES:
                file = tempfile.TemporaryFile()  # noqa: SIM115 - who reads it closes it
                file.write(b"".join(held))
            if file is None:
                held.append(text)
            else:
                file.write(text)
            if size > SPOOL_BYTES:
                whole = False
                break
        if file is None:
            return ResponseStream([b"".join(held)], stored=True)
        file.flush()
        first = CachedPart(file, size, Crc())
        if whole:
            return ResponseStream([first], stored=True)
        return ResponseStream(PrefetchBuffer(after(first, made), to_the_end=False))
    except BaseException:
        if file is not None:
            file.close()
        raise


def followed_by(texts: Iterable[bytes], done: Callable[[], None]) -> Iterator[bytes]:
    """All of them, then this."""
    yield from texts
    done()


def after(first: CachedPart, rest: Iterator[bytes]) -> Iterator[Any]:
    """What is there already, and what follows it."""
    yield first
    yield from rest
