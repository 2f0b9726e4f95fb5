"""Talking to the WSGI application without a socket: envelopes by hand, answers as lxml reads them."""

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from cast import PASSWORDS
from echs.protocols.ochp02.contracts import SPECIFIED, Contract
from echs.protocols.ochp02.wire_schema import (
    CDR_INFO,
    CHARGEPOINT_INFO,
    NAMESPACE,
    ROAMING_AUTHORISATION_INFO,
    WireRecord,
)

SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
TYPES = {SOAP_12: "application/soap+xml; charset=utf-8", SOAP_11: "text/xml; charset=utf-8"}
PATH = SPECIFIED.path

OPERATIONS = (
    "AddCDRs",
    "GetCDRs",
    "ClearCDRs",
    "GetRoamingAuthorisationList",
    "SetRoamingAuthorisationList",
    "GetChargePointList",
    "SetChargePointList",
)


@dataclass
class Response:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes
    document: Any = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.body and "xml" in self.headers.get("Content-Type", ""):
            compressed = self.headers.get("Content-Encoding") == "gzip"
            self.document = etree.fromstring(gzip.decompress(self.body) if compressed else self.body)

    def text(self, name: str) -> str | None:
        """The text of the first element of ours with this name; None where there is none."""
        found = self.document.find(f".//{{{NAMESPACE}}}{name}")
        return None if found is None else found.text or ""

    @property
    def code(self) -> int | str | None:
        text = self.text("resultCode")
        return int(text) if text is not None and text.isdigit() else text

    @property
    def reason(self) -> str:
        """The stable name at the beginning of the description."""
        return (self.text("resultDescription") or "").partition(" ")[0].rstrip(":")

    @property
    def fault(self) -> str | None:
        """``Code/Subcode`` of a fault, None where there is none."""
        e = f"{{{SOAP_12}}}"
        code = self.document.find(f".//{e}Fault/{e}Code/{e}Value")
        if code is not None:
            subcode = self.document.find(f".//{e}Subcode/{e}Value")
            return f"{code.text.partition(':')[2]}/{subcode.text.partition(':')[2]}"
        code = self.document.find(".//faultcode")
        if code is None:
            return None
        return f"{code.text.partition(':')[2]}/{self.document.findtext(f'.//{{{NAMESPACE}}}subcode')}"

    def records(self, record: WireRecord) -> list[tuple[str, ...]]:
        """The records of a download, each as the texts of its fields."""
        found = self.document.iter(f"{{{NAMESPACE}}}{record.element}")
        return [tuple(element.text or "" for element in each) for each in found]


def request(
    app: Any,
    body: bytes,
    *,
    method: str = "POST",
    path: str = PATH,
    query: str = "",
    content_type: str | None = TYPES[SOAP_12],
    length: str | None = None,
    **environ: Any,
) -> Response:
    """One HTTP request."""
    seen: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        seen.update(status=int(status.partition(" ")[0]), headers=dict(headers))

    given = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)) if length is None else length,
        "wsgi.input": io.BytesIO(body),
        "HTTP_HOST": "evil.example",
        **environ,
    }
    if content_type is not None:
        given["CONTENT_TYPE"] = content_type
    pieces = app(given, start_response)
    try:
        data = b"".join(pieces)
    finally:
        if hasattr(pieces, "close"):
            pieces.close()
    assert seen["headers"].get("Content-Length") in (None, str(len(data))) or method == "HEAD"
    return Response(seen["status"], seen["headers"], data)


def in_pieces(data: bytes, piece: int = 65536) -> Callable[[int], bytes]:
    """A read function that gives the bytes in pieces, as a connection does."""
    stream = io.BytesIO(data)
    return lambda size: stream.read(min(size, piece))


def envelope(body: str, header: str = "", namespace: str = SOAP_12) -> bytes:
    """An envelope around a body, with ``n`` for our namespace and ``e`` for SOAP's."""
    head = f"<e:Header>{header}</e:Header>" if header else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="{namespace}" xmlns:n="{NAMESPACE}">'
        f"{head}<e:Body>{body}</e:Body></e:Envelope>"
    ).encode()


def identity(token: str, name: str = "UserIdentityHeader") -> str:
    """The header that says who calls."""
    return f"<n:{name}>{token}</n:{name}>"


def record_xml(record: WireRecord, values: tuple[Any, ...]) -> str:
    """A record as a request has it."""
    fields = (
        f"<n:{wire.name}>{escaped(str(value))}</n:{wire.name}>"
        for wire, value in zip(record.fields, values, strict=True)
    )
    return f"<n:{record.element}>{''.join(fields)}</n:{record.element}>"


def escaped(text: str) -> str:
    """A text as element content."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


UPLOADS = {
    "AddCDRs": CDR_INFO,
    "SetRoamingAuthorisationList": ROAMING_AUTHORISATION_INFO,
    "SetChargePointList": CHARGEPOINT_INFO,
}


class Caller:
    """A partner's back end that writes its envelopes by hand."""

    def __init__(self, app: Any, user_id: str, namespace: str = SOAP_12, contract: Contract = SPECIFIED) -> None:
        self.app = app
        self.namespace = namespace
        self.contract = contract
        self.token = ""
        members = f"<n:userId>{user_id}</n:userId><n:password>{PASSWORDS[user_id]}</n:password>"
        answer = self.send("Authenticate", members)
        assert answer.code == (0 if contract.login_code_is_number else "Accepted"), answer.body
        self.token = answer.text("authToken") or ""

    def send(self, operation: str, members: str = "", header: str | None = None) -> Response:
        """One call with these members as XML; the operation in the spelling of the specification."""
        operation = operation.replace("ChargePoint", self.contract.chargepoint)
        name = self.contract.identity_header
        known = identity(self.token, name) if self.token and header is None else header or ""
        body = envelope(f"<n:{operation}Request>{members}</n:{operation}Request>", known, self.namespace)
        return request(self.app, body, content_type=TYPES[self.namespace], path=self.contract.path)

    def upload(self, operation: str, *records: tuple[Any, ...]) -> Response:
        """One upload of nouns."""
        return self.send(operation, "".join(record_xml(UPLOADS[operation], values) for values in records))
