"""Lists as they are given out: drawn once a generation, kept as files, sent many times.

The rows in the store are the truth; the files are a cache, which may be deleted at any time. A file belongs to one
generation of one owner's list, by the mark that no other generation ever has, and is never changed: a download opens
the files of the generations that it began with, and so ends with them, whatever is replaced or deleted meanwhile.

What is not there yet is drawn by the first download that wants it. A thread does that from one snapshot of the store,
as fast as the store gives, and the reader follows at its own pace; it gets the first bytes while the last rows are
still being read. No transaction waits for a reader.
"""

import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import ColumnElement, Connection

from echs.base import turn
from echs.base.database import Database, Question
from echs.base.gzip_parts import Deflater, Sum
from echs.base.relay import Relay
from echs.base.replaced_list import ListState, ReplacedList

READ_BYTES = 256 * 1024
SUM_BYTES = 12
DRAWING_WAIT_SECONDS = 10


@dataclass(frozen=True)
class Published:
    """The lists of one kind that are given out: of those owners whose id fulfils ``of``."""

    lists: ReplacedList[Any]
    of: Callable[[Any], ColumnElement[bool]]

    @cached_property
    def asking(self) -> Question:
        """How they stand, as a question."""
        return self.lists.asking(self.of)


@dataclass(frozen=True, slots=True)
class Form:
    """How a protocol draws a record: its name, the text with ``%s`` for each field in their order, and what makes bytes
    of a batch of records that were put into it."""

    name: str
    template: str
    finish: Callable[[Sequence[str]], bytes]


@dataclass(frozen=True, slots=True)
class Stored:
    """A part that is there whole: as it goes out, how many bytes of the file that is, and the sum of its text; the sum
    is known only of a deflated part, where it is needed."""

    file: BinaryIO
    length: int
    sum: Sum

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


@dataclass(frozen=True, slots=True)
class Begun:
    """A part that is being written. What follows, as ranges, is what of it can be read now."""

    file: BinaryIO

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the part that was begun."""

    start: int
    length: int


class Records:
    """The records of an answer: iterate over the bytes once, then close it.

    ``length`` is how many bytes there will be, None where nobody knows yet. Where they are ``deflated``, ``sum`` is
    that of their text: known at once where the length is, and otherwise at the end.
    """

    def __init__(self, items: Iterable[Any], *, deflated: bool = False, stored: bool = False) -> None:
        self._items = items
        self.deflated = deflated
        self.length: int | None = None
        self.sum = Sum()
        self._counts = True
        if stored and isinstance(items, list):
            self.length = sum(part.length for part in items)
            for part in items:
                self.sum += part.sum
            self._counts = False

    def __iter__(self) -> Iterator[bytes]:
        begun = None
        try:
            for item in self._items:
                match item:
                    case bytes():
                        yield item
                    case Stored():
                        yield from pieces(item)
                        self._add(item.sum)
                    case Begun():
                        begun = item
                    case Piece(start, length) if begun is not None:
                        yield os.pread(begun.file.fileno(), length, start)
                    case Sum():
                        self._add(item)
                        if begun is not None:
                            begun.close()
                            begun = None
                    case _:
                        raise AssertionError(f"{type(item).__name__} out of place")
        finally:
            if begun is not None:
                begun.close()

    def _add(self, part: Sum) -> None:
        if self._counts:
            self.sum += part

    def close(self) -> None:
        """Let go of everything."""
        if isinstance(self._items, Relay):
            self._items.close()
        elif isinstance(self._items, list):
            for item in self._items:
                item.close()


def pieces(part: Stored) -> Iterator[bytes]:
    """The bytes of a stored part."""
    place, descriptor = 0, part.file.fileno()
    turn.stand_aside()  # the reader may be slow
    try:
        while place < part.length and (data := os.pread(descriptor, min(READ_BYTES, part.length - place), place)):
            yield data
            place += len(data)
    finally:
        part.close()


class DrawnLists:
    """The directory with the files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        # Whoever comes while a list is being drawn waits, and then finds it.
        self._drawing = threading.Lock()

    def records(self, database: Database, published: Published, form: Form, *, deflated: bool) -> Records:
        """The lists, drawn in this form.

        :raises Refused: STORE_UNAVAILABLE
        """
        states = published.lists.answered(database, database.ask(published.asking))
        parts = self._stored_parts(published.lists, states, form, deflated)
        if parts is not None:
            return Records(parts, deflated=deflated, stored=True)
        return Records(Relay(self._items(database, published, form, deflated)), deflated=deflated)

    def _stored_parts(
        self, lists: ReplacedList[Any], states: Sequence[ListState], form: Form, deflated: bool
    ) -> list[Stored] | None:
        """All of them, or None where one is missing."""
        parts: list[Stored] = []
        for state in states:
            part = self._stored(lists, state, form, deflated)
            if part is None:
                for each in parts:
                    each.close()
                return None
            parts.append(part)
        return parts

    def _items(self, database: Database, published: Published, form: Form, deflated: bool) -> Iterator[Any]:
        """What a `Relay` hands on: parts that are there, and parts that are drawn now."""
        alone = self._drawing.acquire(timeout=DRAWING_WAIT_SECONDS)
        try:
            with database.read() as snapshot:
                for state in published.lists.present(snapshot, published.of):
                    stored = self._stored(published.lists, state, form, deflated)
                    if stored is not None:
                        yield stored
                        continue
                    drawn = self._drawn(snapshot, published.lists, state, form, deflated)
                    yield from self._keeping(self._path(published.lists, state, form, deflated), drawn, deflated)
        finally:
            if alone:
                self._drawing.release()

    def _drawn(
        self, snapshot: Connection, lists: ReplacedList[Any], state: ListState, form: Form, deflated: bool
    ) -> Iterator[bytes | Sum]:
        """One list, as it goes out, from the store or from its other file; then the sum of its text."""
        plain = self._stored(lists, state, form, False) if deflated else None
        texts = pieces(plain) if plain is not None else map(form.finish, lists.put_into(snapshot, state, form.template))
        if not deflated:
            yield from texts
            yield Sum()
            return
        deflater = Deflater()
        for text in texts:
            yield deflater.piece(text)
        yield deflater.end()
        yield deflater.sum

    def _keeping(self, path: Path, drawn: Iterator[bytes | Sum], deflated: bool) -> Iterator[Any]:
        """Hand on, and keep in a file, which is then what is handed on. Where there is no room, nothing is kept."""
        file, place = Unfinished(path), 0
        try:
            if file.reader is not None:
                yield Begun(file.reader)
            for item in drawn:
                if isinstance(item, Sum):
                    yield item
                    if not deflated or file.write(sum_bytes(item)):
                        file.finish()
                elif item:
                    yield Piece(place, len(item)) if file.write(item) else item
                    place += len(item)
        finally:
            file.abandon()

    def _path(self, lists: ReplacedList[Any], state: ListState, form: Form, deflated: bool) -> Path:
        what = f"{lists.heads.name}-{form.name}-{'deflate' if deflated else 'text'}"
        return self.directory / f"{what}-{state.owner_id}-{state.generation}.{state.mark}"

    def _stored(self, lists: ReplacedList[Any], state: ListState, form: Form, deflated: bool) -> Stored | None:
        """The part if it is there."""
        try:
            file = self._path(lists, state, form, deflated).open("rb", buffering=0)
        except OSError:
            return None
        length = os.fstat(file.fileno()).st_size
        if not deflated:
            return Stored(file, length, Sum())
        length -= SUM_BYTES
        data = os.pread(file.fileno(), SUM_BYTES, max(length, 0))
        return Stored(file, length, Sum(int.from_bytes(data[:4], "little"), int.from_bytes(data[4:], "little")))


def sum_bytes(total: Sum) -> bytes:
    """A sum as it stands at the end of the file of a deflated part."""
    return total.crc.to_bytes(4, "little") + total.length.to_bytes(SUM_BYTES - 4, "little")


class Unfinished:
    """A file that gets its name when it is whole. Where it cannot be made or written, nothing comes of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._aside = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
        self._writer: BinaryIO | None = None
        self.reader: BinaryIO | None = None
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._writer = os.fdopen(descriptor, "wb", buffering=0)
            self.reader = self._aside.open("rb", buffering=0)
        if self.reader is None:
            self.abandon()

    def write(self, data: bytes) -> bool:
        """Append; False where that failed, now or before."""
        if self._writer is None:
            return False
        try:
            if self._writer.write(data) == len(data):
                return True
        except OSError:
            pass
        self.abandon()
        return False

    def finish(self) -> None:
        """Give it its name, once it is safely on the disk, and delete what the same list had before."""
        if self._writer is None:
            return
        with suppress(OSError):
            os.fsync(self._writer.fileno())
            os.replace(self._aside, self._path)
            lead, _, mark = self._path.name.rpartition("-")
            for other in self._path.parent.iterdir():
                if other.name.lstrip(".").startswith(f"{lead}-") and mark not in other.name:
                    other.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Close it, and delete it where it has no name yet."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        with suppress(OSError):
            self._aside.unlink(missing_ok=True)
