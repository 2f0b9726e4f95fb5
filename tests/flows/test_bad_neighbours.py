"""Clients that are slow, silent or broken, against a real server."""

import socket
import time
from urllib.request import urlopen

import pytest

from cast import PASSWORDS
from wire import PATH, SOAP_12, TYPES, envelope

pytestmark = pytest.mark.one_store

# Of two workers: those for requests, as many that wait, and one for each upload that there may be.
THREADS = 2 * (8 + 8 + 8)


@pytest.fixture
def environment(environment):
    return {**environment, "ECHS_MAX_REQUEST_SECONDS": "3"}


def connected(server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def head(length: int) -> bytes:
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPES[SOAP_12]}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def answers(server, within: float) -> bool:
    try:
        with urlopen(server.wsdl, timeout=within) as answer:
            return answer.status == 200
    except OSError as error:
        print(f"not answered: {error!r}")
        return False


@pytest.mark.parametrize(
    "sent", [b"", b"POST /ochp", head(1000), head(1000) + b"<"], ids=["nothing", "a word", "a head", "a byte"]
)
def test_silent_clients_do_not_keep_the_server_from_others_for_longer_than_the_deadline(server, sent):
    silent = [connected(server) for _ in range(THREADS + 4)]
    for connection in silent:
        connection.sendall(sent)
    time.sleep(0.2)
    assert answers(server, 20)
    for connection in silent:
        connection.close()


def test_a_trickling_client_is_cut_off_at_the_deadline(server):
    began = time.monotonic()
    connection = connected(server)
    connection.sendall(head(10_000))
    with pytest.raises(OSError):
        while time.monotonic() - began < 20:
            connection.sendall(b" ")
            time.sleep(0.1)
            if connection.recv(4096, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b"":
                raise ConnectionResetError
    assert time.monotonic() - began < 15
    assert answers(server, 5)


def received(connection: socket.socket) -> bytes:
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def test_what_spills_out_of_a_request_is_neither_answered_nor_logged(server):
    members = f"<n:userId>tnm</n:userId><n:password>{PASSWORDS['tnm']}CANARY</n:password>"
    body = envelope(f"<n:AuthenticateRequest>{members}</n:AuthenticateRequest>")
    connection = connected(server)
    connection.sendall(head(body.index(b"CANARY")) + body + head(10))
    told = received(connection)
    assert b"NotWellFormed" in told
    assert b"CANARY" not in told
    connection = connected(server)
    connection.sendall(b"CANARY</n:password> HTTP/1.1\r\n\r\n")
    told = received(connection)
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"CANARY" not in told
    log = server.log.read_text()
    assert "CANARY" not in log
    assert "Traceback" not in log
