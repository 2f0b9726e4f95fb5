"""A gzip file of parts that were deflated apart is one that everybody reads."""

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from echs.base.gzip_concat import HEADER, Crc, Deflater, deflated

texts = st.binary(max_size=3000) | st.integers(0, 200_000).map(lambda length: b"ab<c>" * (length // 5))


@given(st.lists(texts, min_size=1, max_size=5), texts)
def test_parts_make_one_member_with_the_right_sum_and_length(parts, last):
    data = HEADER
    total = Crc()
    for part in parts:
        deflater = Deflater()
        data += deflater.piece(part[:100]) + deflater.piece(part[100:]) + deflater.end()
        total += deflater.sum
    data += deflated(last, last=True)
    total = total.plus(last)
    data += total.trailer
    whole = b"".join(parts) + last
    assert gzip.decompress(data) == whole
    # One member, for those who read no more than the first: zlib stops where it ends.
    inflater = zlib.decompressobj(31)
    assert (inflater.decompress(data), inflater.eof, inflater.unused_data) == (whole, True, b"")


@given(texts, texts)
def test_the_sum_of_two_texts_follows_from_their_sums(one, other):
    assert Crc().plus(one) + Crc().plus(other) == Crc(zlib.crc32(one + other), len(one) + len(other))
