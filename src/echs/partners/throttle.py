"""The throttle of failed logins: before a password is hashed, which is slow on purpose, failures of late are counted.

They are counted in windows of five minutes, by address, by user id (whether there is such a user or not) and by both
together. So

- from one address so many passwords of one user are tried, and so many of all users together;
- a user id that is tried from many addresses leaves each of them one try, with which a right password gets through;
- who logged in from an address lately is not refused there because of what others try.

The counts of a host are in memory that its workers share. With PostgreSQL, where there may be several hosts, each tells
the others once a second at most, in a transaction that does not wait for the disk: a failed try costs no write.
"""

import fcntl
import hashlib
import logging
import mmap
import os
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network
from pathlib import Path

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from echs.base.database import Database
from echs.base.errors import Refused
from echs.base.proxy_headers import plain_address
from echs.partners import tables

log = logging.getLogger(__name__)

FILE = "login-failures"
WINDOW_SECONDS = 300
SLOT = struct.Struct("<IIQ")  # window, failures in it, second of the last success
ROWS, SLOTS = 2, 16_384
SALT_BYTES = 16
EXCHANGE_SECONDS = 1.0
EXCHANGED = 1000
FRESH_SUCCESS_SECONDS = 31 * 86_400


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """Failures in a window: of a user id from one address, of all from one address, of a user id from everywhere."""

    pair: int = 5
    address: int = 30
    user: int = 20


class Throttle:
    """The counts of a host. ``directory`` is shared by the workers of a server; None for a process alone."""

    def __init__(
        self, database: Database, limits: ThrottleLimits = ThrottleLimits(), directory: Path | None = None
    ) -> None:
        self.limits = limits
        self._database = database
        self._counts = Counts(directory)
        # With one host there is nobody to tell.
        self._exchange = None if database.is_sqlite else Exchange(database)

    def wait_seconds(self, address: str, user_key: str, now: float) -> int:
        """How many seconds a login with this user id from this address must wait; 0 where it may be tried ``now``, in
        seconds since 1970.
        """
        window = int(now // WINDOW_SECONDS)
        subjects = self._counts.subjects(address, user_key)
        others = self._exchange.of_others(window) if self._exchange is not None else {}
        counted = [self._counts.failures(each, window) + others.get(each, 0) for each in subjects]
        pair, of_address, of_user = counted
        known_here = self._counts.succeeded_since(subjects[0], int(now) - FRESH_SUCCESS_SECONDS)
        allowed = self.limits.pair if of_user < self.limits.user or known_here else 1
        if pair < allowed and (of_address < self.limits.address or known_here):
            return 0
        return max(1, round((window + 1) * WINDOW_SECONDS - now))

    def failed(self, address: str, user_key: str, now: float) -> None:
        """Count a login that failed."""
        window = int(now // WINDOW_SECONDS)
        subjects = self._counts.subjects(address, user_key)
        self._counts.add_failure(subjects, window)
        if self._exchange is not None:
            self._exchange.tell(subjects, window)

    def succeeded(self, address: str, user_key: str, now: float) -> None:
        """Note that this user logged in from this address."""
        self._counts.note_success(self._counts.subjects(address, user_key)[0], int(now))


def network_of(address: str) -> str:
    """What counts as one address: of IPv6 the network of 64 bits, of which a client has all."""
    try:
        parsed = plain_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed)


class Counts:
    """Two rows of slots in memory that processes share; what is counted is in one slot of each row, and of the two the
    smaller number counts. Which slot depends on a secret of the host, so that nobody can aim at somebody else's.
    """

    def __init__(self, directory: Path | None) -> None:
        size = SALT_BYTES + ROWS * SLOTS * SLOT.size
        self._lock = threading.Lock()
        self._file: int | None = None
        if directory is None:
            self._memory = mmap.mmap(-1, size)
            self._memory[:SALT_BYTES] = os.urandom(SALT_BYTES)
        else:
            self._file = os.open(directory / FILE, os.O_CREAT | os.O_RDWR, 0o600)
            with self._alone():
                if os.fstat(self._file).st_size < size:
                    os.posix_fallocate(self._file, 0, size)
                    os.pwrite(self._file, os.urandom(SALT_BYTES), 0)
            self._memory = mmap.mmap(self._file, size)
        self._salt = bytes(self._memory[:SALT_BYTES])

    def subjects(self, address: str, user_key: str) -> tuple[str, str, str]:
        """What is counted: the user id from this address, the address, the user id."""
        network = network_of(address)
        return digest("pair", network, user_key), digest("address", network), digest("user", user_key)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._lock:
            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                if self._file is not None:
                    fcntl.flock(self._file, fcntl.LOCK_UN)

    def _places(self, subject: str) -> list[int]:
        number = hashlib.blake2b(subject.encode(), key=self._salt, digest_size=16).digest()
        return [
            SALT_BYTES + SLOT.size * (row * SLOTS + int.from_bytes(number[8 * row : 8 * row + 8], "little") % SLOTS)
            for row in range(ROWS)
        ]

    def failures(self, subject: str, window: int) -> int:
        """How many failed in this window."""
        slots = (SLOT.unpack_from(self._memory, place) for place in self._places(subject))
        return min(failures if of == window else 0 for of, failures, _ in slots)

    def add_failure(self, subjects: tuple[str, ...], window: int) -> None:
        """One more of each."""
        with self._alone():
            for place in (place for subject in subjects for place in self._places(subject)):
                of, failures, success = SLOT.unpack_from(self._memory, place)
                count = failures + 1 if of == window else 1
                SLOT.pack_into(self._memory, place, window, min(count, 2**32 - 1), success)

    def succeeded_since(self, subject: str, second: int) -> bool:
        """Whether one succeeded since that second."""
        return all(SLOT.unpack_from(self._memory, place)[2] >= second for place in self._places(subject))

    def note_success(self, subject: str, second: int) -> None:
        """One succeeded."""
        with self._alone():
            for place in self._places(subject):
                window, failures, _ = SLOT.unpack_from(self._memory, place)
                SLOT.pack_into(self._memory, place, window, failures, second)


def digest(*parts: str) -> str:
    """A name for what is counted that says nothing of it, the same on every host."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


class Exchange:
    """What hosts that share a database tell each other, at most once a second; a database that is not there is no
    reason to refuse a login, nor to let one through unseen here.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._host = f"{socket.gethostname()[:40]}-{os.getppid()}"[:64]
        self._lock = threading.Lock()
        self._untold: Counter[tuple[int, str]] = Counter()
        self._teller: threading.Thread | None = None
        self._asked = 0.0
        self._others: dict[str, int] = {}

    def of_others(self, window: int) -> dict[str, int]:
        """The failures of this window on other hosts, as of a second ago at most."""
        with self._lock:
            if time.monotonic() < self._asked + EXCHANGE_SECONDS:
                return self._others
            self._asked = time.monotonic()
        table = tables.login_failure
        query = (
            select(table.c.subject, func.sum(table.c.failures))
            .where(table.c.window == window, table.c.host != self._host)
            .group_by(table.c.subject)
            .order_by(func.sum(table.c.failures).desc())
            .limit(10 * EXCHANGED)
        )
        try:
            with self._database.read() as snapshot:
                self._others = {subject: int(failures) for subject, failures in snapshot.execute(query)}
        except Refused:
            log.warning("failed logins of other hosts are not known: the store does not answer")
        return self._others

    def tell(self, subjects: tuple[str, ...], window: int) -> None:
        """Have the others told within a second."""
        with self._lock:
            for subject in subjects:
                if len(self._untold) < EXCHANGED or (window, subject) in self._untold:
                    self._untold[window, subject] += 1
            if self._teller is None:
                self._teller = threading.Thread(target=self._tell, name="failed logins", daemon=True)
                self._teller.start()

    def _tell(self) -> None:
        while True:
            time.sleep(EXCHANGE_SECONDS)
            with self._lock:
                told, self._untold = self._untold, Counter()
                if not told:
                    self._teller = None
                    return
            try:
                self._write(told)
            except Refused:
                log.warning("failed logins could not be told to other hosts")

    def _write(self, told: Counter[tuple[int, str]]) -> None:
        table = tables.login_failure
        rows = [
            {"window": window, "subject": subject, "host": self._host, "failures": failures}
            for (window, subject), failures in sorted(told.items())
        ]
        added = insert(table).values(rows)
        added = added.on_conflict_do_update(
            index_elements=[table.c.window, table.c.subject, table.c.host],
            set_={"failures": table.c.failures + added.excluded.failures},
        )
        with self._database.write() as transaction:
            # It need not outlive a crash of the database.
            transaction.execute(text("SET LOCAL synchronous_commit = off"))
            transaction.execute(added)
            newest = max(window for window, _ in told)
            transaction.execute(delete(table).where(table.c.window < newest - 1))
