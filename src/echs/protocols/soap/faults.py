"""SOAP faults: the answer to what is not a request of ours.

A request that we recognise is answered in its own response element, whatever is wrong with it; see `echs.protocols`.
One table says what each kind of fault is called in each version and which HTTP status goes with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from lxml import etree
from spyne import Fault

from echs.base.errors import shown
from echs.protocols.operation import ProtocolFault
from echs.protocols.soap.versions import ENCODINGS_READ, SOAP_11, SOAP_12, VERSIONS, SoapVersion

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


class FaultKind(Enum):
    """Who is at fault: (code in 1.2, code in 1.1, HTTP status in 1.2). In 1.1 every fault is HTTP 500 (6.2)."""

    SENDER = ("Sender", "Client", 400)
    RECEIVER = ("Receiver", "Server", 500)
    VERSION_MISMATCH = ("VersionMismatch", "VersionMismatch", 500)
    MUST_UNDERSTAND = ("MustUnderstand", "MustUnderstand", 500)

    def code(self, version: SoapVersion) -> str:
        """The local name of the code."""
        return self.value[1] if version is SOAP_11 else self.value[0]

    def status(self, version: SoapVersion) -> int:
        """The HTTP status."""
        return 500 if version is SOAP_11 else self.value[2]


@dataclass(frozen=True, slots=True)
class FaultCode:
    """One kind of fault: its name for programs, what it means and what the sender should do.

    ``status`` is the HTTP status where HTTP has a better one than SOAP (413, 415).
    """

    subcode: str
    kind: FaultKind
    meaning: str
    remedy: str
    status: int | None = None


SENDER = FaultKind.SENDER
FAULT_CODES: tuple[FaultCode, ...] = (
    FaultCode("MediaType", SENDER, "Neither media type of SOAP.", "Send text/xml or application/soap+xml.", 415),
    FaultCode("UnknownCharset", SENDER, "A charset that is not read.", f"Send one of {ENCODINGS_READ}.", 415),
    FaultCode("ContentEncoding", SENDER, "A compression that is not read.", "Send gzip, deflate or none.", 415),
    FaultCode("ContentLength", SENDER, "Content-Length is no number.", "Correct it."),
    FaultCode("BodyIncomplete", SENDER, "The body broke off.", "Send it again, whole."),
    FaultCode("BodyTooSlow", SENDER, "The body comes too slowly.", "Send it faster, or through a proxy.", 408),
    FaultCode("NotGzip", SENDER, "Content-Encoding says gzip, the body does not.", "Compress it, or leave the header."),
    FaultCode(
        "NotDeflate",
        SENDER,
        "Content-Encoding says deflate, the body does not.",
        "Compress it (zlib or bare deflate), or leave the header.",
    ),
    FaultCode("TooCompressed", SENDER, "The body inflates beyond all measure.", "Send it uncompressed.", 413),
    FaultCode(
        "BodyTooLarge",
        SENDER,
        "The body exceeds the size limit before the request element, or decompresses to nothing.",
        "Send less.",
        413,
    ),
    FaultCode("UnknownEncoding", SENDER, "An XML encoding that is not read.", f"Send one of {ENCODINGS_READ}."),
    FaultCode(
        "NotWellFormed", SENDER, "Not well-formed XML, or not in its encoding.", "Correct it at the place named."
    ),
    FaultCode("DtdForbidden", SENDER, "A document type declaration.", "Leave it out: SOAP allows none."),
    FaultCode("InstructionForbidden", SENDER, "A processing instruction.", "Leave it out: SOAP allows none."),
    FaultCode("MultiReference", SENDER, "Values by reference (href).", "Send document/literal: values in their place."),
    FaultCode("NotAnEnvelope", SENDER, "XML, but no SOAP envelope.", "Send an envelope."),
    FaultCode("BadEnvelope", SENDER, "Not one Header, then one Body.", "Correct the envelope."),
    FaultCode("EmptyBody", SENDER, "No request in the Body.", "Send one."),
    FaultCode("SecondRequest", SENDER, "More than one request in the Body.", "Send one at a time."),
    FaultCode("UnknownOperation", SENDER, "No request of this service.", "Send one of those that are named."),
    FaultCode(
        "EnvelopeVersion", FaultKind.VERSION_MISMATCH, "An envelope of neither version.", "Send SOAP 1.1 or SOAP 1.2."
    ),
    FaultCode(
        "HeaderNotUnderstood",
        FaultKind.MUST_UNDERSTAND,
        "A header that must be understood, and is not.",
        "Leave it out, or without mustUnderstand.",
    ),
    FaultCode("HeadTooLarge", SENDER, "Too much before the request.", "Send fewer or shorter headers."),
    FaultCode("TokenTooLarge", SENDER, "One piece of markup is too long.", "Shorten it."),
    FaultCode(
        "TooMuchMarkup",
        SENDER,
        "More elements and namespaces than headers, or a request without records, can need.",
        "Leave out what the contract does not have.",
    ),
    FaultCode("TooDeep", SENDER, "Elements too deep in each other.", "Records have fields, and fields have text."),
    FaultCode("TooManyNamespaces", SENDER, "Too many namespaces, or too long.", "Declare fewer."),
    FaultCode("TooManyNames", SENDER, "Too many different names, or too long.", "Use those of the contract."),
    FaultCode("TooManyAttributes", SENDER, "Too many attributes.", "The contract has none."),
    FaultCode("TooManyFields", SENDER, "Too many fields in one record.", "Use those of the contract."),
    FaultCode(
        "FailedAuthentication",
        SENDER,
        "The sender is not known, or may not do this; the answer has no result for it.",
        "Correct name and password.",
    ),
    FaultCode(
        "RequestRefused",
        SENDER,
        "A request whose answer has no result is refused.",
        "Correct it as the sentence says.",
    ),
    FaultCode(
        "Unavailable", FaultKind.RECEIVER, "The store or the load does not allow it now.", "Send the same again later."
    ),
    FaultCode("InternalError", FaultKind.RECEIVER, "An error of ours.", "Send the same again; report the request id."),
)
BY_SUBCODE = {code.subcode: code for code in FAULT_CODES}


class SoapFault(Fault, ProtocolFault):  # type: ignore[misc]
    """A fault of ours: one of `FAULT_CODES`, and a sentence for people.

    ``not_understood`` names header blocks as (namespace, local name).
    """

    def __init__(self, subcode: str, sentence: str, *, not_understood: tuple[tuple[str, str], ...] = ()) -> None:
        self.code = BY_SUBCODE[subcode]
        Fault.__init__(self, faultcode=f"{self.kind.value[1]}.{subcode}", faultstring=sentence)
        self.subcode = subcode
        self.result = f"fault {subcode}"
        self.sentence = sentence
        self.not_understood = not_understood

    @property
    def kind(self) -> FaultKind:
        """Who is at fault."""
        return self.code.kind

    def status(self, version: SoapVersion) -> int:
        """The HTTP status."""
        return self.code.status or self.kind.status(version)


def unknown_operation(namespace: str, local: str, wanted: str, operations: Sequence[str]) -> SoapFault:
    """The fault of a request that is none of ``operations``, the local names of those in the namespace ``wanted``."""
    return SoapFault("UnknownOperation", no_request(namespace, local, wanted, operations))


def no_request(namespace: str, local: str, wanted: str, operations: Sequence[str]) -> str:
    """Why an element is none of these requests: the name and namespace that were found, and those that are wanted."""
    found = f"found {qualified(namespace, local)}"
    for known in operations:
        spellings = (known.lower(), known.lower().removesuffix("request"))
        if local.lower() not in spellings:
            continue
        sentence = f"{found}, wanted {qualified(wanted, known)}"
        return sentence if local == known else f"{sentence}: it is spelt {known} here"
    return f"{found}, wanted one of {', '.join(operations)} in {qualified(wanted, '')}"


def qualified(namespace: str, local: str) -> str:
    """A name with its namespace, as an error may repeat it: ``{namespace}local``."""
    return f"{{{shown(namespace)[1:-1]}}}{shown(local)[1:-1]}"


def as_soap_fault(error: Exception) -> SoapFault:
    """Any error as a fault of ours; what is not ours says nothing about our inside."""
    if isinstance(error, SoapFault):
        return error
    return SoapFault("InternalError", "an error on our side; the same request may be sent again")


def fault_document(version: SoapVersion, fault: SoapFault, tns: str, request_id: str) -> Any:
    """The envelope that carries a fault, as an lxml element."""
    envelope = etree.Element(f"{{{version.namespace}}}Envelope", nsmap={"env": version.namespace, "echs": tns})
    headers(envelope, version, fault)
    body = etree.SubElement(envelope, f"{{{version.namespace}}}Body")
    element = etree.SubElement(body, f"{{{version.namespace}}}Fault")
    sentence = f"{fault.sentence}. request {request_id}"
    if version is SOAP_11:
        etree.SubElement(element, "faultcode").text = f"env:{fault.kind.code(version)}"
        etree.SubElement(element, "faultstring").text = sentence
        detail = etree.SubElement(element, "detail")
        etree.SubElement(detail, f"{{{tns}}}subcode").text = fault.subcode
    else:
        code = etree.SubElement(element, f"{{{version.namespace}}}Code")
        etree.SubElement(code, f"{{{version.namespace}}}Value").text = f"env:{fault.kind.code(version)}"
        subcode = etree.SubElement(code, f"{{{version.namespace}}}Subcode")
        etree.SubElement(subcode, f"{{{version.namespace}}}Value").text = f"echs:{fault.subcode}"
        reason = etree.SubElement(element, f"{{{version.namespace}}}Reason")
        etree.SubElement(reason, f"{{{version.namespace}}}Text", {XML_LANG: "en"}).text = sentence
        detail = etree.SubElement(element, f"{{{version.namespace}}}Detail")
    etree.SubElement(detail, f"{{{tns}}}requestId").text = request_id
    return envelope


def headers(envelope: Any, version: SoapVersion, fault: SoapFault) -> None:
    """What SOAP 1.2 wants in the header of two faults: NotUnderstood (5.4.8) and Upgrade (5.4.7)."""
    if version is not SOAP_12 or fault.kind not in (FaultKind.MUST_UNDERSTAND, FaultKind.VERSION_MISMATCH):
        return
    header = etree.SubElement(envelope, f"{{{version.namespace}}}Header")
    for namespace, name in fault.not_understood:
        try:
            prefixes = {"missed": namespace} if namespace else None
            block = etree.SubElement(header, f"{{{version.namespace}}}NotUnderstood", nsmap=prefixes)
        except ValueError:
            continue  # no URI, so that it cannot be declared; the sentence names the header
        block.set("qname", f"missed:{name}" if namespace else name)
    if fault.kind is FaultKind.VERSION_MISMATCH:
        upgrade = etree.SubElement(header, f"{{{version.namespace}}}Upgrade")
        for known in VERSIONS:
            supported = etree.SubElement(
                upgrade, f"{{{version.namespace}}}SupportedEnvelope", nsmap={"known": known.namespace}
            )
            supported.set("qname", "known:Envelope")
