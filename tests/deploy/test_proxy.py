"""The nginx site as an operator would use it: what it lets through, what it does not, and whom it keeps waiting."""

import re
import socket
import ssl
import threading
import time

import pytest

from cast import PASSWORDS, cdr, certificate_and_key
from deploy.proxies import HOST, Proxy
from echs.partners import certificates
from servers import Server
from wire import CDR_INFO, envelope, identity, record_xml

LOG_IN = envelope(
    "<n:AuthenticateRequest><n:userId>tnm</n:userId>"
    f"<n:password>{PASSWORDS['tnm']}</n:password></n:AuthenticateRequest>"
)
GET = "<n:GetCDRsRequest/>"
SLOW = 300


@pytest.fixture
def store_url(sqlite_template, tmp_path):
    """One kind of store is enough: this is about what stands before the server."""
    import shutil

    shutil.copy(sqlite_template, tmp_path / "store.sqlite3")
    return f"sqlite:///{tmp_path / 'store.sqlite3'}"


@pytest.fixture
def server(environment, cast, tmp_path):
    running = Server({**environment, "ECHS_TRUSTED_PROXIES": "127.0.0.1"}, tmp_path / "server.log")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def proxy(server, clock, tmp_path):
    place = tmp_path / "nginx"
    place.mkdir()
    place.chmod(0o755)
    running = Proxy(server.port, place, clock())
    yield running
    running.stop()


def log_in(proxy, **connect):
    _, _, text = proxy.ask("/ochp/0.2", method="POST", body=LOG_IN, **connect)
    found = re.search(rb"authToken>([0-9a-f]{64})<", text)
    return found[1].decode() if found else text.decode()


def test_partners_get_through_and_monitoring_does_not(proxy):
    assert len(log_in(proxy)) == 64
    for path, status in (
        ("/ochp/0.2?wsdl", 200),
        ("/service/index.php?wsdl", 200),
        ("/livez", 200),
        ("/readyz", 404),
        ("/metrics", 404),
        ("/", 200),
        ("/ochp/../metrics", 404),
        ("//metrics", 404),
    ):
        assert proxy.ask(path)[0] == status, path


class Dying(threading.Thread):
    """A server that takes a request and dies of it, as its bodies are counted."""

    def __init__(self, bodies: list[int]) -> None:
        super().__init__(daemon=True)
        self.bodies = bodies
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(0.5)
                length = 0
                try:
                    while piece := connection.recv(65536):
                        length += len(piece)
                except OSError:
                    pass
                self.bodies.append(length)


@pytest.mark.parametrize(
    ("size", "more", "times"),
    [
        (600, "", 6),  # a request without records: three servers, and once more from the start
        (3_900, "Content-Encoding: identity\r\n", 6),
        (600, "Content-Encoding: gzip\r\n", 1),
        (5_000, "", 1),
        (200_000, "Content-Encoding: gzip\r\n", 1),
        (1_200_000, "", 1),
    ],
)
def test_what_may_be_an_upload_is_sent_to_one_server_only(clock, tmp_path, size, more, times):
    bodies: list[int] = []
    servers = [Dying(bodies) for _ in range(3)]
    place = tmp_path / "nginx"
    place.mkdir()
    place.chmod(0o755)
    proxy = Proxy(servers[0].port, place, clock(), [each.port for each in servers[1:]])
    try:
        status, _, _ = proxy.ask("/service/index.php", method="POST", body=b"x" * size, more=more)
    finally:
        proxy.stop()
        for each in servers:
            each.listener.close()
    assert status == 502
    assert len([length for length in bodies if length >= size]) == times


def test_whoever_does_not_know_the_name_gets_nothing(proxy):
    with pytest.raises(OSError):
        proxy.ask("/livez", host="other.example.org")
    # Our name in the handshake, another in the request.
    with proxy.connect() as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: other.example.org\r\n\r\n")
        assert connection.recv(100).split()[1] == b"421"
    with socket.create_connection(("127.0.0.1", proxy.plain_port), 10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: other.example.org\r\n\r\n")
        assert plain.recv(100) == b""


def test_without_tls_there_is_only_the_way_to_it_and_no_place_for_a_password(proxy):
    for request, status in ((b"GET /ochp/0.2?wsdl", b"301"), (b"POST /ochp/0.2", b"403")):
        with socket.create_connection(("127.0.0.1", proxy.plain_port), 10) as plain:
            plain.sendall(request + f" HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n".encode())
            assert plain.recv(100).split()[1] == status


def test_old_tls_is_refused(proxy):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", proxy.port), 10) as plain:
        context.wrap_socket(plain, server_hostname=HOST)


def test_a_body_that_is_larger_than_any_may_be_is_refused_by_its_announcement(proxy):
    with proxy.connect() as connection:
        connection.sendall(f"POST /ochp/0.2 HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 200000000\r\n\r\n".encode())
        assert connection.recv(100).split()[1] == b"413"


def test_what_a_client_says_of_itself_is_not_believed_and_who_it_is_reaches_the_log(proxy, server):
    more = "X-Forwarded-For: 6.6.6.6\r\nX-Client-Cert: forged\r\nX-Request-ID: forged\r\nForwarded: for=6.6.6.6\r\n"
    assert proxy.ask("/ochp/0.2", method="POST", body=LOG_IN, more=more, source="127.0.0.77")[0] == 200
    end = time.monotonic() + 5
    while "127.0.0.77" not in server.log.read_text() and time.monotonic() < end:
        time.sleep(0.05)
    log = server.log.read_text()
    assert '"origin":"127.0.0.77"' in log
    assert "6.6.6.6" not in log
    assert "forged" not in log
    assert "6.6.6.6" not in proxy.access_log


def test_a_partner_with_a_pinned_certificate_is_known_by_it_from_end_to_end(proxy, context, clock, tmp_path):
    pairs = []
    for name in ("own", "foreign"):
        certificate, key = certificate_and_key(clock(), name)
        pairs.append((tmp_path / f"{name}.crt", tmp_path / f"{name}.key"))
        pairs[-1][0].write_text(certificate)
        pairs[-1][1].write_text(key)
    own, foreign = pairs
    certificates.add(context, "tnm", own[0].read_text())
    assert len(log_in(proxy, pair=own)) == 64
    for connect in ({}, {"pair": foreign}):
        assert "LOGIN_CERTIFICATE" in log_in(proxy, **connect)


def test_neither_log_has_the_signature_of_a_link(proxy, server):
    secret = "Zm9yZ2VkLXNpZ25hdHVyZS10aGF0LWlzLWxvbmc"
    for path in (f"/statements/{secret}.pdf", f"/statement/{secret}", f"/ochp/{secret}", f"/livez?link={secret}"):
        proxy.ask(path, more=f"Referer: https://{HOST}/statements/{secret}.pdf\r\n")
    time.sleep(0.3)
    assert proxy.access_log.count("\n") == 4
    for text in (proxy.access_log, proxy.log, server.log.read_text()):
        assert secret not in text


def test_three_hundred_slow_clients_keep_nobody_waiting(proxy):
    """They send a byte now and then, from ten addresses, with a body or without; others go on as if they were not."""
    token = log_in(proxy)
    body = envelope(GET, identity(token))
    upload = envelope(f"<n:AddCDRsRequest>{record_xml(CDR_INFO, cdr(1))}</n:AddCDRsRequest>", identity(token))

    def times(count):
        taken = []
        for number in range(count):
            began = time.monotonic()
            status, _, text = proxy.ask("/ochp/0.2", method="POST", body=(upload if number % 5 == 0 else body))
            taken.append(time.monotonic() - began)
            assert (status, b"resultCode>0<" in text) == (200, True)
        return sorted(taken)

    alone = times(20)
    slow, stop = [], threading.Event()
    for number in range(SLOW):
        connection = proxy.connect(source=f"127.0.0.{10 + number % 10}")
        head = f"POST /ochp/0.2 HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 50000\r\n"
        connection.sendall((head + ("\r\n<" if number % 2 else "X-Slow: ")).encode())
        slow.append(connection)

    def trickle():
        while not stop.wait(1):
            for connection in slow:
                try:
                    connection.sendall(b"x")
                except OSError:
                    continue  # cut, as it should be

    trickling = threading.Thread(target=trickle)
    trickling.start()
    try:
        beside = times(60)
    finally:
        stop.set()
        trickling.join()
        for connection in slow:
            connection.close()
    print(f"median {alone[10]:.3f} s alone, {beside[30]:.3f} s beside {SLOW} slow ones, worst {beside[-1]:.3f} s")
    assert beside[-4] < 1
    assert beside[30] < 10 * alone[10] + 0.05


def large_head(length, chunked=False):
    how = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {length}"
    return f"POST /ochp/0.2 HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/soap+xml\r\n{how}\r\n\r\n".encode()


@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_of_nobody_is_not_kept_here_but_refused_by_what_it_says_of_its_sender(proxy, tmp_path, chunked):
    """A hundred megabytes are announced; the first of it is enough for the answer, and the disk has none of it."""
    body = envelope("<n:AddCDRsRequest>", identity("nobody"))
    start = body[: body.index(b"<n:AddCDRsRequest>") + len(b"<n:AddCDRsRequest>")] + b" " * 70_000
    with proxy.connect() as connection:
        connection.sendall(large_head(100_000_000, chunked))
        connection.sendall(b"%x\r\n%s\r\n" % (len(start), start) if chunked else start)
        time.sleep(0.5)
        kept = [file for file in (tmp_path / "nginx").rglob("*") if file.is_file() and file.stat().st_size > 65_536]
        assert kept == []
        connection.settimeout(40)
        assert connection.recv(65536) != b""


def test_a_large_upload_of_a_partner_goes_through_and_only_so_many_at_once_from_one_address(proxy):
    token = log_in(proxy)
    records = "".join(record_xml(CDR_INFO, cdr(number)) for number in range(1500))
    body = envelope(f"<n:AddCDRsRequest>{records}</n:AddCDRsRequest>", identity(token))
    assert len(body) > 1_000_000
    status, _, text = proxy.ask("/ochp/0.2", method="POST", body=body)
    assert (status, b"1500 new" in text) == (200, True)
    held = [proxy.connect() for _ in range(9)]
    for connection in held:
        connection.sendall(large_head(100_000_000) + b"<")
    time.sleep(0.5)
    refused = [each for each in held if each.pending() or peeked(each).startswith(b"HTTP/1.1 429")]
    assert len(refused) == 1
    assert len(log_in(proxy)) == 64
    for connection in held:
        connection.close()


def peeked(connection):
    connection.settimeout(0.2)
    try:
        return connection.recv(100)
    except OSError:
        return b""
