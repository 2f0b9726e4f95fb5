"""The two versions of SOAP, as far as they differ for us. Sources: SOAP 1.1 (W3C Note, 2000), SOAP 1.2 Part 1 and 2."""

import re
from dataclasses import dataclass

XSI = "http://www.w3.org/2001/XMLSchema-instance"


@dataclass(frozen=True, slots=True)
class SoapVersion:
    """One version: its names on the wire."""

    name: str
    namespace: str
    media_type: str
    role_attribute: str
    # Header blocks for these roles are for us; no role at all means the ultimate receiver, which we are.
    our_roles: frozenset[str]

    @property
    def channel(self) -> str:
        """What the log and the metrics call it."""
        return self.name.lower().replace(" ", "-")


SOAP_11 = SoapVersion(
    "SOAP 1.1",
    "http://schemas.xmlsoap.org/soap/envelope/",
    "text/xml",
    "actor",
    frozenset({"", "http://schemas.xmlsoap.org/soap/actor/next"}),
)
SOAP_12 = SoapVersion(
    "SOAP 1.2",
    "http://www.w3.org/2003/05/soap-envelope",
    "application/soap+xml",
    "role",
    frozenset(
        {
            "",
            "http://www.w3.org/2003/05/soap-envelope/role/next",
            "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver",
        }
    ),
)
# A parameter as RFC 9110 (8.3) has it, quoted or not; linear in the length of the header.
_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([^"';\s]+)""", re.IGNORECASE)

VERSIONS = (SOAP_12, SOAP_11)
BY_MEDIA_TYPE = {version.media_type: version for version in VERSIONS}
BY_NAMESPACE = {version.namespace: version for version in VERSIONS}

# What expat reads, by itself or by Python's tables, under every name in use. Anything else is refused: a charset is a
# way to smuggle.
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16le": "UTF-16LE",
    "utf-16be": "UTF-16BE",
    "iso-8859-1": "ISO-8859-1",
    "iso8859-1": "ISO-8859-1",
    "iso_8859-1": "ISO-8859-1",
    "latin1": "ISO-8859-1",
    "us-ascii": "US-ASCII",
    "ascii": "US-ASCII",
    "windows-1252": "windows-1252",
    "cp1252": "windows-1252",
    "x-cp1252": "windows-1252",
    "iso-8859-15": "ISO-8859-15",
    "iso8859-15": "ISO-8859-15",
    "iso_8859-15": "ISO-8859-15",
    "latin9": "ISO-8859-15",
    "latin-9": "ISO-8859-15",
}
ENCODINGS_READ = "UTF-8, UTF-16, ISO-8859-1, ISO-8859-15, windows-1252"


def parse_content_type(value: str) -> tuple[str, str | None]:
    """Media type and charset of a Content-Type header, both in lower case; other parameters do not matter to us."""
    charset = _CHARSET.search(value)
    return value.partition(";")[0].strip().lower(), charset[1].lower() if charset else None
