"""What every operation is handed."""

from dataclasses import dataclass

from echs.base.clock import Clock
from echs.base.database import Database
from echs.base.limits import Limits


@dataclass(frozen=True)
class Context:
    """The ground that every room stands on: where things are kept, what time it is, how much is too much."""

    database: Database
    clock: Clock
    limits: Limits
