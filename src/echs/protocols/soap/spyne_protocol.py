"""Spyne's protocol slot filled with ours: from an envelope to a call, from the answer to an envelope.

Spyne keeps the definition of the service, the dispatch, the classes of messages and their rendering. What it does at
the edge with bytes is replaced, for the reasons that the tests of this room name one by one.

A request arrives as the children of its element. Where the message class has a repeated member, or children are trees,
the operation gets the reader and reads them itself; otherwise they are read here, to the end of the document, and the
operation gets their texts. What is wrong with them is kept in the exchange, for the operation to answer in-band.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree
from spyne.protocol.xml import XmlDocument

from echs.base import request_gate
from echs.base.errors import NAMED_PROBLEMS_LIMIT, Problem, ProblemCollector, Refused, shown
from echs.base.fields import FieldReason
from echs.base.gzip_concat import HEADER, Crc, deflated
from echs.base.response_stream import ResponseStream
from echs.protocols.operation import UploadOutcome
from echs.protocols.soap.element import Element, TreeLimits
from echs.protocols.soap.envelope_parser import Child, Head, MarkupLimits, split
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.faults import SoapFault, as_soap_fault, fault_document, unknown_operation
from echs.protocols.soap.response_template import ResponseTemplate, is_repeated
from echs.protocols.soap.versions import SoapVersion

NOTHING_DONE = "Nothing was done."
# A compressed request without records may inflate to so much: it needs none of it.
SMALL_INFLATED_BYTES = 64 * 1024
READ_AS_WINDOWS_1252 = "the body is not UTF-8 as it says or leaves open, and was read as windows-1252"


@dataclass
class Exchange:
    """One request and its answer, beside Spyne's context: what Spyne has no place for."""

    request_id: str
    reader: EnvelopeReader
    # The header blocks that this service understands, in order; the names of the others, as expat gives them.
    headers: list[Element] = field(default_factory=list)
    other_headers: list[str] = field(default_factory=list)
    # What was wrong with a small request; the operation answers it in-band.
    refusal: Refused | None = None
    # Whether the answer may be compressed with gzip.
    takes_gzip: bool = False
    # What became of the records of an upload, for its receipt.
    outcome: UploadOutcome = field(default_factory=UploadOutcome)
    # Rendered records that go out before the end tag of the response element.
    records: ResponseStream | None = None
    status: int = 200
    # The subcode, where the answer is a fault.
    fault: str = ""

    @property
    def version(self) -> SoapVersion:
        """In which the answer is given: that of the envelope; until it is known, what the HTTP headers say."""
        return self.reader.head.version

    @property
    def records_read(self) -> int:
        """How many records of it were read so far."""
        return self.reader.records_read

    @property
    def received_bytes(self) -> int:
        """How many bytes of its body were received so far."""
        return self.reader.source.received

    @property
    def most_bytes(self) -> int:
        """How many bytes its body may have at most."""
        return self.reader.source.most_bytes

    def allow_slow_body(self, seconds: float) -> None:
        """Let its body take so long."""
        self.reader.source.patience_seconds = seconds

    def drop_response(self) -> None:
        """Let go of the records that were drawn of a response."""
        if self.records is not None:
            self.records.close()
            self.records = None

    @property
    def warning(self) -> str:
        """What was forgiven and should be told, as a sentence without an end; empty where there is nothing."""
        return READ_AS_WINDOWS_1252 if self.reader.misread else ""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Bytes that a request may have, one with records and any other; and what its markup may be."""

    bulk: int
    small: int
    markup: MarkupLimits


# The end tags of an answer whose own element is empty: those of Body and Envelope.
ENVELOPE_TAGS = 2


class EnvelopeProtocol(XmlDocument):  # type: ignore[misc]
    """Both versions of SOAP, document/literal, one request an envelope.

    ``exchange`` is the class of its requests. ``understood`` are the names (``namespace name``) of the header blocks
    that it understands; others must not be marked as those that must be understood. ``secret`` are the local names
    of elements, in lower case, whose values no error shows. ``trees`` are the limits of each child of a request where
    these are trees; then every operation gets the reader.
    """

    def __init__(
        self,
        understood: frozenset[str],
        limits: BodyLimits,
        secret: frozenset[str],
        exchange: type[Exchange] = Exchange,
        trees: TreeLimits | None = None,
    ) -> None:
        # Spyne logs messages with all that is in them, and our own faults as its errors; what matters we log ourselves.
        logging.getLogger("spyne").setLevel(logging.CRITICAL + 1)
        super().__init__(parse_xsi_type=False, polymorphic=False)
        self.understood = understood
        self.exchange = exchange
        self.body_limits = limits
        self.secret = secret
        self.trees = trees
        self._moulds: dict[tuple[str, str], ResponseTemplate] = {}

    # ------------------------------------------------------------------ in

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        """Read the head of the envelope."""
        ctx.in_document = ctx.udc.reader.read_head()

    def decompose_incoming_envelope(self, ctx: Any, message: Any = None) -> None:
        """Find the operation by the name of the body element and by nothing else, and refuse headers we must know."""
        head = ctx.in_document
        tns = self.app.interface.get_tns()
        refuse_what_is_not_understood(head, self.understood)
        ctx.udc.headers = [block.element for block in head.blocks if block.name in self.understood]
        ctx.udc.other_headers = [block.name for block in head.blocks if block.name not in self.understood]
        ctx.in_body_doc = ctx.udc.reader
        namespace, local = split(head.operation)
        ctx.method_request_string = f"{{{namespace}}}{local}"
        if ctx.method_request_string not in self.app.interface.service_method_map:
            raise unknown_operation(namespace, local, tns, operation_names(self.app))

    def deserialize(self, ctx: Any, message: Any) -> None:
        """Hand over the children of the request: the reader of them, or themselves, read and checked."""
        self.event_manager.fire_event("before_deserialize", ctx)
        members = ctx.descriptor.in_message.get_flat_type_info(ctx.descriptor.in_message)
        reader = ctx.udc.reader
        if any(is_repeated(member) for member in members.values()):
            request_gate.release()
            reader.source.limit = self.body_limits.bulk
            ctx.in_object = [reader]
        else:
            small = self.body_limits.small
            reader.source.limit = min(small, SMALL_INFLATED_BYTES) if reader.source.compressed else small
            ctx.in_object = [reader] if self.trees is not None else self.read_small(ctx.udc, list(members))
        self.event_manager.fire_event("after_deserialize", ctx)

    def read_small(self, exchange: Exchange, names: list[str]) -> list[str]:
        """The texts of a request without records, in the order of its class; an absent member is an empty one.

        Where so much is wrong that no more is named, it is not read on: whoever sends it need not have logged in.

        Two spellings of a name that differ in the case of the first letter are the same: the specification prints
        ``Password`` where the deployed interface has ``password``.
        """
        tns = self.app.interface.get_tns()
        places = {f"{tns} {spelling}": name for name in names for spelling in (name, name[:1].upper() + name[1:])}
        values: dict[str, str] = {}
        problems = ProblemCollector()
        try:
            for child in exchange.reader.children(few=True):
                name = places.get(child.name)
                problem = small_problem(child, name, values)
                if problem is not None:
                    problems.add(problem)
                    if problems.total == NAMED_PROBLEMS_LIMIT:
                        break
                elif name is not None:
                    values[name] = child.text
        except Refused as refused:
            exchange.refusal = refused
        if problems:
            exchange.refusal = problems.refusal(NOTHING_DONE)
        return [values.get(name, "") for name in names]

    # ------------------------------------------------------------------ out

    def serialize(self, ctx: Any, message: Any) -> None:
        """Build the envelope of the answer, or of the fault."""
        exchange: Exchange = ctx.udc
        tns = self.app.interface.get_tns()
        if ctx.out_error is not None:
            fault = as_soap_fault(ctx.out_error)
            exchange.fault, exchange.status = fault.subcode, fault.status(exchange.version)
            exchange.drop_response()
            ctx.out_document = serialized(fault_document(exchange.version, fault, tns, exchange.request_id))
            return
        namespace = exchange.version.namespace
        shape = ctx.descriptor.out_message
        members = shape.get_flat_type_info(shape)

        def draw(values: Sequence[Any]) -> bytes:
            envelope = etree.Element(f"{{{namespace}}}Envelope", nsmap={"env": namespace, None: tns})
            body = etree.SubElement(envelope, f"{{{namespace}}}Body")
            answer = shape()
            for name, value in zip(members, values, strict=True):
                setattr(answer, name, value)
            self.to_parent(ctx, shape, answer, body, shape.get_namespace())
            return serialized(envelope)

        key = (ctx.descriptor.name, namespace)
        if key not in self._moulds:
            self._moulds[key] = ResponseTemplate(list(members.values()), draw)
        ctx.out_document = self._moulds[key].fill(ctx.out_object) or draw(ctx.out_object)

    def create_out_string(self, ctx: Any, charset: str | None = None) -> None:
        """The bytes of the answer: the small part as one piece, the records between its last two tags."""
        text = ctx.out_document
        records = ctx.udc.records
        if records is None:
            ctx.out_string = [text]
            return
        if text.count(b"</") == ENVELOPE_TAGS:
            text = opened(text)
        end = text.rindex(b"</", 0, text.rindex(b"</", 0, text.rindex(b"</")))
        ctx.out_string = Spliced(text[:end], records, text[end:])


def opened(text: bytes) -> bytes:
    """An answer whose element is empty, with a tag at its end: what is spliced in stands before that."""
    end = text.index(b"/></")
    name = text[text.rindex(b"<", 0, end) + 1 : end].split()[0]
    return text[:end] + b"></" + name + b">" + text[end + 2 :]


def refuse_what_is_not_understood(head: Head, ours: frozenset[str]) -> None:
    """SOAP 1.2 Part 1, 5.2.3, and SOAP 1.1, 4.2.3. ``ours`` are the names of the headers that we know.

    :raises SoapFault: HeaderNotUnderstood
    """
    missed = tuple(split(block.name) for block in head.blocks if block.must_understand and block.name not in ours)
    if missed:
        names = ", ".join(shown(name) for _, name in missed)
        sentence = f"the header {names} must be understood, and is not"
        raise SoapFault("HeaderNotUnderstood", sentence, not_understood=missed)


def small_problem(child: Child, name: str | None, values: dict[str, str]) -> Problem | None:
    """What is wrong with a child of a small request."""
    if not child.name:
        return Problem(FieldReason.FIELD_NOT_TEXT, "there is text between the elements of the request")
    local = split(child.name)[1]
    if name is None:
        detail = "is not an element of this request, or not in its namespace"
        return Problem(FieldReason.FIELD_UNKNOWN, detail, field=local, field_as_sent=True)
    if name in values:
        return Problem(FieldReason.FIELD_REPEATED, "stands more than once", field=local, field_as_sent=True)
    if child.fields:
        return Problem(FieldReason.FIELD_NOT_TEXT, "holds elements; only text may", field=local, field_as_sent=True)
    return None


def serialized(document: Any) -> bytes:
    """The bytes of an envelope."""
    return bytes(etree.tostring(document, encoding="UTF-8", xml_declaration=True))


def operation_names(app: Any) -> tuple[str, ...]:
    """The names of the operations of a Spyne application, for a sentence."""
    return tuple(sorted(split(key.replace("}", " "))[1] for key in app.interface.service_method_map))


class Spliced:
    """The pieces of an answer with records; a WSGI server iterates over it and closes it.

    ``length`` is how many bytes there will be, None where nobody knows. Records that are deflated make it a gzip file.
    """

    def __init__(self, before: bytes, records: ResponseStream, after: bytes) -> None:
        self.gzipped = records.deflated
        self._records = records
        self._before, self._after = before, after
        self._around = Crc().plus(before), Crc().plus(after)
        if self.gzipped:
            self._before, self._after = HEADER + deflated(before), deflated(after, last=True)
        trailer = len(Crc().trailer) if self.gzipped else 0
        self.length = None
        if records.length is not None:
            self.length = len(self._before) + records.length + len(self._after) + trailer

    def __iter__(self) -> Iterator[bytes]:
        yield self._before
        yield from self._records
        yield self._after
        if self.gzipped:
            before, after = self._around
            yield (before + self._records.sum + after).trailer

    def close(self) -> None:
        """Let go of the records."""
        self._records.close()
