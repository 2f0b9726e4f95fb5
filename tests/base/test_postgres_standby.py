"""PostgreSQL with standbys: what is not on the standby that must have it is not acknowledged, and nobody hangs."""

import threading
import time

import pytest
from sqlalchemy import text

from cast import add_cdrs, cdr
from conftest import administer
from echs.base import engines
from echs.base.errors import Refused
from echs.base.store_errors import is_standby
from echs.config.app_context import open_app_context
from echs.config.settings import read_settings


@pytest.fixture
def house_waiting(context, cast, postgres):
    """A house on PostgreSQL whose every commit waits for a standby that there is not."""
    if context.database.is_sqlite:
        pytest.skip("PostgreSQL's matter")
    administer(postgres, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    administer(postgres, "SELECT pg_reload_conf()")
    yield context
    administer(postgres, "ALTER SYSTEM RESET synchronous_standby_names")
    administer(postgres, "SELECT pg_reload_conf()")


def settle(postgres):
    administer(postgres, "ALTER SYSTEM RESET synchronous_standby_names")
    administer(postgres, "SELECT pg_reload_conf()")


def test_a_commit_that_waits_for_a_standby_ends_in_time_and_is_not_acknowledged(
    house_waiting, cast, postgres, monkeypatch
):
    monkeypatch.setattr(engines, "COMMIT_SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(Refused) as refused:
        add_cdrs(house_waiting, cast.tnm, iter([cdr(1)]), "a" * 26, house_waiting.lists)
    assert time.monotonic() - began < 5
    assert refused.value.first.reason == "STORE_UNAVAILABLE"
    assert refused.value.effect.startswith("Nothing was stored, or all of it was")
    settle(postgres)
    again = add_cdrs(house_waiting, cast.tnm, iter([cdr(1)]), "b" * 26, house_waiting.lists)
    assert [each.value for each in again.outcomes] in (["known"], ["pending"])
    with house_waiting.database.read() as snapshot:
        assert snapshot.execute(text("SELECT count(*) FROM cdr")).scalar() == 1


def test_a_commit_whose_wait_somebody_ends_is_not_acknowledged_either(house_waiting, cast, postgres):
    told = []

    def send():
        try:
            add_cdrs(house_waiting, cast.tnm, iter([cdr(1)]), "a" * 26, house_waiting.lists)
            told.append("acknowledged")
        except Refused as refused:
            told.append(refused.first.reason.value)

    sender = threading.Thread(target=send)
    sender.start()
    waiting = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    deadline = time.monotonic() + 10
    while sender.is_alive() and time.monotonic() < deadline:
        administer(postgres, waiting)
        time.sleep(0.1)
    sender.join(30)
    assert told == ["STORE_UNAVAILABLE"]
    settle(postgres)
    add_cdrs(house_waiting, cast.tnm, iter([cdr(2)]), "b" * 26, house_waiting.lists)


def test_a_server_that_cannot_be_written_to_is_no_defect_of_ours(context, cast):
    if context.database.is_sqlite:
        pytest.skip("PostgreSQL's matter")
    with pytest.raises(Refused) as refused, context.database.write() as transaction:
        transaction.execute(text("SET LOCAL transaction_read_only = on"))
        transaction.execute(text("DELETE FROM login"))
    assert refused.value.first.reason == "STORE_UNAVAILABLE"
    assert is_standby(refused.value.__cause__.orig)
    with context.database.write() as transaction:  # by another connection
        transaction.execute(text("DELETE FROM login"))


def test_what_the_url_says_of_a_connection_is_kept_and_ours_added(context, environment):
    if context.database.is_sqlite:
        pytest.skip("PostgreSQL's matter")
    url = environment["ECHS_DATABASE_URL"]
    more = f"{url}{'&' if '?' in url else '?'}options=-clock_timeout%3D7s&application_name=mine"
    other = open_app_context(read_settings({**environment, "ECHS_DATABASE_URL": more}))
    with other.database.read() as snapshot:
        shown = [
            snapshot.execute(text(f"SHOW {name}")).scalar()
            for name in ("lock_timeout", "statement_timeout", "application_name")
        ]
    assert shown == ["7s", "24s", "mine"]
    other.database.close()
