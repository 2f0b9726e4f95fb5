"""The bytes of a body: inflated in bounded memory, counted, limited, read to the end."""

import gzip
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echs.base import deadline, request_context
from echs.base.request_context import RequestContext
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.faults import SoapFault
from echs.protocols.soap.request_body import GZIP_ALLOWANCE_BYTES, GZIP_RATIO, RequestBody
from wire import SOAP_12, envelope, in_pieces


def source(data: bytes, piece: int = 65536, limit: int = 10**9, *, gzipped: bool = True) -> RequestBody:
    return RequestBody(in_pieces(data, piece), len(data), limit, gzipped=gzipped)


def everything(body: RequestBody) -> bytes:
    return b"".join(iter(body.chunk, b""))


def fault(body: RequestBody) -> str:
    with pytest.raises(SoapFault) as caught:
        everything(body)
    return caught.value.subcode


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=5), st.integers(1, 300))
@settings(max_examples=100, deadline=None)
def test_what_gzip_made_is_read_in_pieces_of_any_size_and_from_any_number_of_members(members, piece):
    body = source(b"".join(map(gzip.compress, members)), piece)
    assert everything(body) == b"".join(members)
    assert body.ended


@given(st.binary(min_size=1, max_size=5000), st.data())
@settings(max_examples=100, deadline=None)
def test_what_gzip_made_and_was_cut_is_never_taken_for_whole(text, data):
    whole = gzip.compress(text)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert fault(source(whole[:cut], 7)) == "BodyIncomplete"


def test_a_chunk_is_never_larger_than_it_should_be():
    body = source(gzip.compress(b"x" * 1_000_000), limit=10**9)
    assert max(map(len, iter(body.chunk, b""))) <= 65536


def test_a_body_may_shrink_to_a_hundredth_and_not_to_a_thousandth():
    bomb = gzip.compress(b"<!-- -->" * 4_000_000)
    assert len(bomb) * GZIP_RATIO + GZIP_ALLOWANCE_BYTES < 32_000_000
    tracemalloc.start()
    try:
        with pytest.raises(SoapFault) as caught:
            for _ in iter(source(bomb).chunk, b""):
                pass
        assert caught.value.subcode == "TooCompressed"
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert everything(source(gzip.compress(b"<!-- -->" * 100_000))) == b"<!-- -->" * 100_000


def test_the_limit_holds_for_what_comes_out_and_for_what_comes_in():
    body = source(gzip.compress(b"x" * 1000), limit=999)
    body.chunk()
    assert body.over
    body = source(gzip.compress(b"") * 60, limit=500)
    assert fault(body) == "BodyTooLarge"


@pytest.mark.parametrize(
    "endless",
    [b"\x1f\x8b\x08\x00" + b"\0" * 6 + b"\0\0\0\xff\xff" * 100_000, b"\x1f\x8b\x08\x08" + b"\0" * 6 + b"x" * 500_000],
    ids=["blocks with nothing in them", "a name without an end"],
)
def test_compressed_bytes_that_make_no_text_are_read_no_further_than_the_limit(endless):
    body = source(endless, limit=100_000)
    assert fault(body) == "BodyTooLarge"
    assert body.received < 300_000


def test_a_body_over_the_limit_before_its_request_is_too_large():
    reader = EnvelopeReader(source(envelope("<n:GetCDRsRequest/>"), limit=10, gzipped=False), None, None)
    with pytest.raises(SoapFault) as caught:
        reader.read_head()
    assert (caught.value.subcode, caught.value.code.status) == ("BodyTooLarge", 413)


def test_without_a_media_type_the_version_is_that_of_the_envelope():
    for namespace in (SOAP_12, "http://schemas.xmlsoap.org/soap/envelope/"):
        reader = EnvelopeReader(source(envelope("<n:GetCDRsRequest/>", "", namespace), gzipped=False), None, None)
        assert reader.read_head().version.namespace == namespace


def test_a_body_that_stands_still_or_trickles_is_cut_and_says_so(monkeypatch):
    monkeypatch.setattr("echs.protocols.soap.request_body.SLOW_SECONDS", 0.05)
    set_to = []

    def silent(_):
        raise TimeoutError

    with pytest.raises(SoapFault) as caught:
        RequestBody(silent, 1000, 10**6, set_timeout=set_to.append).chunk()
    assert caught.value.subcode == "BodyTooSlow"
    assert set_to == [0.05]

    def trickling(_):
        time.sleep(0.02)
        return b"x"

    with pytest.raises(SoapFault) as caught:
        everything(RequestBody(trickling, 1000, 10**6))
    assert caught.value.subcode == "BodyTooSlow"


def test_a_slow_line_of_an_admitted_upload_takes_nothing_from_the_time_of_its_work():
    def slow(size):
        time.sleep(0.05)
        return b"x" * size

    told = []
    for patience, extended in ((0.0, False), (60.0, True), (0.12, True)):
        present = request_context.begin(RequestContext(deadline=time.monotonic() + 100))
        before = present.deadline
        deadline.watched_by(told.append)
        body = RequestBody(slow, 4 * 1000, 10**6)
        body.patience_seconds = patience
        while body.chunk(1000):
            pass
        gained = present.deadline - before
        assert (gained > 0.04) is extended
        assert gained <= max(patience, 0.0) + 0.06
        deadline.watched_by(None)
    assert told
    request_context.end()
