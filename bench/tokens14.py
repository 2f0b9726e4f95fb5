"""OCHP 1.4: how fast tokens go up, come down and are looked up. In one process, on SQLite.

    .venv/bin/python bench/tokens14.py
    .venv/bin/python bench/tokens14.py --tokens 1000000

CPU seconds of this process, of whole requests through the WSGI application: W9 a list that is set unchanged, W10 one of
which 1 in 100 changed, W8 the download of what changed, W15 single look-ups, W16 what the password of a request costs.
Each is given beside its floor: expat with empty handlers over the same bytes, or the same without it.
"""

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from pyexpat import ParserCreate
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

from rich.console import Console
from rich.table import Table

from echs.config.app_context import open_app_context
from echs.config.settings import read_settings
from echs.maintenance import schema
from echs.partners import enrolment
from echs.partners.enrolment import Ownership
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.security import PASSWORD_TEXT, WSSE
from echs.serving.application import create_application

ENVELOPE = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns="{namespace}"><e:Header>'
    '<w:Security e:mustUnderstand="1" xmlns:w="{wsse}"><w:UsernameToken><w:Username>{user}</w:Username>'
    '<w:Password Type="{type}">a password for a bench</w:Password></w:UsernameToken></w:Security></e:Header>'
    "<e:Body><{operation}Request>{members}</{operation}Request></e:Body></e:Envelope>"
)
TOKEN = (
    '<roamingAuthorisationInfoArray><EmtId representation="plain"><instance>{uid:014X}</instance>'
    "<tokenType>rfid</tokenType><tokenSubType>mifareDes</tokenSubType></EmtId><contractId>NL-TNM-C{number:08d}</contractId>"
    "<printedNumber>{printed}</printedNumber><expiryDate><DateTime>2030-12-31T22:59:59Z</DateTime></expiryDate>"
    "</roamingAuthorisationInfoArray>"
)
LOOKUPS = 300


def tokens(count: int, changed: int = 0) -> str:
    """So many tokens as XML, of which one in a hundred differs from those of another ``changed``."""
    return "".join(
        TOKEN.format(uid=number, number=number % 10**8, printed=f"{number}" if number % 100 else f"{number} {changed}")
        for number in range(count)
    )


def request(user: str, operation: str, members: str = "") -> bytes:
    """A request as a client writes it."""
    named = {"namespace": PUBLISHED.namespace, "wsse": WSSE, "type": PASSWORD_TEXT}
    return ENVELOPE.format(user=user, operation=operation, members=members, **named).encode()


class Service:
    """The application, called without a socket."""

    def __init__(self, work: str, count: int) -> None:
        limits = {"ECHS_MAX_RECORDS_PER_UPLOAD": str(count), "ECHS_MAX_BULK_BODY_BYTES": str(2**30)}
        self.ahead = timedelta()
        settings = read_settings({"ECHS_DATA_DIR": work, **limits})
        self.context = open_app_context(settings, lambda: datetime.now(UTC) + self.ahead)
        schema.upgrade(self.context.database)
        for user, owned in (("provider", Ownership([], ["NL-TNM"])), ("operator", Ownership(["NL-OPR"], []))):
            enrolment.add_partner(self.context, user, user, "a password for a bench", owned)
        self.application = create_application(self.context)

    def answer(self, body: bytes) -> bytes:
        """The whole answer to one request."""
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": PUBLISHED.service_path,
            "QUERY_STRING": "",
            "CONTENT_TYPE": "text/xml; charset=utf-8",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        pieces = self.application(environ, lambda *_: None)
        data = b"".join(pieces)
        pieces.close()
        if b"<resultCode>ok</resultCode>" not in data and b"<GetStatusResponse" not in data:
            raise AssertionError(data[:600])
        return data


def cpu(work: Callable[[], object], times: int = 1) -> float:
    """CPU seconds of this process for one of so many."""
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times


def expat(body: bytes) -> None:
    """The floor of what reads a body: a parser whose handlers do nothing."""
    parser = ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = parser.EndElementHandler = lambda *_: None
    parser.CharacterDataHandler = lambda _: None
    parser.Parse(body, True)


def lines(count: int) -> Iterator[tuple[str, str, str]]:
    """What was measured: work, CPU, its floor."""
    with tempfile.TemporaryDirectory(prefix="echs-tokens14-") as work:
        service = Service(work, count)
        bodies = [request("provider", "SetRoamingAuthorisationList", tokens(count, changed)) for changed in range(5)]
        floor = median(cpu(lambda: expat(bodies[0])) for _ in range(3))
        yield f"Set {count:,}, into nothing", f"{cpu(lambda: service.answer(bodies[0])):.2f} s", f"expat {floor:.2f} s"
        same = median(cpu(lambda: service.answer(bodies[0])) for _ in range(3))
        yield f"W9: Set {count:,}, unchanged", f"{same:.2f} s", f"{same / floor:.2f} x expat"
        some = median(cpu(lambda body=body: service.answer(body)) for body in bodies[1:4])
        yield f"W10: Set {count:,}, 1 in 100 changed", f"{some:.2f} s", f"{some / floor:.2f} x expat"
        since = "<lastUpdate><DateTime>{}</DateTime></lastUpdate>"
        service.answer(request("operator", "GetRoamingAuthorisationList"))
        whole = cpu(lambda: service.answer(request("operator", "GetRoamingAuthorisationList")))
        yield f"Get {count:,}", f"{whole:.2f} s", ""
        service.ahead = timedelta(hours=2)
        service.answer(bodies[4])
        now = (datetime.now(UTC) + service.ahead).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = request("operator", "GetRoamingAuthorisationListUpdates", since.format(now))
        delta = median(cpu(lambda: service.answer(body)) for _ in range(3))
        yield (
            f"W8: what changed: 1 in 100 of {count:,}",
            f"{delta * 1000:.0f} ms",
            f"{len(service.answer(body)):,} bytes",
        )
        asked = "<emtId><instance>{:014X}</instance><tokenType>rfid</tokenType></emtId>"
        singles = iter(range(1, count, max(1, count // LOOKUPS // 2)))
        single = cpu(
            lambda: service.answer(request("operator", "GetSingleRoamingAuthorisation", asked.format(next(singles)))),
            LOOKUPS,
        )
        yield "W15: GetSingle", f"{single * 1000:.2f} ms", f"{1 / single:,.0f} a second and core"
        service.context.verified.__init__()  # type: ignore[misc]
        first = cpu(
            lambda: service.answer(request("operator", "GetRoamingAuthorisationListUpdates", since.format(now)))
        )
        yield "W16: a password that is not remembered", f"{(first - delta) * 1000:.0f} ms more", ""
        service.context.database.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=100_000, help="on the provider's list (default: 100,000)")
    count = parser.parse_args().tokens
    console = Console()
    table = Table("OCHP 1.4", "CPU", "beside")
    with console.status("measuring"):
        for line in lines(count):
            table.add_row(*line)
    console.print(table)


if __name__ == "__main__":
    main()
