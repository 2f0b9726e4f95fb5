"""How a request may travel: in chunks, compressed, announced, in any encoding; over real connections that stay open."""

import gzip
import socket

import pytest

from cast import FIELD_CDR, PASSWORDS, cdr
from echs.protocols.ochp02.contracts import CONTRACTS
from echs.protocols.ochp02.wire_schema import CDR_INFO
from wire import SOAP_11, SOAP_12, TYPES, envelope, identity, record_xml

pytestmark = pytest.mark.one_store

of_each = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)


class Connection:
    """One connection that stays open; requests are written by hand."""

    def __init__(self, server) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        self.file = self.socket.makefile("rb")

    def begin(self, path: str, *headers: str, protocol: str = "HTTP/1.1") -> None:
        lines = [f"POST {path} {protocol}", "Host: echs.example.org", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())

    def answer(self) -> tuple[int, bytes]:
        """Status and body of one answer."""
        status = int(self.file.readline().split()[1])
        length = 0
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return status, self.file.read(length)


def chunks(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nX-Sum: 1\r\n\r\n"


def log_in(server, contract) -> str:
    import re

    members = f"<n:userId>tnm</n:userId><n:password>{PASSWORDS['tnm']}</n:password>"
    body = envelope(f"<n:AuthenticateRequest>{members}</n:AuthenticateRequest>")
    connection = Connection(server)
    connection.begin(contract.path, f"Content-Type: {TYPES[SOAP_12]}", f"Content-Length: {len(body)}")
    connection.socket.sendall(body)
    return re.search(rb"<authToken>([0-9a-f]{64})</authToken>", connection.answer()[1])[1].decode()


def upload(login: str, number: int, namespace: str = SOAP_12) -> bytes:
    records = record_xml(CDR_INFO, FIELD_CDR._replace(cdr_id=str(number), city="Köln"))
    return envelope(f"<n:AddCDRsRequest>{records}</n:AddCDRsRequest>", identity(login), namespace)


@of_each
def test_every_way_to_send_a_body_is_read_on_one_connection(server, contract):
    login = log_in(server, contract)
    connection = Connection(server)
    kind = f"Content-Type: {TYPES[SOAP_12]}"

    def accepted(number: int, sent: bytes, *headers: str) -> None:
        connection.begin(contract.path, *headers)
        connection.socket.sendall(sent)
        status, body = connection.answer()
        assert (status, b"1 received: 1 new" in body) == (200, True), (number, body)

    body = upload(login, 1)
    accepted(1, body, kind, f"Content-Length: {len(body)}", 'SOAPAction: "ClearCDRs"')
    accepted(2, chunks(upload(login, 2), 7), kind, "Transfer-Encoding: chunked")
    packed = gzip.compress(upload(login, 3))
    accepted(3, packed, kind, f"Content-Length: {len(packed)}", "Content-Encoding: gzip")
    packed = gzip.compress(upload(login, 4))
    accepted(4, chunks(packed, 11), kind, "Transfer-Encoding: chunked", "Content-Encoding: GZIP")
    wide = b"\xff\xfe" + upload(login, 5).decode().replace("UTF-8", "UTF-16").encode("utf-16-le")
    accepted(5, wide, "Content-Type: application/soap+xml", f"Content-Length: {len(wide)}")
    latin = upload(login, 6).decode().replace("UTF-8", "ISO-8859-1").encode("iso-8859-1")
    accepted(6, latin, 'content-type: application/soap+xml; action="x"', f"content-length: {len(latin)}")
    old = upload(login, 7, SOAP_11)
    accepted(7, old, f"Content-Type: {TYPES[SOAP_11]}", f"Content-Length: {len(old)}", "SOAPAction:")


@of_each
@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_waits_to_be_told_to_go_on_is_told(server, contract, chunked):
    login = log_in(server, contract)
    connection = Connection(server)
    body = upload(login, 1)
    size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    for expected in (b"1 new", b"1 already known"):
        connection.begin(contract.path, f"Content-Type: {TYPES[SOAP_12]}", size, "Expect: 100-continue")
        assert connection.file.readline().startswith(b"HTTP/1.1 100 ")
        assert connection.file.readline() == b"\r\n"
        connection.socket.sendall(chunks(body, 50) if chunked else body)
        status, answer = connection.answer()
        assert (status, expected in answer) == (200, True)


def test_an_answer_to_http_1_0_is_whole(server):
    login = log_in(server, CONTRACTS[0])
    connection = Connection(server)
    body = upload(login, 1)
    size = f"Content-Length: {len(body)}"
    connection.begin(CONTRACTS[0].path, f"Content-Type: {TYPES[SOAP_12]}", size, protocol="HTTP/1.0")
    connection.socket.sendall(body)
    status, answer = connection.answer()
    assert (status, b"1 new" in answer) == (200, True)
    assert connection.file.read() == b""


def test_a_compressed_upload_of_thousands_is_read_in_chunks(server):
    login = log_in(server, CONTRACTS[1])
    records = "".join(record_xml(CDR_INFO, cdr(number)) for number in range(3000))
    body = gzip.compress(envelope(f"<n:AddCDRsRequest>{records}</n:AddCDRsRequest>", identity(login)))
    connection = Connection(server)
    headers = (f"Content-Type: {TYPES[SOAP_12]}", "Transfer-Encoding: chunked", "Content-Encoding: gzip")
    connection.begin(CONTRACTS[1].path, *headers)
    connection.socket.sendall(chunks(body, 1000))
    assert b"3000 received: 3000 new" in connection.answer()[1]
