"""Failed logins are throttled before anything is hashed, and a right password from elsewhere still gets through."""

import logging
import subprocess
import sys
import time

import pytest

from cast import PASSWORDS
from echs.base import request_context
from echs.base.errors import Refused
from echs.base.request_context import RequestContext
from echs.partners import login
from echs.partners.login import LoginReason, log_in
from echs.partners.throttle import EXCHANGE_SECONDS, Throttle, ThrottleLimits, network_of

LIMITS = ThrottleLimits(pair=3, address=6, user=8)


@pytest.fixture
def throttle(context):
    return Throttle(context.database, LIMITS)


@pytest.fixture
def hashed(monkeypatch):
    """Counts the passwords that are hashed."""
    seen = []
    original = login.matches

    def counting(password, password_hash):
        seen.append(password_hash is not None)
        return original(password, password_hash)

    monkeypatch.setattr(login, "matches", counting)
    return seen


def attempt(context, throttle, user_id, password, origin):
    """How a login from an address ends: ok, or the reason."""
    request_context.begin(RequestContext(channel="http", origin=origin))
    try:
        log_in(context, user_id, password, throttle)
    except Refused as refused:
        return refused.first.reason
    finally:
        request_context.end()
    return "ok"


def test_after_some_failures_nothing_is_hashed_any_more_whether_there_is_such_a_user_or_not(
    context, cast, throttle, hashed
):
    for user_id, origin in (("tnm", "192.0.2.1"), ("nobody", "192.0.2.2")):
        found = [attempt(context, throttle, user_id, "wrong", origin) for _ in range(6)]
        assert found == [LoginReason.LOGIN_REFUSED] * 3 + [LoginReason.LOGIN_THROTTLED] * 3
    assert len(hashed) == 6


def test_an_address_that_tries_many_user_ids_is_stopped_and_others_are_not(context, cast, throttle):
    found = [attempt(context, throttle, f"user {number}", "wrong", "192.0.2.1") for number in range(8)]
    assert found == [LoginReason.LOGIN_REFUSED] * 6 + [LoginReason.LOGIN_THROTTLED] * 2
    assert attempt(context, throttle, "tnm", PASSWORDS["tnm"], "192.0.2.1") is LoginReason.LOGIN_THROTTLED
    assert attempt(context, throttle, "tnm", PASSWORDS["tnm"], "192.0.2.2") == "ok"


def test_a_user_id_that_is_tried_from_everywhere_leaves_each_address_one_try_and_a_right_password_gets_through(
    context, cast, throttle
):
    for number in range(4):
        for _ in range(2):
            assert attempt(context, throttle, "tnm", "wrong", f"192.0.2.{number}") is LoginReason.LOGIN_REFUSED
    found = [attempt(context, throttle, "tnm", "wrong", "192.0.2.100") for _ in range(2)]
    assert found == [LoginReason.LOGIN_REFUSED, LoginReason.LOGIN_THROTTLED]
    assert attempt(context, throttle, "tnm", PASSWORDS["tnm"], "192.0.2.200") == "ok"


def test_who_logged_in_from_an_address_is_not_refused_there_for_what_others_try(context, cast, throttle):
    assert attempt(context, throttle, "tnm", PASSWORDS["tnm"], "192.0.2.1") == "ok"
    for number in range(8):
        attempt(context, throttle, f"user {number}", "wrong", "192.0.2.1")
    assert attempt(context, throttle, "anwb", PASSWORDS["anwb"], "192.0.2.1") is LoginReason.LOGIN_THROTTLED
    assert attempt(context, throttle, "tnm", PASSWORDS["tnm"], "192.0.2.1") == "ok"


def test_the_wait_that_is_told_is_enough(context, cast, clock, throttle):
    clock.turn(seconds=100)
    for _ in range(3):
        attempt(context, throttle, "tnm", "wrong", "192.0.2.1")
    request_context.begin(RequestContext(channel="http", origin="192.0.2.1"))
    with pytest.raises(Refused) as refused:
        log_in(context, "tnm", PASSWORDS["tnm"], throttle)
    assert "wait 200 s" in refused.value.first.detail
    clock.turn(seconds=200)
    assert attempt(context, throttle, "tnm", PASSWORDS["tnm"], "192.0.2.1") == "ok"


WORKER = """
import sys
from echs.base.database import Database
from echs.partners.throttle import Throttle, ThrottleLimits
throttle = Throttle(Database(sys.argv[1]), {limits!r}, __import__("pathlib").Path(sys.argv[2]))
for _ in range(50):
    throttle.failed("192.0.2.1", "tnm", 1_000_000.0)
"""


def test_workers_of_a_server_count_together(store_url, tmp_path):
    from echs.base.database import Database

    command = [sys.executable, "-c", WORKER.format(limits=LIMITS), store_url, str(tmp_path)]
    workers = [subprocess.Popen(command) for _ in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    throttle = Throttle(Database(store_url), LIMITS, tmp_path)
    subjects = throttle._counts.subjects("192.0.2.1", "tnm")
    assert [throttle._counts.failures(each, 1_000_000 // 300) for each in subjects] == [150] * 3
    assert throttle.wait_seconds("192.0.2.1", "tnm", 1_000_000.0) > 0


def test_hosts_that_share_a_database_know_of_each_other_within_a_second_and_a_failed_try_writes_nothing(
    context, cast, monkeypatch
):
    if context.database.is_sqlite:
        pytest.skip("one host")
    here, there = Throttle(context.database, LIMITS), Throttle(context.database, LIMITS)
    there._exchange._host = "another host"
    now = context.clock().timestamp()
    writes = []
    original = type(context.database).write

    def counted(database):
        writes.append(1)
        return original(database)

    monkeypatch.setattr(type(context.database), "write", counted)
    for _ in range(200):
        here.failed("192.0.2.1", "tnm", now)
    assert len(writes) <= 1
    deadline = time.monotonic() + 10
    while not there.wait_seconds("192.0.2.1", "tnm", now) and time.monotonic() < deadline:
        time.sleep(EXCHANGE_SECONDS / 4)
    assert there.wait_seconds("192.0.2.1", "tnm", now) > 0
    assert len(writes) <= 2
    assert there.wait_seconds("192.0.2.9", "anwb", now) == 0


def test_a_database_that_is_gone_neither_lets_through_nor_keeps_out(context, cast):
    if context.database.is_sqlite:
        pytest.skip("one host")
    gone = type(context.database)("postgresql://echs@127.0.0.1:1/gone")
    throttle = Throttle(gone, LIMITS)
    assert throttle.wait_seconds("192.0.2.1", "tnm", 0.0) == 0
    for _ in range(3):
        throttle.failed("192.0.2.1", "tnm", 0.0)
    assert throttle.wait_seconds("192.0.2.1", "tnm", 0.0) > 0


def test_a_refused_login_is_found_in_the_log_by_its_user_id_and_what_was_typed_otherwise_is_not(
    context, cast, throttle, caplog
):
    with caplog.at_level(logging.WARNING):
        attempt(context, throttle, "TNM", "a wrong password", "192.0.2.1")
        attempt(context, throttle, "my password by mistake", "x", "192.0.2.1")
    first, second = [record for record in caplog.records if record.message == "login refused"]
    assert (first.user_id, first.reason, first.origin) == ("tnm", "LOGIN_REFUSED", "192.0.2.1")
    assert second.user_id == ""
    assert "mistake" not in caplog.text
    assert "a wrong password" not in caplog.text


def test_no_more_logins_than_half_of_the_threads_wait_for_a_hash(context, cast, hashed, monkeypatch):
    monkeypatch.setattr(login, "_waiting", login._waiting)
    login.limit_waiting(1)
    login._waiting.acquire()
    began = time.monotonic()
    assert attempt(context, None, "tnm", PASSWORDS["tnm"], "192.0.2.1") is LoginReason.LOGIN_BUSY
    assert time.monotonic() - began < login.HASHING_SECONDS / 2
    assert hashed == []


def test_a_client_of_ipv6_is_its_network_and_one_of_ipv4_its_address():
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("a pipe") == "a pipe"
