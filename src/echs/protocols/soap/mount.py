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
from typing import Any

from lxml import etree
from spyne import Application, MethodContext
from spyne.server import ServerBase

from echs.base import trace
from echs.protocols.soap.envelope import EnvelopeProtocol, Exchange, Spliced
from echs.protocols.soap.faults import SoapFault, as_soap_fault, fault_document
from echs.protocols.soap.source import Source
from echs.protocols.soap.stream import HEAD_BYTES, EnvelopeReader
from echs.protocols.soap.versions import BY_MEDIA_TYPE, ENCODINGS, SOAP_12, SoapVersion, parse_content_type

log = logging.getLogger(__name__)

StartResponse = Callable[..., Any]
Environ = dict[str, Any]

GZIP = ("gzip", "x-gzip")
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


class SoapMount(ServerBase):  # type: ignore[misc]
    """The WSGI application for one Spyne application whose protocols are an `EnvelopeProtocol`."""

    transport = "http://schemas.xmlsoap.org/soap/http"

    def __init__(self, app: Application, wsdl: bytes) -> None:
        super().__init__(app)
        if not isinstance(app.in_protocol, EnvelopeProtocol):
            raise TypeError("the application must speak EnvelopeProtocol")
        self.wsdl = wsdl

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request. Nothing that happens here leaves as an exception."""
        method = environ.get("REQUEST_METHOD", "")
        if method == "POST":
            return self.answer_call(environ, start_response)
        if method in ("GET", "HEAD") and asks_for_wsdl(environ.get("QUERY_STRING", "")):
            body = self.wsdl
            trace.current().operation = "wsdl"
            start_response(HTTP_STATUS[200], plain_headers("text/xml; charset=utf-8", len(body)))
            return [b"" if method == "HEAD" else body]
        text = b"This is a SOAP service: POST a SOAP envelope here, or GET ?wsdl for its contract.\n"
        headers = [*plain_headers("text/plain; charset=utf-8", len(text)), ("Allow", "GET, HEAD, POST")]
        start_response(HTTP_STATUS[405], headers)
        return [b"" if method == "HEAD" else text]

    def answer_call(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one POST: an answer of the operation, or a fault, in the version of the request."""
        present = trace.current()
        request_id = present.request_id
        version, charset, fault = request_format(environ)
        present.door = version.door
        announced, length_fault = announced_length(environ)
        gzipped = content_coding(environ) in GZIP
        connection = environ.get("gunicorn.socket")
        patience = {} if connection is None else {"set_timeout": connection.settimeout}
        source = Source(environ["wsgi.input"].read, announced, HEAD_BYTES * 2, gzipped=gzipped, **patience)
        reader = EnvelopeReader(source, version, charset, self.app.in_protocol.body_limits.markup)
        exchange = Exchange(request_id, version, reader, takes_gzip=takes_gzip(environ))
        pieces: list[bytes] | Spliced
        try:
            for found in (length_fault, fault):
                if found is not None:
                    raise found
            pieces = self.call(exchange)
        except Exception as error:
            if not isinstance(error, SoapFault):
                log.exception("a request failed")
            pieces = self.fault_pieces(exchange, as_soap_fault(error))
        if exchange.fault:
            present.result = f"fault {exchange.fault}"
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


def request_format(environ: Environ) -> tuple[SoapVersion, str | None, SoapFault | None]:
    """The version and charset that the HTTP headers name, and the fault where they name none of ours."""
    media_type, charset = parse_content_type(environ.get("CONTENT_TYPE") or "")
    version = BY_MEDIA_TYPE.get(media_type)
    known = " or ".join(BY_MEDIA_TYPE)
    if version is None:
        what = (
            "attachments (multipart) are not read" if media_type.startswith("multipart/") else "not a SOAP media type"
        )
        return SOAP_12, None, SoapFault("MediaType", f"{what}; send {known}")
    if content_coding(environ) not in (*GZIP, "", "identity"):
        sentence = "the content encoding is not one that is read; send gzip or none"
        return version, None, SoapFault("ContentEncoding", sentence)
    if charset is None:
        return version, None, None
    encoding = ENCODINGS.get(charset)
    if encoding is None:
        sentence = "the charset is not one of UTF-8, UTF-16, ISO-8859-1"
        return version, None, SoapFault("UnknownCharset", sentence)
    return version, encoding, None


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
