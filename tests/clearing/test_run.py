"""The clearing run."""

import threading
from collections import Counter

import pytest
from sqlalchemy import select, text

from cast import add_cdrs, cdr
from echs.base.errors import Refused
from echs.cdrs import pending, queries, tables
from echs.cdrs.status import Status
from echs.clearing import run
from echs.clearing.run import ClearingReason
from echs.partners import enrolment
from echs.partners.enrolment import Ownership
from wire import Caller

_requests = iter(f"{number:026d}" for number in range(10**6))


def add(context, sender, *records):
    return add_cdrs(context, sender, iter(records), next(_requests), context.lists)


def clear(context):
    return run.clear(context, "test", next(_requests))


def play(context, cast):
    add(context, cast.tnm, cdr(1), cdr(2, volume="0,0001"), cdr(3, provider_id="ladenetz.de"))
    add(context, cast.lnd, cdr(1, operator_id="ladenetz.de", provider_id="TheNewMotion"))
    add(context, cast.tnm, cdr(9, provider_id="Nobody"))


def test_a_run_takes_everything_pending_and_nothing_held(context, cast, clock):
    play(context, cast)
    made = clear(context)
    assert (made.number, made.cdr_count, made.volume_e4_kwh, made.cleared_at) == (1, 4, 3 * 46_400 + 1, clock.now)
    assert {(each.cdr_id, each.operator_id): each.status for each in queries.find(context, None, None, 10)} == {
        ("1", "TheNewMotion"): Status.CLEARED,
        ("2", "TheNewMotion"): Status.CLEARED,
        ("3", "TheNewMotion"): Status.CLEARED,
        ("1", "ladenetz.de"): Status.CLEARED,
        ("9", "TheNewMotion"): Status.HELD,
    }


def test_a_run_has_totals_by_operator_and_provider(context, cast):
    play(context, cast)
    previewed = pending.preview(context)
    clear(context)
    made, pairs, parties = run.run_of_number(context, 1)
    assert [(pair.operator_id, pair.provider_id, pair.cdr_count, pair.volume_e4_kwh) for pair in pairs] == [
        ("ladenetz.de", "TheNewMotion", 1, 46_400),
        ("TheNewMotion", "ANWB", 2, 46_401),
        ("TheNewMotion", "ladenetz.de", 1, 46_400),
    ]
    assert pairs == previewed
    assert sum(pair.cdr_count for pair in pairs) == made.cdr_count
    assert sum(pair.volume_e4_kwh for pair in pairs) == made.volume_e4_kwh
    assert [party.user_id for party in parties] == ["tnm", "lnd", "anwb"]


def test_nothing_pending_makes_no_run(context, cast):
    assert clear(context) is None
    add(context, cast.tnm, cdr(1, provider_id="Nobody"))
    assert clear(context) is None
    assert run.all_runs(context) == []


def test_a_cdr_is_cleared_only_once(context, cast):
    play(context, cast)
    clear(context)
    assert clear(context) is None
    add(context, cast.tnm, cdr(1))
    assert clear(context) is None


def test_a_held_cdr_is_in_the_first_run_after_somebody_takes_its_id(context, cast):
    play(context, cast)
    clear(context)
    enrolment.assign_ids(context, "anwb", Ownership([], ["nobody"]))
    assert clear(context).cdr_count == 1
    assert [each.cdr_id for each in queries.find(context, Status.CLEARED, 2, 10)] == ["9"]


def test_runs_are_numbered_without_gaps_and_their_times_never_go_back(context, cast, clock):
    numbers, times = [], []
    for number in range(4):
        add(context, cast.tnm, cdr(number))
        clear(context)
        clear(context)
        clock.turn(minutes=-1)
    for made in run.all_runs(context):
        numbers.append(made.number)
        times.append(made.cleared_at)
    assert numbers == [4, 3, 2, 1]
    assert times == sorted(times, reverse=True)


def test_only_an_administrator_clears(context, cast):
    play(context, cast)
    for caller in (cast.tnm, cast.lnd, cast.anwb):
        with pytest.raises(Refused) as caught:
            run.clear_as(context, caller, next(_requests))
        assert caught.value.first.reason is ClearingReason.NOT_ADMINISTRATOR
    assert run.all_runs(context) == []
    assert run.clear_as(context, cast.office, next(_requests)).cleared_by == "office"


def test_a_run_that_is_not_there_is_refused(context):
    with pytest.raises(Refused) as caught:
        run.run_of_number(context, 7)
    assert caught.value.first.reason is ClearingReason.RUN_UNKNOWN


def test_clears_and_uploads_at_once_put_every_cdr_into_exactly_one_run(context, cast):
    errors, sent = [], []

    def guarded(work):
        def attempt():
            try:
                work()
            except Exception as error:
                errors.append(error)

        return threading.Thread(target=attempt)

    def upload(sender, operator, base):
        for batch in range(5):
            records = [cdr(base + batch * 20 + n, operator_id=operator, provider_id="ANWB") for n in range(20)]
            sent.append(add(context, sender, *records).received)

    def clear_often():
        for _ in range(6):
            clear(context)

    threads = [guarded(clear_often) for _ in range(4)]
    threads += [guarded(lambda base=base: upload(cast.tnm, "TheNewMotion", base)) for base in (0, 1000)]
    threads += [guarded(lambda: upload(cast.lnd, "ladenetz.de", 0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    clear(context)
    assert errors == []
    with context.database.read() as snapshot:
        members = snapshot.execute(select(tables.cdr_cleared.c.cdr_id, tables.cdr_cleared.c.run_number)).all()
        assert snapshot.execute(select(tables.cdr_uncleared)).all() == []
    assert len(members) == sum(sent) == 300
    counted = Counter(number for _, number in members)
    runs = run.all_runs(context)
    assert {made.number: made.cdr_count for made in runs} == counted
    assert [made.number for made in runs] == list(range(len(runs), 0, -1))
    assert all(made.cdr_count for made in runs)


def test_one_misdirected_row_stops_no_run_and_gives_no_cdr_to_the_wrong_company(context, cast):
    add(context, cast.tnm, cdr(1), cdr(2))
    with context.database.write() as transaction:
        transaction.execute(text("UPDATE cdr_uncleared SET provider_key = 'ladenetz.de' WHERE cdr_id = 1"))
    assert clear(context).cdr_count == 2
    _, pairs, _ = run.run_of_number(context, 1)
    assert [(pair.provider_id, pair.cdr_count) for pair in pairs] == [("ANWB", 2)]


def test_a_cdr_that_is_cleared_and_uncleared_at_once_is_named_by_the_refusal_and_in_the_log(app, context, cast, caplog):
    add(context, cast.tnm, cdr("first"))
    clear(context)
    add(context, cast.tnm, cdr("second"))
    with context.database.write() as transaction:
        transaction.execute(text("INSERT INTO cdr_uncleared SELECT id, provider_key FROM cdr WHERE cdr_id = 'first'"))
    with pytest.raises(Refused) as refused:
        clear(context)
    assert 'CDR "first" (row 1) is in run 1 and uncleared at once' in refused.value.first.detail
    assert "first" in caplog.text
    answer = Caller(app, "office").send("ClearCDRs")
    assert (answer.code, answer.reason) == (501, "INTERNAL_ERROR")
    assert "uncleared at once" in answer.text("resultDescription")
    assert [made.number for made in run.all_runs(context)] == [1]


def test_rows_of_a_run_that_is_not_there_are_named_by_the_refusal(context, cast):
    add(context, cast.tnm, cdr(1))
    clear(context)
    add(context, cast.tnm, cdr(2))
    with context.database.write() as transaction:
        if context.database.is_sqlite:
            driver = transaction.connection.driver_connection
            driver.execute("COMMIT")
            driver.execute("PRAGMA foreign_keys = OFF")
            driver.execute("BEGIN IMMEDIATE")
        else:
            transaction.execute(text("SET LOCAL session_replication_role = replica"))
        transaction.execute(text("DELETE FROM clearing_run"))
    with pytest.raises(Refused) as refused:
        clear(context)
    assert "clearing_run_pair has rows of run 1, which is not there" in refused.value.first.detail
