"""An operator and a provider of OCHP 1.4 that never stop: the one sends CDRs, revises or gives up what was declined, the
other fetches, approves and declines. Each repeats what was not acknowledged, and remembers what it said.

Prices tell revisions apart: each has one of its own, and what is cleared must be at a price that the provider approved.
"""

import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import replace

import requests
from lxml import etree
from sqlalchemy import text

from cast import PASSWORDS, verify
from echs.base.clock import system_clock
from echs.protocols.ochp14.contracts import PUBLISHED
from ochp14 import O, cdr_xml, envelope14, period_xml, security
from simulation.crowd import AGAIN_SECONDS, ANSWER_SECONDS, AtOnce

EVSE = "NL*TNM*E01000851"


class Partner14(threading.Thread):
    """One back end of OCHP 1.4."""

    def __init__(self, url: str, user_id: str, pair: "Pair", seed: int) -> None:
        super().__init__(daemon=True, name=f"{type(self).__name__} {user_id}")
        self.url, self.pair, self.chance = url + PUBLISHED.service_path, pair, random.Random(seed)
        self.header = security(user_id, PASSWORDS[user_id])
        self.session = requests.Session()

    def until_acknowledged(self, operation: str, members: str = "") -> etree._Element | None:
        """Send the same again until it is acknowledged; None where it is over before."""
        body = envelope14(f"<o:{operation}Request>{members}</o:{operation}Request>", self.header)
        while not self.pair.over.is_set():
            try:
                answer = self.session.post(
                    self.url, data=body, headers={"Content-Type": "text/xml"}, timeout=ANSWER_SECONDS
                )
                document = etree.fromstring(answer.content)
            except (requests.RequestException, etree.XMLSyntaxError) as error:
                self.pair.codes[type(error).__name__] += 1
                self.session.close()
                time.sleep(AGAIN_SECONDS)
                continue
            code = document.findtext(f".//{O}result/{O}resultCode/{O}resultCode")
            self.pair.codes[code] += 1
            if code in ("ok", "partly"):
                self.pair.answered.append(time.monotonic())
                return document
            if code not in (None, "server"):
                told = document.findtext(f".//{O}result/{O}resultDescription")
                self.pair.wrong.append(f"{self.name} {operation}: {told}")
                return None
            time.sleep(AGAIN_SECONDS)
        return None

    def run(self) -> None:
        while not self.pair.over.is_set():
            self.turn()
            time.sleep(self.chance.uniform(0, 0.02))

    def turn(self) -> None:
        """What it does again and again."""
        raise NotImplementedError


class Operator(Partner14):
    """Sends new CDRs, and ends the dispute about declined ones: at another price, or not at all."""

    def turn(self) -> None:
        """Some new ones; then what was declined."""
        pair = self.pair
        new = [pair.next_id() for _ in range(self.chance.choice((1, 3, 10)))]
        if self.until_acknowledged("AddCDRs", "".join(self.record(cdr_id, "new") for cdr_id in new)) is not None:
            pair.kept.update(new)
        declined = self.until_acknowledged("CheckCDRs")
        again = []
        for each in [] if declined is None else declined.iter(f"{O}cdrInfoArray"):
            cdr_id, price = each.findtext(f"{O}CdrId"), each.findtext(f"{O}totalCost")
            assert price in pair.declined[cdr_id], f"{cdr_id} counts as declined at {price}, which nobody declined"
            # One that came by OCHP 0.2 has an id that was made, and can be given up, but not revised here.
            if cdr_id not in pair.sent or self.chance.random() < 0.3:
                pair.giving_up.add(cdr_id)
                again.append(self.record(cdr_id, "rejected"))
            else:
                again.append(self.record(cdr_id, "revised"))
        if again:
            self.until_acknowledged("AddCDRs", "".join(again))

    def record(self, cdr_id: str, status: str) -> str:
        """A CDR at a price that no other revision of it has."""
        if status != "rejected":
            self.pair.sent[cdr_id] += 1
        price = f"{self.pair.sent.get(cdr_id, 1)}.00"
        return cdr_xml(cdr_id, status=status, total=price, periods=(period_xml(value=price, price="1", cost=price),))


class Provider(Partner14):
    """Fetches what waits, and approves or declines some of it at the price that it saw."""

    def turn(self) -> None:
        """Fetch, and answer."""
        pair = self.pair
        waiting = self.until_acknowledged("GetCDRs")
        items, said = "", []
        for each in [] if waiting is None else waiting.iter(f"{O}cdrInfoArray"):
            cdr_id, price = each.findtext(f"{O}CdrId"), each.findtext(f"{O}totalCost")
            kind = self.chance.choice(("approved", "approved", "declined", ""))
            if kind:
                # Remembered before it is sent: it may be done although nobody is told so any more.
                (pair.approved if kind == "approved" else pair.declined)[cdr_id].add(price)
                said.append((cdr_id, price, kind))
                items += f"<o:{kind}><o:cdrId>{cdr_id}</o:cdrId><o:evseId>{EVSE}</o:evseId></o:{kind}>"
        if items:
            answer = self.until_acknowledged("ConfirmCDRs", items)
            if answer is not None and answer.findtext(f".//{O}resultCode/{O}resultCode") == "ok":
                pair.settled.update((cdr_id, price) for cdr_id, price, kind in said if kind == "approved")


class Pair(AtOnce):
    """The two of them, and what they remember."""

    def __init__(self, url: str, seed: int) -> None:
        super().__init__()
        self.numbers = iter(range(1, 1_000_000))
        self.sent: Counter[str] = Counter()
        self.kept: set[str] = set()
        self.giving_up: set[str] = set()
        # By CDR, the prices at which it was approved or declined; and the approvals that were acknowledged.
        self.approved: defaultdict[str, set[str | None]] = defaultdict(set)
        self.declined: defaultdict[str, set[str | None]] = defaultdict(set)
        self.settled: set[tuple[str, str | None]] = set()
        self.people = [Operator(url, "tnm", self, seed), Provider(url, "anwb", self, seed + 1)]

    def next_id(self) -> str:
        """The id of a new CDR."""
        return f"NLTNM{next(self.numbers):06d}"

    def wait_for_answers(self, number: int, seconds: float) -> None:
        """Wait until so many more requests were acknowledged."""
        wanted, end = len(self.answered) + number, time.monotonic() + seconds
        while len(self.answered) < wanted:
            assert time.monotonic() < end, f"nobody was answered for {seconds} s; {self.codes}"
            time.sleep(0.01)


CLEARED = (
    "SELECT cdr.cdr_id, cdr.cost_e6, cdr_cleared.cdr_id IS NOT NULL, cdr_uncleared.cdr_id IS NOT NULL FROM cdr "
    "LEFT JOIN cdr_cleared ON cdr_cleared.cdr_id = cdr.id LEFT JOIN cdr_uncleared ON cdr_uncleared.cdr_id = cdr.id "
    "WHERE operator_id = 'TheNewMotion' AND protocol <> 'ochp-0.2'"
)


def reckon_decisions(pair: Pair, context) -> Counter[str]:
    """The store against what both remember; how many CDRs ended how."""
    assert not pair.wrong, pair.wrong[:5]
    with context.database.read() as snapshot:
        rows = snapshot.execute(text(CLEARED)).all()
    cleared: dict[str, str] = {}
    standing: Counter[str] = Counter()
    for cdr_id, cost_e6, is_cleared, waits in rows:
        price = f"{cost_e6 // 1_000_000}.00"
        standing[cdr_id] += bool(is_cleared) + bool(waits)
        if is_cleared:
            assert cdr_id not in cleared, f"{cdr_id} is cleared twice"
            assert price in pair.approved[cdr_id], f"{cdr_id} is cleared at {price}, which its provider never approved"
            cleared[cdr_id] = price
    there = {cdr_id for cdr_id, *_ in rows}
    assert pair.kept <= there, "an acknowledged CDR is not there"
    assert set(standing.values()) <= {1}, "a CDR has not exactly one revision that counts"
    for cdr_id, price in pair.settled:
        assert cleared.get(cdr_id, price) == price, f"{cdr_id} is cleared at {cleared[cdr_id]}, approved was {price}"
    assert list(verify(replace(context, clock=system_clock))) == []
    return Counter(cleared=len(cleared), given_up=len(pair.giving_up - cleared.keys()), sent=len(there))
