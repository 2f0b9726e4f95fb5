"""How the store is reached: engines for SQLite and for PostgreSQL, as a store of money needs them."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pysqlite3.dbapi2 as sqlite
from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.engine import URL

from echs.base.store_errors import POOL_SECONDS, is_standby

SQLITE_BUSY_MILLISECONDS = 20_000
POSTGRES_WARNING = "01000"
POSTGRES_OPTIONS = "-c statement_timeout=24s -c lock_timeout=20s -c idle_in_transaction_session_timeout=60s"
COMMIT_SECONDS = 20.0
UNCONFIRMED = "echs_unconfirmed"


def database_url(url: str | URL) -> URL:
    """The URL with the driver that we bring: ``postgresql://`` becomes ``postgresql+psycopg://``.

    :raises ValueError: neither SQLite nor PostgreSQL, or no URL at all
    """
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        form = "sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"
        hint = "signs like @ : / in a password are written as %40 %3A %2F"
        raise ValueError(f"not a database URL; use {form} ({hint})") from None
    backend = parsed.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise ValueError("a store in memory is no store; use sqlite:///PATH")
        return parsed
    raise ValueError(f"{backend} is not supported; use sqlite:///PATH or postgresql://USER@HOST/NAME")


def sqlite_engine(url: URL, synchronous: str = "FULL") -> Engine:
    """SQLite as a store of money: WAL, every commit synced before it is acknowledged, foreign keys on. With
    ``synchronous`` OFF a power cut may lose commits.

    The library comes with us (`pysqlite3`), since the SQLite of many systems has the WAL-reset defect.
    """
    # hide_parameters: an exception's text would else carry pins and card numbers into the log.
    engine = create_engine(
        url, module=sqlite, hide_parameters=True, pool_size=16, max_overflow=16, pool_timeout=POOL_SECONDS
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions behind our back; `begin` below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_MILLISECONDS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {synchronous}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA trusted_schema = OFF")
        cursor.execute("PRAGMA journal_size_limit = 67108864")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("echs_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def postgres_engine(url: URL) -> Engine:
    """PostgreSQL with timeouts below the 25 s that an operation may take; what the URL says of the same wins."""
    arguments: dict[str, Any] = {
        "connect_timeout": 5,
        "application_name": "echs",
        # Of several hosts the one that can be written to: a standby, or one that was primary, is none.
        "target_session_attrs": "read-write",
        **{name: value for name, value in url.query.items() if name != "options"},
        # Transaction-pooling proxies do not keep prepared statements.
        "prepare_threshold": None,
        "options": " ".join([POSTGRES_OPTIONS, str(url.query.get("options", ""))]).strip(),
    }
    engine = create_engine(
        url.set(query={}),
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=16,
        max_overflow=16,
        pool_timeout=POOL_SECONDS,
        connect_args=arguments,
    )

    @event.listens_for(engine, "connect")
    def listen(connection: Any, record: Any) -> None:
        def hear(diagnostic: Any) -> None:
            if diagnostic.sqlstate == POSTGRES_WARNING:
                record.info[UNCONFIRMED] = True

        connection.add_notice_handler(hear)

    @event.listens_for(engine, "handle_error")
    def leave_a_standby(context: Any) -> None:
        if is_standby(context.original_exception):
            context.is_disconnect = True

    return engine


@contextmanager
def commit_in_bounds(connection: Connection) -> Iterator[None]:
    """A commit that does not wait for ever: with synchronous replication it waits for a standby, and no timeout of
    PostgreSQL's own ends that. To cancel it would make PostgreSQL say that it is done; to hang up says nothing.
    """
    driver: Any = connection.connection.driver_connection

    def hang_up() -> None:
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(driver.pgconn.socket)) as doubled:
            doubled.shutdown(socket.SHUT_RDWR)

    connection.info.pop(UNCONFIRMED, None)
    timer = threading.Timer(COMMIT_SECONDS, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
