"""Whether the server lives, and whether it is ready to be sent requests: what a load balancer asks."""

import mmap
import os
import time
from dataclasses import dataclass
from typing import Any

from echs.base.disk_space import free_bytes, volumes
from echs.base.errors import Refused
from echs.config.app_context import AppContext
from echs.maintenance import schema


class Draining:
    """Whether the server is on its way out: a byte that the processes of a server share, made before they part."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def begin(self) -> None:
        """From now on the server is not ready."""
        self._shared[0] = 1

    def __bool__(self) -> bool:
        return self._shared[0] == 1


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be right, and what was found; both for people and for programs."""

    name: str
    ok: bool
    found: dict[str, Any]


def readiness(context: AppContext, draining: Draining | None = None) -> list[Check]:
    """Everything that must be right for requests to be served."""
    return [
        Check("draining", not draining, {}),
        store(context),
        same_store(context),
        *disk_space(context),
    ]


def store(context: AppContext) -> Check:
    """The store answers, and has the tables of this program."""
    start = time.monotonic()
    try:
        version, needed = schema.current(context.database), schema.head()
    except Refused as refused:
        return Check("store", False, {"reason": refused.first.reason.value})
    taken = round((time.monotonic() - start) * 1000, 1)
    # A newer release has added to the tables, and this one serves on until it is replaced: migrations only add.
    return Check(
        "store", version is not None and version >= needed, {"schema": version, "needed": needed, "milliseconds": taken}
    )


def same_store(context: AppContext) -> Check:
    """The file of the embedded store is the one that this server opened: restored beside it, it would be another."""
    replaced = context.database.is_replaced
    return Check("store_file", not replaced, {"remedy": "restart the server"} if replaced else {})


def disk_space(context: AppContext) -> list[Check]:
    """There is room where the server writes."""
    least = context.limits.free_bytes
    found = {name: free_bytes(directory) for name, directory in volumes(context.data_dir).items()}
    checks = [
        Check(f"disk_{name}", free >= least, {"free_bytes": free, "least": least}) for name, free in found.items()
    ]
    unwritable = [name for name, directory in volumes(context.data_dir).items() if not os.access(directory, os.W_OK)]
    return [*checks, Check("writable", not unwritable, {"unwritable": unwritable} if unwritable else {})]
