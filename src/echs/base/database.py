"""The store: SQLite or PostgreSQL behind two doors, one to read a snapshot and one to write a transaction.

Room code never opens a connection any other way, so that what is said here holds everywhere:

- ``read()`` sees one instant of the store from its first query to its end, and never waits for a writer.
- ``write()`` is one transaction: all of it or nothing. On SQLite writers come one after the other, from the start.
- Whatever the driver raises becomes a refusal whose reason says that the same request again later is safe.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psycopg
import pysqlite3.dbapi2 as sqlite
from sqlalchemy import Connection, Table, event, exc, text
from sqlalchemy.engine import URL

from echs.base import deadline, request_context, request_gate
from echs.base.engines import UNCONFIRMED, commit_in_bounds, database_url, postgres_engine, sqlite_engine
from echs.base.errors import NOTHING_CHANGED, StoreReason, refuse
from echs.base.prepared_query import PreparedQuery
from echs.base.store_errors import translated
from echs.base.store_file import FileIdentity, file_identity, own_file

ROWS_AT_ONCE = 5000
# Of SQLite's virtual machine, about a millisecond.
STEPS_AT_ONCE = 100_000

# How many transactions of this process may write to SQLite or wait for it; who comes then is told, and keeps no thread.
_writers: list[threading.Semaphore] = []
WRITER_SECONDS = 1.0


def limit_writers(transactions: int) -> None:
    """From now on so many transactions of this process write to the embedded store, or wait for it."""
    _writers[:] = [threading.Semaphore(transactions)]


class Database:
    """One store, reached by URL. Safe to share between threads; open it after a fork, not before.

    An embedded store is made where there is none, unless ``file`` says which one it must be.
    """

    def __init__(self, url: str | URL, password: str | None = None, file: FileIdentity | None = None) -> None:
        self.url = database_url(url)
        if password is not None:
            self.url = self.url.set(password=password)
        if self.is_sqlite and file is None:
            own_file(Path(self.url.database or ""))
        self.engine = sqlite_engine(self.url) if self.is_sqlite else postgres_engine(self.url)
        self._own = threading.local()
        self._opened: list[Any] = []
        # Which file the embedded store is: what was said, or what is there when it is first opened.
        self._file = self._known_file = file
        if self.is_sqlite:
            event.listen(self.engine, "do_connect", self._look_at_file)
            event.listen(self.engine, "connect", self._note_file)

    def _look_at_file(self, *_: Any) -> None:
        # To connect would make an empty store where there is none.
        self._refuse_replaced()

    def _note_file(self, *_: Any) -> None:
        if self._file is None:
            self._file = file_identity(Path(self.url.database or ""))

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is the embedded one."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self, *, patient: bool = False) -> Iterator[Connection]:
        """A connection that sees one snapshot and cannot change it; a ``patient`` one may take as long as it likes."""
        with translated(NOTHING_CHANGED), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                if patient and not self.is_sqlite:
                    connection.execute(text("SET LOCAL statement_timeout = 0"))
                    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                yield connection

    def fetch_all(self, query: PreparedQuery, **values: object) -> list[tuple[Any, ...]]:
        """The rows of a query, from one snapshot of the store, as one statement is."""
        statement, given = query.for_driver(self.engine.dialect, values)
        with translated(NOTHING_CHANGED):
            try:
                if self.is_sqlite:
                    return list(self._own_connection().execute(statement, given).fetchall())
                with closing(self.engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
                    cursor.execute(statement, given)
                    return list(cursor.fetchall())
            except (sqlite.Error, psycopg.Error) as error:
                # Past SQLAlchemy, which would have wrapped it.
                raise self._wrapped(statement, error) from None

    def fetch_within(self, snapshot: Connection, query: PreparedQuery, **values: object) -> list[tuple[Any, ...]]:
        """As `fetch_all`, inside of a snapshot of the caller's."""
        statement, given = query.for_driver(self.engine.dialect, values)
        try:
            with closing(snapshot.connection.cursor()) as cursor:
                cursor.execute(statement, given)
                return list(cursor.fetchall())
        except (sqlite.Error, psycopg.Error) as error:
            raise self._wrapped(statement, error) from None

    def _own_connection(self) -> Any:
        """This thread's own connection to SQLite: to borrow one costs more than most questions do."""
        engine, connection = getattr(self._own, "opened", (None, None))
        if engine is not self.engine:
            borrowed = self.engine.raw_connection()
            connection = borrowed.driver_connection
            borrowed.detach()
            self._own.opened = self.engine, connection
            self._opened.append(borrowed)
        return connection

    def as_instant(self, stored: Any) -> datetime:
        """An instant as the driver gives it."""
        value = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def _wrapped(self, statement: str, error: Exception) -> exc.StatementError:
        base = sqlite.Error if self.is_sqlite else psycopg.Error
        return exc.DBAPIError.instance(statement, None, error, base, hide_parameters=True, dialect=self.engine.dialect)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: committed at the end of the block, rolled back when anything is raised in it."""
        request_gate.release()  # others may be writing
        effect = "Nothing was stored, or all of it was; sending the same request again is safe."
        present, committed = request_context.current(), False
        try:
            with self._writing(effect) as connection:
                yield connection
            committed = True
        finally:
            present.entered(committed=committed)

    @contextmanager
    def _writing(self, effect: str) -> Iterator[Connection]:
        with translated(effect), self._place_among_writers(), self.engine.connect() as connection:
            connection.execution_options(echs_write=True)
            with self._ending_in_time(connection), connection.begin() as transaction:
                yield connection
                if self.is_sqlite:
                    self._refuse_replaced()
                    return  # committed where the block ends
                with commit_in_bounds(connection):
                    transaction.commit()
                if connection.info.pop(UNCONFIRMED, False):
                    # The standby that must have it too has not said so, and somebody ended the wait for it.
                    raise refuse(StoreReason.STORE_UNAVAILABLE, "the store is not available now", effect=effect)

    @contextmanager
    def _place_among_writers(self) -> Iterator[None]:
        if not self.is_sqlite or not _writers:
            yield
            return
        (place,) = _writers
        if not place.acquire(timeout=WRITER_SECONDS):
            detail = "too many transactions wait for the store at this moment"
            raise refuse(StoreReason.STORE_UNAVAILABLE, detail, effect="Nothing was stored.")
        try:
            yield
        finally:
            place.release()

    @contextmanager
    def _ending_in_time(self, connection: Connection) -> Iterator[None]:
        """A block whose statements SQLite interrupts when the deadline of the request has passed; PostgreSQL has its
        own time limit for each of them.
        """
        if not self.is_sqlite:
            yield
            return
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(deadline.passed, STEPS_AT_ONCE)
        try:
            yield
        finally:
            driver.set_progress_handler(None, 0)

    @property
    def file(self) -> FileIdentity | None:
        """Which file the embedded store is; None where it was not opened yet, and for PostgreSQL."""
        return self._file

    @property
    def is_replaced(self) -> bool:
        """Whether the file of the embedded store is another one than the one that is open, or is gone."""
        if not self.is_sqlite or self._file is None:
            return False
        return file_identity(Path(self.url.database or "")) != self._file

    def _refuse_replaced(self) -> None:
        """What is written into a file that has been moved away is written for nobody.

        :raises Refused: STORE_UNAVAILABLE
        """
        if self.is_replaced:
            detail = "the file of the store was replaced while the server ran; restart the server"
            raise refuse(StoreReason.STORE_UNAVAILABLE, detail, effect="Nothing was stored.")

    def lock(self, transaction: Connection, name: str, *, shared: bool = False) -> None:
        """Hold ``name`` until the transaction ends; whoever wants the same name waits, unless both want it shared.

        SQLite needs none: its writers stand in one line from the start.
        """
        if not self.is_sqlite:
            function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
            transaction.execute(text(f"SELECT {function}(hashtextextended(:name, 0))"), {"name": name})

    def insert_rows(
        self,
        transaction: Connection,
        table: Table,
        names: Sequence[str],
        rows: Iterable[Sequence[object]],
        fixed: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Write many rows, each with the values of these columns in their order; by COPY where there is one.

        ``fixed`` columns have the same number in every row. Values go to the driver as they are: texts (of digits too,
        for whole numbers), whole numbers, None, and instants as `as_stored` gives them.
        """
        columns = ", ".join([*fixed, *names])
        if self.is_sqlite:
            values = ", ".join([*(str(int(number)) for number in fixed.values()), *("?" for _ in names)])
            statement = f"INSERT INTO {table.name} ({columns}) VALUES ({values})"  # noqa: S608 - names of ours, numbers
            left = iter(rows)
            while batch := list(islice(left, ROWS_AT_ONCE)):
                transaction.exec_driver_sql(statement, batch)
            return
        same = tuple(fixed.values())
        statement = f"COPY {table.name} ({columns}) FROM STDIN"
        driver: Any = transaction.connection.driver_connection
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row((*same, *row))
        except psycopg.Error as error:
            # Past SQLAlchemy, which would have wrapped it: so that it is translated like any other. PostgreSQL repeats
            # the row that it was at, with card number and pin: of its text only what holds no value goes on.
            told = type(error).__name__ if isinstance(error, psycopg.DataError) else error.diag.message_primary
            silent = type(error)(told or type(error).__name__)
            raise exc.DBAPIError.instance(statement, None, silent, psycopg.Error, hide_parameters=True) from None

    def as_stored(self, instant: datetime) -> object:
        """An instant as `insert_rows` wants it; `Instant` reads it back."""
        utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
        # SQLAlchemy's own form for SQLite, without the offset.
        return utc.isoformat(" ", "microseconds").removesuffix("+00:00") if self.is_sqlite else utc

    @contextmanager
    def nearest_by_index(self, transaction: Connection) -> Iterator[None]:
        """A block whose queries for the nearest rows of a key read no more than those.

        PostgreSQL, without statistics of rows just written, would rather sort all the rows of the key, for each row.
        """
        if self.is_sqlite:
            yield
            return
        transaction.execute(text("SET LOCAL enable_sort = off"))
        yield
        transaction.execute(text("SET LOCAL enable_sort = on"))

    @property
    def connections_in_use(self) -> int:
        """How many connections of the pool are taken now."""
        pool: Any = self.engine.pool
        return int(pool.checkedout())

    def close(self) -> None:
        """Give back every connection."""
        self._file = self._known_file
        self.engine.dispose()
        while self._opened:
            self._opened.pop().close()
        self._own = threading.local()
