"""Does eCHS lose anything when its database fails over? Tried on a lab, under load, and counted.

A server (`echs serve`) works on the lab of `lab.py` while partners upload CDRs; each keeps sending an upload until it
is answered with result code 0, as a back end does. Meanwhile the primary is killed, or frozen, or its PostgreSQL
crashes, or another node is made primary as planned. Then every acknowledged CDR must be in the store, once.

    python3 deploy/ha/drill.py [--how kill,switchover,freeze,crash] [--nodes 2|3] [--etcd 1|3]

Exit code 1 when something acknowledged was lost or is there twice, when the server answered anything else than HTTP 200
with result code 0, 5xx or (many logins at once) LOGIN_BUSY, or took longer than 25 s for it, or when nothing was
acknowledged for more than 30 s.
"""

import argparse
import collections
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import itertools

from lab import Lab, LabError

REPOSITORY = Path(__file__).resolve().parents[2]
LONGEST_OUTAGE = 30.0
# What the one public client waits for an answer.
LONGEST_ANSWER = 25.0
# Too many logins wait: again, as after 5xx.
BUSY = "LOGIN_BUSY"
AGAIN_AFTER = 0.2
CDRS_PER_UPLOAD = 5
PATH = "/ochp/0.2"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
NAMESPACE = "http://www.evclearinghouse.eu/service/"
HOWS = ("kill", "switchover", "freeze", "crash")
CODE = re.compile(rb"<[^<>]*resultCode>([^<]*)<")
TEXT = re.compile(rb"<[^<>]*resultDescription>([^<]*)<")
TOKEN = re.compile(rb"<[^<>]*authToken>([^<]*)<")

CDR = """<n:cdrInfoArray><n:cdrId>{id}</n:cdrId><n:startDatetime>2014-01-22 10:16:38</n:startDatetime>\
<n:endDatetime>2014-01-22 12:14:33</n:endDatetime><n:duration>7074</n:duration><n:volume>4.6400</n:volume>\
<n:chargePointAddress>Roggestraat 111-163</n:chargePointAddress><n:chargePointZip>7311</n:chargePointZip>\
<n:chargePointCity>Apeldoorn</n:chargePointCity><n:chargePointCountry>NLD</n:chargePointCountry>\
<n:chargePointType>2</n:chargePointType><n:productType>0</n:productType><n:tariffType>A0</n:tariffType>\
<n:authenticationId></n:authenticationId><n:evcoId>NL-ANW-133094-6</n:evcoId><n:meterId>01000851</n:meterId>\
<n:obisCode></n:obisCode><n:chargePointId>{point}</n:chargePointId><n:serviceProviderId>ANWB</n:serviceProviderId>\
<n:infraProviderId>TheNewMotion</n:infraProviderId><n:evseId>{point}</n:evseId></n:cdrInfoArray>"""


class NotRight(Exception):
    """An answer that is no answer of the protocol, or none at all; its text says which."""


@dataclass
class Answer:
    """One answer to one request."""

    operation: str
    began: float
    ended: float
    # The result code, or in words what came instead.
    code: str
    text: str


@dataclass
class Server:
    """``echs serve`` on a free port, with a store and a data directory."""

    database_url: str
    directory: Path
    environment: dict[str, str] = field(init=False)
    port: int = field(init=False)
    process: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ECHS_", "PG"))}
        self.environment = {
            **inherited,
            "ECHS_DATABASE_URL": self.database_url,
            "ECHS_DATA_DIR": str(self.directory / "data"),
            "ECHS_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
        }
        (self.directory / "data").mkdir(exist_ok=True)

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.directory / "server.log"

    def command(self, *arguments: str, given: str = "") -> str:
        """One command of eCHS."""
        done = subprocess.run(
            [*echs(), *arguments], input=given, env=self.environment, capture_output=True, text=True, timeout=120
        )
        if done.returncode:
            raise LabError(f"echs {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def start(self) -> None:
        """Start, and wait until it answers."""
        arguments = [*echs(), "serve", "--bind", f"127.0.0.1:{self.port}"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                arguments, env=self.environment, stdout=output, stderr=output, start_new_session=True
            )
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5):
                return
            time.sleep(0.1)
        raise LabError(f"echs serve did not start\n{self.log.read_text()}")

    def stop(self) -> None:
        """As an operator stops it; after 40 s by force."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


def echs() -> list[str]:
    """The command: of the repository's virtual environment, or of this Python."""
    command = REPOSITORY / ".venv" / "bin" / "echs"
    return [str(command)] if command.exists() else [sys.executable, "-m", "echs"]


class Partner:
    """A back end with one connection that is kept."""

    def __init__(self, port: int, user_id: str, password: str, answers: list[Answer]) -> None:
        self.port = port
        self.user_id = user_id
        self.password = password
        self.answers = answers
        self.token = ""
        self.connection: http.client.HTTPConnection | None = None

    def log_in(self) -> None:
        """Until it works."""
        members = f"<n:userId>{self.user_id}</n:userId><n:password>{self.password}</n:password>"
        while True:
            self.token = ""
            code, body = self.call("Authenticate", members)
            found = TOKEN.search(body)
            if code == "Accepted" and found is not None:
                self.token = found.group(1).decode()
                return
            time.sleep(AGAIN_AFTER)

    def call(self, operation: str, members: str = "") -> tuple[str, bytes]:
        """The result code, or in words what came instead; and the body. Noted in any case."""
        head = f"<e:Header><n:UserIdentityHeader>{self.token}</n:UserIdentityHeader></e:Header>" if self.token else ""
        request = (
            f'<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="{SOAP}" xmlns:n="{NAMESPACE}">{head}'
            f"<e:Body><n:{operation}Request>{members}</n:{operation}Request></e:Body></e:Envelope>"
        )
        began = time.monotonic()
        body = b""
        try:
            code, body = self.exchange(request.encode())
        except NotRight as error:
            code = str(error)
        text = TEXT.search(body)
        told = text.group(1).decode(errors="replace") if text else body[:300].decode(errors="replace")
        if told.startswith(BUSY):
            code = BUSY
        self.answers.append(Answer(operation, began, time.monotonic(), code, told))
        return code, body

    def exchange(self, request: bytes) -> tuple[str, bytes]:
        """One request and its answer.

        :raises NotRight: there was no answer
        """
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=130)
        try:
            headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
            self.connection.request("POST", PATH, request, headers)
            answer = self.connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            self.connection = None
            raise NotRight(f"no answer: {type(error).__name__}") from None
        found = CODE.search(body)
        if answer.status != 200 or found is None:
            return f"HTTP {answer.status}{' with a fault' if b'Fault' in body else ''}", body
        return found.group(1).decode(), body


@dataclass
class Load:
    """Uploads from several threads, and downloads from one more, until told to stop."""

    server: Server
    passwords: dict[str, str]
    prefix: str
    uploaders: int
    answers: list[Answer] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin."""
        works = [threading.Thread(target=self.upload, args=(number,), daemon=True) for number in range(self.uploaders)]
        self.threads = [*works, threading.Thread(target=self.download, daemon=True)]
        for thread in self.threads:
            thread.start()

    def partner(self, user_id: str) -> Partner:
        """A back end that is logged in."""
        partner = Partner(self.server.port, user_id, self.passwords[user_id], self.answers)
        partner.log_in()
        return partner

    def upload(self, thread: int) -> None:
        """One after the other, each until it is acknowledged."""
        partner = self.partner("tnm")
        number = 0
        while not self.over.is_set():
            ids = [f"{self.prefix}-{thread}-{number}-{each}" for each in range(CDRS_PER_UPLOAD)]
            body = "".join(CDR.format(id=each, point=f"{thread}-{number}") for each in ids)
            end = time.monotonic() + 120
            while time.monotonic() < end:
                code, _ = partner.call("AddCDRs", body)
                if code == "0":
                    self.acknowledged += ids
                    break
                if code.startswith("1"):
                    partner.log_in()
                time.sleep(AGAIN_AFTER)
            number += 1
            time.sleep(0.03)

    def download(self) -> None:
        """Reads go on too."""
        partner = self.partner("anwb")
        while not self.over.is_set():
            code, _ = partner.call("GetCDRs")
            if code.startswith("1"):
                partner.log_in()
            time.sleep(0.1)

    def stop(self) -> None:
        """Every thread ends with what it is at."""
        self.over.set()
        for thread in self.threads:
            thread.join(150)
        if any(thread.is_alive() for thread in self.threads):
            raise LabError("an upload did not end")


@dataclass
class Outcome:
    """What came of one drill."""

    how: str
    uploads: int
    acknowledged: int
    lost: int
    duplicated: int
    outage: float
    first: float
    rejoined: float
    longest: Answer
    codes: dict[str, int]
    sample: dict[str, str]

    def problems(self) -> list[str]:
        """What must not be."""
        found = []
        if self.lost or self.duplicated:
            found.append(f"{self.lost} acknowledged CDRs are not there, {self.duplicated} are there twice")
        if self.outage > LONGEST_OUTAGE:
            found.append(f"nothing was acknowledged for {self.outage:.1f} s")
        if self.rejoined == float("inf"):
            found.append("the former primary did not come back as a standby")
        if self.seconds_of_longest > LONGEST_ANSWER:
            found.append(f"{self.longest.operation} took {self.seconds_of_longest:.1f} s: {self.longest.code}")
        odd = [code for code in self.codes if code not in ("0", "Accepted", BUSY) and not re.fullmatch(r"5\d\d", code)]
        found += [f"answered {self.codes[code]} times: {code}: {self.sample[code]}" for code in odd]
        return found

    @property
    def seconds_of_longest(self) -> float:
        """How long the slowest answer took."""
        return self.longest.ended - self.longest.began


def drill(lab: Lab, server: Server, passwords: dict[str, str], how: str, before: float, after: float) -> Outcome:
    """One failure under load, and what came of it."""
    load = Load(server, passwords, f"{how}-{int(time.time())}", uploaders=4)
    load.start()
    time.sleep(before)
    began = time.monotonic()
    match how:
        case "kill":
            lab.kill_primary()
        case "crash":
            lab.crash_primary()
        case "freeze":
            lab.freeze_primary()
        case _:
            lab.switchover()
    done = time.monotonic() if how != "switchover" else began
    end = time.monotonic() + 90
    while time.monotonic() < end and not acknowledged_since(load.answers, done):
        time.sleep(0.05)
    time.sleep(after)
    rejoining = time.monotonic()
    rejoined = float("inf")
    with contextlib.suppress(LabError):
        if how == "freeze":
            # Under load, too: a former primary that wakes up must not be written to.
            lab.thaw()
        lab.restart_dead()
        rejoined = time.monotonic() - rejoining
    load.stop()
    there = collections.Counter(
        row[0] for row in lab.sql(f"SELECT cdr_id FROM cdr WHERE cdr_id LIKE '{load.prefix}-%'")
    )
    mine = set(load.acknowledged)
    answers = list(load.answers)
    ok = sorted(each.ended for each in answers if each.operation == "AddCDRs" and each.code == "0")
    gaps = [later - earlier for earlier, later in itertools.pairwise(ok) if later > began]
    since = acknowledged_since(answers, done)
    codes = collections.Counter(each.code for each in answers)
    return Outcome(
        how=how,
        uploads=len(ok),
        acknowledged=len(mine),
        lost=len(mine - set(there)),
        duplicated=sum(count > 1 for count in there.values()),
        outage=max(gaps, default=float("inf")),
        first=since[0] - done if since else float("inf"),
        rejoined=rejoined,
        longest=max(answers, key=lambda each: each.ended - each.began),
        codes=dict(codes),
        sample={each.code: each.text for each in answers},
    )


def acknowledged_since(answers: list[Answer], when: float) -> list[float]:
    """When uploads that were sent after this were acknowledged."""
    return sorted(e.ended for e in list(answers) if e.operation == "AddCDRs" and e.code == "0" and e.began > when)


def show(outcomes: list[Outcome]) -> None:
    """The table, and for each drill which codes were seen."""
    heads = ("drill", "uploads", "CDRs ack.", "lost", "twice", "outage s", "first s", "slowest answer s", "rejoined s")
    print("| " + " | ".join(heads) + " |")
    print("|" + " --- |" * len(heads))
    for each in outcomes:
        cells = (
            each.how, each.uploads, each.acknowledged, each.lost, each.duplicated, f"{each.outage:.1f}",
            f"{each.first:.1f}", f"{each.seconds_of_longest:.1f}", f"{each.rejoined:.1f}",
        )  # fmt: skip
        print("| " + " | ".join(map(str, cells)) + " |")
    print("\noutage: longest time without an acknowledged upload; first: from the failure (switchover: from the order)")
    print("to the first upload acknowledged that was sent after it.\n")
    for each in outcomes:
        told = ", ".join(f"{code} x {count}" for code, count in sorted(each.codes.items()))
        print(f"{each.how}: result codes: {told}")
        for code, text in sorted(each.sample.items()):
            if code not in ("0", "Accepted"):
                print(f"  {code}: {text[:160]}")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--how", default="kill,switchover", help=f"which, of {','.join(HOWS)}")
    parser.add_argument("--nodes", type=int, choices=(2, 3), default=3)
    parser.add_argument("--etcd", type=int, choices=(1, 3), default=3)
    parser.add_argument("--before", type=float, default=5, help="seconds of load before")
    parser.add_argument("--after", type=float, default=8, help="seconds of load after")
    parser.add_argument("--query", default="", help="what the database URL ends with")
    parser.add_argument("--keep-log", type=Path, metavar="DIRECTORY", help="put the logs there")
    given = parser.parse_args()
    hows = given.how.split(",")
    if wrong := [how for how in hows if how not in HOWS]:
        parser.error(f"no drill: {', '.join(wrong)}")
    if lacks := Lab.missing():
        print(f"not installed: {', '.join(lacks)}", file=sys.stderr)
        return 2
    directory = Path(tempfile.mkdtemp(prefix="echs-drill-"))
    outcomes: list[Outcome] = []
    try:
        with Lab(directory / "lab", given.nodes, given.etcd) as lab:
            url = f"{lab.url}?{given.query}" if given.query else lab.url
            server = Server(url, directory)
            try:
                passwords = prepare(server)
                for how in hows:
                    outcomes.append(drill(lab, server, passwords, how, given.before, given.after))
                    print(f"{how}: done", file=sys.stderr)
            finally:
                server.stop()
                if given.keep_log:
                    given.keep_log.mkdir(parents=True, exist_ok=True)
                    (given.keep_log / "server.log").write_bytes(server.log.read_bytes() if server.log.exists() else b"")
                    for name in (*lab.nodes, "haproxy"):
                        (given.keep_log / f"{name}.log").write_text(lab.log(name))
    except LabError as error:
        print(error, file=sys.stderr)
        show(outcomes)
        return 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    show(outcomes)
    problems = [f"{outcome.how}: {problem}" for outcome in outcomes for problem in outcome.problems()]
    print("\n".join(problems) if problems else "\nnothing acknowledged was lost")
    return 1 if problems else 0


def prepare(server: Server) -> dict[str, str]:
    """Tables, two partners, and the server on its way; the passwords."""
    server.command("db", "upgrade")
    passwords = {}
    owned = {
        "tnm": ["--name", "The New Motion", "--operator", "TheNewMotion", "--timezone", "Europe/Amsterdam"],
        "anwb": ["--name", "ANWB", "--provider", "ANWB", "--timezone", "Europe/Amsterdam"],
    }
    for user_id, arguments in owned.items():
        told = json.loads(server.command("partner", "add", user_id, *arguments, "--json"))
        passwords[user_id] = told["password"]
    server.start()
    return passwords


if __name__ == "__main__":
    sys.exit(main())
