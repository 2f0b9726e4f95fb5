"""SOAP faults: the answer to what is not a request of ours.

A request that we recognise is answered in its own response element, whatever is wrong with it; see `echs.protocols`.
One table says what each kind of fault is called in each version and which HTTP status goes with it.
"""

from enum import Enum
from typing import Any

from lxml import etree
from spyne import Fault
from spyne.error import ResourceNotFoundError

from echs.protocols.soap.versions import SOAP_11, SOAP_12, VERSIONS, SoapVersion

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


class SoapFault(Fault):  # type: ignore[misc]
    """A fault of ours: its kind, a name for programs (the subcode) and a sentence for people.

    ``status`` overrides the HTTP status where HTTP has a better one (405, 413, 415).
    ``not_understood`` names header blocks as (namespace, local name).
    """

    def __init__(
        self,
        kind: FaultKind,
        subcode: str,
        sentence: str,
        *,
        status: int | None = None,
        not_understood: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(faultcode=f"{kind.value[1]}.{subcode}", faultstring=sentence)
        self.kind = kind
        self.subcode = subcode
        self.sentence = sentence
        self.http_status = status
        self.not_understood = not_understood


def sender_fault(subcode: str, sentence: str, *, status: int | None = None) -> SoapFault:
    """A fault of the sender's, to be raised by the caller."""
    return SoapFault(FaultKind.SENDER, subcode, sentence, status=status)


def as_soap_fault(error: Exception, operations: tuple[str, ...] = ()) -> SoapFault:
    """Any error as a fault of ours; what is not ours says nothing about our inside."""
    if isinstance(error, SoapFault):
        return error
    if isinstance(error, ResourceNotFoundError):
        known = ", ".join(operations)
        return sender_fault("UnknownOperation", f"the body holds no request of this service; it has: {known}")
    return SoapFault(FaultKind.RECEIVER, "InternalError", "an error on our side; the same request may be sent again")


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
