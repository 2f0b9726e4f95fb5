"""Partners that never stop: they upload, clear and fetch, repeat what was not acknowledged, and remember what was.

What they remember is the model; `reckon` compares the store with it, and adds up the energy itself, from the bodies that
were sent and in decimal kWh, without a line of the program's own. A back end of 2014 does just that: it sends the
same bytes again until somebody says yes.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Self

import requests
from lxml import etree
from sqlalchemy import text

from cast import PASSWORDS, cdr, charge_point, token, verify
from echs.base.clock import system_clock
from wire import (
    CDR_INFO,
    CHARGEPOINT_INFO,
    NAMESPACE,
    ROAMING_AUTHORISATION_INFO,
    SOAP_12,
    TYPES,
    envelope,
    identity,
    record_xml,
)

AGAIN_SECONDS = 0.05
PROVIDERS = ("ANWB", "ladenetz.de", "TheNewMotion")
ANSWER_SECONDS = 30


class Back(threading.Thread):
    """One back end with one thing to do, again and again, each time until it is acknowledged."""

    def __init__(self, service: str, user_id: str, operation: str, crowd: "Crowd", seed: int) -> None:
        super().__init__(daemon=True, name=f"{operation} of {user_id}")
        self.service, self.user_id, self.operation, self.crowd = service, user_id, operation, crowd
        self.chance = random.Random(seed)
        self.session = requests.Session()
        self.token = ""

    def call(self, operation: str, members: str) -> tuple[int, etree._Element]:
        """One request; the result code, and the answer."""
        header = identity(self.token) if self.token else ""
        body = envelope(f"<n:{operation}Request>{members}</n:{operation}Request>", header)
        answer = self.session.post(
            self.service, data=body, headers={"Content-Type": TYPES[SOAP_12]}, timeout=ANSWER_SECONDS
        )
        if answer.status_code != 200:
            raise requests.RequestException(f"HTTP {answer.status_code}")
        document = etree.fromstring(answer.content)
        told = document.findtext(f".//{{{NAMESPACE}}}resultCode")
        return (0 if told == "Accepted" else int(told) if told.isdigit() else 101), document

    def until_acknowledged(self, operation: str, members: str) -> bool:
        """Send the same again until it is acknowledged; False where it is over before."""
        while not self.crowd.over.is_set():
            try:
                if not self.token:
                    login = f"<n:userId>{self.user_id}</n:userId><n:password>{PASSWORDS[self.user_id]}</n:password>"
                    _, document = self.call("Authenticate", login)
                    self.token = document.findtext(f".//{{{NAMESPACE}}}authToken") or ""
                    if not self.token:
                        time.sleep(AGAIN_SECONDS)
                    continue
                told, document = self.call(operation, members)
            except requests.RequestException as error:
                self.crowd.codes[type(error).__name__] += 1
                self.session.close()
                time.sleep(AGAIN_SECONDS)
                continue
            self.crowd.codes[told] += 1
            if told == 0:
                self.crowd.answered.append(time.monotonic())
                return True
            if told // 100 == 1:
                self.token = ""
            elif told // 100 != 5:
                description = document.findtext(f".//{{{NAMESPACE}}}resultDescription")
                self.crowd.wrong.append(f"{self.name}: {description}")
                return False
            time.sleep(AGAIN_SECONDS)
        return False

    def run(self) -> None:
        number = 0
        while not self.crowd.over.is_set():
            number += 1
            members = self.crowd.prepare(self, number)
            if self.until_acknowledged(self.operation, members):
                self.crowd.acknowledged(self, number)
            time.sleep(self.chance.uniform(0, self.crowd.pause))


def some_volume(chance: random.Random) -> str:
    """A number of kWh as back ends write them: with point or comma, with up to four decimals."""
    whole, decimals = chance.randint(0, 999), chance.randint(0, 4)
    part = f"{chance.randrange(10**decimals):0{decimals}d}" if decimals else ""
    return f"{whole}{chance.choice('.,')}{part}" if part else str(whole)


def energy_of(body: str) -> Counter[tuple[str, str]]:
    """The kWh of a body of AddCDRs by operator and provider, as whoever sent it would add them up."""
    found: Counter[tuple[str, str]] = Counter()
    for record in etree.fromstring(f'<all xmlns:n="{NAMESPACE}">{body}</all>'):
        operator, provider, volume = (
            record.findtext(f"{{{NAMESPACE}}}{name}") for name in ("infraProviderId", "serviceProviderId", "volume")
        )
        found[operator, provider] += Decimal(volume.replace(",", "."))
    return found


class AtOnce:
    """Several threads at once, until it is over."""

    people: Sequence[threading.Thread]

    def __init__(self) -> None:
        self.over = threading.Event()
        self.codes: Counter[object] = Counter()
        self.wrong: list[str] = []
        self.answered: list[float] = []

    def __enter__(self) -> Self:
        for each in self.people:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for each in self.people:
            each.join(60)
            assert not each.is_alive(), f"{each.name} never came back"


class Crowd(AtOnce):
    """Several back ends at once, and what was acknowledged to them."""

    def __init__(self, service: str, seed: int, *, uploaders: int = 2, clearers: int = 1, lists: bool = True) -> None:
        super().__init__()
        self.pause = 0.02
        self.sent: dict[str, list[str]] = {}
        self.energy: dict[str, Counter[tuple[str, str]]] = {}
        self.kept: list[str] = []
        self.newest_list: dict[str, int] = {}
        people = [("tnm", "AddCDRs")] * uploaders + [("office", "ClearCDRs")] * clearers
        if lists:
            people += [("tnm", "SetRoamingAuthorisationList"), ("lnd", "SetChargePointList")]
        self.people = [Back(service, *each, self, seed * 100 + place) for place, each in enumerate(people)]

    def prepare(self, back: Back, number: int) -> str:
        """What a back end sends next."""
        if back.operation == "AddCDRs":
            upload = f"{self.people.index(back)}-{number}"
            records = [
                cdr(f"{upload}-{each}", volume=some_volume(back.chance), provider_id=back.chance.choice(PROVIDERS))
                for each in range(back.chance.choice((1, 5, 40)))
            ]
            self.sent[upload] = [record.cdr_id for record in records]
            body = "".join(record_xml(CDR_INFO, record) for record in records)
            self.energy[upload] = energy_of(body)
            return body
        if back.operation == "SetRoamingAuthorisationList":
            mine = (token(each)._replace(printed_number=str(number)) for each in range(200))
            return "".join(record_xml(ROAMING_AUTHORISATION_INFO, record) for record in mine)
        if back.operation == "SetChargePointList":
            points = (charge_point(each)._replace(location_name=str(number)) for each in range(100))
            return "".join(record_xml(CHARGEPOINT_INFO, record) for record in points)
        return ""

    def acknowledged(self, back: Back, number: int) -> None:
        """A back end was told that all is well."""
        if back.operation == "AddCDRs":
            self.kept.append(f"{self.people.index(back)}-{number}")
        else:
            self.newest_list[back.operation] = number

    def wait_for_answer(self, moment: float, seconds: float) -> float:
        """Wait until somebody is told after a moment that all is well; how long that took from it."""
        while time.monotonic() < moment + seconds:
            later = [each for each in self.answered[-200:] if each > moment]
            if later:
                return later[0] - moment
            time.sleep(0.01)
        raise AssertionError(f"nobody was answered for {seconds} s; {self.codes}")


STANDING = "SELECT payload FROM {0} r JOIN {0}_list h ON h.partner_id = r.partner_id WHERE position >= first_position"


def reckon(crowd: Crowd, context) -> None:
    """The store against what the back ends remember: nothing acknowledged lost, nothing twice, nothing in part."""
    assert not crowd.wrong, crowd.wrong[:5]
    with context.database.read() as snapshot:
        stored = Counter(snapshot.execute(text("SELECT cdr_id FROM cdr")).scalars())
        tokens = {each.split("\x1f")[4] for each in snapshot.execute(text(STANDING.format("token"))).scalars()}
        points = {each.split("\x1f")[1] for each in snapshot.execute(text(STANDING.format("charge_point"))).scalars()}
        cleared = snapshot.execute(text("SELECT count(*), count(DISTINCT cdr_id) FROM cdr_cleared")).one()
        in_runs = snapshot.execute(
            text("SELECT coalesce(sum(cdr_count), 0), coalesce(min(cdr_count), 1) FROM clearing_run")
        )
        total, smallest = in_runs.one()
    assert max(stored.values(), default=1) == 1, "a CDR is there twice"
    for upload in crowd.kept:
        assert all(name in stored for name in crowd.sent[upload]), f"upload {upload} was acknowledged and is not there"
    for upload, names in crowd.sent.items():
        present = sum(name in stored for name in names)
        assert present in (0, len(names)), f"of upload {upload} there are {present} of {len(names)}"
    assert sum(len(names) for names in crowd.sent.values()) >= len(stored)
    assert cleared[0] == cleared[1] == total
    assert smallest > 0, "an empty run"
    for operation, found in (("SetRoamingAuthorisationList", tokens), ("SetChargePointList", points)):
        assert len(found) <= 1, f"a mixture of lists: {found}"
        newest = crowd.newest_list.get(operation)
        assert newest is None or {int(each) for each in found} <= {newest, newest + 1}, (
            "an acknowledged list is not there"
        )
    reckon_energy(crowd, context)
    # The servers have the clock of the system.
    assert list(verify(replace(context, clock=system_clock))) == []


def reckon_energy(crowd: Crowd, context) -> None:
    """The kWh between each pair of partners, in the runs and still waiting: what the bodies say that were acknowledged,
    and those that are there though nobody was told so any more."""
    totals = "SELECT operator_id, provider_id, sum(volume_e4_kwh) FROM {} GROUP BY operator_id, provider_id"
    stored: Counter[tuple[str, str]] = Counter()
    with context.database.read() as snapshot:
        present = set(snapshot.execute(text("SELECT cdr_id FROM cdr")).scalars())
        for rows in ("clearing_run_pair", "cdr JOIN cdr_uncleared ON cdr_uncleared.cdr_id = cdr.id"):
            for operator, provider, units in snapshot.execute(text(totals.format(rows))):
                stored[operator, provider] += Decimal(int(units)) / 10_000
    expected: Counter[tuple[str, str]] = Counter()
    for upload, energy in crowd.energy.items():
        if upload in crowd.kept or present.issuperset(crowd.sent[upload]):
            expected.update(energy)
    assert stored == expected, f"kWh by pair: in the store {dict(stored)}, sent {dict(expected)}"
