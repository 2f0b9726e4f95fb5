"""Reading a SOAP envelope as a stream: bytes of a body are fed to an `EnvelopeParser`, the head comes first, then the
children of the request one at a time.

A bulk request is read by two: the parser reads up to the end of a record, a `RecordFastPath` takes the regular records
that follow, and the parser goes on behind them. `echs.protocols.soap.record_fast_path` says why that is right.

The reader ends, that is: its iterator is exhausted, only when the whole document has been seen and was well-formed.
Whoever acts on the records after that acts on a complete document.
"""

from collections import deque
from collections.abc import Collection, Generator, Iterator
from typing import TypeVar

from echs.base import deadline
from echs.base.errors import Problem, Refused
from echs.base.fields import UploadReason
from echs.base.upload_validation import NOTHING_STORED, RecordBatch
from echs.protocols.soap.charset import Decoded
from echs.protocols.soap.element import Element, TreeLimits
from echs.protocols.soap.envelope_parser import (
    DEFAULT_MARKUP,
    Child,
    EnvelopeParser,
    Head,
    MarkupLimits,
    State,
    end_of_child,
)
from echs.protocols.soap.faults import SoapFault
from echs.protocols.soap.record_fast_path import RecordFastPath, RecordShape
from echs.protocols.soap.record_skeletons import SkeletonPath, TreeShape
from echs.protocols.soap.request_body import CHUNK_BYTES, RequestBody
from echs.protocols.soap.versions import SOAP_12, SoapVersion

BULK_CHUNK_BYTES = 256 * 1024
# Of a record whose end has not come yet, so much is kept from the parser in the hope that it is a regular one.
BEGUN_BYTES = 32 * 1024
HEAD_BYTES = 64 * 1024
# Where no record belongs, bytes are read and parsed in small pieces, so that it ends soon after what ends it.
FEW_CHUNK_BYTES = 16 * 1024
FEW_FEED_BYTES = 1024
PREFIXES = 4

Item = TypeVar("Item")


class EnvelopeReader:
    """Reads one envelope. Call `read_head` first, then iterate over `children` once.

    ``version`` is what the media type says: that of the head until the envelope says which it is. ``charset`` is what
    the media type says of the encoding, if it does; see `echs.protocols.soap.charset`. ``secret`` are the local names
    of elements, in lower case, of which an error shows no bytes; None where every element is one. ``trees`` are the
    limits of each child of the request where these are read as trees, by `trees` and not by `children` or `records`.
    """

    def __init__(
        self,
        source: RequestBody,
        version: SoapVersion | None,
        charset: str | None,
        markup: MarkupLimits = DEFAULT_MARKUP,
        secret: Collection[str] | None = None,
        trees: TreeLimits | None = None,
    ) -> None:
        self.source = source
        self._version, self._markup, self._secret, self._tree_limits = version, markup, secret, trees
        self._decoded = Decoded(source.chunk, charset)
        # The encoding is known when the first bytes are.
        self._opened: EnvelopeParser | None = None
        self._unread = Head(version or SOAP_12)
        # What was read and not yet parsed, and whether the parser has been told of the end.
        self._pending = b""
        self._finished = False
        self._tags: dict[bytes, str] | None = None

    @property
    def _parser(self) -> EnvelopeParser:
        if self._opened is None:
            encoding, shows_bytes = self._decoded.encoding, not self._decoded.utf16
            self._opened = EnvelopeParser(
                self._version, encoding, self._markup, self._secret, self._tree_limits, shows_bytes=shows_bytes
            )
        return self._opened

    # ------------------------------------------------------------------ what the caller uses

    @property
    def head(self) -> Head:
        """What is known of the envelope so far."""
        return self._unread if self._opened is None else self._opened.head

    @property
    def records_read(self) -> int:
        """How many records of the request were read so far."""
        return 0 if self._opened is None else self._opened.records

    @property
    def few_markup(self) -> int:
        """How many elements and declarations of namespaces were read where no record belongs."""
        return 0 if self._opened is None else self._opened.few_markup

    def read_head(self) -> Head:
        """Read up to the request element.

        :raises SoapFault: no envelope of ours, or a head that is too large
        """
        while not self._head_read:
            if self.source.count > HEAD_BYTES:
                raise SoapFault("HeadTooLarge", f"no request within the first {HEAD_BYTES} bytes")
            # At the end expat may still hold back some, and then there is a request after all.
            if not self._feed(few=True) and not self._head_read:
                raise SoapFault("EmptyBody", "the SOAP body is empty; it must hold one request")
        return self.head

    @property
    def begun(self) -> bool:
        """Whether a SOAP envelope has begun."""
        return self._opened is not None and self._opened.begun

    @property
    def misread(self) -> bool:
        """Whether the body, as far as it was read, says that it is UTF-8 and was read as windows-1252."""
        return self._decoded.misread

    def children(self, *, few: bool = False) -> Iterator[Child]:
        """The children of the request element, in order, up to the end of the document.

        ``few`` is for a request without records: it is read in small pieces, so that whoever stops early has not paid
        for the rest, and may have little markup.

        :raises SoapFault: not well-formed, or not a SOAP envelope after all
        :raises Refused: UPLOAD_TOO_LARGE
        """
        return self._read_all(self._parser.children, few=few)

    def trees(self, *, few: bool = False) -> Iterator[Element]:
        """The children of the request element as trees, with attributes and whatever is nested in them, in order;
        ``few`` as for `children`.

        :raises SoapFault: not well-formed, not a SOAP envelope after all, or a child over its limits
        :raises Refused: UPLOAD_TOO_LARGE
        """
        return self._read_all(self._parser.trees, few=few)

    def records(self, shape: RecordShape) -> Iterator[Child | RecordBatch]:
        """As `children`, with the regular records of this shape in runs.

        :raises SoapFault: not well-formed, or not a SOAP envelope after all
        :raises Refused: UPLOAD_TOO_LARGE
        """
        return self._with_runs(self._parser.children, shape)

    def tree_records(self, shape: RecordShape | TreeShape) -> Iterator[Element | RecordBatch]:
        """As `trees`, with the regular records of this shape in runs.

        :raises SoapFault: not well-formed, not a SOAP envelope after all, or a child over its limits
        :raises Refused: UPLOAD_TOO_LARGE
        """
        return self._with_runs(self._parser.trees, shape)

    def close(self) -> None:
        """Read no more."""
        if self._opened is not None:
            self._opened.close()

    # ------------------------------------------------------------------ feeding the parser

    @property
    def _head_read(self) -> bool:
        return self._opened is not None and self._opened.head_read

    def _read_all(self, ready: deque[Item], *, few: bool) -> Iterator[Item]:
        self._parser.few = few
        yield from drained(ready)
        while self._feed(few=few):
            yield from drained(ready)
        yield from drained(ready)

    def _feed(self, *, few: bool) -> bool:
        """Feed one piece; False when that was the end."""
        if self._finished:
            return False
        data = self._next(FEW_CHUNK_BYTES if few else CHUNK_BYTES)
        if not data:
            self._finish()
            return False
        piece = FEW_FEED_BYTES if few else len(data)
        self._pending = data[piece:]
        self._parser.feed(data[:piece])
        return True

    def _next(self, size: int) -> bytes:
        """The next bytes of the body.

        :raises Refused: UPLOAD_TOO_LARGE; before the request element it is a fault; DEADLINE_EXCEEDED
        """
        if self._head_read:
            deadline.check()
        if self._pending:
            data, self._pending = self._pending, b""
            return data
        data = self._decoded.chunk(size)
        if self.source.over:
            inflated = " when inflated" if self.source.compressed else ""
            detail = f"the body is larger than the {self.source.limit} bytes that are allowed{inflated}"
            if self._head_read:
                raise Refused([Problem(UploadReason.UPLOAD_TOO_LARGE, detail)], effect=NOTHING_STORED)
            raise SoapFault("BodyTooLarge", detail)
        return data

    def _finish(self) -> None:
        """Tell the parser that this was all."""
        if not self._finished:
            self._finished = True
            self._parser.finish()

    # ------------------------------------------------------------------ runs of regular records

    def _with_runs(self, ready: deque[Item], shape: RecordShape | TreeShape) -> Iterator[Item | RecordBatch]:
        parser = self._parser
        parser.few = False
        yield from drained(ready)
        begun = b""
        while data := self._next(BULK_CHUNK_BYTES):
            begun = yield from self._by_fast_path(begun + data, ready, shape)
        parser.feed(begun)
        self._finish()
        yield from drained(ready)

    def _by_fast_path(
        self, data: bytes, ready: deque[Item], shape: RecordShape | TreeShape
    ) -> Generator[Item | RecordBatch, None, bytes]:
        """Read a chunk that follows what the parser was given; the generator's value is what it keeps for the next one.

        Where the parser does not end a record where one seems to end, the whole rest of the chunk goes to it: what is
        hostile there, such as a comment full of end tags, is given to it in few pieces.
        """
        parser = self._parser
        found = self._in_step(shape)
        if found is None:
            cut = end_of_child(data, self._end_tags(shape))
            yield from self._parsed(data[:cut], ready)
            found = self._in_step(shape)
            if found is None:
                yield from self._parsed(data[cut:], ready)
                return b""
            data = data[cut:]
        tag = found.end_tag.encode()
        cut = data.rfind(tag) + len(tag) if tag in data else 0
        try:
            text = data[:cut].decode()
        except UnicodeDecodeError:
            yield from self._parsed(data, ready)  # which says where
            return b""
        every = found.all(text)
        at = 0
        while True:
            rows, at = found.some(text, at) if every is None else (every, len(text))
            if rows:
                parser.skip(len(rows))
                yield RecordBatch(rows)
            if at == len(text):
                break
            end = text.index(found.end_tag, at) + len(tag)
            yield from self._parsed(text[at:end].encode(), ready)
            at = end
            if self._in_step(shape) is not found:
                yield from self._parsed(text[at:].encode() + data[cut:], ready)
                return b""
        if len(data) - cut > BEGUN_BYTES:
            yield from self._parsed(data[cut:], ready)
            return b""
        return data[cut:]

    def _parsed(self, data: bytes, ready: deque[Item]) -> Iterator[Item]:
        """What ended in these bytes."""
        self._parser.feed(data)
        yield from drained(ready)

    def _end_tags(self, shape: RecordShape | TreeShape) -> dict[bytes, str]:
        """How a record of this shape may end here, with the prefix: one for each that is bound to its namespace."""
        if not self._decoded.utf8:
            return {}
        if self._tags is None:  # what is bound between records does not change any more
            bound = self._parser.bound.items()
            prefixes = [prefix for prefix, namespaces in bound if namespaces[-1:] == [shape.namespace]]
            few = prefixes if len(prefixes) <= PREFIXES else []
            self._tags = {shape.end_tag(prefix).encode(): prefix for prefix in few if prefix.isascii()}
        return self._tags

    def _in_step(self, shape: RecordShape | TreeShape) -> RecordFastPath | SkeletonPath | None:
        """The fast path that may go on: where the last byte that was parsed was the last one of a record's end tag."""
        parser = self._parser
        if parser.state is not State.REQUEST or parser.name != shape.name or parser.child_end < 0:
            return None
        length = parser.fed - parser.child_end
        for tag, prefix in self._end_tags(shape).items():
            if len(tag) == length and parser.last_fed.endswith(tag):
                return shape.fast_path(prefix)
        return None


def drained(ready: deque[Item]) -> Iterator[Item]:
    """What was read to its end meanwhile."""
    while ready:
        yield ready.popleft()
