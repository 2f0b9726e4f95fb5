"""One gzip file (RFC 1952) put together from parts that were deflated apart and are stored so.

Each part is raw deflate (RFC 1951) that ends with a full flush: on a byte, and with nothing that a later part refers
to. So parts can stand one after the other. The sum at the end of the file is that of the whole text; it follows from
the sums and lengths of the parts, since CRC-32 is linear: to append n zero bytes to a text multiplies its sum by a
matrix over GF(2), which is squared once for each binary digit of n.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

LEVEL = 1
HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
POLYNOMIAL = 0xEDB88320
BITS = 32

Matrix = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Crc:
    """CRC-32 and length in bytes of a text."""

    crc: int = 0
    length: int = 0

    def __add__(self, other: "Crc") -> "Crc":
        """The sum of both texts, one after the other."""
        return Crc(times(zeros(other.length), self.crc) ^ other.crc, self.length + other.length)

    def plus(self, data: bytes) -> "Crc":
        """The sum with these bytes behind."""
        return Crc(zlib.crc32(data, self.crc), self.length + len(data))

    @property
    def trailer(self) -> bytes:
        """The last bytes of a gzip file with this text."""
        return self.crc.to_bytes(4, "little") + (self.length & 0xFFFFFFFF).to_bytes(4, "little")


class Deflater:
    """Deflates a part, piece by piece."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self.sum = Crc()

    def piece(self, data: bytes) -> bytes:
        """What can be given out once this is put in."""
        self.sum = self.sum.plus(data)
        return self._deflate.compress(data)

    def end(self, *, last: bool = False) -> bytes:
        """What is left; the ``last`` part of a file ends otherwise."""
        return self._deflate.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)


def deflating(texts: Iterable[bytes]) -> Iterator[bytes | Crc]:
    """A part piece by piece, deflated as it comes; then the sum of its text."""
    part = Deflater()
    for text in texts:
        yield part.piece(text)
    yield part.end()
    yield part.sum


def deflated(data: bytes, *, last: bool = False) -> bytes:
    """A short part as a whole."""
    part = Deflater()
    return part.piece(data) + part.end(last=last)


def times(matrix: Matrix, vector: int) -> int:
    """A matrix over GF(2), given by its columns, times a vector of bits."""
    product = 0
    for column in matrix:
        if not vector:
            break
        if vector & 1:
            product ^= column
        vector >>= 1
    return product


def product(one: Sequence[int], other: Sequence[int]) -> Matrix:
    """Two matrices, one after the other."""
    return tuple(times(tuple(one), column) for column in other)


@lru_cache(maxsize=64)
def power(exponent: int) -> Matrix:
    """What 2 ** ``exponent`` zero bytes do to a sum."""
    if exponent == 0:
        bit: Matrix = (POLYNOMIAL, *(1 << place for place in range(BITS - 1)))
        for _ in range(3):
            bit = product(bit, bit)
        return bit
    half = power(exponent - 1)
    return product(half, half)


@lru_cache(maxsize=1024)
def zeros(length: int) -> Matrix:
    """What so many zero bytes do to a sum."""
    matrix: Matrix = tuple(1 << place for place in range(BITS))
    for exponent in range(length.bit_length()):
        if length >> exponent & 1:
            matrix = product(power(exponent), matrix)
    return matrix
