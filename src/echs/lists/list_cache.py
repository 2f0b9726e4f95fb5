"""Lists as they are given out: drawn once a generation, kept as files, sent many times.

The rows in the store are the truth; the files are a cache, which may be deleted at any time. A file belongs to one
generation of one owner's list, by the version token that no other generation ever has, and is never changed: a
download opens the files of the generations that it began with, and so ends with them, whatever is replaced or deleted
meanwhile.

What is not there yet is drawn by the first download that wants it. A thread does that from one snapshot of the store,
as fast as the store gives, and the reader follows at its own pace; it gets the first bytes while the last rows are
still being read. No transaction waits for a reader.
"""

import os
import tempfile
import threading
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection

from echs.base import request_gate
from echs.base.database import Database
from echs.base.gzip_concat import Crc, deflating
from echs.base.prefetch_buffer import PrefetchBuffer
from echs.base.response_stream import ByteRange, CachedPart, OpenPart, ResponseStream, pieces
from echs.lists.keyed_list import KeyedList
from echs.lists.list_format import ListFormat, ListOwner, translated
from echs.lists.list_writer import ListState
from echs.lists.published_list import PublishedList
from echs.lists.withheld import Withheld

# At the end of a file: CRC-32 of the text, where it is deflated; length of the text; length of what goes out.
END_BYTES = 24
DRAWING_WAIT_SECONDS = 10
# Of more lists than these no file stays open beside the others.
OPEN_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class RecordTemplate:
    """How a protocol renders records: its name, the template of one record, and what makes bytes of some payloads."""

    name: str
    template: str
    render: Callable[[Sequence[str]], bytes]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A template, the format of what it renders, and those of all protocols, for what came by another."""

    template: RecordTemplate
    form: ListFormat
    formats: Mapping[str, ListFormat]

    @property
    def name(self) -> str:
        """Tells its files from others: what is drawn in another form is another file, also where a later release
        changes the form.
        """
        return f"{self.template.name}.{zlib.crc32(self.template.template.encode()):08x}"

    def render(self, protocol: str, payloads: Sequence[str], owner: ListOwner) -> bytes:
        """Bytes of payloads of this protocol and owner; what cannot be said is left out."""
        if protocol != self.form.protocol:
            said = translated(self.formats[protocol], self.form, payloads, owner)
            payloads = [payload for payload in said if not isinstance(payload, Withheld)]
        return self.template.render(payloads) if payloads else b""


class ListCache:
    """The directory with the files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        # Whoever comes while a list is being drawn waits, and then finds it.
        self._drawing = threading.Lock()

    def records(
        self, database: Database, published: PublishedList, reader_id: int, form: Drawing, *, deflated: bool
    ) -> ResponseStream:
        """The lists that a reader sees, drawn in this form.

        :raises Refused: STORE_UNAVAILABLE
        """
        states = published.keyed.states_of_rows(
            database, database.fetch_all(published.states_for_reader, reader_id=reader_id)
        )
        parts = self._stored_parts(published.keyed, states, form, deflated)
        if parts is not None:
            return ResponseStream(parts, deflated=deflated, stored=True)
        return ResponseStream(
            PrefetchBuffer(self._items(database, published, reader_id, form, deflated)), deflated=deflated
        )

    def _stored_parts(
        self, lists: KeyedList, states: Sequence[ListState], form: Drawing, deflated: bool
    ) -> list[CachedPart] | None:
        """All of them, or None where one is missing."""
        if len(states) > OPEN_AT_ONCE:
            with suppress(OSError):  # no room to gather them: open them all
                return self._gathered(lists, states, form, deflated)
        parts: list[CachedPart] = []
        for state in states:
            part = self._stored(lists, state, form, deflated)
            if part is None:
                for each in parts:
                    each.close()
                return None
            parts.append(part)
        return parts

    def _gathered(
        self, lists: KeyedList, states: Sequence[ListState], form: Drawing, deflated: bool
    ) -> list[CachedPart] | None:
        """The same in one file, each opened after the other: a thousand partners would take all the files that a
        process may have open.
        """
        file = tempfile.TemporaryFile()  # noqa: SIM115 - who reads it closes it
        length, sums = 0, Crc()
        try:
            for state in states:
                part = self._stored(lists, state, form, deflated)
                if part is None:
                    file.close()
                    return None
                for piece in pieces(part):
                    file.write(piece)
                length += part.length
                sums += part.sum
            file.flush()
        except BaseException:
            file.close()
            raise
        return [CachedPart(file, length, sums)]

    def _items(
        self, database: Database, published: PublishedList, reader_id: int, form: Drawing, deflated: bool
    ) -> Iterator[Any]:
        """What a `PrefetchBuffer` hands on: parts that are there, and parts that are drawn now."""
        request_gate.release()
        alone = self._drawing.acquire(timeout=DRAWING_WAIT_SECONDS)
        try:
            with database.read() as snapshot:
                states = published.keyed.present(snapshot, published.seen_by(reader_id))
                for state in states:
                    stored = self._stored(published.keyed, state, form, deflated)
                    if stored is not None and len(states) > OPEN_AT_ONCE:
                        yield from pieces(stored)
                        yield stored.sum
                        continue
                    if stored is not None:
                        yield stored
                        continue
                    drawn = self._drawn(database, snapshot, published.keyed, state, form, deflated)
                    kept = tee_to_file(self._path(published.keyed, state, form, deflated), drawn)
                    yield from read_at_once(kept) if len(states) > OPEN_AT_ONCE else kept
        finally:
            if alone:
                self._drawing.release()

    def _drawn(
        self,
        database: Database,
        snapshot: Connection,
        lists: KeyedList,
        state: ListState,
        form: Drawing,
        deflated: bool,
    ) -> Iterator[bytes | Crc]:
        """One list, as it goes out, from the store or from its other file; then the sum of its text."""
        plain = self._stored(lists, state, form, False) if deflated else None
        texts = pieces(plain) if plain is not None else drawn_batches(database, snapshot, lists, state, form)
        if not deflated:
            length = 0
            for text in texts:
                length += len(text)
                yield text
            yield Crc(0, length)  # nobody asks for the sum of what is not deflated
            return
        yield from deflating(texts)

    def _path(self, lists: KeyedList, state: ListState, form: Drawing, deflated: bool) -> Path:
        kind = "deflate" if deflated else "text"
        owner = zlib.crc32(" ".join(state.owner).encode())
        version = f"{state.generation}.{state.version_token}.{owner:08x}"
        return self.directory / f"{lists.heads.name}-{form.name}-{state.owner_id}-{version}-{kind}"

    def _stored(self, lists: KeyedList, state: ListState, form: Drawing, deflated: bool) -> CachedPart | None:
        """The part if it is there, and whole."""
        try:
            file = self._path(lists, state, form, deflated).open("rb", buffering=0)
        except OSError:
            return None
        length = os.fstat(file.fileno()).st_size - END_BYTES
        end = os.pread(file.fileno(), END_BYTES, max(length, 0))
        crc, of_text, of_file = (int.from_bytes(end[start : start + 8], "little") for start in range(0, END_BYTES, 8))
        if length < 0 or length != of_file:
            file.close()
            return None
        return CachedPart(file, length, Crc(crc, of_text))


def drawn_batches(
    database: Database, snapshot: Connection, lists: KeyedList, state: ListState, form: Drawing
) -> Iterator[bytes]:
    """One list as text, batch by batch."""
    for protocol, payloads in lists.batches(database, snapshot, state):
        yield form.render(protocol, payloads, state.owner)


def tee_to_file(path: Path, drawn: Iterator[bytes | Crc]) -> Iterator[Any]:
    """Hand on, and keep in a file, which is then what is handed on. Where there is no room, nothing is kept."""
    file, place = AtomicFile(path), 0
    try:
        if file.reader is not None:
            yield OpenPart(file.reader)
        for item in drawn:
            if isinstance(item, Crc):
                yield item
                numbers = (item.crc, item.length, place)
                if file.write(b"".join(number.to_bytes(8, "little") for number in numbers)):
                    file.finish()
            elif item:
                yield ByteRange(place, len(item)) if file.write(item) else item
                place += len(item)
    finally:
        file.abandon()


def read_at_once(items: Iterator[Any]) -> Iterator[Any]:
    """What `keeping` hands on, with the bytes themselves in the place of where they are: no file stays open for a
    reader who is not there yet.
    """
    begun = None
    try:
        for item in items:
            if isinstance(item, OpenPart):
                begun = item
            elif isinstance(item, ByteRange) and begun is not None:
                yield os.pread(begun.file.fileno(), item.length, item.start)
            else:
                yield item
    finally:
        if begun is not None:
            begun.close()


class AtomicFile:
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
            lead, version, _ = self._path.name.rsplit("-", 2)
            for other in self._path.parent.iterdir():
                if other.name.lstrip(".").startswith(f"{lead}-") and version not in other.name:
                    other.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Close it, and delete it where it has no name yet."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        with suppress(OSError):
            self._aside.unlink(missing_ok=True)
