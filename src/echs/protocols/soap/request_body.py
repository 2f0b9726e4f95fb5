"""The bytes of a request body: counted, limited, inflated where they are compressed, read to the end.

A body may be compressed with gzip (RFC 1952) or deflate (RFC 9110, 8.4.1.2: the zlib format of RFC 1950; senders that
leave out its header and send the bare deflate of RFC 1951 are as many). What comes out of it is bounded twice: by the
limit that holds for every body of its kind, and by how much larger than the bytes that came in it may be, so that no
small request makes much work. Nothing is held but a chunk.
"""

import time
import zlib
from collections.abc import Callable
from time import thread_time

from echs.base import deadline
from echs.protocols.soap.faults import SoapFault

CHUNK_BYTES = 64 * 1024
# Slower than a modem of 1990, after a while in which anybody may be slow.
SLOWEST_BYTES_A_SECOND = 1024
SLOW_SECONDS = 10.0
DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_SECONDS = 0.1
DRAIN_WAIT_SECONDS = 2.0
GZIP_WINDOW = 31  # zlib's number for a gzip header and trailer with the largest window
ZLIB_WINDOW, DEFLATE_WINDOW = 15, -15
GZIP_MEMBERS = 64
# Regular lists shrink to a hundred-and-fiftieth at most, real ones to a tenth; deflate can do a thousandth.
GZIP_RATIO = 400
GZIP_ALLOWANCE_BYTES = 1024 * 1024


class RequestBody:
    """The bytes of a body, decoded, chunk by chunk.

    ``announced`` is the Content-Length; None where the server itself tells the end of the body. ``count`` is how many
    bytes were given out, ``received`` how many came; neither may go over ``limit``.
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        announced: int | None,
        limit: int,
        *,
        gzipped: bool = False,
        deflated: bool = False,
        set_timeout: Callable[[float | None], object] = lambda _: None,
    ) -> None:
        self._read = read
        self._set_timeout = set_timeout
        set_timeout(SLOW_SECONDS)
        self._announced = announced
        self._inflater = Gunzip() if gzipped else Inflate() if deflated else None
        self.limit = limit
        self.count = 0
        self.received = 0
        self.ended = False
        # How long the sender was waited for, and how long it may be beside the time of the request: for one that is
        # known and admitted, as long as a slow line needs.
        self._waited = 0.0
        self.patience_seconds = 0.0

    def chunk(self, size: int = CHUNK_BYTES) -> bytes:
        """The next bytes, up to ``size``, none at the end.

        :raises SoapFault: the body broke off, comes too slowly, or is not what it says
        """
        if self._inflater is None:
            data = self._received(size)
        else:
            data = self._inflater.chunk(self._received_in_bounds, min(size, CHUNK_BYTES))
        self.count += len(data)
        if self._inflater is not None and self.count > GZIP_RATIO * self.received + GZIP_ALLOWANCE_BYTES:
            sentence = f"the body inflates to more than {GZIP_RATIO} times its size"
            raise SoapFault("TooCompressed", sentence)
        return data

    def _received_in_bounds(self) -> bytes:
        """As `_received`, but no further than the limit: compressed bytes may go on for ever and make no text."""
        if self.received > self.limit:
            raise SoapFault(
                "BodyTooLarge", f"the compressed body is larger than the {self.limit} bytes that are allowed"
            )
        return self._received()

    def _received(self, size: int = CHUNK_BYTES) -> bytes:
        """The next bytes as they came."""
        left = size if self._announced is None else min(size, self._announced - self.received)
        began = time.monotonic()
        try:
            data = self._read(left) if left else b""
        except TimeoutError:
            self.ended = True
            raise SoapFault("BodyTooSlow", f"nothing of the body came for {SLOW_SECONDS:g} s") from None
        except Exception:
            data = b""
            self._announced = self.received + 1
        self._look_at_rate(len(data), time.monotonic() - began)
        if not data:
            self.ended = True
            if self._announced is not None and self.received < self._announced:
                raise SoapFault("BodyIncomplete", "the body broke off before its end")
        self.received += len(data)
        return data

    def _look_at_rate(self, count: int, seconds: float) -> None:
        """A body that trickles in keeps a thread for nothing.

        :raises SoapFault: BodyTooSlow
        """
        self._waited += seconds
        if self._waited > SLOW_SECONDS and self.received + count < SLOWEST_BYTES_A_SECOND * self._waited:
            sentence = f"the body comes at less than {SLOWEST_BYTES_A_SECOND} bytes a second"
            raise SoapFault("BodyTooSlow", sentence)
        if self._waited < self.patience_seconds:
            deadline.extend(seconds)

    @property
    def most_bytes(self) -> int:
        """The most that the body can be, in bytes of text, by what was announced, by its compression and the limit."""
        if self._announced is None:
            return self.limit
        most = self._announced if self._inflater is None else GZIP_RATIO * self._announced + GZIP_ALLOWANCE_BYTES
        return min(most, self.limit)

    @property
    def compressed(self) -> bool:
        """Whether the body is compressed."""
        return self._inflater is not None

    @property
    def over(self) -> bool:
        """Whether more came than is allowed."""
        return max(self.count, self.received) > self.limit

    def drain(self) -> bool:
        """Read what is left, so that the client sees the answer. False where it was too much to read."""
        self._set_timeout(DRAIN_WAIT_SECONDS)
        left = DRAIN_BYTES
        # Bytes may come one by one, each in a chunk of HTTP of its own: they cost a thousand times as much.
        until = thread_time() + DRAIN_SECONDS
        while not self.ended and left > 0 and thread_time() < until:
            try:
                left -= len(self._received())
            except SoapFault:
                self._set_timeout(None)
                return False
        self._set_timeout(None)
        return self.ended


class Gunzip:
    """Inflates what gzip made, one chunk at a time. Several members in a row are one text (RFC 1952, 2.2)."""

    fault, name = "NotGzip", "gzip"
    members_limit = GZIP_MEMBERS

    def __init__(self) -> None:
        self._inflater: zlib._Decompress | None = None
        self._pending = b""
        self._members = 0

    def chunk(self, read: Callable[[], bytes], size: int = CHUNK_BYTES) -> bytes:
        """The next bytes of the text, up to ``size``, none at its end.

        :raises SoapFault: NotGzip or NotDeflate, BodyIncomplete
        """
        while True:
            self._pending = self._pending or read()
            ended = not self._pending
            if ended and self._members and self._inflater is None:
                return b""
            text = self._inflate(size)  # at the end too: the inflater may still hold some
            if text:
                return text
            if ended:
                raise SoapFault("BodyIncomplete", "the compressed body broke off before its end")

    def _inflate(self, size: int) -> bytes:
        """What the pending bytes make, up to a size."""
        if self._inflater is None:
            self._members += 1
            if self._members > self.members_limit:
                raise SoapFault(self.fault, self.too_many)
            self._inflater = self.begun(self._pending)
        inflater = self._inflater
        try:
            text = inflater.decompress(self._pending, size)
        except zlib.error:
            raise SoapFault(self.fault, f"the body says that it is {self.name}, and is not") from None
        if inflater.eof:
            self._pending = inflater.unused_data
            self._inflater = None
        else:
            self._pending = inflater.unconsumed_tail
        return text

    @property
    def too_many(self) -> str:
        """What is said of more members than are read."""
        return f"the body has more than {self.members_limit} gzip members"

    def begun(self, _first: bytes) -> "zlib._Decompress":
        """What inflates a member that begins with these bytes."""
        return zlib.decompressobj(GZIP_WINDOW)


class Inflate(Gunzip):
    """Inflates what ``Content-Encoding: deflate`` announces, in the zlib format or without its header."""

    fault, name = "NotDeflate", "deflate"
    members_limit = 1
    too_many = "there is something after the end of the compressed body"

    def begun(self, first: bytes) -> "zlib._Decompress":
        """By the first byte: in a zlib header its lower half is 8 and the upper at most 7 (RFC 1950, 2.2). Deflate
        begins so only with a stored block whose unused bits are not zero, which no compressor makes.
        """
        zlib_format = bool(first) and first[0] & 0x0F == 8 and first[0] >> 4 <= 7
        return zlib.decompressobj(ZLIB_WINDOW if zlib_format else DEFLATE_WINDOW)
