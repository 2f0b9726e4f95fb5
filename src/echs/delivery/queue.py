"""The queue of jobs: take one under a lease, say how it went, look at them.

A worker holds a job by a lease that it extends while it works. A worker that dies lets its lease run out, and another
one takes the job: so each is attempted at least once, and what it does must be harmless when it is done twice.
"""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, literal, or_, select, update

from echs.base.context import Context
from echs.base.errors import Refused, refuse
from echs.delivery import tables
from echs.delivery.job import MOST_ATTEMPTS, Job, JobReason, JobState, delay_after

ERROR_CHARACTERS = 400
_job = tables.job.c


def open_jobs() -> ColumnElement[bool]:
    """The condition for jobs that are neither done nor given up."""
    return and_(_job.finished_at.is_(None), _job.failed_at.is_(None))


def lease(context: Context, worker: str, seconds: float) -> Job | None:
    """The job that has been due longest, held by ``worker`` for so long; None where nothing is to be done.

    A job whose every attempt ended with the death of its worker is given up.
    """
    now = context.clock()
    free = and_(open_jobs(), or_(_job.leased_until.is_(None), _job.leased_until <= now))
    with context.database.read() as snapshot:
        # Asked every few seconds: where nothing is due, no writer of the store is kept waiting.
        due_or_lost = free & or_(_job.due_at <= now, _job.attempts >= MOST_ATTEMPTS)
        if snapshot.execute(select(_job.id).where(due_or_lost).limit(1)).first() is None:
            return None
    with context.database.write() as transaction:
        lost = {"failed_at": now, "error": f"no worker survived it: {MOST_ATTEMPTS} attempts", "leased_by": ""}
        transaction.execute(update(tables.job).where(free, _job.attempts >= MOST_ATTEMPTS).values(lost))
        due = select(_job.id).where(free, _job.due_at <= now).order_by(_job.due_at, _job.id).limit(1)
        number = transaction.execute(due.with_for_update(skip_locked=True)).scalar()
        if number is None:
            return None
        held = {"leased_by": worker, "leased_until": now + timedelta(seconds=seconds), "attempts": _job.attempts + 1}
        mine = update(tables.job).where(_job.id == number).values(held).returning(*tables.job.c)
        return as_job(transaction.execute(mine).one())


def extend(context: Context, job: Job, seconds: float) -> bool:
    """Hold the job longer; False where another worker has it by now."""
    values = {"leased_until": context.clock() + timedelta(seconds=seconds)}
    return change_leased(context, job, values)


def finish(context: Context, job: Job) -> bool:
    """The job is done."""
    return change_leased(context, job, {"finished_at": context.clock(), "leased_until": None, "error": ""})


def fail(context: Context, job: Job, error: str) -> bool:
    """The attempt failed: the next one comes later, or the job is given up."""
    now = context.clock()
    values: dict[str, Any] = {"leased_until": None, "error": error[:ERROR_CHARACTERS]}
    if job.attempts >= MOST_ATTEMPTS:
        values["failed_at"] = now
    else:
        values["due_at"] = now + delay_after(job.attempts)
    return change_leased(context, job, values)


def give_back(context: Context, job: Job) -> bool:
    """The worker is being stopped: the attempt does not count, and another worker may begin at once."""
    return change_leased(context, job, {"leased_until": None, "attempts": job.attempts - 1})


def change_leased(context: Context, job: Job, values: dict[str, Any]) -> bool:
    """Change a job that is still this worker's."""
    mine = and_(_job.id == job.id, _job.leased_by == job.leased_by, _job.attempts == job.attempts, open_jobs())
    with context.database.write() as transaction:
        return transaction.execute(update(tables.job).where(mine).values(values)).rowcount == 1


def enqueue(transaction: Any, kind: str, jobs: Iterable[tuple[str, dict[str, object]]], now: datetime) -> int:
    """Add jobs, each with its key and its facts, inside the caller's transaction; how many there were."""
    rows = [
        {"kind": kind, "key": key, "facts": json.dumps(facts, sort_keys=True), "created_at": now, "due_at": now}
        for key, facts in jobs
    ]
    if rows:
        transaction.execute(insert(tables.job), rows)
    return len(rows)


def retry(context: Context, number: int) -> Job:
    """Let a job that was given up be attempted again, from the start.

    :raises Refused: JOB_UNKNOWN; JOB_STATE where it was not given up
    """
    now = context.clock()
    values = {"failed_at": None, "attempts": 0, "due_at": now, "leased_until": None, "leased_by": ""}
    with context.database.write() as transaction:
        found = transaction.execute(select(tables.job).where(_job.id == number)).one_or_none()
        if found is None:
            raise unknown(number)
        if found.failed_at is None:
            state = as_job(found).state(now)
            raise refuse(JobReason.JOB_STATE, f"job {number} is {state}; only a failed job can be retried")
        changed = update(tables.job).where(_job.id == number).values(values).returning(*tables.job.c)
        return as_job(transaction.execute(changed).one())


def jobs(context: Context, state: JobState | None = None, limit: int | None = None) -> list[Job]:
    """The newest jobs, newest first, of one state or of all."""
    now = context.clock()
    query = select(tables.job).order_by(_job.id.desc()).limit(limit)
    with context.database.read() as snapshot:
        if state is not None:
            query = query.where(state_column(now) == state)
        return [as_job(row) for row in snapshot.execute(query)]


def job_of_number(context: Context, number: int) -> Job:
    """The job with this number.

    :raises Refused: JOB_UNKNOWN
    """
    with context.database.read() as snapshot:
        found = snapshot.execute(select(tables.job).where(_job.id == number)).one_or_none()
    if found is None:
        raise unknown(number)
    return as_job(found)


def counts(snapshot: Any, now: datetime) -> dict[JobState, int]:
    """How many jobs are in each state."""
    state = state_column(now)
    found = {row[0]: row[1] for row in snapshot.execute(select(state, func.count()).group_by(state))}
    return {each: int(found.get(each.value, 0)) for each in JobState}


def waiting_since(snapshot: Any) -> datetime | None:
    """Since when the job has been due that has waited longest; None where none is open."""
    found: datetime | None = snapshot.execute(select(func.min(_job.due_at)).where(open_jobs())).scalar()
    return found


def forget(context: Context, before: datetime) -> int:
    """Delete the jobs that were done before this instant; how many they were."""
    with context.database.write() as transaction:
        return transaction.execute(delete(tables.job).where(_job.finished_at < before)).rowcount


def state_column(now: datetime) -> ColumnElement[str]:
    """`Job.state` as the store computes it."""
    return case(
        (_job.finished_at.is_not(None), literal(JobState.DONE.value)),
        (_job.failed_at.is_not(None), literal(JobState.FAILED.value)),
        (_job.leased_until > now, literal(JobState.RUNNING.value)),
        else_=literal(JobState.WAITING.value),
    )


def as_job(row: Any) -> Job:
    """A row as the noun."""
    number, kind, key, facts, *rest = row
    return Job(number, kind, key, json.loads(facts), *rest)


def unknown(number: int) -> Refused:
    """The refusal for a job that does not exist."""
    return refuse(JobReason.JOB_UNKNOWN, f"there is no job {number}; see: echs job list")
