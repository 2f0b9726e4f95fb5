"""The worker: plans jobs, leases one after the other, performs them."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from echs.base import request_context
from echs.base.errors import Refused
from echs.base.request_context import RequestContext
from echs.config.app_context import AppContext
from echs.delivery import queue, statement_jobs
from echs.delivery.job import Job

log = logging.getLogger(__name__)

CHANNEL = "worker"
LEASE_SECONDS = 120.0
POLL_SECONDS = 2.0
# How long a job that is done is kept for people to look at.
KEPT = timedelta(days=7)

# By kind, how a job is performed.
PERFORMERS: dict[str, Callable[[AppContext, Job], None]] = {statement_jobs.KIND: statement_jobs.perform}
PLANNERS: tuple[Callable[[AppContext], int], ...] = (statement_jobs.plan,)


@dataclass
class Worker:
    """One worker. ``name`` tells it from others in the store; ``stopping`` ends it after its present job."""

    context: AppContext
    name: str
    stopping: threading.Event
    lease_seconds: float = LEASE_SECONDS
    poll_seconds: float = POLL_SECONDS

    def run(self) -> None:
        """Work until told to stop; a store that cannot be reached is tried again."""
        while not self.stopping.is_set():
            try:
                busy = self.step() is not None
            except Refused as refused:
                log.warning("the store cannot be used now: %s", refused.first.reason.value)
                busy = False
            if not busy:
                self.stopping.wait(self.poll_seconds)

    def drain(self, done: Callable[[Job], None] = lambda _job: None) -> int:
        """Work until nothing is due any more; how many jobs were attempted. ``done`` is told of each."""
        count = 0
        while not self.stopping.is_set() and (job := self.step()) is not None:
            done(job)
            count += 1
        return count

    def step(self) -> Job | None:
        """Plan, then attempt one job: which it was, None where nothing is due.

        :raises Refused: STORE_UNAVAILABLE
        """
        request_context.begin(RequestContext(channel=CHANNEL, actor=self.name))
        try:
            self.plan()
            job = queue.lease(self.context, self.name, self.lease_seconds)
            if job is not None:
                self.attempt(job)
            return job
        finally:
            request_context.end()

    def plan(self) -> int:
        """Enqueue what follows from what was committed since; how many jobs that are. Old jobs are forgotten."""
        planned = sum(planner(self.context) for planner in PLANNERS)
        if planned:
            queue.forget(self.context, self.context.clock() - KEPT)
        return planned

    def attempt(self, job: Job) -> None:
        """Perform a job and say how it went."""
        facts = {"job": job.id, "kind": job.kind, "key": job.key, "attempt": job.attempts}
        try:
            with self.lease_held(job):
                PERFORMERS[job.kind](self.context, job)
        except Exception as error:
            queue.fail(self.context, job, f"{type(error).__name__}: {error}")
            log.warning("a job failed", extra=facts, exc_info=error)
            return
        except BaseException:
            queue.give_back(self.context, job)
            raise
        if queue.finish(self.context, job):
            log.info("job done", extra=facts)
        else:
            log.warning("a job took longer than its lease; another worker has it", extra=facts)

    @contextmanager
    def lease_held(self, job: Job) -> Iterator[None]:
        """A block while which the lease is extended."""
        over = threading.Event()

        def extend() -> None:
            while not over.wait(self.lease_seconds / 3):
                try:
                    if not queue.extend(self.context, job, self.lease_seconds):
                        return
                except Refused as refused:
                    log.warning("a lease could not be extended: %s", refused.first.reason.value)

        thread = threading.Thread(target=extend, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
