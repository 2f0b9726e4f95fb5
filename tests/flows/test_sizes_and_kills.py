"""Size, two at once, and power cuts, against a real server on each store."""

import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from lxml import etree
from sqlalchemy import func, select

from cast import PASSWORDS, cdr, token
from echs.cdrs import tables
from echs.clearing import run
from wire import CDR_INFO, NAMESPACE, ROAMING_AUTHORISATION_INFO, SOAP_12, TYPES, envelope, identity, record_xml

# What the one public client waits for an answer, less what the way there and back may take.
SECONDS = 25


class Partner:
    """A back end that sends prepared bytes."""

    def __init__(self, server, user_id: str) -> None:
        self.url = server.service
        self.session = requests.Session()
        self.token = ""
        members = f"<n:userId>{user_id}</n:userId><n:password>{PASSWORDS[user_id]}</n:password>"
        self.token = self.call("Authenticate", members).findtext(f".//{{{NAMESPACE}}}authToken")

    def call(self, operation: str, members: str = "", timeout: float = 60):
        header = identity(self.token) if self.token else ""
        body = envelope(f"<n:{operation}Request>{members}</n:{operation}Request>", header)
        answer = self.session.post(self.url, data=body, headers={"Content-Type": TYPES[SOAP_12]}, timeout=timeout)
        assert answer.status_code == 200, answer.text
        return etree.fromstring(answer.content, etree.XMLParser(huge_tree=True))


def code(document) -> int:
    return int(document.findtext(f".//{{{NAMESPACE}}}resultCode"))


def records(document, record) -> list[tuple[str, ...]]:
    return [tuple(e.text or "" for e in each) for each in document.iter(f"{{{NAMESPACE}}}{record.element}")]


def timed(work):
    began = time.monotonic()
    result = work()
    assert time.monotonic() - began < SECONDS
    return result


def test_ten_thousand_tokens_and_five_thousand_cdrs_go_up_and_come_down(server):
    tnm, anwb, office = (Partner(server, user_id) for user_id in ("tnm", "anwb", "office"))
    cards = [token(number) for number in range(10_000)]
    body = "".join(record_xml(ROAMING_AUTHORISATION_INFO, record) for record in cards)
    for _ in range(2):
        assert code(timed(lambda: tnm.call("SetRoamingAuthorisationList", body))) == 0
    got = records(timed(lambda: anwb.call("GetRoamingAuthorisationList")), ROAMING_AUTHORISATION_INFO)
    assert got == [tuple(map(str, record)) for record in cards]

    sessions = [cdr(number) for number in range(5_000)]
    body = "".join(record_xml(CDR_INFO, record) for record in sessions)
    for _ in range(2):
        assert code(timed(lambda: tnm.call("AddCDRs", body))) == 0
    assert code(timed(lambda: office.call("ClearCDRs"))) == 0
    got = timed(lambda: anwb.call("GetCDRs"))
    assert records(got, CDR_INFO) == [tuple(record) for record in sessions]
    link = got.findtext(f".//{{{NAMESPACE}}}docLink")
    assert timed(lambda: requests.get(link, timeout=60)).status_code == 200


def test_two_offices_that_clear_at_once_clear_every_cdr_once(server, context):
    tnm = Partner(server, "tnm")
    tnm.call("AddCDRs", "".join(record_xml(CDR_INFO, cdr(number)) for number in range(500)))
    offices = [Partner(server, "office") for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda office: office.call("ClearCDRs"), offices))
    assert [code(answer) for answer in answers] == [0] * 6
    made = run.all_runs(context)
    assert [(each.number, each.cdr_count) for each in made] == [(1, 500)]


def count(context) -> tuple[int, int, int]:
    with context.database.read() as snapshot:
        return tuple(
            snapshot.execute(select(func.count()).select_from(table)).scalar()
            for table in (tables.cdr, tables.cdr_uncleared, tables.cdr_cleared)
        )


def test_a_power_cut_in_an_upload_leaves_all_of_it_or_nothing(server, context, seed):
    chance = random.Random(seed)
    acknowledged = 0
    for attempt in range(5):
        tnm = Partner(server, "tnm")
        body = "".join(record_xml(CDR_INFO, cdr(f"{attempt}-{number}")) for number in range(2000))
        answered = []

        def send(partner=tnm, xml=body, told=answered) -> None:
            try:
                told.append(code(partner.call("AddCDRs", xml)))
            except (requests.RequestException, AssertionError):
                pass

        before, _, _ = count(context)
        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(chance.uniform(0, 1.2))
        server.kill()
        sender.join(60)
        after, uncleared, cleared = count(context)
        assert after - before in (0, 2000), f"seed {seed}"
        assert (uncleared, cleared) == (after, 0)
        if answered == [0]:
            assert after - before == 2000, f"seed {seed}"
            acknowledged += 1
        server.start()
        again = Partner(server, "tnm")
        assert code(again.call("AddCDRs", body)) == 0
        assert count(context)[0] == before + 2000


def test_a_worker_that_is_killed_is_replaced_and_nobody_notices(server):
    tnm = Partner(server, "tnm")
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + 10
    while True:
        try:
            tnm.session.close()
            assert code(tnm.call("GetCDRs")) == 0
            return
        except requests.RequestException:
            assert time.monotonic() < end


def test_a_slow_sender_blocks_nobody(server):
    """Half an upload is on its way; others write meanwhile."""
    tnm, lnd = Partner(server, "tnm"), Partner(server, "lnd")
    more = threading.Event()
    whole = envelope(
        "<n:AddCDRsRequest>" + "".join(record_xml(CDR_INFO, cdr(n)) for n in range(500)) + "</n:AddCDRsRequest>",
        identity(tnm.token),
    )
    answers = []

    def pieces():
        yield whole[: len(whole) // 2]
        more.wait(60)
        yield whole[len(whole) // 2 :]

    def send() -> None:
        answer = requests.post(server.service, data=pieces(), headers={"Content-Type": TYPES[SOAP_12]}, timeout=60)
        answers.append(code(etree.fromstring(answer.content)))

    sender = threading.Thread(target=send)
    sender.start()
    time.sleep(0.3)
    began = time.monotonic()
    assert code(lnd.call("AddCDRs", record_xml(CDR_INFO, cdr(1, operator_id="ladenetz.de")))) == 0
    assert time.monotonic() - began < 5
    more.set()
    sender.join(60)
    assert answers == [0]


@pytest.mark.parametrize("size", [200_000, 20_000_000])
def test_a_client_that_is_refused_early_still_reads_the_answer(server, size):
    padding = f"<!-- {'x' * 100} -->" * (size // 109)
    body = envelope(f"<n:AddCDRsRequest>{padding}</n:AddCDRsRequest>", identity("0" * 64))
    answer = requests.post(server.service, data=body, headers={"Content-Type": TYPES[SOAP_12]}, timeout=60)
    assert code(etree.fromstring(answer.content)) == 103
