"""What every operation is handed."""

from dataclasses import dataclass

from echs.base.clock import Clock
from echs.base.database import Database
from echs.base.limits import Limits


@dataclass(frozen=True)
class Context:
    """Store, clock (UTC) and limits: handed to every verb."""

    database: Database
    clock: Clock
    limits: Limits
