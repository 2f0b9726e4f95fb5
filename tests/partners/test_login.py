"""Logins."""

import time

import pytest
from sqlalchemy import select

from cast import PASSWORDS, add_cdrs, cdr
from echs.base.errors import Refused
from echs.clearing import run
from echs.partners import enrolment, login, tables
from echs.partners.login import LoginReason, log_in, partner_of_token


def refusal(verb, *arguments) -> str:
    with pytest.raises(Refused) as caught:
        verb(*arguments)
    return caught.value.first.reason


def test_a_login_token_says_who_one_is(context, cast):
    token = log_in(context, "tnm", PASSWORDS["tnm"])
    assert len(token) == 64
    assert int(token, 16)
    assert partner_of_token(context, token) == cast.tnm


def test_the_user_id_is_read_in_any_case(context, cast):
    assert partner_of_token(context, log_in(context, "TNM", PASSWORDS["tnm"])) == cast.tnm


def test_only_a_hash_of_the_token_is_stored(context, cast):
    token = log_in(context, "tnm", PASSWORDS["tnm"])
    with context.database.read() as snapshot:
        assert token not in str(snapshot.execute(select(tables.login)).all())


@pytest.mark.parametrize(
    ("user_id", "password"),
    [
        ("tnm", "wrong password"),
        ("nobody", "password of tnm"),
        ("tnm", ""),
        ("", ""),
        ("tnm\0", "x"),
        ("x" * 5000, "y" * 5000),
    ],
)
def test_who_is_wrong_gets_one_and_the_same_answer(context, cast, user_id, password):
    assert refusal(log_in, context, user_id, password) is LoginReason.LOGIN_REFUSED


def test_an_unknown_user_costs_as_much_as_a_wrong_password(context, cast):
    def cost(user_id: str) -> float:
        began = time.process_time()
        for _ in range(5):
            refusal(log_in, context, user_id, "wrong password")
        return time.process_time() - began

    cost("tnm")
    ratio = cost("nobody") / cost("tnm")
    # Without a hash for nobody the ratio would be about 0.05.
    assert 0.4 < ratio < 2.5


def test_a_login_ends_by_time(context, cast, clock):
    token = log_in(context, "tnm", PASSWORDS["tnm"])
    clock.turn(hours=12, seconds=-1)
    assert partner_of_token(context, token) == cast.tnm
    clock.turn(seconds=1)
    assert refusal(partner_of_token, context, token) is LoginReason.LOGIN_TOKEN_EXPIRED


def test_a_login_ends_with_the_password(context, cast):
    token = log_in(context, "tnm", PASSWORDS["tnm"])
    enrolment.set_password(context, "tnm", "another password")
    assert refusal(partner_of_token, context, token) is LoginReason.LOGIN_TOKEN_UNKNOWN
    assert refusal(log_in, context, "tnm", PASSWORDS["tnm"]) is LoginReason.LOGIN_REFUSED
    log_in(context, "tnm", "another password")


def test_a_login_ends_when_it_is_revoked_and_another_may_begin(context, cast):
    token = log_in(context, "tnm", PASSWORDS["tnm"])
    enrolment.log_out(context, "tnm")
    assert refusal(partner_of_token, context, token) is LoginReason.LOGIN_TOKEN_UNKNOWN
    assert partner_of_token(context, log_in(context, "tnm", PASSWORDS["tnm"])) == cast.tnm


def test_a_clearing_run_on_its_way_does_not_keep_anybody_from_logging_in(context, cast):
    add_cdrs(context, cast.tnm, iter([cdr(1)]), "r" * 26, context.lists)
    if context.database.is_sqlite:
        pytest.skip("on SQLite writers come one after the other")
    with context.database.write() as transaction:
        run.make_run(transaction, context.clock(), "test", "c" * 26)
        assert log_in(context, "anwb", PASSWORDS["anwb"])


def test_a_login_ends_when_the_partner_is_disabled_and_does_not_come_back(context, cast):
    token = log_in(context, "tnm", PASSWORDS["tnm"])
    enrolment.disable(context, "tnm")
    assert refusal(partner_of_token, context, token) is LoginReason.LOGIN_TOKEN_UNKNOWN
    assert refusal(log_in, context, "tnm", PASSWORDS["tnm"]) is LoginReason.LOGIN_REFUSED
    enrolment.enable(context, "tnm")
    assert refusal(partner_of_token, context, token) is LoginReason.LOGIN_TOKEN_UNKNOWN


@pytest.mark.parametrize("token", ["0" * 64, "x", "é" * 100_000, "' OR 1=1 --", "\ud800"])
def test_a_token_that_nobody_was_given_opens_nothing(context, cast, token):
    assert refusal(partner_of_token, context, token) is LoginReason.LOGIN_TOKEN_UNKNOWN


def test_no_token_is_told_from_a_wrong_one(context):
    assert refusal(partner_of_token, context, "") is LoginReason.LOGIN_TOKEN_MISSING


def test_a_partner_may_be_logged_in_several_times_and_the_oldest_ends_at_the_limit(context, cast, clock):
    limit = context.limits.logins_per_partner
    object.__setattr__(context.limits, "logins_per_partner", 3)
    try:
        tokens = []
        for _ in range(4):
            tokens.append(log_in(context, "tnm", PASSWORDS["tnm"]))
            clock.turn(seconds=1)
    finally:
        object.__setattr__(context.limits, "logins_per_partner", limit)
    assert refusal(partner_of_token, context, tokens[0]) is LoginReason.LOGIN_TOKEN_UNKNOWN
    for token in tokens[1:]:
        assert partner_of_token(context, token) == cast.tnm


def test_logins_that_are_over_are_forgotten(context, cast, clock):
    log_in(context, "tnm", PASSWORDS["tnm"])
    clock.turn(days=2)
    log_in(context, "tnm", PASSWORDS["tnm"])
    with context.database.read() as snapshot:
        assert len(snapshot.execute(select(tables.login)).all()) == 1


def test_a_flood_of_logins_is_told_to_come_again(context, cast, monkeypatch):
    monkeypatch.setattr(login, "HASHING_SECONDS", 0.01)
    held = 0
    while login._hashing.acquire(blocking=False):
        held += 1
    try:
        assert refusal(log_in, context, "tnm", PASSWORDS["tnm"]) is LoginReason.LOGIN_BUSY
    finally:
        for _ in range(held):
            login._hashing.release()


def test_a_password_that_changes_during_a_login_opens_nothing(context, cast):
    before, _ = login.account_of(context, "tnm")
    enrolment.set_password(context, "tnm", "another password")
    assert refusal(login.open_login, context, before) is LoginReason.LOGIN_REFUSED
