"""The encoding of a body: found out from its first bytes, and forgiven where it is not what it says.

A byte order mark wins over the charset of the media type, that over the XML declaration (RFC 7303, 3), and where none
of them says anything it is UTF-8 (XML 1.0, 4.3.3). Expat reads all encodings that are accepted, so bytes pass as they
come, but for one case: the one public client of 2013 writes ISO-8859-1 and announces UTF-8. Such a body is turned into
UTF-8 here, read as windows-1252 (of which the printable part of ISO-8859-1 is a part).

A body that mixes both is refused: where UTF-8 was cut in the middle of a character, or pasted into another text, nobody
can say what was meant.
"""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, charmap_decode, utf_8_decode
from collections.abc import Callable

from echs.protocols.soap.faults import SoapFault
from echs.protocols.soap.versions import ENCODINGS

# An XML declaration is looked for in so many bytes.
DECLARATION_BYTES = 512
_DECLARED = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']""")
# A character of more than one byte, as UTF-8 has it; longest form last.
_WIDE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# windows-1252 as browsers read it: the five bytes that it leaves open are control characters, which no field may hold.
_WINDOWS_1252 = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256))
_WIDEST = 4


class Decoded:
    """The bytes of a body for expat, chunk by chunk.

    ``read`` gives the next bytes up to a size, none at the end; ``charset`` is what the media type says, as expat
    spells it. After the first chunk, ``encoding`` is what expat must be told (None: it finds out by itself), ``utf8``
    whether the bytes given out are UTF-8, and ``utf16`` whether they are UTF-16. ``misread`` tells whether the body
    said UTF-8 and was read as windows-1252.
    """

    def __init__(self, read: Callable[[int], bytes], charset: str | None) -> None:
        self._read = read
        self.encoding = charset
        self.utf8 = False
        self.utf16 = bool(charset and charset.startswith("UTF-16"))
        self.misread = False
        self._begun = False
        # Whether bytes that are no UTF-8 may be something else: nothing in the body is UTF-8 beyond ASCII so far.
        self._forgiving = False
        self._wide_seen = False
        self._held = b""
        self._ended = False

    def chunk(self, size: int) -> bytes:
        """The next bytes, none at the end.

        :raises SoapFault: NotWellFormed, where two encodings are mixed
        """
        while not self._ended:
            data = self._first(size) if not self._begun else self._read(size)
            self._ended = not data
            if not self.utf8 or not self._forgiving:
                return data
            checked = self._windows(data) if self.misread else self._checked(data)
            if checked:
                return checked
        return b""

    def _first(self, size: int) -> bytes:
        """The first bytes, enough of them to know the encoding."""
        data = self._read(size)
        while more_is_needed(data):
            more = self._read(size)
            if not more:
                break
            data += more
        self._begun = True
        if data.startswith(BOM_UTF8):
            # Expat believes a declaration against the mark.
            self.encoding, self.utf8 = "UTF-8", True
        elif data.startswith((BOM_UTF16_BE, BOM_UTF16_LE, b"<\0", b"\0<")):
            self.utf16 = True
        else:
            declared = _DECLARED.match(data)
            found = self.encoding or (ENCODINGS.get(declared[1].decode().lower(), "") if declared else "UTF-8")
            self.utf8 = self._forgiving = found == "UTF-8"
        return data

    def _checked(self, data: bytes) -> bytes:
        """Bytes that should be UTF-8; the beginning of a character whose end has not come is kept for the next time."""
        data, self._held = self._held + data, b""
        if data.isascii():
            return data
        try:
            _, length = utf_8_decode(data, "strict", self._ended)
        except UnicodeDecodeError as error:
            if self._wide_seen or not data[: error.start].isascii():
                self._forgiving = False
                return data  # expat says where it is wrong
            self.misread = True
            return self._windows(data)
        self._wide_seen |= not data[:length].isascii()
        self._held = data[length:]
        return data[:length]

    def _windows(self, data: bytes) -> bytes:
        """Bytes of windows-1252 as UTF-8. Those that may be part of a character of UTF-8 are kept for the next time."""
        data, self._held = self._held + data, b""
        if _WIDE.search(data) is not None:
            raise SoapFault("NotWellFormed", "the body is not well-formed XML: it is UTF-8 in part, and in part is not")
        if not self._ended:
            tail = len(data.rstrip(HIGH))
            self._held = data[max(tail, len(data) - _WIDEST + 1) :]
            data = data[: len(data) - len(self._held)]
        return charmap_decode(data, "strict", _WINDOWS_1252)[0].encode()


HIGH = bytes(range(0x80, 0x100))


def more_is_needed(data: bytes) -> bool:
    """Whether these first bytes do not yet tell the encoding."""
    if not data or len(data) >= DECLARATION_BYTES:
        return False
    begin = b"<?xml"
    return len(data) < len(begin) or (data.startswith(begin) and b"?>" not in data)
