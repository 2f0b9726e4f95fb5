"""Whether a client wants its answer compressed (RFC 9110, 12.5.3)."""

import pytest

from echs.protocols.soap.wsgi import takes_gzip


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        *[("gzip", True), ("GZIP", True), ("x-gzip", True), ("deflate, gzip;q=0.5", True), ("gzip ; q=1.0", True)],
        *[("", False), ("identity", False), ("br, deflate", False), ("gzip;q=0", False), ("gzip; q=0.000", False)],
        *[("gzip;\tq=0", False), ("x-gzip;q=0, gzip", True), ("gzip;a=b;q=0", False), ("gzip;q=0.001", True)],
        *[("gzipped", False), (",,;;q=1", False)],
    ],
)
def test_gzip_is_sent_to_those_who_take_it_and_to_no_one_else(header, wanted):
    assert takes_gzip({"HTTP_ACCEPT_ENCODING": header}) is wanted
