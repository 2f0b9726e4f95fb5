"""Reading a SOAP envelope as a stream: bytes in, the head first, then the children of the request one at a time.

Expat is the only judge of what is XML. Nothing is ever held but the head, one child of the request, and what one chunk
of bytes holds; every dimension has a limit. What SOAP forbids (DTD, processing instructions), what we do not read
(multi-reference encoding) and what is no envelope raises a `SoapFault`.

A bulk request is read by two: expat reads up to the end of a record, a `RecordFastPath` takes the regular records
that follow, and expat goes on behind them. `echs.protocols.soap.record_fast_path` says why that is right.

The reader ends, that is: its iterator is exhausted, only when the whole document has been seen and was well-formed.
Whoever acts on the records after that acts on a complete document.
"""

import re
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pyexpat import ErrorString, ExpatError, ParserCreate
from typing import Any, NoReturn

from echs.base import deadline
from echs.base.errors import Problem, Refused, shown
from echs.base.fields import UploadReason
from echs.base.plural import counted
from echs.base.upload_validation import NOTHING_STORED, RecordBatch
from echs.protocols.soap.charset import Decoded
from echs.protocols.soap.element import Element, TooLarge, TreeBuilder, TreeLimits
from echs.protocols.soap.faults import SoapFault
from echs.protocols.soap.record_fast_path import RecordFastPath, RecordShape, fast_path_of
from echs.protocols.soap.request_body import CHUNK_BYTES, RequestBody
from echs.protocols.soap.versions import (
    BY_NAMESPACE,
    ENCODINGS,
    ENCODINGS_READ,
    SOAP_12,
    VERSIONS,
    XSI,
    SoapVersion,
)

BULK_CHUNK_BYTES = 256 * 1024
# Of a record whose end has not come yet, so much is kept from expat in the hope that it is a regular one.
BEGUN_BYTES = 32 * 1024
HEAD_BYTES = 64 * 1024
# Expat makes whole names of every attribute of a tag before anybody can count them: a tag must not be long.
TOKEN_BYTES = 32 * 1024
FEED_BYTES = 16 * 1024
# Where no record belongs, bytes are read and parsed in small pieces, so that it ends soon after what ends it; and no
# more elements and declarations of namespaces than this are read. The largest signed header has some fifty.
FEW_CHUNK_BYTES = 16 * 1024
FEW_FEED_BYTES = 1024
FEW_MARKUP = 500
# Bytes around an error that are told; and how near a secret field may not be.
SHOWN_BYTES = 20
SECRET_DISTANCE = 64
NESTED = 1000
PREFIXES = 4
FIELDS = 64
NAMES = 1000
NAME_CHARACTERS = 256
HEADER_BLOCKS = 32
HEADER_TREE = TreeLimits(elements=1000, depth=256)
TEXT_CHARACTERS = 16 * 1024

NIL = f"{XSI} nil"
TEXT_END = re.compile(rb"[<>]")
# Expat's handlers, and which methods of the reader they are.
HANDLERS = {
    "StartElementHandler": "_start",
    "EndElementHandler": "_end",
    "CharacterDataHandler": "_characters",
    "StartNamespaceDeclHandler": "_namespace",
    "EndNamespaceDeclHandler": "_namespace_end",
    "XmlDeclHandler": "_declaration",
    "StartDoctypeDeclHandler": "_doctype",
    "ProcessingInstructionHandler": "_instruction",
}


def end_of_record(data: bytes, end_tags: Iterable[bytes]) -> int:
    """Where the first record with one of these end tags seems to end; where none does, the end of the data."""
    ends = ((data.find(tag), len(tag)) for tag in end_tags)
    return min((start + length for start, length in ends if start >= 0), default=len(data))


def split(name: str) -> tuple[str, str]:
    """(namespace, local name) of a name as expat gives it: separated by a blank, or without a namespace."""
    namespace, _, local = name.rpartition(" ")
    return namespace, local


@dataclass(frozen=True, slots=True)
class MarkupLimits:
    """How deep elements may be nested, and how many attributes, or namespaces, one may have."""

    depth: int = 32
    attributes: int = 64


@dataclass(slots=True)
class HeaderBlock:
    """A block of the SOAP header: the element with all that is in it, and whether it must be understood."""

    must_understand: bool
    element: Element

    @property
    def name(self) -> str:
        """The name of the element, as expat gives it."""
        return self.element.name

    @property
    def text(self) -> str:
        """Its own text, without white space around."""
        return self.element.text.strip()


@dataclass(slots=True)
class Head:
    """What is known when the request element begins."""

    version: SoapVersion
    blocks: list[HeaderBlock] = field(default_factory=list)
    operation: str = ""


@dataclass(slots=True)
class Child:
    """A child of the request element: a plain field with a text, or a record with fields.

    Names are as expat gives them. A field's value is None where it holds elements instead of text, or a text although
    it says that it is nil. ``text`` of a record is the first that stands between its fields, without white space. A
    child without a name is text that stands between the children themselves.
    """

    name: str
    text: str
    fields: list[tuple[str, str | None]]


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
        markup: MarkupLimits = MarkupLimits(),
        secret: Collection[str] | None = None,
        trees: TreeLimits | None = None,
    ) -> None:
        self.source = source
        self._markup = markup
        self.head = Head(version or SOAP_12)
        self._decoded = Decoded(source.chunk, charset)
        self._secret = secret
        # What was read and not yet given to expat, and whether that has been told of the end.
        self._pending = b""
        self._finished = False
        # Whether no record has begun that belongs there; elements and declarations of namespaces until then.
        self._few = True
        self.few_markup = 0
        self._head_read = False
        self._envelope_seen = False
        self._depth = 0
        self._declarations = 0
        # What each prefix is bound to, the innermost last.
        self._bound: dict[str, list[str]] = {}
        self._tags: dict[bytes, str] | None = None
        # Bytes that expat was given; where among them the tag began that ended the last record, and its name.
        self._fed = 0
        self._last_fed = b""
        self._record_end = -1
        self._records = 0
        self._skipped = False
        self._in_header = False
        # The header block, or the record read as a tree, that is being read.
        self._tree: TreeBuilder | None = None
        self._record_limits = trees
        self._must_understand = False
        self._header_seen = False
        self._body_seen = False
        self._ready: deque[Child] = deque()
        self._ready_trees: deque[Element] = deque()
        self._name = ""
        self._fields: list[tuple[str, str | None]] = []
        self._field = ""
        self._text: list[str] = []
        self._text_length = 0
        self._record_text = ""
        self._nested = False
        self._nested_elements = 0
        self._nil = False
        # Expat gives each name with its whole namespace, and keeps one copy of every name that it met in this table.
        self._names: dict[str, str] = {}
        self._parser: Any = None

    def _open_parser(self) -> None:
        parser = ParserCreate(encoding=self._decoded.encoding, namespace_separator=" ", intern=self._names)
        parser.buffer_text = True
        parser.buffer_size = CHUNK_BYTES
        for handler, method in HANDLERS.items():
            setattr(parser, handler, getattr(self, method))
        self._parser = parser

    # ------------------------------------------------------------------ what the caller uses

    @property
    def records_read(self) -> int:
        """How many records of the request were read so far."""
        return self._records

    def read_head(self) -> Head:
        """Read up to the request element.

        :raises SoapFault: no envelope of ours, or a head that is too large
        """
        while not self._head_read:
            if self.source.count > HEAD_BYTES:
                raise SoapFault("HeadTooLarge", f"no request within the first {HEAD_BYTES} bytes")
            # At the end expat may still hold back some, and then there is a request after all.
            if not self._feed() and not self._head_read:
                raise SoapFault("EmptyBody", "the SOAP body is empty; it must hold one request")
        return self.head

    @property
    def begun(self) -> bool:
        """Whether a SOAP envelope has begun."""
        return self._envelope_seen

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
        self._few = few
        yield from self._read()
        while self._feed():
            yield from self._read()
        yield from self._read()

    def trees(self) -> Iterator[Element]:
        """The children of the request element as trees, with attributes and whatever is nested in them, in order.

        :raises SoapFault: not well-formed, not a SOAP envelope after all, or a child over its limits
        :raises Refused: UPLOAD_TOO_LARGE
        """
        self._few = False
        while True:
            while self._ready_trees:
                yield self._ready_trees.popleft()
            if not self._feed():
                break
        while self._ready_trees:
            yield self._ready_trees.popleft()

    def records(self, shape: RecordShape) -> Iterator[Child | RecordBatch]:
        """As `children`, with the regular records of this shape in runs.

        :raises SoapFault: not well-formed, or not a SOAP envelope after all
        :raises Refused: UPLOAD_TOO_LARGE
        """
        self._few = False
        yield from self._read()
        begun = b""
        while data := self._next(BULK_CHUNK_BYTES):
            begun = yield from self._in_lane(begun + data, shape)
        self._parse(begun)
        self._finish()
        yield from self._read()

    def _read(self) -> Iterator[Child]:
        """What expat has read to its end meanwhile."""
        while self._ready:
            yield self._ready.popleft()

    def _in_lane(self, data: bytes, shape: RecordShape) -> Generator[Child | RecordBatch, None, bytes]:
        """Read a chunk that follows what expat was given; the generator's value is what it keeps for the next one.

        Where expat does not end a record where one seems to end, the whole rest of the chunk goes to it: what is
        hostile there, such as a comment full of end tags, is given to it in few pieces.
        """
        found = self._in_step(shape)
        if found is None:
            cut = end_of_record(data, self._end_tags(shape))
            self._parse(data[:cut])
            yield from self._read()
            found = self._in_step(shape)
            if found is None:
                self._parse(data[cut:])
                yield from self._read()
                return b""
            data = data[cut:]
        tag = found.end_tag.encode()
        cut = data.rfind(tag) + len(tag) if tag in data else 0
        try:
            text = data[:cut].decode()
        except UnicodeDecodeError:
            self._parse(data)  # which says where
            yield from self._read()
            return b""
        every = found.all(text)
        at = 0
        while True:
            rows, at = found.some(text, at) if every is None else (every, len(text))
            if rows:
                self._skipped = True
                self._records += len(rows)
                yield RecordBatch(rows)
            if at == len(text):
                break
            end = text.index(found.end_tag, at) + len(tag)
            self._parse(text[at:end].encode())
            yield from self._read()
            at = end
            if self._in_step(shape) is not found:
                self._parse(text[at:].encode() + data[cut:])
                yield from self._read()
                return b""
        if len(data) - cut > BEGUN_BYTES:
            self._parse(data[cut:])
            yield from self._read()
            return b""
        return data[cut:]

    def _end_tags(self, shape: RecordShape) -> dict[bytes, str]:
        """How a record of this shape may end here, with the prefix: one for each that is bound to its namespace."""
        if not self._decoded.utf8:
            return {}
        if self._tags is None:  # what is bound between records does not change any more
            prefixes = [prefix for prefix, bound in self._bound.items() if bound[-1:] == [shape.namespace]]
            few = prefixes if len(prefixes) <= PREFIXES else []
            self._tags = {shape.end_tag(prefix).encode(): prefix for prefix in few if prefix.isascii()}
        return self._tags

    def _in_step(self, shape: RecordShape) -> RecordFastPath | None:
        """The lane that may go on: where the last byte that expat got was the last one of a record's end tag."""
        if self._depth != 3 or self._name != shape.name or self._record_end < 0:
            return None
        length = self._fed - self._record_end
        for tag, prefix in self._end_tags(shape).items():
            if len(tag) == length and self._last_fed.endswith(tag):
                return fast_path_of(shape, prefix)
        return None

    def close(self) -> None:
        """Read no more. The parser knows the reader as the reader knows the parser: without this both would stay in
        memory until the garbage collector comes by."""
        if self._parser is not None:
            with suppress(SoapFault):
                self._parser.buffer_text = False  # gives the handler what it still has
            for handler in HANDLERS:
                setattr(self._parser, handler, None)
            self._parser = None

    # ------------------------------------------------------------------ feeding the parser

    def _feed(self) -> bool:
        """Feed one piece; False when that was the end."""
        if self._finished:
            return False
        data = self._next(FEW_CHUNK_BYTES if self._few else CHUNK_BYTES)
        if not data:
            self._finish()
            return False
        piece = FEW_FEED_BYTES if self._few else len(data)
        self._pending = data[piece:]
        self._parse(data[:piece])
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
        """Tell expat that this was all."""
        if not self._finished:
            self._finished = True
            self._parse(b"", end=True)

    def _parse(self, data: bytes, *, end: bool = False) -> None:
        """Give expat these bytes.

        :raises SoapFault: not well-formed, or one piece of markup is too large
        """
        if self._parser is None:
            self._open_parser()
        for start in range(0, len(data), FEED_BYTES) or (0,):
            self._parse_piece(data[start : start + FEED_BYTES], end)

    def _parse_piece(self, data: bytes, end: bool) -> None:
        before, self._last_fed = self._last_fed, (self._last_fed + data)[-2 * NAME_CHARACTERS :]
        self._fed += len(data)
        try:
            self._parser.Parse(data, end)
        except ExpatError as error:
            # Of lines expat knows only those that it was given.
            where = f"line {error.lineno}, column {error.offset}"
            where = f"after {counted(self._records, 'record')}" if self._skipped else f"at {where}"
            around = before + data
            at = self._parser.ErrorByteIndex - (self._fed - len(around))
            sentence = f"the body is not well-formed XML: {ErrorString(error.code)} {where}{self._shown(around, at)}"
            raise SoapFault("NotWellFormed", sentence) from None
        # Expat reads an unfinished token anew with every chunk: without a bound, one huge comment is quadratic work.
        if self._fed - self._parser.CurrentByteIndex > TOKEN_BYTES:
            raise SoapFault("TokenTooLarge", f"a piece of markup is longer than {TOKEN_BYTES} bytes")

    def _shown(self, data: bytes, at: int) -> str:
        """The bytes around a place in these, for an error: within the text or the tag where it is, and none where
        something secret may be near.
        """
        if self._decoded.utf16 or not 0 <= at < len(data):
            return ""
        near = data[max(at - SECRET_DISTANCE, 0) : at + SECRET_DISTANCE].lower()
        inside = split((self._field if self._depth > 4 else self._name) if self._depth > 3 else "")[1].lower()
        secret = self._secret
        if self._in_header or secret is None or inside in secret or any(name.encode() in near for name in secret):
            return ""
        start = max(at - SHOWN_BYTES // 2, data.rfind(b">", 0, at) + 1, data.rfind(b"<", 0, at), 0)
        after = TEXT_END.search(data, at + 1, at + SHOWN_BYTES // 2)
        found = data[start : after.start() if after else at + SHOWN_BYTES // 2]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in found)
        return f', at the bytes "{text}" ({found.hex(" ")})'

    # ------------------------------------------------------------------ handlers

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is None:
            return
        if encoding.lower() not in ENCODINGS:
            raise SoapFault("UnknownEncoding", f"the declared encoding is not one of {ENCODINGS_READ}")

    def _doctype(self, *_: Any) -> NoReturn:
        raise SoapFault("DtdForbidden", "SOAP allows no document type declaration")

    def _instruction(self, *_: Any) -> NoReturn:
        raise SoapFault("InstructionForbidden", "SOAP allows no processing instruction")

    def _namespace_end(self, prefix: str | None) -> None:
        self._bound[prefix or ""].pop()

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        self._bound.setdefault(prefix or "", []).append(uri or "")
        self._count_namespace(prefix, uri)

    def _count_namespace(self, _prefix: str | None, uri: str | None) -> None:
        self._declarations += 1
        if self._few:
            self._count_markup()
        if len(uri or "") > NAME_CHARACTERS or self._declarations > self._markup.attributes:
            most = self._markup.attributes
            sentence = f"more than {most} namespaces on one element, or one of over {NAME_CHARACTERS} characters"
            raise SoapFault("TooManyNamespaces", sentence)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._declarations = 0
        if self._few:
            self._count_markup()
        if len(name) > 2 * NAME_CHARACTERS or len(self._names) > NAMES:
            sentence = f"more than {NAMES} different names, or one of over {NAME_CHARACTERS} characters"
            raise SoapFault("TooManyNames", sentence)
        if attributes:
            self._check_attributes(attributes)
        if self._head_read:
            if self._record_limits is not None and self._depth >= 4:
                self._start_in_tree(name, attributes, self._record_limits)
            else:
                self._start_inside(name, attributes)
        elif self._depth == 1:
            self._start_envelope(name)
        elif self._depth == 2:
            self._start_part(name)
        elif self._in_header:
            self._start_header(name, attributes)
        else:
            self.head.operation = name
            self._head_read = True
            # What is bound in a record ends with it, and is of no interest; some declare sixty on each.
            self._parser.StartNamespaceDeclHandler = self._count_namespace
            self._parser.EndNamespaceDeclHandler = None

    def _count_markup(self) -> None:
        self.few_markup += 1
        if self.few_markup > FEW_MARKUP:
            sentence = f"more than {FEW_MARKUP} elements and namespaces, and no record among them"
            raise SoapFault("TooMuchMarkup", sentence)

    def _check_attributes(self, attributes: dict[str, str]) -> None:
        if len(attributes) > self._markup.attributes:
            raise SoapFault("TooManyAttributes", f"an element has more than {self._markup.attributes} attributes")
        if "href" in attributes:
            raise SoapFault("MultiReference", "multi-reference values (href, SOAP section 5 encoding) are not read")

    def _start_envelope(self, name: str) -> None:
        namespace, local = split(name)
        if local != "Envelope":
            raise SoapFault("NotAnEnvelope", "the document is not a SOAP envelope")
        known = BY_NAMESPACE.get(namespace)
        if known is None:
            wanted = " nor ".join(f"{shown(version.namespace)} ({version.name})" for version in VERSIONS)
            sentence = f"the envelope's namespace is {shown(namespace)}, and neither {wanted}"
            raise SoapFault("EnvelopeVersion", sentence)
        self.head.version = known
        self._envelope_seen = True

    def _start_part(self, name: str) -> None:
        namespace, local = split(name)
        if self._body_seen or namespace != self.head.version.namespace or local not in ("Header", "Body"):
            raise SoapFault("BadEnvelope", "an envelope holds at most one Header, then one Body, and nothing else")
        if local == "Header":
            if self._header_seen:
                raise SoapFault("BadEnvelope", "an envelope holds at most one Header")
            self._header_seen = self._in_header = True
        else:
            self._body_seen = True

    def _start_header(self, name: str, attributes: dict[str, str]) -> None:
        if self._depth > self._markup.depth:
            raise SoapFault("TooDeep", f"elements are nested deeper than {self._markup.depth}")
        if self._depth == 3:
            if len(self.head.blocks) >= HEADER_BLOCKS:
                raise SoapFault("HeadTooLarge", f"more than {HEADER_BLOCKS} header blocks")
            version = self.head.version
            self._tree = TreeBuilder(HEADER_TREE)
            flag = attributes.get(f"{version.namespace} mustUnderstand", "0").strip()
            role = attributes.get(f"{version.namespace} {version.role_attribute}", "").strip()
            self._must_understand = flag in ("1", "true") and role in version.our_roles
        self._start_in_tree(name, attributes, HEADER_TREE)

    def _start_in_tree(self, name: str, attributes: dict[str, str], limits: TreeLimits) -> None:
        if self._tree is None:
            self._keep_between()
            self._clear_text()
            self._tree = TreeBuilder(limits)
        try:
            self._tree.start(name, attributes)
        except TooLarge as error:
            raise SoapFault("TooManyFields", str(error)) from None

    def _start_inside(self, name: str, attributes: dict[str, str]) -> None:
        if self._depth == 5:
            if len(self._fields) >= FIELDS:
                raise SoapFault("TooManyFields", f"a record has more than {FIELDS} fields")
            self._keep_record_text()
            self._field = name
            self._nested = False
        elif self._depth == 4:
            self._keep_between()
            self._name = name
            self._fields = []
            self._record_text = ""
        elif self._depth == 3:
            raise SoapFault("SecondRequest", "the SOAP body holds more than one element")
        elif self._depth == 2:
            raise SoapFault("BadEnvelope", "nothing may stand after the SOAP body")
        elif self._depth > self._markup.depth:
            raise SoapFault("TooDeep", f"elements are nested deeper than {self._markup.depth}")
        else:
            self._nested = True
            self._nested_elements += 1
            if self._nested_elements > NESTED:
                raise SoapFault("TooManyFields", f"fields hold more than {NESTED} elements; only text may stand there")
        self._text = []
        self._text_length = 0
        self._nil = attributes.get(NIL, "").strip() in ("1", "true")

    def _end(self, _name: str) -> None:
        depth, self._depth = self._depth, self._depth - 1
        if self._tree is not None:
            self._end_in_tree(self._tree)
        elif depth == 5 and self._head_read:
            text = "".join(self._text)
            # What says that it is nothing and holds something is as unreadable as what holds elements.
            unreadable = self._nested or (self._nil and not text.isspace() and text)
            self._fields.append((self._field, None if unreadable else "" if self._nil else text))
            self._clear_text()
        elif depth == 4 and self._head_read:
            if self._fields:
                self._keep_record_text()
                text = self._record_text
            else:
                text = "" if self._nil else "".join(self._text)
            self._ready.append(Child(self._name, text, self._fields))
            self._record_end = self._parser.CurrentByteIndex
            self._records += 1
            self._clear_text()
        elif depth == 3:
            if self._head_read:
                self._keep_between()
            self._clear_text()
        elif depth == 2:
            if self._body_seen and not self._head_read:
                raise SoapFault("EmptyBody", "the SOAP body is empty; it must hold one request")
            self._in_header = False

    def _end_in_tree(self, tree: TreeBuilder) -> None:
        whole = tree.end()
        if whole is None:
            return
        self._tree = None
        if self._in_header:
            self.head.blocks.append(HeaderBlock(self._must_understand, whole))
        else:
            self._ready_trees.append(whole)
            self._records += 1

    def _characters(self, text: str) -> None:
        if self._depth < 3:
            if not text.isspace():
                raise SoapFault("BadEnvelope", "there is text between the parts of the envelope")
            return
        if self._tree is not None:
            self._tree.characters(text)
            return
        # One character more than is ever allowed, so that a value cut here is refused for its length.
        room = TEXT_CHARACTERS + 1 - self._text_length
        if room > 0:
            self._text.append(text[:room])
            self._text_length += len(text)

    # ------------------------------------------------------------------ text where none belongs

    def _clear_text(self) -> None:
        self._text = []
        self._text_length = 0
        self._nil = False

    def _keep_record_text(self) -> None:
        """Text between the fields of a record: white space is layout, anything else is kept to be refused."""
        if not self._record_text:
            self._record_text = "".join(self._text).strip()

    def _keep_between(self) -> None:
        """Text between the children of the request, likewise."""
        text = "".join(self._text).strip()
        if not text:
            return
        if self._record_limits is None:
            self._ready.append(Child("", text, []))
        else:
            self._ready_trees.append(Element("", text=text))
