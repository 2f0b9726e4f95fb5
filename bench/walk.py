"""``make walk``: the way of a request through the code, files and functions in order, as executed.

Each request is sent once before, so that nothing of a first time is in its way, and then followed through every thread by
`sys.setprofile`. A function stands where it was first called; a file counts as often as it has a function on the way.
"""

import argparse
import io
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from types import FrameType
from typing import Any

from bodies import CDR_INFO, ROAMING_AUTHORISATION_INFO, cdrs, element, envelope, small, tokens
from rich.console import Console
from rich.table import Table

import echs
from echs.config.app_context import AppContext, open_app_context
from echs.config.settings import read_settings
from echs.maintenance import schema
from echs.partners import enrolment
from echs.partners.enrolment import Ownership
from echs.protocols.ochp02.contracts import SPECIFIED
from echs.serving.application import create_application

SOURCE = Path(echs.__file__).parent
# What every request passes, of whatever protocol: the server's own files.
SERVERS_OWN = {
    "serving/application.py",
    "serving/request_middleware.py",
    "serving/metrics.py",
    "serving/logs.py",
    "config/app_context.py",
}
PASSWORD = "a password for a walk"


@dataclass
class Walk:
    """Where one request went. ``moves`` counts how often a call led from one file into another."""

    name: str
    functions: list[tuple[str, str]] = field(default_factory=list)
    arrows: set[tuple[str, str]] = field(default_factory=set)
    calls: int = 0
    moves: int = 0

    @property
    def files(self) -> list[str]:
        """The files in the order in which they were first entered."""
        return list(dict.fromkeys(file for file, _ in self.functions))

    @property
    def own(self) -> list[str]:
        """The same without those of the server."""
        return [file for file in self.files if file not in SERVERS_OWN]

    def follow(self, frame: FrameType, event: str, _argument: object) -> None:
        """What `sys.setprofile` calls."""
        if event != "call":
            return
        here = place(frame)
        if here is None:
            return
        self.calls += 1
        if here not in self._seen:
            self._seen.add(here)
            self.functions.append(here)
        caller = frame.f_back
        while caller is not None and place(caller) is None:
            caller = caller.f_back
        before = None if caller is None else place(caller)
        if before is not None and before[0] != here[0]:
            self.moves += 1
            self.arrows.add((before[0], here[0]))

    def __post_init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()


def place(frame: FrameType) -> tuple[str, str] | None:
    """File and function of a frame; None outside of the program, and for what has no name of its own."""
    code = frame.f_code
    if not code.co_filename.startswith(str(SOURCE)) or code.co_name.startswith("<"):
        return None
    return str(Path(code.co_filename).relative_to(SOURCE)), code.co_qualname


class Client:
    """Sends requests to the application, without a socket."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def send(self, body: bytes) -> bytes:
        """One request; the body of its answer."""
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": SPECIFIED.path,
            "QUERY_STRING": "",
            "CONTENT_TYPE": "text/xml; charset=utf-8",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_HOST": "127.0.0.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(body),
        }
        pieces = self.app(environ, lambda *_: None)
        try:
            return b"".join(pieces)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    def log_in(self, user_id: str) -> str:
        """The token of a login."""
        answer = self.send(login(user_id)).decode()
        return answer.partition("authToken>")[2].partition("<")[0]


def login(user_id: str) -> bytes:
    """The body of a login."""
    before, after = envelope("AuthenticateRequest", "")
    members = f"<ns:userId>{user_id}</ns:userId><ns:password>{PASSWORD}</ns:password>"
    return (before + members + after).encode()


def upload(operation: str, record: Any, rows: Iterator[Any], token: str) -> bytes:
    """The body of an upload."""
    before, after = envelope(f"{operation}Request", token)
    return (before + "".join(element(record, row) for row in rows) + after).encode()


def requests(client: Client) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """What is followed, in an order in which each has something to do; a body is made anew for each sending."""
    operator, office = client.log_in("tnm"), client.log_in("office")
    now, numbers, first = datetime.now(UTC), iter(range(0, 1000, 10)), count()

    def charge() -> bytes:
        return upload("AddCDRs", CDR_INFO, cdrs(1, "TNM", ["TNM"], now, first=next(numbers)), operator)

    def publish() -> bytes:
        # Each time one token less and another more: a list that did not change keeps its version.
        start = next(first)
        rows = islice(tokens(start + 3), start, None)
        return upload("SetRoamingAuthorisationList", ROAMING_AUTHORISATION_INFO, rows, operator)

    def clear() -> bytes:
        client.send(charge())
        return small("ClearCDRs", office)

    def fetch() -> bytes:
        client.send(clear())
        return small("GetCDRs", operator)

    def download() -> bytes:
        client.send(publish())
        return small("GetRoamingAuthorisationList", operator)

    yield "Authenticate", lambda: login("tnm")
    yield "AddCDRs, 1 record", charge
    yield "SetRoamingAuthorisationList, 3 records", publish
    yield "GetRoamingAuthorisationList, first", download
    yield "GetRoamingAuthorisationList, second", lambda: small("GetRoamingAuthorisationList", operator)
    yield "ClearCDRs", clear
    yield "GetCDRs", fetch


def walks(client: Client) -> Iterator[Walk]:
    """Every request, followed the second time that it is sent."""
    for name, make in requests(client):
        client.send(make())
        body, walk = make(), Walk(name)
        threading.setprofile(walk.follow)
        sys.setprofile(walk.follow)
        try:
            answer = client.send(body)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]
        if b"resultCode>0<" not in answer and b"resultCode>Accepted<" not in answer:
            raise SystemExit(f"{name}: {answer.decode(errors='replace')[:500]}")
        yield walk


def filled(directory: Path) -> AppContext:
    """A house on SQLite with an operator that is a provider too, and an administrator."""
    context = open_app_context(read_settings({"ECHS_DATA_DIR": str(directory)}))
    schema.upgrade(context.database)
    enrolment.add_partner(context, "tnm", "The New Motion", PASSWORD, Ownership(["TNM"], ["TNM"], [5]))
    enrolment.add_partner(context, "office", "Clearing office", PASSWORD, Ownership(), administrator=True)
    return context


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--of", metavar="TEXT", default="", help="only requests with this in their name, each in full")
    parser.add_argument("--json", action="store_true", help="everything as JSON")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echs-walk-") as name:
        context = filled(Path(name))
        found = [walk for walk in walks(Client(create_application(context))) if wanted.of.lower() in walk.name.lower()]
        context.database.close()
    if wanted.json:
        told = [{**asdict(walk), "arrows": sorted(walk.arrows), "files": walk.files} for walk in found]
        sys.stdout.write(f"{json.dumps(told)}\n")
        return 0
    out = Console(width=None if sys.stdout.isatty() else 150)
    if wanted.of:
        for walk in found:
            out.print(f"[bold]{walk.name}[/]")
            for number, file in enumerate(walk.files, 1):
                names = ", ".join(function for where, function in walk.functions if where == file)
                out.print(f"{number:3} {file}: {names}", highlight=False, markup=False)
    table = Table(title="The way of a request: what of src/echs it passes", title_justify="left")
    for column in (
        "request",
        "files",
        "without the server's own",
        "functions",
        "arrows between files",
        "calls",
        "moves",
    ):
        table.add_column(column, justify="left" if column == "request" else "right")
    for walk in found:
        counts = (walk.files, walk.own, walk.functions, walk.arrows)
        table.add_row(walk.name, *(str(len(each)) for each in counts), str(walk.calls), str(walk.moves))
    out.print(table)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
