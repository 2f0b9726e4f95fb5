"""A clock that was wrong once bends nothing that comes after: order comes from numbers, time from the clock."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from cast import PASSWORDS, cdr
from echs.audit import trail
from echs.base.errors import Refused
from echs.cdrs import intake
from echs.clearing import run
from echs.clearing.clock import confirm_clock
from echs.clearing.delivery import deliver
from echs.cli import execute
from echs.house import open_house
from echs.partners import enrolment
from echs.partners.login import LoginReason, log_in, partner_of_token
from echs.settings import read_settings
from echs.upkeep.examination import examine
from echs.upkeep.verification import verify

FORM = "%s|" * 20
_requests = iter(f"{number:026d}" for number in range(10**6))


def added(house, sender, *numbers):
    intake.add(house, sender, iter(cdr(number) for number in numbers), next(_requests), house.lists)


def cleared(house):
    return run.clear(house, "test", next(_requests))


def fetched(house, partner):
    return sorted(text.partition("|")[0] for batch in deliver(house, partner, FORM).texts for text in batch)


def refusal(house):
    with pytest.raises(Refused) as refused:
        cleared(house)
    return refused.value


def failing(house, environment):
    return {each.subject for each in examine(house, read_settings(environment)) if each.status == "fail"}


def test_four_hundred_days_ahead_and_back_nothing_is_cleared_until_it_is_said_and_then_all_is_as_before(
    house, cast, clock, environment
):
    added(house, cast.tnm, "b0")
    assert cleared(house).number == 1
    assert fetched(house, cast.anwb) == ["b0"]
    clock.turn(days=3)
    added(house, cast.tnm, "n0")
    assert cleared(house).number == 2
    assert fetched(house, cast.anwb) == ["n0"]
    right = clock.now

    clock.turn(days=400)
    for name in ("f1", "f2"):
        added(house, cast.tnm, name)
        cleared(house)
        fetched(house, cast.anwb)
    of_wrong_clock = log_in(house, "tnm", PASSWORDS["tnm"])

    clock.now = right + timedelta(hours=1)
    added(house, cast.tnm, "b1")
    assert refusal(house).first.reason == "CLOCK_WRONG"
    assert "run 4" in refusal(house).first.detail
    with pytest.raises(Refused) as refused:
        partner_of_token(house, of_wrong_clock)
    assert refused.value.first.reason is LoginReason.LOGIN_TOKEN_EXPIRED
    found = failing(house, environment)
    assert found == {"times in the future"}
    confirm_clock(house)
    made = cleared(house)
    assert (made.number, made.cleared_at) == (5, clock.now)
    assert "b1" in fetched(house, cast.anwb)
    clock.turn(hours=25)
    for name in ("b2", "b3"):
        added(house, cast.tnm, name)
        cleared(house)
        assert fetched(house, cast.anwb)[-1] == name
    clock.turn(days=3)
    assert fetched(house, cast.anwb) == ["b3"]
    assert failing(house, environment) == {"times in the future"}
    enrolment.log_out(house, "tnm")
    assert list(verify(house)) == []
    assert failing(house, environment) == set()


def test_an_entry_of_the_trail_from_the_future_stops_clearing_until_there_is_a_newer_one(house, cast, clock):
    clock.turn(days=400)
    added(house, cast.tnm, "1")
    clock.turn(days=-400)
    assert "of the audit trail" in refusal(house).first.detail
    added(house, cast.tnm, "2")
    assert cleared(house).cdr_count == 2


def test_five_minutes_between_clocks_stop_nothing_and_the_order_in_time_stays(house, cast, clock):
    added(house, cast.tnm, "1")
    first = cleared(house)
    clock.turn(minutes=-5)
    added(house, cast.tnm, "2")
    assert cleared(house).cleared_at == first.cleared_at
    clock.turn(seconds=-1)
    added(house, cast.tnm, "3")
    assert refusal(house).effect == "Nothing was cleared."


def test_when_a_run_was_first_fetched_is_told_by_the_clock_and_not_by_the_run(house, cast, clock):
    added(house, cast.tnm, "1")
    cleared(house)
    clock.turn(minutes=-3)
    fetched(house, cast.anwb)
    _, _, parties = run.run_of_number(house, 1)
    assert {each.user_id: each.first_served_at for each in parties}["anwb"] == clock.now


def test_a_login_that_would_last_too_long_is_not_believed_and_is_forgotten_by_the_next(house, cast, clock):
    token = log_in(house, "tnm", PASSWORDS["tnm"])
    with house.database.write() as transaction:
        transaction.execute(text("UPDATE login SET expires_at = '2030-01-01 00:00:00+00'"))
    with pytest.raises(Refused) as refused:
        partner_of_token(house, token)
    assert refused.value.first.reason is LoginReason.LOGIN_TOKEN_EXPIRED
    log_in(house, "tnm", PASSWORDS["tnm"])
    with house.database.read() as snapshot:
        assert snapshot.execute(text("SELECT count(*) FROM login")).scalar() == 1


def test_a_login_lasts_when_the_host_that_made_it_is_a_little_ahead(house, cast, clock):
    token = log_in(house, "tnm", PASSWORDS["tnm"])
    clock.turn(minutes=-5)
    assert partner_of_token(house, token) == cast.tnm
    clock.turn(seconds=-1)
    with pytest.raises(Refused):
        partner_of_token(house, token)


def test_the_commands_refuse_and_let_an_administrator_say_that_the_clock_is_right(
    house, cast, clock, environment, monkeypatch, capsys
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(open_house, "__defaults__", (clock, *open_house.__defaults__[1:]))
    clock.turn(days=400)
    added(house, cast.tnm, "1")
    cleared(house)
    added(house, cast.tnm, "2")
    clock.turn(days=-400)
    assert execute(["clear", "--yes"]) == 5
    assert "echs doctor" in capsys.readouterr().err
    assert execute(["audit", "clock"]) == 2
    assert execute(["audit", "clock", "--yes"]) == 0
    assert next(reversed(list(trail.entries(house)))).action == "clock.confirm"
    assert execute(["clear", "--yes"]) == 0
