"""Where live statuses are kept: apart from the store of money, since they are many, short-lived and soon sent again.

Beside an embedded store a file of its own, which a power cut may lose; in PostgreSQL a table that is not logged, which
a crash empties. They are in no backup and in no audit trail.
"""

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, inspect, text

from echs.base.database import Database
from echs.base.engines import sqlite_engine
from echs.base.store_errors import translated
from echs.live.live_status import Kind, LiveStatus

TABLE = "live_status"
ROWS_AT_ONCE = 1000
# What has run out stays so long, for whoever asks what changed.
KEPT = timedelta(days=1)
CREATE = (
    f"CREATE {{unlogged}} TABLE IF NOT EXISTS {TABLE} (kind VARCHAR(8) NOT NULL, key VARCHAR(64) NOT NULL, "
    "said_id VARCHAR(64) NOT NULL, owner_id BIGINT NOT NULL, major VARCHAR(16) NOT NULL, minor VARCHAR(16) NOT NULL, "
    "valid_until BIGINT NOT NULL, set_at BIGINT NOT NULL, PRIMARY KEY (kind, key))"
)
PUT = (
    f"INSERT INTO {TABLE} (kind, key, said_id, owner_id, major, minor, valid_until, set_at) VALUES "  # noqa: S608
    "(:kind, :key, :said_id, :owner_id, :major, :minor, :valid_until, :set_at) ON CONFLICT (kind, key) DO UPDATE SET "
    "said_id = excluded.said_id, owner_id = excluded.owner_id, major = excluded.major, minor = excluded.minor, "
    "valid_until = excluded.valid_until, set_at = excluded.set_at"
)
COLUMNS = "kind, key, said_id, owner_id, major, minor, valid_until, set_at"
NOTHING = "No status was set; sending the same request again is safe."


class LiveStore:
    """The statuses of one house. Its table is made with the first of them: whoever asks before finds nothing."""

    def __init__(self, database: Database, directory: Path) -> None:
        self._database, self._file = database, directory / "live.sqlite3"
        self._own: Engine | None = None
        self._is_made = False
        self._opening = threading.Lock()
        self._purged_at = datetime.min.replace(tzinfo=UTC)

    def put(self, statuses: Sequence[LiveStatus], now: datetime) -> None:
        """Set statuses, each in the place of the one of its thing; the last one that is written counts.

        :raises Refused: STORE_UNAVAILABLE
        """
        # In one order, so that no two wait for each other.
        rows = [as_row(each) for each in sorted(statuses, key=lambda each: (each.kind, each.key))]
        with self._opening:
            if not self._is_made:
                with self._writing() as connection:
                    self._make(connection)
                self._is_made = True
        with self._writing() as connection:
            for start in range(0, len(rows), ROWS_AT_ONCE):
                connection.execute(text(PUT), rows[start : start + ROWS_AT_ONCE])
            if now - self._purged_at > KEPT / 24:
                self._purged_at = now
                before = seconds(now - KEPT)
                connection.execute(text(f"DELETE FROM {TABLE} WHERE valid_until < :before"), {"before": before})  # noqa: S608

    def valid_now(self, kind: Kind, owners: Collection[int], now: datetime) -> Iterator[LiveStatus]:
        """The statuses of what these partners own that are valid at this time (UTC), in the order of their keys.

        :raises Refused: STORE_UNAVAILABLE
        """
        return self._found(kind, owners, "valid_until > :now", {"now": seconds(now)})

    def changed_since(
        self, kind: Kind, owners: Collection[int], since: datetime, now: datetime
    ) -> Iterator[LiveStatus]:
        """Those that were set since a time (UTC), and those that ran out between it and now.

        :raises Refused: STORE_UNAVAILABLE
        """
        condition = "(set_at >= :since OR (valid_until >= :since AND valid_until <= :now))"
        return self._found(kind, owners, condition, {"since": seconds(since), "now": seconds(now)})

    def close(self) -> None:
        """Let go of the file."""
        if self._own is not None:
            self._own.dispose()

    def _found(
        self, kind: Kind, owners: Collection[int], condition: str, values: dict[str, int]
    ) -> Iterator[LiveStatus]:
        query = f"SELECT {COLUMNS} FROM {TABLE} WHERE kind = :kind AND {condition} ORDER BY key"  # noqa: S608
        wanted = frozenset(owners)
        if self._database.is_sqlite and not self._file.exists():
            return
        with self._reading() as connection:
            if not self._is_made and not inspect(connection).has_table(TABLE):
                return
            streamed = connection.execution_options(yield_per=ROWS_AT_ONCE)
            for some in streamed.execute(text(query), {"kind": kind.value, **values}).partitions():
                for _, key, said_id, owner_id, major, minor, until, at in some:
                    if owner_id in wanted:
                        yield LiveStatus(kind, key, said_id, owner_id, major, minor, instant(until), instant(at))

    def _make(self, connection: Connection) -> None:
        if not self._database.is_sqlite:
            # Two that create a table at once are in each other's way.
            self._database.lock(connection, TABLE)
        connection.execute(text(CREATE.format(unlogged="" if self._database.is_sqlite else "UNLOGGED")))
        for column in ("set_at", "valid_until"):
            name = f"ix_{TABLE}_{column}"
            connection.execute(text(f"CREATE INDEX IF NOT EXISTS {name} ON {TABLE} (kind, {column})"))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if not self._database.is_sqlite:
            with self._database.read() as connection:
                yield connection
            return
        with translated(NOTHING), self._file_engine().connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if not self._database.is_sqlite:
            with self._database.write() as connection:
                yield connection
            return
        with translated(NOTHING), self._file_engine().execution_options(echs_write=True).begin() as connection:
            yield connection

    def _file_engine(self) -> Engine:
        if self._own is None:
            # It does not wait for the disk: what a power cut loses is sent again within minutes.
            self._own = sqlite_engine(URL.create("sqlite", database=str(self._file)), synchronous="OFF")
        return self._own


def seconds(instant: datetime) -> int:
    """An instant as seconds since 1970."""
    return int(instant.timestamp())


def as_row(status: LiveStatus) -> dict[str, object]:
    """What is stored of a status."""
    times = {"valid_until": seconds(status.valid_until), "set_at": seconds(status.set_at)}
    return {**status._asdict(), "kind": status.kind.value, **times}


@lru_cache(maxsize=8192)
def instant(since_1970: int) -> datetime:
    """An instant as it is stored; the statuses of one message have one."""
    return datetime.fromtimestamp(since_1970, UTC)
