"""Which runs a partner is given."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cast import add_cdrs, cdr, fetched
from echs.audit import trail
from echs.clearing import run
from echs.delivery.cleared_cdrs import deliver, due, mark_served
from echs.protocols.ochp02.contracts import PROTOCOL

_requests = iter(f"{number:026d}" for number in range(10**6))


def cleared(context, sender, *records):
    add_cdrs(context, sender, iter(records), next(_requests), context.lists)
    return run.clear(context, "test", next(_requests)).number


def given_to(context, partner) -> tuple[tuple[int, ...], list[str]]:
    return fetched(context, partner)


def test_a_partner_gets_the_cdrs_of_the_last_run_as_provider(context, cast):
    cleared(context, cast.tnm, cdr(1), cdr(2, provider_id="ladenetz.de"))
    assert given_to(context, cast.anwb) == ((1,), ["1"])
    assert given_to(context, cast.lnd) == ((1,), ["2"])


def test_the_operator_of_a_run_gets_the_run_but_no_cdr_of_others_customers(context, cast):
    cleared(context, cast.tnm, cdr(1))
    assert given_to(context, cast.tnm) == ((1,), [])


def test_who_took_no_part_gets_nothing(context, cast):
    cleared(context, cast.tnm, cdr(1))
    assert given_to(context, cast.lnd) == ((), [])
    assert given_to(context, cast.office) == ((), [])


def test_who_repeats_gets_the_same(context, cast, clock):
    cleared(context, cast.tnm, cdr(1))
    first = given_to(context, cast.anwb)
    clock.turn(days=400)
    assert given_to(context, cast.anwb) == first


def test_a_missed_run_is_caught_up(context, cast, clock):
    for number in range(3):
        cleared(context, cast.tnm, cdr(number))
        clock.turn(days=30)
    assert given_to(context, cast.anwb) == ((1, 2, 3), ["0", "1", "2"])


def test_a_run_is_given_again_for_a_day_and_then_only_while_it_is_the_latest(context, cast, clock):
    cleared(context, cast.tnm, cdr(1))
    given_to(context, cast.anwb)
    cleared(context, cast.tnm, cdr(2))
    clock.turn(hours=24, seconds=-1)
    assert given_to(context, cast.anwb)[0] == (1, 2)
    clock.turn(seconds=1)
    assert given_to(context, cast.anwb) == ((2,), ["2"])


def test_a_run_of_others_does_not_hide_my_latest(context, cast, clock):
    cleared(context, cast.tnm, cdr(1))
    given_to(context, cast.anwb)
    clock.turn(days=3)
    cleared(context, cast.tnm, cdr(2, provider_id="ladenetz.de"))
    assert given_to(context, cast.anwb)[0] == (1,)


def test_an_answer_that_failed_is_not_one_that_was_given(context, cast, clock):
    cleared(context, cast.tnm, cdr(1))
    cleared(context, cast.tnm, cdr(2))
    next(deliver(context, cast.anwb, PROTOCOL, lambda row: row.payload).payloads)
    clock.turn(days=3)
    assert given_to(context, cast.anwb) == ((1, 2), ["1", "2"])


def test_the_first_time_stands(context, cast, clock):
    cleared(context, cast.tnm, cdr(1))
    given_to(context, cast.anwb)
    first = clock.now
    clock.turn(hours=5)
    given_to(context, cast.anwb)
    _, _, parties = run.run_of_number(context, 1)
    assert {party.user_id: party.first_served_at for party in parties} == {"tnm": None, "anwb": first}


NOW = datetime(2026, 1, 1, tzinfo=UTC)
times = st.none() | st.integers(0, 100).map(lambda hours: NOW - timedelta(hours=hours))


@given(st.dictionaries(st.integers(1, 50), times))
def test_the_latest_and_every_unserved_run_are_always_due(served):
    runs = due(served, NOW - timedelta(hours=24))
    assert list(runs) == sorted(runs)
    assert set(runs) >= {number for number, first in served.items() if first is None}
    assert not served or max(served) in runs
    for number in set(served) - set(runs):
        assert any(first and NOW - first >= timedelta(hours=24) for later, first in served.items() if later >= number)


def test_a_run_that_a_wrong_clock_served_in_the_future_counts_as_served_when_a_later_one_was():
    future = NOW + timedelta(days=400)
    since = NOW - timedelta(hours=24)
    assert due({1: future, 2: future}, since) == (1, 2)
    assert due({1: future, 2: future, 3: None}, since) == (1, 2, 3)
    assert due({1: future, 2: future, 3: NOW}, since) == (1, 2, 3)
    assert due({1: future, 2: future, 3: since}, since) == (3,)


def test_two_answers_at_once_that_both_saw_an_unfetched_run_leave_one_entry(context, cast, monkeypatch):
    cleared(context, cast.tnm, cdr(1))
    runs = deliver(context, cast.anwb, PROTOCOL, lambda row: row.payload).runs
    looked = iter([True])
    write = type(context.database).write

    def writing(database):
        if next(looked, False):
            mark_served(context, cast.anwb, runs)  # the other is quicker between the look and the write
        return write(database)

    monkeypatch.setattr(type(context.database), "write", writing)
    mark_served(context, cast.anwb, runs)
    fetches = [each.detail for each in trail.entries(context, action="cdrs.fetch")]
    assert len(fetches) == 1
    assert '"runs": [1]' in fetches[0]
