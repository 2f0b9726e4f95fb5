"""A SOAP envelope as events: bytes in, the head and the children of the request out. It does no input or output.

Expat is the only judge of what is XML. What happens to an element or a text depends on where it stands, which is a
`State`; the tables `START`, `END` and `TEXT` say what is done there:

===============  =============================================  =======================  ============================
state            an element begins                              it ends                  text in it
===============  =============================================  =======================  ============================
PROLOG           the envelope: ENVELOPE                         -                        only white space
ENVELOPE         Header: HEADER; Body: BODY                     AFTER_ENVELOPE           only white space
HEADER           a header block: BLOCK                          ENVELOPE                 only white space
BLOCK            in the tree of the block                       in the tree, or HEADER   in the tree
BODY             the request, the head is read: REQUEST         a fault: it is empty     only white space
REQUEST          a child of the request: CHILD or TREE          AFTER_REQUEST            kept to be refused
CHILD            a field: FIELD                                 REQUEST                  a plain child's, or refused
FIELD            something in a field: NESTED                   CHILD                    the field's
NESTED           something deeper                               FIELD, or stays          dropped
TREE             in the tree of the record                      in the tree, or REQUEST  in the tree
AFTER_REQUEST    a fault: one request only                      AFTER_BODY               only white space
AFTER_BODY       a fault: nothing may follow                    AFTER_ENVELOPE           only white space
AFTER_ENVELOPE   not well-formed, says expat                    -                        -
===============  =============================================  =======================  ============================

What SOAP forbids (DTD, processing instructions), what we do not read (multi-reference encoding) and what is no envelope
raises a `SoapFault`. Nothing is held but the head, one child of the request, and what one chunk of bytes holds.
"""

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum, auto
from pyexpat import ErrorString, ExpatError, ParserCreate
from typing import Any, NoReturn

from echs.base.errors import shown
from echs.base.plural import counted
from echs.protocols.soap.element import Element, TooLarge, TreeBuilder, TreeLimits
from echs.protocols.soap.faults import SoapFault
from echs.protocols.soap.versions import (
    BY_NAMESPACE,
    ENCODINGS,
    ENCODINGS_READ,
    SOAP_12,
    VERSIONS,
    XSI,
    SoapVersion,
)

BUFFER_BYTES = 64 * 1024
# Expat makes whole names of every attribute of a tag before anybody can count them: a tag must not be long.
TOKEN_BYTES = 32 * 1024
FEED_BYTES = 16 * 1024
# Where no record belongs, no more elements and declarations of namespaces than this are read. The largest signed header
# has some fifty.
FEW_MARKUP = 500
# Bytes around an error that are told; and how near a secret field may not be.
SHOWN_BYTES = 20
SECRET_DISTANCE = 64
NESTED = 1000
FIELDS = 64
NAMES = 1000
NAME_CHARACTERS = 256
HEADER_BLOCKS = 32
HEADER_TREE = TreeLimits(elements=1000, depth=256)
TEXT_CHARACTERS = 16 * 1024

NIL = f"{XSI} nil"
TEXT_END = re.compile(rb"[<>]")
# Expat's handlers, and which methods of the parser they are.
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


def split(name: str) -> tuple[str, str]:
    """(namespace, local name) of a name as expat gives it: separated by a blank, or without a namespace."""
    namespace, _, local = name.rpartition(" ")
    return namespace, local


def says_nil(attributes: Mapping[str, str]) -> bool:
    """Whether an element with these attributes says that it is nil."""
    return attributes.get(NIL, "").strip() in ("1", "true")


@dataclass(frozen=True, slots=True)
class MarkupLimits:
    """How deep elements may be nested, and how many attributes, or namespaces, one may have."""

    depth: int = 32
    attributes: int = 64


DEFAULT_MARKUP = MarkupLimits()


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


class State(IntEnum):
    """Where in an envelope the parser is: in which element, of those that are open."""

    PROLOG = auto()
    ENVELOPE = auto()
    HEADER = auto()
    BLOCK = auto()
    BODY = auto()
    REQUEST = auto()
    CHILD = auto()
    FIELD = auto()
    NESTED = auto()
    TREE = auto()
    AFTER_REQUEST = auto()
    AFTER_BODY = auto()
    AFTER_ENVELOPE = auto()


# Python looks these up faster than the members of an enumeration; they change twice with every field.
CHILD, FIELD = State.CHILD, State.FIELD


class EnvelopeParser:
    """Parses one envelope. `feed` it with bytes, then `finish`; what was read to its end meanwhile is in ``children``,
    or in ``trees`` where children of the request are read as trees, within ``tree_limits``.

    ``version`` is that of the head until the envelope says which it is. ``encoding`` overrides what the document says
    of its encoding. ``secret`` are the local names of elements, in lower case, of which an error shows no bytes; None
    where every element is one, ``shows_bytes`` whether the bytes are those of the document.
    """

    def __init__(
        self,
        version: SoapVersion | None = None,
        encoding: str | None = None,
        markup: MarkupLimits = DEFAULT_MARKUP,
        secret: Collection[str] | None = None,
        tree_limits: TreeLimits | None = None,
        *,
        shows_bytes: bool = True,
    ) -> None:
        self.state = State.PROLOG
        self.head = Head(version or SOAP_12)
        self.head_read = False
        self.children: deque[Child] = deque()
        self.trees: deque[Element] = deque()
        # How many records were read, those included that were taken past the parser.
        self.records = 0
        # Whether no record has begun that belongs there; elements and declarations of namespaces until then.
        self.few = True
        self.few_markup = 0
        # Bytes that were given; where among them the tag began that ended the last child, -1 before; its name.
        self.fed = 0
        self.last_fed = b""
        self.child_end = -1
        self.name = ""
        # What each prefix is bound to, the innermost last.
        self.bound: dict[str, list[str]] = {}
        self._markup, self._secret, self._shows_bytes = markup, secret, shows_bytes
        self._tree_limits = tree_limits
        self._skipped = False
        self._depth = 0
        self._declarations = 0
        self._header_seen = False
        self._must_understand = False
        self._tree: TreeBuilder | None = None
        self._fields: list[tuple[str, str | None]] = []
        self._field = ""
        self._text: list[str] = []
        self._text_length = 0
        self._child_text = ""
        self._nested = False
        self._nested_elements = 0
        self._nested_names: list[str] = []
        self._nil = False
        # Expat gives each name with its whole namespace, and keeps one copy of every name that it met in this table.
        self._names: dict[str, str] = {}
        parser = ParserCreate(encoding=encoding, namespace_separator=" ", intern=self._names)
        parser.buffer_text = True
        parser.buffer_size = BUFFER_BYTES
        for handler, method in HANDLERS.items():
            setattr(parser, handler, getattr(self, method))
        self._parser: Any = parser

    # ------------------------------------------------------------------ bytes in

    def feed(self, data: bytes) -> None:
        """Take in these bytes.

        :raises SoapFault: not well-formed, one piece of markup is too large, or no envelope of ours
        """
        for start in range(0, len(data), FEED_BYTES):
            self._parse(data[start : start + FEED_BYTES], end=False)

    def finish(self) -> None:
        """That was all.

        :raises SoapFault: not well-formed
        """
        self._parse(b"", end=True)

    def skip(self, records: int) -> None:
        """So many records that follow were read by somebody else."""
        self._skipped = True
        self.records += records

    def close(self) -> None:
        """Parse no more. Expat knows this object as this object knows expat: without this both would stay in memory
        until the garbage collector comes by."""
        if self._parser is not None:
            with suppress(SoapFault):
                self._parser.buffer_text = False  # gives the handler what it still has
            for handler in HANDLERS:
                setattr(self._parser, handler, None)
            self._parser = None

    @property
    def begun(self) -> bool:
        """Whether a SOAP envelope has begun."""
        return self.state is not State.PROLOG

    def _parse(self, data: bytes, *, end: bool) -> None:
        before, self.last_fed = self.last_fed, (self.last_fed + data)[-2 * NAME_CHARACTERS :]
        self.fed += len(data)
        try:
            self._parser.Parse(data, end)
        except ExpatError as error:
            # Of lines expat knows only those that it was given.
            where = f"line {error.lineno}, column {error.offset}"
            where = f"after {counted(self.records, 'record')}" if self._skipped else f"at {where}"
            around = before + data
            at = self._parser.ErrorByteIndex - (self.fed - len(around))
            sentence = f"the body is not well-formed XML: {ErrorString(error.code)} {where}{self._shown(around, at)}"
            raise SoapFault("NotWellFormed", sentence) from None
        # Expat reads an unfinished token anew with every chunk: without a bound, one huge comment is quadratic work.
        if self.fed - self._parser.CurrentByteIndex > TOKEN_BYTES:
            raise SoapFault("TokenTooLarge", f"a piece of markup is longer than {TOKEN_BYTES} bytes")

    def _shown(self, data: bytes, at: int) -> str:
        """The bytes around a place in these, for an error: within the text or the tag where it is, and none where
        something secret may be near.
        """
        if not self._shows_bytes or not 0 <= at < len(data):
            return ""
        near = data[max(at - SECRET_DISTANCE, 0) : at + SECRET_DISTANCE].lower()
        in_header, secret = self.state in (State.HEADER, State.BLOCK), self._secret
        if in_header or secret is None or any(name.encode() in near for name in secret):
            return ""
        if any(split(name)[1].lower() in secret for name in self._inside()):
            return ""
        start = max(at - SHOWN_BYTES // 2, data.rfind(b">", 0, at) + 1, data.rfind(b"<", 0, at), 0)
        after = TEXT_END.search(data, at + 1, at + SHOWN_BYTES // 2)
        found = data[start : after.start() if after else at + SHOWN_BYTES // 2]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in found)
        return f', at the bytes "{text}" ({found.hex(" ")})'

    def _inside(self) -> list[str]:
        """The names of the elements of the request that are open."""
        if self.state is State.TREE:
            return self._open.names
        if self.state in (State.CHILD, State.FIELD, State.NESTED):
            return [self.name, self._field, *self._nested_names]
        return []

    # ------------------------------------------------------------------ what expat tells

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
        self.bound[prefix or ""].pop()

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        self.bound.setdefault(prefix or "", []).append(uri or "")
        self._count_namespace(prefix, uri)

    def _count_namespace(self, _prefix: str | None, uri: str | None) -> None:
        self._declarations += 1
        if self.few:
            self._count_markup()
        if len(uri or "") > NAME_CHARACTERS or self._declarations > self._markup.attributes:
            most = self._markup.attributes
            sentence = f"more than {most} namespaces on one element, or one of over {NAME_CHARACTERS} characters"
            raise SoapFault("TooManyNamespaces", sentence)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._declarations = 0
        if self.few:
            self._count_markup()
        if len(name) > 2 * NAME_CHARACTERS or len(self._names) > NAMES:
            sentence = f"more than {NAMES} different names, or one of over {NAME_CHARACTERS} characters"
            raise SoapFault("TooManyNames", sentence)
        if attributes:
            self._check_attributes(attributes)
        START[self.state](self, name, attributes)

    def _end(self, _name: str) -> None:
        self._depth -= 1
        END[self.state](self)

    def _characters(self, text: str) -> None:
        TEXT[self.state](self, text)

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

    def _check_depth(self) -> None:
        if self._depth > self._markup.depth:
            raise SoapFault("TooDeep", f"elements are nested deeper than {self._markup.depth}")

    # ------------------------------------------------------------------ an element begins

    def _start_envelope(self, name: str, _attributes: dict[str, str]) -> None:
        namespace, local = split(name)
        if local != "Envelope":
            raise SoapFault("NotAnEnvelope", "the document is not a SOAP envelope")
        known = BY_NAMESPACE.get(namespace)
        if known is None:
            wanted = " nor ".join(f"{shown(version.namespace)} ({version.name})" for version in VERSIONS)
            sentence = f"the envelope's namespace is {shown(namespace)}, and neither {wanted}"
            raise SoapFault("EnvelopeVersion", sentence)
        self.head.version = known
        self.state = State.ENVELOPE

    def _start_part(self, name: str, _attributes: dict[str, str]) -> None:
        namespace, local = split(name)
        if namespace != self.head.version.namespace or local not in ("Header", "Body"):
            raise SoapFault("BadEnvelope", "an envelope holds at most one Header, then one Body, and nothing else")
        if local == "Body":
            self.state = State.BODY
            return
        if self._header_seen:
            raise SoapFault("BadEnvelope", "an envelope holds at most one Header")
        self._header_seen = True
        self.state = State.HEADER

    def _start_block(self, name: str, attributes: dict[str, str]) -> None:
        self._check_depth()
        if len(self.head.blocks) >= HEADER_BLOCKS:
            raise SoapFault("HeadTooLarge", f"more than {HEADER_BLOCKS} header blocks")
        version = self.head.version
        flag = attributes.get(f"{version.namespace} mustUnderstand", "0").strip()
        role = attributes.get(f"{version.namespace} {version.role_attribute}", "").strip()
        self._must_understand = flag in ("1", "true") and role in version.our_roles
        self._open_tree(State.BLOCK, HEADER_TREE, name, attributes)

    def _start_in_block(self, name: str, attributes: dict[str, str]) -> None:
        self._check_depth()
        self._start_in_tree(name, attributes)

    def _start_request(self, name: str, _attributes: dict[str, str]) -> None:
        self.head.operation = name
        self.head_read = True
        self.state = State.REQUEST
        # What is bound in a record ends with it, and is of no interest; some declare sixty on each.
        self._parser.StartNamespaceDeclHandler = self._count_namespace
        self._parser.EndNamespaceDeclHandler = None

    def _start_child(self, name: str, attributes: dict[str, str]) -> None:
        self._keep_between()
        if self._tree_limits is not None:
            self._clear_text()
            self._open_tree(State.TREE, self._tree_limits, name, attributes)
            return
        self.name = name
        self._fields = []
        self._child_text = ""
        self.state = State.CHILD
        self._begin_text(attributes)

    def _start_field(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._fields) >= FIELDS:
            raise SoapFault("TooManyFields", f"a record has more than {FIELDS} fields")
        if self._text:
            self._keep_child_text()
            self._clear_text()
        self._field = name
        self._nested = False
        self._nil = bool(attributes) and says_nil(attributes)
        self.state = FIELD

    def _start_nested(self, name: str, attributes: dict[str, str]) -> None:
        self._check_depth()
        self._nested_names.append(name)
        self._nested = True
        self._nested_elements += 1
        if self._nested_elements > NESTED:
            raise SoapFault("TooManyFields", f"fields hold more than {NESTED} elements; only text may stand there")
        self.state = State.NESTED
        self._begin_text(attributes)

    def _start_in_tree(self, name: str, attributes: dict[str, str]) -> None:
        try:
            self._open.start(name, attributes)
        except TooLarge as error:
            raise SoapFault("TooManyFields", str(error)) from None

    def _start_second_request(self, _name: str, _attributes: dict[str, str]) -> NoReturn:
        raise SoapFault("SecondRequest", "the SOAP body holds more than one element")

    def _start_after_body(self, _name: str, _attributes: dict[str, str]) -> NoReturn:
        raise SoapFault("BadEnvelope", "nothing may stand after the SOAP body")

    # ------------------------------------------------------------------ an element ends

    def _end_header(self) -> None:
        self.state = State.ENVELOPE

    def _end_in_block(self) -> None:
        whole = self._open.end()
        if whole is not None:
            self._tree = None
            self.head.blocks.append(HeaderBlock(self._must_understand, whole))
            self.state = State.HEADER

    def _end_empty_body(self) -> NoReturn:
        raise SoapFault("EmptyBody", "the SOAP body is empty; it must hold one request")

    def _end_request(self) -> None:
        self._keep_between()
        self._clear_text()
        self.state = State.AFTER_REQUEST

    def _end_child(self) -> None:
        if self._fields:
            self._keep_child_text()
            text = self._child_text
        else:
            text = "" if self._nil else "".join(self._text)
        self.children.append(Child(self.name, text, self._fields))
        self.child_end = self._parser.CurrentByteIndex
        self.records += 1
        self._clear_text()
        self.state = State.REQUEST

    def _end_field(self) -> None:
        parts = self._text
        text: str | None = parts[0] if len(parts) == 1 else "".join(parts)
        if self._nested:
            text = None
        elif self._nil:
            # What says that it is nothing and holds something is as unreadable as what holds elements.
            text = None if text and not text.isspace() else ""
        self._fields.append((self._field, text))
        self._text = []
        self._text_length = 0
        self.state = CHILD

    def _end_nested(self) -> None:
        self._nested_names.pop()
        if self._depth == FIELD_DEPTH:
            self.state = State.FIELD

    def _end_in_tree(self) -> None:
        whole = self._open.end()
        if whole is not None:
            self._tree = None
            self.name = whole.name
            self.child_end = self._parser.CurrentByteIndex
            self.trees.append(whole)
            self.records += 1
            self.state = State.REQUEST

    def _end_body(self) -> None:
        self.state = State.AFTER_BODY

    def _end_envelope(self) -> None:
        self.state = State.AFTER_ENVELOPE

    def _nothing_ends(self) -> NoReturn:
        raise AssertionError("expat ends no element that has not begun")

    # ------------------------------------------------------------------ text

    def _only_layout(self, text: str) -> None:
        if not text.isspace():
            raise SoapFault("BadEnvelope", "there is text between the parts of the envelope")

    def _collect(self, text: str) -> None:
        # One character more than is ever allowed, so that a value cut here is refused for its length.
        room = TEXT_CHARACTERS + 1 - self._text_length
        if room > 0:
            self._text.append(text[:room])
            self._text_length += len(text)

    def _in_tree(self, text: str) -> None:
        self._open.characters(text)

    # ------------------------------------------------------------------ helpers

    @property
    def _open(self) -> TreeBuilder:
        """The tree that is open."""
        if self._tree is None:
            raise AssertionError("in this state a tree is open")
        return self._tree

    def _open_tree(self, state: State, limits: TreeLimits, name: str, attributes: dict[str, str]) -> None:
        self._tree = TreeBuilder(limits)
        self.state = state
        self._start_in_tree(name, attributes)

    def _begin_text(self, attributes: dict[str, str]) -> None:
        self._text = []
        self._text_length = 0
        self._nil = says_nil(attributes)

    def _clear_text(self) -> None:
        self._text = []
        self._text_length = 0
        self._nil = False

    def _keep_child_text(self) -> None:
        """Text between the fields of a record: white space is layout, anything else is kept to be refused."""
        if not self._child_text:
            self._child_text = "".join(self._text).strip()

    def _keep_between(self) -> None:
        """Text between the children of the request, likewise."""
        text = "".join(self._text).strip()
        if not text:
            return
        if self._tree_limits is None:
            self.children.append(Child("", text, []))
        else:
            self.trees.append(Element("", text=text))


# Envelope, body, request, child, field.
FIELD_DEPTH = 5
Start = Callable[[EnvelopeParser, str, dict[str, str]], None]
START: Mapping[State, Start] = {
    State.PROLOG: EnvelopeParser._start_envelope,
    State.ENVELOPE: EnvelopeParser._start_part,
    State.HEADER: EnvelopeParser._start_block,
    State.BLOCK: EnvelopeParser._start_in_block,
    State.BODY: EnvelopeParser._start_request,
    State.REQUEST: EnvelopeParser._start_child,
    State.CHILD: EnvelopeParser._start_field,
    State.FIELD: EnvelopeParser._start_nested,
    State.NESTED: EnvelopeParser._start_nested,
    State.TREE: EnvelopeParser._start_in_tree,
    State.AFTER_REQUEST: EnvelopeParser._start_second_request,
    State.AFTER_BODY: EnvelopeParser._start_after_body,
    State.AFTER_ENVELOPE: EnvelopeParser._start_after_body,
}
END: Mapping[State, Callable[[EnvelopeParser], None]] = {
    State.PROLOG: EnvelopeParser._nothing_ends,
    State.ENVELOPE: EnvelopeParser._end_envelope,
    State.HEADER: EnvelopeParser._end_header,
    State.BLOCK: EnvelopeParser._end_in_block,
    State.BODY: EnvelopeParser._end_empty_body,
    State.REQUEST: EnvelopeParser._end_request,
    State.CHILD: EnvelopeParser._end_child,
    State.FIELD: EnvelopeParser._end_field,
    State.NESTED: EnvelopeParser._end_nested,
    State.TREE: EnvelopeParser._end_in_tree,
    State.AFTER_REQUEST: EnvelopeParser._end_body,
    State.AFTER_BODY: EnvelopeParser._end_envelope,
    State.AFTER_ENVELOPE: EnvelopeParser._nothing_ends,
}
TEXT: Mapping[State, Callable[[EnvelopeParser, str], None]] = {
    **dict.fromkeys(State, EnvelopeParser._only_layout),
    State.BLOCK: EnvelopeParser._in_tree,
    State.REQUEST: EnvelopeParser._collect,
    State.CHILD: EnvelopeParser._collect,
    State.FIELD: EnvelopeParser._collect,
    State.NESTED: EnvelopeParser._collect,
    State.TREE: EnvelopeParser._in_tree,
}


def end_of_child(data: bytes, end_tags: Iterable[bytes]) -> int:
    """Where the first child with one of these end tags seems to end; where none does, the end of the data."""
    ends = ((data.find(tag), len(tag)) for tag in end_tags)
    return min((start + length for start, length in ends if start >= 0), default=len(data))
