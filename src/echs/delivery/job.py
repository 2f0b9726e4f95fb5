"""The noun: a job, something that must happen after a commit, attempted until it succeeds or is given up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from echs.base.errors import Reason

MOST_ATTEMPTS = 5
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=1)


class JobReason(Reason):
    """Why a job cannot be looked at or changed. These never go over the wire."""

    JOB_UNKNOWN = "JOB_UNKNOWN"
    JOB_STATE = "JOB_STATE"


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """One job. Instants are UTC; ``attempts`` counts those that began; ``error`` is the last one."""

    id: int
    kind: str
    key: str
    facts: Mapping[str, Any]
    created_at: datetime
    due_at: datetime
    attempts: int
    leased_until: datetime | None
    leased_by: str
    finished_at: datetime | None
    failed_at: datetime | None
    error: str

    def state(self, now: datetime) -> JobState:
        """Where it stands; a lease that has ended is none."""
        if self.finished_at is not None:
            return JobState.DONE
        if self.failed_at is not None:
            return JobState.FAILED
        return JobState.RUNNING if self.leased_until is not None and self.leased_until > now else JobState.WAITING


def delay_after(attempts: int) -> timedelta:
    """How long to wait for the next attempt after so many: four times as long each time, an hour at most."""
    factor: int = 4 ** (max(attempts, 1) - 1)
    return min(LONGEST_DELAY, FIRST_DELAY * factor)
