"""The ten most expensive requests that an audit found, of nobody and of a partner: what each costs the server.

A request of nobody may cost 10 ms of processor time and 4 MiB, whatever its bytes; an upload of a partner 0.2 s and
0.2 ms a record, or 0.02 ms a KB of its text, whichever is more.
"""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import bodies
import drive
from office import PATH, Office

GZIP = "Content-Encoding: gzip\r\n"
ANONYMOUS_ROUNDS = 30
ANONYMOUS_SECONDS, ANONYMOUS_MIB = 0.010, 4
UPLOAD_SECONDS, RECORD_SECONDS, KB_SECONDS = 0.2, 0.0002, 0.00002
# Of 100,000 records a worker holds so much at most, in all.
WORKER_MIB = 300
MANY = 100_000
PREFIXES = " ".join(f'xmlns:p{number}="urn:p{number}"' for number in range(60))
EMOJI = "\N{GRINNING FACE}"


@dataclass(frozen=True, slots=True)
class Hostile:
    """A request: what it is, its bytes as they are sent, how long its text is, and how many records it has."""

    what: str
    body: bytes
    text_bytes: int
    records: int = 0
    headers: str = ""

    @property
    def allowed_s(self) -> float:
        """How many seconds of processor time it may cost."""
        if not self.records:
            return ANONYMOUS_SECONDS
        return max(UPLOAD_SECONDS + RECORD_SECONDS * self.records, KB_SECONDS * self.text_bytes / 1024)


def hostile(what: str, text: str, records: int = 0, *, compressed: bool = True) -> Hostile:
    """The request with this text, compressed unless something else is said."""
    data = text.encode()
    if not compressed:
        return Hostile(what, data, len(data), records)
    return Hostile(what, gzip.compress(data, 9), len(data), records, GZIP)


def of_nobody() -> Iterator[Hostile]:
    """Requests without a login."""
    begin, end = bodies.envelope("AuthenticateRequest", "")
    wrong = "<ns:userId>tnm</ns:userId><ns:password>a wrong password</ns:password>"
    yield hostile("gzip, 64,000 unknown elements", begin + "<a/>" * 64_000 + end)
    yield hostile("gzip, 28,000 times userId", begin + "<ns:userId/>" * 21_000 + end)
    yield hostile("Authenticate, wrong password", begin + wrong + end, compressed=False)
    yield hostile("gzip, 230 elements of 60 namespaces", begin + f"<a {PREFIXES}/>" * 230 + end)
    yield hostile("an element that is no envelope", "<x/>", compressed=False)
    yield hostile("210 KB of comments", begin + "<!-- x -->" * 21_000 + end, compressed=False)
    yield hostile("an element of 100,000 attributes", begin + f"<a {attributes(100_000)}/>" + end)
    yield hostile("elements 10,000 deep", begin + "<a>" * 10_000 + "</a>" * 10_000 + end)
    yield hostile("a text of 10 MB", begin + f"<ns:userId>{'x' * 10_000_000}</ns:userId>" + end)
    yield hostile("gzip of 60 MB of blanks", begin + " " * 60_000_000 + end)


def attributes(count: int) -> str:
    """Attributes, all different."""
    return " ".join(f'a{number}="x"' for number in range(count))


def of_partner(token: str) -> Iterator[Callable[[], Hostile]]:
    """Uploads of a partner, each made when it is asked for: they are large."""
    now = datetime.now(UTC).replace(microsecond=0)

    def records(count: int, first: int, change: Callable[[int, str], str] = lambda _, text: text) -> str:
        rows = bodies.cdrs(count, "TheNewMotion", ["ANWB"], now, first)
        return "".join(change(number, bodies.element(bodies.CDR_INFO, row)) for number, row in enumerate(rows))

    def upload(what: str, content: str, count: int) -> Hostile:
        begin, end = bodies.envelope("AddCDRsRequest", token)
        return hostile(what, begin + content + end, count)

    open_tag = f"<ns:{bodies.CDR_INFO.element}"
    end_tag = f"</ns:{bodies.CDR_INFO.element}>"

    def with_attribute(_: int, text: str) -> str:
        return text.replace(open_tag, f'{open_tag} a="1"', 1)

    def with_namespaces(_: int, text: str) -> str:
        return text.replace(open_tag, f"{open_tag} {PREFIXES}", 1)

    def alternating(number: int, text: str) -> str:
        return with_attribute(number, text) if number % 2 else text

    def wide(number: int, text: str) -> str:
        filled = text.replace("<ns:chargePointAddress>", f"<ns:chargePointAddress>{'x' * 200}{EMOJI}", 1)
        return filled.replace(end_tag, f"<ns:unknown/>{end_tag}") if number == 89_999 else filled

    one = records(1, 5_000_000)
    yield lambda: upload("100,000 CDRs, an attribute on each", records(MANY, 0, with_attribute), MANY)
    yield lambda: upload("20,000 known CDRs, 60 namespaces on each", records(20_000, 0, with_namespaces), 20_000)
    yield lambda: upload("100,000 CDRs, every other one irregular, known", records(MANY, 0, alternating), MANY)
    yield lambda: upload("999 wrong CDRs, 60 namespaces on each", records(999, 10**6, spoilt(with_namespaces)), 999)
    yield lambda: upload("100,000 times the same CDR", one * MANY, MANY)
    yield lambda: upload("90,000 wide CDRs, the last one wrong", records(90_000, 2 * 10**6, wide), 90_000)
    yield lambda: upload("a CDR, and 40 MB of blanks", one + " " * 40_000_000, 1)
    yield lambda: upload("100,000 elements that are no records", "<ns:x/>" * MANY, 1000)
    yield lambda: upload("a CDR with a comment of 30 KB, 1,000 times", (f"<!--{'x' * 30_000}-->" + one) * 1000, 1000)
    nested = "<ns:a>" * 20 + "</ns:a>" * 20
    yield lambda: upload("a CDR with 20 elements in each other", one.replace(end_tag, nested + end_tag), 1)


def spoilt(change: Callable[[int, str], str]) -> Callable[[int, str], str]:
    """The same, with a volume that cannot be read."""
    return lambda number, text: change(number, text.replace("<ns:volume>", "<ns:volume>x", 1))


def cost(server: Office, each: Hostile, rounds: int) -> tuple[float, float, str]:
    """Seconds of processor time a request, MiB of the largest worker at most, and how it was answered."""
    pid = server.process.pid
    if not each.records:
        drive.post(server.port, PATH, each.body, pid, each.headers)  # pays for what is made once
    peak = 0.0
    before = drive.cpu_seconds(drive.family(pid))
    for _ in range(rounds):
        done = drive.post(server.port, PATH, each.body, pid, each.headers)
        peak = max(peak, done.rss_mib)
    cpu = (drive.cpu_seconds(drive.family(pid)) - before) / rounds
    return cpu, peak, done.told.partition(":")[0].partition(" ")[0] or done.code
