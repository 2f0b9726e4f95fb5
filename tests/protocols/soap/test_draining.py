"""A body is read to its end whatever is answered: a client that still sends does not read."""

import io

import pytest

from echs.protocols.soap.request_body import CHUNK_BYTES
from wire import PATH, SOAP_12, TYPES, envelope, request

FILLING = b"<!--" + b" " * (10 * CHUNK_BYTES) + b"-->"


class Counted(io.BytesIO):
    """A body that knows how much of it was read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.length = len(data)

    @property
    def left(self) -> int:
        return self.length - self.tell()


REFUSED = {
    "by its media type": ({"content_type": "application/json"}, FILLING),
    "by its charset": ({"content_type": "application/soap+xml; charset=klingon"}, FILLING),
    "by its first byte": ({}, b"no XML" + FILLING),
    "by its operation": ({}, envelope("<n:NoSuchRequest/>") + FILLING),
    "by its version": ({"content_type": TYPES[SOAP_12]}, envelope("", namespace="urn:other") + FILLING),
}


@pytest.mark.parametrize(("headers", "body"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_early_is_still_read_to_its_end(office, headers, body):
    sent = Counted(body)
    answer = request(office.app, b"", length=str(len(body)), path=PATH, **{"wsgi.input": sent}, **headers)
    assert answer.fault
    assert sent.left == 0
