"""A Spyne application mounted on WSGI: one path, POST for calls, GET for its WSDL.

Takes the place of Spyne's own WSGI application, which lets exceptions out, cuts chunked bodies in silence and builds
the WSDL's address from the Host header.
"""

import gc
import logging
import re
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from lxml import etree
from spyne import Application, MethodContext
from spyne.server import ServerBase

from echs.base import request_context
from echs.base.errors import shown
from echs.protocols.soap.envelope_reader import HEAD_BYTES, EnvelopeReader
from echs.protocols.soap.faults import SoapFault, as_soap_fault, fault_document
from echs.protocols.soap.request_body import RequestBody
from echs.protocols.soap.spyne_protocol import EnvelopeProtocol, Exchange, Spliced
from echs.protocols.soap.versions import (
    BY_MEDIA_TYPE,
    ENCODINGS,
    ENCODINGS_READ,
    SOAP_11,
    SOAP_12,
    SoapVersion,
    parse_content_type,
)

log = logging.getLogger(__name__)

StartResponse = Callable[..., Any]
Environ = dict[str, Any]

GZIP = ("gzip", "x-gzip")
DEFLATE = "deflate"
# What old scripts and hand-written clients say of an envelope, or leave out; the body says what it is.
FORGIVEN_MEDIA_TYPES = ("application/xml", "application/x-www-form-urlencoded", "")
OF_SOAP_11 = re.compile(r"""(?:start-info|type)\s*=\s*["']?\s*text/xml""", re.IGNORECASE)
# Faults that say that a body is no envelope, where none began.
NO_ENVELOPE = ("NotWellFormed", "NotAnEnvelope", "DtdForbidden", "HeadTooLarge", "TokenTooLarge")
NO_WEIGHT = re.compile(r"q=0(\.0*)?")
HTTP_STATUS = {
    200: "200 OK",
    400: "400 Bad Request",
    408: "408 Request Timeout",
    405: "405 Method Not Allowed",
    413: "413 Content Too Large",
    415: "415 Unsupported Media Type",
    500: "500 Internal Server Error",
}


class SoapApplication(ServerBase):  # type: ignore[misc]
    """The WSGI application for one Spyne application whose protocols are an `EnvelopeProtocol`."""

    transport = "http://schemas.xmlsoap.org/soap/http"

    def __init__(self, app: Application, wsdl: bytes, whole_wsdl: bytes | None = None) -> None:
        """``whole_wsdl`` is what is answered to ``?wsdl=1.2``, where that is another."""
        super().__init__(app)
        if not isinstance(app.in_protocol, EnvelopeProtocol):
            raise TypeError("the application must speak EnvelopeProtocol")
        self.wsdl = wsdl
        self.whole_wsdl = whole_wsdl or wsdl

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request. Nothing that happens here leaves as an exception."""
        method = environ.get("REQUEST_METHOD", "")
        if method == "POST":
            return self.answer_call(environ, start_response)
        if method in ("GET", "HEAD") and asks_for_wsdl(environ.get("QUERY_STRING", "")):
            whole = environ.get("QUERY_STRING", "").lower().partition("&")[0] == "wsdl=1.2"
            body = self.whole_wsdl if whole else self.wsdl
            request_context.current().operation = "wsdl"
            start_response(HTTP_STATUS[200], plain_headers("text/xml; charset=utf-8", len(body)))
            return [b"" if method == "HEAD" else body]
        text = b"This is a SOAP service: POST a SOAP envelope here, or GET ?wsdl for its contract.\n"
        headers = [*plain_headers("text/plain; charset=utf-8", len(text)), ("Allow", "GET, HEAD, POST")]
        start_response(HTTP_STATUS[405], headers)
        return [b"" if method == "HEAD" else text]

    def answer_call(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one POST: an answer of the operation, or a fault, in the version of the request."""
        present = request_context.current()
        request_id = present.request_id
        form = request_format(environ)
        announced, length_fault = announced_length(environ)
        coding = content_coding(environ)
        connection = environ.get("gunicorn.socket")
        patience = {} if connection is None else {"set_timeout": connection.settimeout}
        source = RequestBody(
            environ["wsgi.input"].read,
            announced,
            HEAD_BYTES * 2,
            gzipped=coding in GZIP,
            deflated=coding == DEFLATE,
            **patience,
        )
        protocol = self.app.in_protocol
        reader = EnvelopeReader(
            source, form.version, form.charset, protocol.body_limits.markup, protocol.secret, protocol.trees
        )
        exchange = protocol.exchange(request_id, reader, takes_gzip=takes_gzip(environ))
        pieces: list[bytes] | Spliced
        try:
            for found in (length_fault, form.fault):
                if found is not None:
                    raise found
            pieces = self.call(exchange)
        except Exception as error:
            if not isinstance(error, SoapFault):
                log.exception("a request failed")
            pieces = self.fault_pieces(exchange, as_soap_fault(error))
        if exchange.fault in NO_ENVELOPE and not reader.begun and not form.certain:
            # The media type said nothing of SOAP, and the body is none: that is what the sender should hear.
            pieces = self.fault_pieces(exchange, media_type_fault(form.media_type))
        version = exchange.version
        present.channel = version.channel
        if exchange.fault:
            present.result = f"fault {exchange.fault}"
        else:
            note_what_was_forgiven(exchange, form)
        # A client reads the answer only when it has sent its request; what is left is read, within bounds.
        drained = source.drain()
        present.received_bytes = source.received
        reader.close()
        if exchange.status != 200:
            # What was refused may have been made to be large, and Spyne's contexts hold on to themselves.
            gc.collect(0)
        headers = [
            ("Content-Type", f"{version.media_type}; charset=utf-8"),
            ("Cache-Control", "no-store"),
        ]
        length = sum(map(len, pieces)) if isinstance(pieces, list) else pieces.length
        if length is not None:
            headers.append(("Content-Length", str(length)))
        if isinstance(pieces, Spliced):
            headers.append(("Vary", "Accept-Encoding"))
            if pieces.gzipped:
                headers.append(("Content-Encoding", "gzip"))
        if not drained or exchange.status != 200:
            # Where the next request would begin is in doubt: nothing more is read from this connection.
            stop_reading(environ)
        start_response(HTTP_STATUS[exchange.status], headers)
        return pieces

    def call(self, exchange: Exchange) -> list[bytes] | Spliced:
        """Take the request through Spyne's steps."""
        context = MethodContext(self, MethodContext.SERVER)
        context.udc = exchange
        (context,) = self.generate_contexts(context)
        if context.in_error is None:
            self.get_in_object(context)
        if context.in_error is None:
            self.get_out_object(context)
        else:
            context.out_error = context.in_error
        if context.out_error is not None:
            context.out_error.__traceback__ = None  # with what the parser had in its hands
        self.get_out_string(context)
        pieces: list[bytes] | Spliced = context.out_string
        return pieces

    def fault_pieces(self, exchange: Exchange, fault: SoapFault) -> list[bytes]:
        """A fault that was raised outside of Spyne's steps."""
        exchange.fault, exchange.status = fault.subcode, fault.status(exchange.version)
        document = fault_document(exchange.version, fault, self.app.tns, exchange.request_id)
        return [etree.tostring(document, encoding="UTF-8", xml_declaration=True)]


def stop_reading(environ: Environ) -> None:
    """Let the connection end with this answer; gunicorn takes no such wish from a header."""
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


@dataclass(frozen=True, slots=True)
class RequestFormat:
    """What the HTTP headers say of a body: media type, version of SOAP, charset, and the fault where that will not do.

    ``version`` is a guess where no media type of SOAP came, and then not ``certain``.
    """

    media_type: str
    version: SoapVersion
    certain: bool
    charset: str | None = None
    fault: SoapFault | None = None


def request_format(environ: Environ) -> RequestFormat:
    """What the HTTP headers say of a body."""
    content_type = environ.get("CONTENT_TYPE") or ""
    media_type, charset = parse_content_type(content_type)
    version = BY_MEDIA_TYPE.get(media_type)
    form = RequestFormat(media_type, version or guessed_version(environ, content_type), certain=version is not None)
    if version is None and media_type not in FORGIVEN_MEDIA_TYPES:
        return replace(form, certain=True, fault=media_type_fault(media_type))
    if content_coding(environ) not in (*GZIP, DEFLATE, "", "identity"):
        sentence = "the content encoding is not one that is read; send gzip, deflate or none"
        return replace(form, certain=True, fault=SoapFault("ContentEncoding", sentence))
    if charset is None:
        return form
    encoding = ENCODINGS.get(charset)
    if encoding is None:
        sentence = f"the charset {shown(charset)} is not one of {ENCODINGS_READ}"
        return replace(form, certain=True, fault=SoapFault("UnknownCharset", sentence))
    return replace(form, charset=encoding)


def guessed_version(environ: Environ, content_type: str) -> SoapVersion:
    """The version that a client of another media type is likely to speak: a header ``SOAPAction`` is 1.1's alone, and
    attachments (MTOM, SwA) name the media type of their first part.
    """
    return SOAP_11 if "HTTP_SOAPACTION" in environ or OF_SOAP_11.search(content_type) else SOAP_12


def media_type_fault(media_type: str) -> SoapFault:
    """The fault of a media type that is not read, or that came with something that is no envelope."""
    known = " or ".join(BY_MEDIA_TYPE)
    came = f"the media type {shown(media_type)} came" if media_type else "no media type came"
    if media_type in FORGIVEN_MEDIA_TYPES:
        came += ", and no SOAP envelope with it"
    elif media_type.startswith("multipart/"):
        came += ": attachments (MTOM, SwA) are not read"
    return SoapFault("MediaType", f"{came}; send {known}")


def note_what_was_forgiven(exchange: Exchange, form: RequestFormat) -> None:
    """Leave in the log what a stricter reader would have refused."""
    fields = {"request_id": exchange.request_id}
    if exchange.warning:
        log.warning(exchange.warning, extra=fields)
    if form.media_type != exchange.version.media_type:
        said = form.media_type if form.media_type in (*BY_MEDIA_TYPE, *FORGIVEN_MEDIA_TYPES) else ""
        log.info("%s came as %s", exchange.version.name, said or "no media type", extra=fields)


def content_coding(environ: Environ) -> str:
    """How the body is compressed, in lower case; empty where it is not."""
    coding: str = environ.get("HTTP_CONTENT_ENCODING", "")
    return coding.strip().lower()


def takes_gzip(environ: Environ) -> bool:
    """Whether the client says that it can read an answer that is compressed with gzip (RFC 9110, 12.5.3)."""
    for entry in environ.get("HTTP_ACCEPT_ENCODING", "").lower().split(","):
        coding, *parameters = "".join(entry.split()).split(";")
        if coding in GZIP and not any(map(NO_WEIGHT.fullmatch, parameters)):
            return True
    return False


def announced_length(environ: Environ) -> tuple[int | None, SoapFault | None]:
    """The Content-Length, or None where the server tells the end of the body; with neither there is no body."""
    text = environ.get("CONTENT_LENGTH") or ""
    if text.isascii() and text.isdigit():
        return int(text), None
    if text:
        return 0, SoapFault("ContentLength", "Content-Length is not a number")
    return (None if environ.get("wsgi.input_terminated") else 0), None


def asks_for_wsdl(query: str) -> bool:
    """Whether a query string is ``?wsdl``, in any case, perhaps with a value."""
    return query.lower().partition("=")[0].partition("&")[0] == "wsdl"


def plain_headers(content_type: str, length: int) -> list[tuple[str, str]]:
    """Headers of an answer that is no SOAP."""
    return [("Content-Type", content_type), ("Content-Length", str(length)), ("Cache-Control", "no-store")]
