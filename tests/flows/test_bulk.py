"""Whole lists replaced and downloaded at once, and uploads that fail late, against a real server on each store."""

import gzip
import random
import socket
import threading
import time

import requests
from lxml import etree

from cast import PASSWORDS, token
from wire import NAMESPACE, ROAMING_AUTHORISATION_INFO, SOAP_12, TYPES, envelope, identity, record_xml

TOKENS = 300
REPLACEMENTS = 200
DOWNLOADS = 500
SET = "SetRoamingAuthorisationListRequest"
HEADERS = {"Content-Type": TYPES[SOAP_12]}


def login(server, user_id: str = "tnm") -> str:
    members = f"<n:userId>{user_id}</n:userId><n:password>{PASSWORDS[user_id]}</n:password>"
    answer = requests.post(
        server.service,
        envelope(f"<n:AuthenticateRequest>{members}</n:AuthenticateRequest>"),
        headers=HEADERS,
        timeout=30,
    )
    return etree.fromstring(answer.content).findtext(f".//{{{NAMESPACE}}}authToken")


def generation(number: int) -> str:
    """A list of which every record says to which generation it belongs."""
    length = TOKENS + number % 7
    return "".join(
        record_xml(ROAMING_AUTHORISATION_INFO, token(each, printed_number=f"{number} of {length}"))
        for each in range(length)
    )


def upload(server, known: str, records: str) -> bytes:
    body = envelope(f"<n:{SET}>{records}</n:{SET}>", identity(known))
    return requests.post(server.service, body, headers=HEADERS, timeout=60).content


def download(server, known: str, compressed: bool) -> list[str]:
    """The printed numbers of a download, which must be whole."""
    body = envelope("<n:GetRoamingAuthorisationListRequest/>", identity(known))
    headers = {**HEADERS, "Accept-Encoding": "gzip" if compressed else "identity"}
    with requests.post(server.service, body, headers=headers, timeout=60, stream=True) as answer:
        data = answer.raw.read(decode_content=False)
        assert (answer.headers.get("Content-Encoding") == "gzip") is compressed
    document = etree.fromstring(gzip.decompress(data) if compressed else data)
    return [element.text for element in document.iter(f"{{{NAMESPACE}}}printedNumber")]


def test_no_download_is_a_mixture_or_a_part_of_generations_while_lists_are_replaced(server):
    tnm, anwb = login(server), login(server, "anwb")
    upload(server, tnm, generation(0))
    left = iter(range(DOWNLOADS))
    guard = threading.Lock()
    wrong: list[object] = []
    seen: set[str] = set()

    def download_many() -> None:
        chance = random.Random(threading.get_native_id())
        while True:
            with guard:
                if next(left, None) is None:
                    return
            try:
                numbers = download(server, anwb, chance.random() < 0.5)
                (whole,) = set(numbers)
                assert len(numbers) == int(whole.rpartition(" ")[2])
                seen.add(whole)
            except Exception as error:
                wrong.append(error)

    readers = [threading.Thread(target=download_many) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(1, REPLACEMENTS + 1):
        assert b"resultCode>0<" in upload(server, tnm, generation(number))
    for reader in readers:
        reader.join()
    assert wrong == []
    assert len(seen) > 10
    assert set(download(server, anwb, False)) == {f"{REPLACEMENTS} of {TOKENS + REPLACEMENTS % 7}"}


def test_an_upload_that_fails_late_leaves_the_old_list(server):
    known = login(server)
    many = "".join(record_xml(ROAMING_AUTHORISATION_INFO, token(each)) for each in range(20_000))
    upload(server, known, generation(0))
    old = download(server, known, False)
    last = record_xml(ROAMING_AUTHORISATION_INFO, token(20_001, token_type=7))
    assert b"TOKEN_TYPE_UNKNOWN at roamingAuthorisationInfoArray[20000].tokenType" in upload(server, known, many + last)
    half = len(many) // 2
    told = upload(server, known, many[:half] + "</n:oops>" + many[half:])
    assert b"NotWellFormed" in told
    assert b"after " in told
    assert download(server, known, False) == old


def test_a_client_that_goes_away_in_the_middle_of_an_upload_leaves_the_old_list(server):
    known = login(server)
    upload(server, known, generation(0))
    old = download(server, known, False)
    many = "".join(record_xml(ROAMING_AUTHORISATION_INFO, token(each)) for each in range(20_000))
    body = envelope(f"<n:{SET}>{many}</n:{SET}>", identity(known))
    head = (
        f"POST /ochp/0.2 HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPES[SOAP_12]}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    for share in (3, 2):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head.encode() + body[: len(body) * (share - 1) // share])
    time.sleep(1)
    assert download(server, known, False) == old


def test_clients_that_go_away_in_the_middle_of_a_download_leave_nothing_open(server):
    known = login(server)
    many = "".join(record_xml(ROAMING_AUTHORISATION_INFO, token(each)) for each in range(20_000))
    upload(server, known, many)
    body = envelope("<n:GetRoamingAuthorisationListRequest/>", identity(known))
    head = (
        f"POST /ochp/0.2 HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPES[SOAP_12]}\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    def gone() -> None:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head.encode() + body)
            connection.recv(1000)

    def lists_open() -> int:
        return sum("/lists/" in link for worker in server.workers() for link in server.open_files(worker))

    for _ in range(3):
        upload(server, known, many)  # so that each round draws the list anew
        for _ in range(10):
            gone()
    end = time.monotonic() + 20
    while lists_open() and time.monotonic() < end:
        time.sleep(0.1)
    assert lists_open() == 0
    assert len(download(server, known, True)) == 20_000
