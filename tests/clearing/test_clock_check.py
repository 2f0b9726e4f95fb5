"""A clock that was wrong once bends nothing that comes after: order comes from numbers, time from the clock."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from cast import PASSWORDS, add_cdrs, cdr, verify
from cast import fetched as given
from echs.audit import trail
from echs.base.errors import Refused
from echs.clearing import run
from echs.clearing.clock_check import confirm_clock
from echs.cli import execute
from echs.config.app_context import open_app_context
from echs.config.settings import read_settings
from echs.maintenance.doctor import examine
from echs.partners import enrolment
from echs.partners.login import LoginReason, log_in, partner_of_token

FORM = "%s|" * 20
_requests = iter(f"{number:026d}" for number in range(10**6))


def added(context, sender, *numbers):
    add_cdrs(context, sender, iter(cdr(number) for number in numbers), next(_requests), context.lists)


def cleared(context):
    return run.clear(context, "test", next(_requests))


def fetched(context, partner):
    return sorted(given(context, partner)[1])


def refusal(context):
    with pytest.raises(Refused) as refused:
        cleared(context)
    return refused.value


def failing(context, environment):
    return {each.subject for each in examine(context, read_settings(environment)) if each.status == "fail"}


def test_four_hundred_days_ahead_and_back_nothing_is_cleared_until_it_is_said_and_then_all_is_as_before(
    context, cast, clock, environment
):
    added(context, cast.tnm, "b0")
    assert cleared(context).number == 1
    assert fetched(context, cast.anwb) == ["b0"]
    clock.turn(days=3)
    added(context, cast.tnm, "n0")
    assert cleared(context).number == 2
    assert fetched(context, cast.anwb) == ["n0"]
    right = clock.now

    clock.turn(days=400)
    for name in ("f1", "f2"):
        added(context, cast.tnm, name)
        cleared(context)
        fetched(context, cast.anwb)
    of_wrong_clock = log_in(context, "tnm", PASSWORDS["tnm"])

    clock.now = right + timedelta(hours=1)
    added(context, cast.tnm, "b1")
    assert refusal(context).first.reason == "CLOCK_WRONG"
    assert "run 4" in refusal(context).first.detail
    with pytest.raises(Refused) as refused:
        partner_of_token(context, of_wrong_clock)
    assert refused.value.first.reason is LoginReason.LOGIN_TOKEN_EXPIRED
    found = failing(context, environment)
    assert found == {"times in the future"}
    confirm_clock(context)
    made = cleared(context)
    assert (made.number, made.cleared_at) == (5, clock.now)
    assert "b1" in fetched(context, cast.anwb)
    clock.turn(hours=25)
    for name in ("b2", "b3"):
        added(context, cast.tnm, name)
        cleared(context)
        assert fetched(context, cast.anwb)[-1] == name
    clock.turn(days=3)
    assert fetched(context, cast.anwb) == ["b3"]
    assert failing(context, environment) == {"times in the future"}
    enrolment.log_out(context, "tnm")
    assert list(verify(context)) == []
    assert failing(context, environment) == set()


def test_an_entry_of_the_trail_from_the_future_stops_clearing_until_there_is_a_newer_one(context, cast, clock):
    clock.turn(days=400)
    added(context, cast.tnm, "1")
    clock.turn(days=-400)
    assert "of the audit trail" in refusal(context).first.detail
    added(context, cast.tnm, "2")
    assert cleared(context).cdr_count == 2


def test_five_minutes_between_clocks_stop_nothing_and_the_order_in_time_stays(context, cast, clock):
    added(context, cast.tnm, "1")
    first = cleared(context)
    clock.turn(minutes=-5)
    added(context, cast.tnm, "2")
    assert cleared(context).cleared_at == first.cleared_at
    clock.turn(seconds=-1)
    added(context, cast.tnm, "3")
    assert refusal(context).effect == "Nothing was cleared."


def test_when_a_run_was_first_fetched_is_told_by_the_clock_and_not_by_the_run(context, cast, clock):
    added(context, cast.tnm, "1")
    cleared(context)
    clock.turn(minutes=-3)
    fetched(context, cast.anwb)
    _, _, parties = run.run_of_number(context, 1)
    assert {each.user_id: each.first_served_at for each in parties}["anwb"] == clock.now


def test_a_login_that_would_last_too_long_is_not_believed_and_is_forgotten_by_the_next(context, cast, clock):
    token = log_in(context, "tnm", PASSWORDS["tnm"])
    with context.database.write() as transaction:
        transaction.execute(text("UPDATE login SET expires_at = '2030-01-01 00:00:00+00'"))
    with pytest.raises(Refused) as refused:
        partner_of_token(context, token)
    assert refused.value.first.reason is LoginReason.LOGIN_TOKEN_EXPIRED
    log_in(context, "tnm", PASSWORDS["tnm"])
    with context.database.read() as snapshot:
        assert snapshot.execute(text("SELECT count(*) FROM login")).scalar() == 1


def test_a_login_lasts_when_the_host_that_made_it_is_a_little_ahead(context, cast, clock):
    token = log_in(context, "tnm", PASSWORDS["tnm"])
    clock.turn(minutes=-5)
    assert partner_of_token(context, token) == cast.tnm
    clock.turn(seconds=-1)
    with pytest.raises(Refused):
        partner_of_token(context, token)


def test_the_commands_refuse_and_let_an_administrator_say_that_the_clock_is_right(
    context, cast, clock, environment, monkeypatch, capsys
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(open_app_context, "__defaults__", (clock, *open_app_context.__defaults__[1:]))
    clock.turn(days=400)
    added(context, cast.tnm, "1")
    cleared(context)
    added(context, cast.tnm, "2")
    clock.turn(days=-400)
    assert execute(["clear", "--yes"]) == 5
    assert "echs doctor" in capsys.readouterr().err
    assert execute(["audit", "clock"]) == 2
    assert execute(["audit", "clock", "--yes"]) == 0
    assert next(reversed(list(trail.entries(context)))).action == "clock.confirm"
    assert execute(["clear", "--yes"]) == 0
