"""Where live statuses are kept: apart from the store of money, since they are many, short-lived and soon sent again.

Beside an embedded store a file of its own, which a power cut may lose; in PostgreSQL a table that is not logged, which
a crash empties. They are in no backup and in no audit trail.
"""

import threading
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL

from echs.base.database import Database
from echs.base.store_errors import translated
from echs.live.live_status import Kind, LiveStatus

TABLE = "live_status"
BUSY_MILLISECONDS = 20_000
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
    """The statuses of one house; it is opened when it is first needed."""

    def __init__(self, database: Database, directory: Path) -> None:
        self._database, self._file = database, directory / "live.sqlite3"
        self._engine: Engine | None = None
        self._opening = threading.Lock()
        self._purged_at = datetime.min.replace(tzinfo=UTC)

    def put(self, statuses: Sequence[LiveStatus], now: datetime) -> None:
        """Set statuses, each in the place of the one of its thing; the last one that is written counts.

        :raises Refused: STORE_UNAVAILABLE
        """
        # In one order, so that no two wait for each other.
        rows = [as_row(each) for each in sorted(statuses, key=lambda each: (each.kind, each.key))]
        engine = self._opened()
        with translated(NOTHING), engine.execution_options(echs_write=True).begin() as connection:
            for start in range(0, len(rows), ROWS_AT_ONCE):
                connection.execute(text(PUT), rows[start : start + ROWS_AT_ONCE])
            if now - self._purged_at > KEPT / 24:
                self._purged_at = now
                before = seconds(now - KEPT)
                connection.execute(text(f"DELETE FROM {TABLE} WHERE valid_until < :before"), {"before": before})  # noqa: S608

    def of_owners(self, kind: Kind, owners: Collection[int], since: datetime) -> Iterator[LiveStatus]:
        """The statuses of what these partners own that are valid at a time (UTC), or ran out or were set after it, in
        the order of their keys.

        :raises Refused: STORE_UNAVAILABLE
        """
        query = (
            f"SELECT {COLUMNS} FROM {TABLE} WHERE kind = :kind AND (valid_until >= :since OR set_at >= :since) "  # noqa: S608
            "ORDER BY key"
        )
        wanted = frozenset(owners)
        with translated(NOTHING), self._opened().connect() as connection:
            streamed = connection.execution_options(yield_per=ROWS_AT_ONCE)
            for row in streamed.execute(text(query), {"kind": kind.value, "since": seconds(since)}):
                if row.owner_id in wanted:
                    yield of_row(row)

    def close(self) -> None:
        """Let go of the connections."""
        if self._engine is not None and self._database.is_sqlite:
            self._engine.dispose()

    def _opened(self) -> Engine:
        with self._opening:
            if self._engine is None:
                engine = file_engine(self._file) if self._database.is_sqlite else self._database.engine
                unlogged = "" if self._database.is_sqlite else "UNLOGGED"
                with engine.begin() as connection:
                    if not self._database.is_sqlite:
                        # Two that create a table at once are in each other's way.
                        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": TABLE})
                    connection.execute(text(CREATE.format(unlogged=unlogged)))
                self._engine = engine
            return self._engine


def file_engine(file: Path) -> Engine:
    """SQLite that does not wait for the disk: what a power cut loses is sent again within minutes."""
    engine = create_engine(URL.create("sqlite", database=str(file)), module=sqlite, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = OFF")
        cursor.execute("PRAGMA trusted_schema = OFF")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        writes = connection.get_execution_options().get("echs_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def seconds(instant: datetime) -> int:
    """An instant as seconds since 1970."""
    return int(instant.timestamp())


def as_row(status: LiveStatus) -> dict[str, object]:
    """What is stored of a status."""
    times = {"valid_until": seconds(status.valid_until), "set_at": seconds(status.set_at)}
    return {**status._asdict(), "kind": status.kind.value, **times}


def of_row(row: Any) -> LiveStatus:
    """A status as it is stored."""
    until, at = (datetime.fromtimestamp(each, UTC) for each in (row.valid_until, row.set_at))
    return LiveStatus(Kind(row.kind), row.key, row.said_id, row.owner_id, row.major, row.minor, until, at)
