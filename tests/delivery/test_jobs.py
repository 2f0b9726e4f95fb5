"""Jobs happen: planned once, attempted by one worker at a time, again after a failure, whatever dies meanwhile."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from cast import add_cdrs, cdr
from echs.base.errors import Refused, StoreReason, refuse
from echs.clearing import retention, run, statement_builder
from echs.delivery import queue, statement_jobs, worker
from echs.delivery.job import MOST_ATTEMPTS, JobReason, JobState, delay_after
from echs.delivery.worker import Worker
from echs.serving.store_metrics import StoreCollector
from servers import Server

_requests = iter(f"{number:026d}" for number in range(10**6))


def cleared(context, cast, number):
    add_cdrs(context, cast.tnm, [cdr(number)], next(_requests), context.lists)
    return run.clear(context, "test", next(_requests)).number


def worker_of(context, name="here", **more):
    return Worker(context, name, threading.Event(), **more)


def states(context):
    return [job.state(context.clock()) for job in queue.jobs(context)]


def failing(monkeypatch, *errors):
    """Jobs that raise these, one after the other, and then are done."""
    left, tried = list(errors), []

    def perform(_context, job):
        tried.append(job.attempts)
        if left:
            raise left.pop(0)

    monkeypatch.setitem(worker.PERFORMERS, statement_jobs.KIND, perform)
    return tried


def test_each_party_of_a_run_gets_one_job_however_often_and_by_how_many_it_is_planned(context, cast):
    cleared(context, cast, 1)
    with ThreadPoolExecutor(8) as pool:
        planned = list(pool.map(lambda _: statement_jobs.plan(context), range(8)))
    assert sorted(planned) == [0] * 7 + [2]
    assert {job.key for job in queue.jobs(context)} == {
        f"run 1 partner {cast.tnm.id}",
        f"run 1 partner {cast.anwb.id}",
    }
    cleared(context, cast, 2)
    assert statement_jobs.plan(context) == 2
    assert statement_jobs.plan(context) == 0


def test_a_worker_draws_the_statements_so_that_who_opens_one_finds_it(context, cast, monkeypatch):
    number = cleared(context, cast, 1)
    assert worker_of(context).drain() == 2
    assert states(context) == [JobState.DONE] * 2

    def drawn(*_):
        raise AssertionError("it was drawn again")

    for form in statement_builder.AHEAD:
        monkeypatch.setitem(statement_builder.DRAWERS, form, drawn)
        for partner in (cast.tnm, cast.anwb):
            opened = statement_builder.open_served(context, context.statement_cache, partner.id, [number], form)
            assert opened.file.read(4)
            opened.file.close()


def test_no_two_workers_ever_have_the_same_job(context, cast, monkeypatch):
    for number in range(6):
        cleared(context, cast, number)
    performed, lock = [], threading.Lock()

    def perform(_context, job):
        with lock:
            performed.append(job.id)
        time.sleep(0.01)

    monkeypatch.setitem(worker.PERFORMERS, statement_jobs.KIND, perform)
    with ThreadPoolExecutor(6) as pool:
        counts = list(pool.map(lambda name: worker_of(context, f"w{name}").drain(), range(6)))
    assert sorted(performed) == sorted(job.id for job in queue.jobs(context))
    assert (len(performed), sum(counts)) == (12, 12)


def test_a_job_that_fails_is_attempted_again_later_and_at_last_given_up_and_then_retried(
    context, cast, clock, monkeypatch
):
    cleared(context, cast, 1)
    tried = failing(monkeypatch, *[OSError("no space") for _ in range(2 * MOST_ATTEMPTS)])
    here = worker_of(context)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert here.drain() == 2
        assert here.drain() == 0, "not at once"
        clock.now += delay_after(attempt)
    assert tried == [attempt for attempt in range(1, MOST_ATTEMPTS + 1) for _ in range(2)]
    assert states(context) == [JobState.FAILED] * 2
    clock.turn(days=30)
    assert here.drain() == 0
    for job in queue.jobs(context, JobState.FAILED):
        assert job.error == "OSError: no space"
        assert queue.retry(context, job.id).attempts == 0
    assert here.drain() == 2
    assert states(context) == [JobState.DONE] * 2


def test_only_a_failed_job_that_exists_can_be_retried(context, cast):
    cleared(context, cast, 1)
    statement_jobs.plan(context)
    (first, _) = queue.jobs(context)
    for number, reason in ((first.id, JobReason.JOB_STATE), (999, JobReason.JOB_UNKNOWN)):
        with pytest.raises(Refused) as refused:
            queue.retry(context, number)
        assert refused.value.first.reason is reason
    with pytest.raises(Refused):
        queue.job_of_number(context, 999)


def test_delays_grow_and_end_at_an_hour():
    delays = [delay_after(attempts).total_seconds() for attempts in range(8)]
    assert delays == [30, 30, 120, 480, 1920, 3600, 3600, 3600]


def test_the_job_of_a_dead_worker_goes_to_the_next_one_when_its_lease_ends(context, cast, clock):
    cleared(context, cast, 1)
    statement_jobs.plan(context)
    dead = queue.lease(context, "dead", 60)
    assert queue.lease(context, "alive", 60).id != dead.id
    assert queue.lease(context, "alive", 60) is None
    clock.turn(seconds=60)
    again = queue.lease(context, "alive", 60)
    assert (again.id, again.attempts, again.leased_by) == (dead.id, 2, "alive")
    # Who comes back from the dead changes nothing any more.
    assert not queue.finish(context, dead)
    assert not queue.extend(context, dead, 60)
    assert not queue.fail(context, dead, "late")
    assert queue.finish(context, again)


def test_a_job_that_no_worker_survives_is_given_up(context, cast, clock):
    cleared(context, cast, 1)
    statement_jobs.plan(context)
    for _ in range(2 * MOST_ATTEMPTS):
        assert queue.lease(context, "dies", 10) is not None
        clock.turn(seconds=11)
    assert queue.lease(context, "dies", 10) is None
    assert states(context) == [JobState.FAILED] * 2
    assert "no worker survived it" in queue.jobs(context)[0].error


def test_a_job_that_takes_longer_than_its_lease_stays_with_its_worker(context, cast, clock, monkeypatch):
    cleared(context, cast, 1)

    def slow(_context, job):
        end = time.monotonic() + 30
        clock.turn(seconds=0.2)
        while queue.job_of_number(context, job.id).leased_until <= job.leased_until:
            assert time.monotonic() < end, "the lease was not extended"
            time.sleep(0.01)

    monkeypatch.setitem(worker.PERFORMERS, statement_jobs.KIND, slow)
    assert worker_of(context, lease_seconds=0.3).drain() == 2
    assert states(context) == [JobState.DONE] * 2


def test_a_worker_that_is_stopped_in_a_job_gives_it_back(context, cast, monkeypatch):
    cleared(context, cast, 1)
    failing(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        worker_of(context).drain()
    assert [job.attempts for job in queue.jobs(context)] == [0, 0]
    assert states(context) == [JobState.WAITING] * 2


def test_a_job_about_a_run_that_was_purged_has_nothing_to_do(context, cast, clock):
    cleared(context, cast, 1)
    statement_jobs.plan(context)
    clock.turn(days=500)
    cleared(context, cast, 2)
    list(retention.purge_run(context, 1))
    worker_of(context).drain()
    assert states(context) == [JobState.DONE] * 4


def test_jobs_that_are_done_are_forgotten_after_a_week_and_failed_ones_are_not(context, cast, clock, monkeypatch):
    cleared(context, cast, 1)

    def perform(_context, job):
        if job.facts["partner"] == cast.tnm.id:
            raise OSError("no space")

    monkeypatch.setitem(worker.PERFORMERS, statement_jobs.KIND, perform)
    here = worker_of(context)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        here.drain()
        clock.now += delay_after(attempt)
    assert sorted(states(context)) == [JobState.DONE, JobState.FAILED]
    clock.turn(days=8)
    cleared(context, cast, 2)
    here.plan()
    assert sorted(job.facts["run"] for job in queue.jobs(context)) == [1, 2, 2]
    assert len(queue.jobs(context, JobState.FAILED)) == 1


def test_a_store_that_cannot_be_reached_does_not_end_a_worker(context, cast, monkeypatch):
    cleared(context, cast, 1)
    here = worker_of(context, poll_seconds=0.01)
    real, failures = queue.lease, iter([True, True])

    def lease(*arguments):
        if next(failures, False):
            raise refuse(StoreReason.STORE_UNAVAILABLE, "the database restarts")
        if queue.jobs(context, JobState.WAITING):
            return real(*arguments)
        here.stopping.set()
        return None

    monkeypatch.setattr(worker.queue, "lease", lease)
    here.run()
    assert states(context) == [JobState.DONE] * 2


def test_metrics_say_how_many_jobs_are_in_each_state_and_how_long_the_oldest_waits(context, cast, clock):
    registry = CollectorRegistry()
    registry.register(StoreCollector(context))
    cleared(context, cast, 1)
    statement_jobs.plan(context)
    worker_of(context).step()
    clock.turn(seconds=90)
    text = generate_latest(registry).decode()
    assert 'echs_jobs{state="waiting"} 1.0' in text
    assert 'echs_jobs{state="done"} 1.0' in text
    assert 'echs_jobs{state="failed"} 0.0' in text
    assert "echs_jobs_oldest_seconds 90.0" in text


def command(environment, *arguments, **more):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ECHS_")}
    return subprocess.Popen(
        [sys.executable, "-m", "echs", *arguments],
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def test_workers_that_are_shot_down_lose_no_job(context, cast, environment, seed):
    chance = random.Random(seed)
    for number in range(4):
        cleared(context, cast, number)
    for _ in range(3):
        process = command(environment, "work", "--lease-seconds", "1")
        time.sleep(0.6 + chance.random())
        process.kill()
        process.communicate()
    # Leases are by the clock of the processes.
    time.sleep(1.1)
    done = command(environment, "work", "--once")
    out, err = done.communicate(timeout=60)
    assert done.returncode == 0, out + err
    context.clock.now = max(job.created_at for job in queue.jobs(context)) + timedelta(days=1)
    assert states(context) == [JobState.DONE] * 8
    assert {len([*context.statement_cache.directory.glob(f"run-{number}-*")]) for number in range(1, 5)} == {4}


@pytest.mark.timeout(120)
def test_the_server_keeps_a_job_worker_and_takes_it_along(environment, context, cast, tmp_path, monkeypatch):
    server = Server(environment, tmp_path / "server.log", job_worker=True)

    def job_workers():
        found = []
        for pid in server.workers():
            try:
                words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            except OSError:
                continue
            found += [pid] * ("work" in words)
        return found

    def until(condition):
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, server.log.read_text()[-2000:]
            time.sleep(0.1)

    server.start()
    try:
        until(job_workers)
        (first,) = job_workers()
        cleared(context, cast, 1)
        until(lambda: [job.finished_at is not None for job in queue.jobs(context)] == [True, True])
        os.kill(first, signal.SIGKILL)
        until(lambda: set(job_workers()) - {first})
        (second,) = set(job_workers()) - {first}
        server.process.send_signal(signal.SIGKILL)
        until(lambda: not os.path.exists(f"/proc/{second}"))
    finally:
        with suppress(ProcessLookupError):
            server.kill()
    server.start_again()
    until(job_workers)
    (third,) = job_workers()
    assert server.stop() == 0
    assert not os.path.exists(f"/proc/{third}")
