"""``echs job`` and ``echs work`` as an administrator uses them."""

import json
import threading

from cast import add_cdrs, cdr
from echs.clearing import run
from echs.delivery import statement_jobs, worker
from echs.delivery.job import MOST_ATTEMPTS, delay_after
from echs.delivery.worker import Worker

_requests = iter(f"{number:026d}" for number in range(10**6))


def cleared(context, cast, number):
    add_cdrs(context, cast.tnm, [cdr(number)], next(_requests), context.lists)
    return run.clear(context, "test", next(_requests)).number


def test_the_commands_show_jobs_and_retry_them(context, cast, echs, clock, monkeypatch):
    cleared(context, cast, 1)

    def perform(*_):
        raise OSError("disk")

    monkeypatch.setitem(worker.PERFORMERS, statement_jobs.KIND, perform)
    here = Worker(context, "here", threading.Event())
    for attempt in range(1, MOST_ATTEMPTS + 1):
        here.drain()
        clock.now += delay_after(attempt)
    code, out, _ = echs("job", "list", "--state", "failed", "--json")
    assert (code, [job["state"] for job in json.loads(out)]) == (0, ["failed", "failed"])
    first = json.loads(out)[0]
    assert first["facts"] == {"partner": cast.anwb.id, "run": 1}
    code, out, _ = echs("job", "show", str(first["id"]))
    assert (code, "OSError: disk" in out) == (0, True)
    assert "OSError: disk" in echs("job", "list")[1]
    assert echs("job", "retry", str(first["id"]))[0] == 0
    code, _, err = echs("job", "retry", str(first["id"]))
    assert (code, "only a failed job can be retried" in err) == (4, True)
    assert echs("job", "show", "999")[0] == 3


def test_work_once_performs_what_is_due_and_says_how_it_went(context, cast, echs, monkeypatch):
    cleared(context, cast, 1)
    code, _, err = echs("work", "--once")
    assert (code, "2 attempts made" in err) == (0, True)
    assert echs("work", "--once")[0] == 0

    def perform(*_):
        raise OSError("disk")

    monkeypatch.setitem(worker.PERFORMERS, statement_jobs.KIND, perform)
    cleared(context, cast, 2)
    code, _, err = echs("work", "--once")
    assert (code, "2 jobs failed: see echs job list" in err) == (1, True)
