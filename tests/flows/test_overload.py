"""A server that has more to do than it can: it says that it lives, and one partner does not take it from the others."""

import os
import pty
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from cast import PASSWORDS, cdr
from echs.base.instances import running
from wire import CDR_INFO, PATH, SOAP_12, TYPES, envelope, identity, record_xml

EVERY_THREAD = 2 * (8 + 8 + 8)


def posted(server, body: bytes, timeout: float = 60) -> bytes:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    connection.request("POST", PATH, body, {"Content-Type": TYPES[SOAP_12]})
    try:
        return connection.getresponse().read()
    finally:
        connection.close()


def logged_in(server, user_id: str) -> str:
    members = f"<n:userId>{user_id}</n:userId><n:password>{PASSWORDS[user_id]}</n:password>"
    told = posted(server, envelope(f"<n:AuthenticateRequest>{members}</n:AuthenticateRequest>")).decode()
    return told.partition("authToken>")[2].partition("<")[0]


def upload(token: str, first: int, count: int) -> bytes:
    records = "".join(record_xml(CDR_INFO, cdr(number)) for number in range(first, first + count))
    return envelope(f"<n:AddCDRsRequest>{records}</n:AddCDRsRequest>", identity(token))


def stalled(server, sent: bytes = b"<") -> socket.socket:
    """A connection whose request never ends."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPES[SOAP_12]}\r\nContent-Length: 9999\r\n\r\n"
    connection.sendall(head.encode() + sent)
    return connection


def waits_its_turn(server, path: str) -> bool:
    """Whether this is not answered within a second."""
    try:
        urlopen(f"{server.url}{path}", timeout=1).close()
    except OSError:
        return True
    return False


def test_that_it_lives_is_answered_while_every_thread_is_taken(server):
    with ExitStack() as held:
        # More than there are, since the workers do not share them evenly, and one may not be there yet.
        for number in range(1, 30 * EVERY_THREAD + 1):
            held.enter_context(stalled(server))
            if number % (3 * EVERY_THREAD) == 0 and waits_its_turn(server, "/readyz"):
                break
        else:
            raise AssertionError(f"{number} connections took not every thread")
        for _ in range(5):
            with urlopen(f"{server.url}/livez", timeout=5) as answer:
                assert answer.status == 200


@pytest.mark.parametrize("sent", [b"", b"<"], ids=["a head alone", "the first byte"])
def test_whose_body_does_not_come_keeps_no_place_from_others(server, sent):
    """Each of the two workers works on eight requests at once, and has 24 threads; no threads are short here."""
    with ExitStack() as silent:
        for _ in range(20):
            silent.enter_context(stalled(server, sent))
        time.sleep(0.5)
        for _ in range(5):
            with urlopen(f"{server.url}{PATH}?wsdl", timeout=5) as answer:
                assert answer.status == 200


def test_a_worker_that_gets_no_more_files_waits_and_does_not_die(server):
    workers = server.workers()
    for pid in workers:
        room = len(server.open_files(pid)) + 10
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (room, room))
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(60)]
    time.sleep(1)
    assert server.workers() == workers
    assert "no more connections" in server.log.read_text()
    for connection in idle:
        connection.close()
    with urlopen(f"{server.url}/livez", timeout=30) as answer:
        assert answer.status == 200
    assert server.workers() == workers
    assert server.log.read_text().count("no more connections") <= 2 * len(workers)


def test_uploads_of_one_partner_take_turns_and_others_are_served_meanwhile(server):
    tokens = {user_id: logged_in(server, user_id) for user_id in ("tnm", "anwb")}
    answers: list[str] = []

    def send(number: int) -> None:
        answers.append(posted(server, upload(tokens["tnm"], number * 2000, 2000), 120).decode())

    senders = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for sender in senders:
        sender.start()
    asked = 0
    while any(sender.is_alive() for sender in senders):
        get = envelope("<n:GetRoamingAuthorisationListRequest/>", identity(tokens["anwb"]))
        assert b"<resultCode>0<" in posted(server, get, 20)
        asked += 1
    assert asked > 0
    busy = [answer for answer in answers if "UPLOAD_BUSY" in answer]
    stored = [answer for answer in answers if "2000 new" in answer]
    assert len(busy) + len(stored) == 6
    assert len(stored) >= 2


def test_an_orphaned_worker_gives_up_the_address_at_once_whatever_it_is_doing(server):
    held = stalled(server)
    time.sleep(0.3)
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(10)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", server.port))
                break
            except OSError:
                time.sleep(0.1)
    else:
        raise AssertionError("somebody still listens there")
    held.close()
    server.start()
    assert urlopen(f"{server.url}/livez", timeout=10).status == 200


def test_a_server_ends_when_its_terminal_is_closed(environment, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith("ECHS_")}, **environment}
    terminal, its_end = pty.openpty()
    serve = [sys.executable, "-m", "echs", "serve", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    process = subprocess.Popen(
        ["setsid", "--ctty", *serve], env=environment, stdin=its_end, stdout=its_end, stderr=its_end
    )
    os.close(its_end)
    drained = threading.Thread(target=drain, args=(terminal,), daemon=True)
    drained.start()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with urlopen(f"http://127.0.0.1:{port}/livez", timeout=5):
                break
        except OSError:
            time.sleep(0.1)
    process.send_signal(signal.SIGHUP)
    assert process.wait(30) == 0
    os.close(terminal)
    with pytest.raises(OSError):
        urlopen(f"http://127.0.0.1:{port}/livez", timeout=2)


def drain(terminal: int) -> None:
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:
        return


def test_a_server_whose_store_was_moved_away_acknowledges_nothing_and_says_so(server, environment, tmp_path):
    if not environment["ECHS_DATABASE_URL"].startswith("sqlite"):
        pytest.skip("a server of PostgreSQL has no file of ours")
    token = logged_in(server, "tnm")
    assert b"1 new" in posted(server, upload(token, 1, 1))
    store = tmp_path / "store.sqlite3"
    store.rename(tmp_path / "moved-away.sqlite3")
    for _ in range(6):
        assert b"STORE_UNAVAILABLE" in posted(server, upload(token, 2, 1))
    old = server.workers()
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 30
    while len(set(server.workers()) - set(old)) < len(old) and time.monotonic() < until:
        time.sleep(0.05)
    # A worker that comes later takes no other file for the store, and makes none.
    for _ in range(6):
        assert b"STORE_UNAVAILABLE" in posted(server, upload(token, 2, 1))
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{server.url}/readyz", timeout=10)
    assert refused.value.code == 503
    assert b'"store_file": {\n   "ok": false' in refused.value.read()
    assert not store.exists()


def test_nothing_is_restored_beside_a_running_server_and_two_servers_are_told_of_each_other(
    server, environment, tmp_path
):
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith("ECHS_")}, **environment}

    def echs(*arguments):
        command = [sys.executable, "-m", "echs", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    if environment["ECHS_DATABASE_URL"].startswith("sqlite"):
        made = echs("backup", "create", str(tmp_path / "backups"))
        assert made.returncode == 0, made.stderr
        (copy,) = (tmp_path / "backups").iterdir()
        refused = echs("backup", "restore", str(copy))
        assert refused.returncode != 0
        assert "stop it first" in refused.stderr
    taken = echs("serve", "--bind", f"127.0.0.1:{server.port}")
    assert taken.returncode == 1
    assert f"pid {server.process.pid}" in taken.stderr
    found = running(tmp_path / "data")
    assert [each.pid for each in found] == [server.process.pid]
    server.stop()
    assert running(tmp_path / "data") == []
