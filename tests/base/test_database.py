"""The two doors of the store."""

import threading
import traceback
from datetime import UTC, datetime

import pytest
from sqlalchemy import exc, select, text, update

from echs.base import database as database_module
from echs.base.columns import Instant
from echs.base.database import Database
from echs.base.engines import database_url
from echs.base.errors import Refused, StoreReason
from echs.partners import tables


def name_of(connection, user_id="tnm"):
    return connection.execute(select(tables.partner.c.name).where(tables.partner.c.user_id == user_id)).scalar()


def test_a_transaction_that_raises_leaves_nothing_behind(context, cast):
    with pytest.raises(ZeroDivisionError), context.database.write() as transaction:
        transaction.execute(update(tables.partner).values(name="gone"))
        raise ZeroDivisionError
    with context.database.read() as snapshot:
        assert name_of(snapshot) == "The New Motion"


def test_a_snapshot_does_not_see_what_is_written_after_it_began(context, cast):
    with context.database.read() as snapshot:
        assert name_of(snapshot) == "The New Motion"
        with context.database.write() as transaction:
            transaction.execute(update(tables.partner).values(name="new"))
        assert name_of(snapshot) == "The New Motion"
    with context.database.read() as snapshot:
        assert name_of(snapshot) == "new"


def test_every_commit_on_sqlite_is_synced_and_foreign_keys_are_on(context):
    if not context.database.is_sqlite:
        pytest.skip("about SQLite")
    with context.database.read() as snapshot:
        pragmas = {
            name: snapshot.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
        version = snapshot.exec_driver_sql("SELECT sqlite_version()").scalar()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    # Older libraries can lose committed data when two processes write and checkpoint together.
    assert tuple(map(int, version.split("."))) >= (3, 51, 3)


def test_a_full_store_is_told_from_one_that_is_away(context, cast):
    if not context.database.is_sqlite:
        pytest.skip("PostgreSQL cannot be filled up from a query")
    with pytest.raises(Refused) as caught, context.database.write() as transaction:
        pages = transaction.exec_driver_sql("PRAGMA page_count").scalar()
        transaction.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        transaction.exec_driver_sql(
            "CREATE TABLE more AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
            "FROM n WHERE i < 100000) SELECT i, hex(randomblob(100)) FROM n"
        )
    assert caught.value.first.reason is StoreReason.STORE_FULL
    with context.database.read() as snapshot:
        assert name_of(snapshot) == "The New Motion"


def test_a_store_that_cannot_be_reached_refuses_and_says_that_a_repetition_is_safe():
    database = Database("postgresql://echs@127.0.0.1:1/nothing")
    with pytest.raises(Refused) as caught, database.read():
        pass
    assert caught.value.first.reason is StoreReason.STORE_UNAVAILABLE


def test_a_defect_of_ours_is_not_called_the_store_s(context):
    with pytest.raises(Exception, match="no_such_table") as caught, context.database.read() as snapshot:
        snapshot.execute(text("SELECT * FROM no_such_table"))
    assert not isinstance(caught.value, Refused)


def test_an_exception_of_the_driver_does_not_repeat_the_values(context):
    with pytest.raises(Exception) as caught, context.database.read() as snapshot:
        snapshot.execute(text("SELECT * FROM no_such_table WHERE pin = :pin"), {"pin": "canary-4711"})
    error = caught.value.__cause__ or caught.value
    assert "canary-4711" not in str(error)


def test_an_instant_comes_back_in_utc_and_needs_a_zone(context, cast):
    with context.database.read() as snapshot:
        created = snapshot.execute(select(tables.partner.c.created_at)).scalars().first()
    assert created == datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    assert created.tzinfo is UTC
    with pytest.raises(ValueError, match="time zone"):
        Instant().process_bind_param(datetime(2026, 1, 1), context.database.engine.dialect)  # noqa: DTZ001


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://a/b", "oracle://x", "postgresql://u:p@ss:w0rd@db/x"])
def test_a_url_of_another_kind_is_refused(url: str):
    with pytest.raises(ValueError, match="postgresql://") as caught:
        database_url(url)
    assert "w0rd" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_in_memory_is_refused(url: str):
    with pytest.raises(ValueError, match="in memory"):
        database_url(url)


def test_a_sqlite_store_is_its_owner_s_alone(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'mine.sqlite3'}")
    with database.write() as transaction:
        transaction.exec_driver_sql("CREATE TABLE x (a)")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    database.close()
    assert set(modes.values()) == {0o600}, modes


def test_a_file_that_is_no_store_is_a_refusal(tmp_path):
    (tmp_path / "text").write_text("this is not a database, it is a text that is long enough to look at" * 20)
    with pytest.raises(Refused) as caught, Database(f"sqlite:///{tmp_path / 'text'}").read():
        pass
    assert caught.value.first.reason is StoreReason.STORE_UNAVAILABLE


ODD = ("plain", "", " blanks ", "tab\tand\nline", "back\\slash \\N \\.", 'quote\'s "one"', "Łódź 😀", "NULL", "a,b;c")


NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
LOGIN = ("token_hash", "partner_id", "created_at", "expires_at")


def rows_of(context, partner_id, numbers=range(10)):
    return [(f"{number:064d}", partner_id, NOW, NOW) for number in numbers]


def test_many_rows_go_in_as_they_are_whatever_is_in_them(context, cast):
    names = ("user_id", "user_key", "name", "vat_id", "timezone", "active", "created_at")
    rows = [(f"u{at}", f"k{at}", text, "", "UTC", at % 2 == 0, NOW) for at, text in enumerate(ODD)]
    with context.database.write() as transaction:
        context.database.insert_rows(transaction, tables.partner, names, iter(rows))
    partner = tables.partner.c
    with context.database.read() as snapshot:
        columns = [partner[name] for name in names]
        query = select(*columns).where(partner.user_key.like("k%")).order_by(partner.id)
        assert [tuple(row) for row in snapshot.execute(query)] == rows


def test_more_rows_than_go_in_at_once_all_go_in_and_none_of_a_transaction_that_fails(context, cast):
    with context.database.write() as transaction:
        context.database.insert_rows(transaction, tables.login, LOGIN, rows_of(context, cast.tnm.id, range(2500)))
    with pytest.raises(exc.IntegrityError), context.database.write() as transaction:
        context.database.insert_rows(transaction, tables.login, LOGIN, rows_of(context, cast.tnm.id, range(2499, 5000)))
    with context.database.read() as snapshot:
        assert snapshot.execute(text("SELECT count(*) FROM login")).scalar() == 2500


def test_a_store_that_goes_away_while_rows_go_in_is_told_as_such(context, cast):
    if context.database.is_sqlite:
        pytest.skip("an embedded store does not go away")

    def rows():
        yield from rows_of(context, cast.tnm.id)
        with Database(context.database.url.render_as_string(hide_password=False)).engine.connect() as other:
            mine = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            other.execute(text(mine))
        yield from rows_of(context, cast.tnm.id, range(100, 50_000))

    with pytest.raises(Refused) as caught, context.database.write() as transaction:
        context.database.insert_rows(transaction, tables.login, LOGIN, rows())
    assert caught.value.first.reason is StoreReason.STORE_UNAVAILABLE
    with context.database.read() as snapshot:
        assert snapshot.execute(text("SELECT count(*) FROM login")).scalar() == 0


def test_what_postgresql_says_of_a_row_goes_no_further(context, cast):
    if context.database.is_sqlite:
        pytest.skip("about PostgreSQL")
    rows = [("x" * 100 + "CANARY", cast.tnm.id, NOW, NOW)]
    with pytest.raises(exc.DataError) as caught, context.database.write() as transaction:
        context.database.insert_rows(transaction, tables.login, LOGIN, rows)
    assert "CANARY" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(Refused) as cancelled, context.database.write() as transaction:
        transaction.execute(text("SET LOCAL statement_timeout = '100ms'"))
        endless = ((f"CANARY{number:058d}", cast.tnm.id, NOW, NOW) for number in range(500_000))
        context.database.insert_rows(transaction, tables.login, LOGIN, endless)
    assert cancelled.value.first.reason is StoreReason.STORE_UNAVAILABLE
    assert "CANARY" not in "".join(traceback.format_exception(cancelled.value))


def test_who_would_wait_for_too_many_writers_is_told_and_readers_go_on(context, monkeypatch):
    if not context.database.is_sqlite:
        pytest.skip("PostgreSQL's writers do not stand in one line")
    monkeypatch.setattr(database_module, "_writers", [threading.Semaphore(1)])
    monkeypatch.setattr(database_module, "WRITER_SECONDS", 0.01)
    with context.database.write():
        with pytest.raises(Refused) as refused, context.database.write():
            raise AssertionError("there was no place")
        assert refused.value.first.reason is StoreReason.STORE_UNAVAILABLE
        with context.database.read() as snapshot:
            assert snapshot.execute(text("SELECT 1")).scalar() == 1
    with context.database.write() as transaction:
        assert transaction.execute(text("SELECT 1")).scalar() == 1
