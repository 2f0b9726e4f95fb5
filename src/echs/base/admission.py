"""Admission of bulk uploads: so many at once that they neither starve small requests nor fill the memory.

A partner's uploads are worked on two at a time on a host, those of a worker within a budget of bytes; the others wait
for their turn, bounded in number and in time, and are then told to come again. What waits holds a thread of its own
kind: the worker has as many more threads as there may be uploads in it.
"""

import ctypes
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from echs.base import request_gate
from echs.base.errors import LoadReason, Refused, refuse

# Below this a body is a small request, whatever it asks: back ends that send each CDR when its session ends.
SMALL_BYTES = 64 * 1024
# A slot of a partner is asked for again and again: the kernel tells nobody that it is free.
POLL_SECONDS = 0.05
# After so many bytes what was freed is given back to the system.
TRIM_BYTES = 4 * 1024 * 1024
NOTHING_STORED = "Nothing was stored."


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """How many uploads: ``per_partner`` at once on a host, ``seats`` in a worker, waiting ones included, how many bytes
    of them are worked on in a worker, and how many seconds one waits.
    """

    per_partner: int = 2
    seats: int = 8
    budget_bytes: int = 256 * 1024 * 1024
    wait_seconds: float = 20.0


class Admission:
    """Admits the uploads of one worker. ``directory`` is shared by the workers of a host; None for a process alone."""

    def __init__(self, limits: AdmissionLimits = AdmissionLimits(), directory: Path | None = None) -> None:
        self.limits = limits
        self.directory = directory
        self._changed = threading.Condition()
        self._seated = 0
        self._bytes = 0
        # Of each partner how many are worked on here, where there is no directory.
        self._working: dict[int, int] = {}

    @contextmanager
    def admitted(self, partner_id: int, announced_bytes: int) -> Iterator[None]:
        """A block in which an upload may be worked on; ``announced_bytes`` is the most that it can be.

        :raises Refused: UPLOAD_BUSY
        """
        if announced_bytes <= SMALL_BYTES:
            yield
            return
        request_gate.release()
        with self._seat(), ExitStack() as held:
            until = time.monotonic() + self.limits.wait_seconds
            held.enter_context(self._slot(partner_id, until))
            held.enter_context(self._room(min(announced_bytes, self.limits.budget_bytes), until))
            try:
                yield
            finally:
                if announced_bytes >= TRIM_BYTES:
                    give_back_memory()

    @contextmanager
    def _seat(self) -> Iterator[None]:
        with self._changed:
            if self._seated >= self.limits.seats:
                raise busy("too many uploads wait already")
            self._seated += 1
        try:
            yield
        finally:
            with self._changed:
                self._seated -= 1

    @contextmanager
    def _slot(self, partner_id: int, until: float) -> Iterator[None]:
        """One of the partner's, on this host."""
        if self.directory is None:
            with self._counted_slot(partner_id, until):
                yield
            return
        while (slot := self._free_slot(self.directory, partner_id)) is None:
            if time.monotonic() >= until:
                raise self._waited()
            time.sleep(POLL_SECONDS)
        try:
            yield
        finally:
            os.close(slot)

    def _free_slot(self, directory: Path, partner_id: int) -> int | None:
        """A file that is locked now; the kernel lets go of it, whatever becomes of this process."""
        for number in range(self.limits.per_partner):
            opened = os.open(directory / f"upload-{partner_id}-{number}", os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(opened)
            else:
                return opened
        return None

    @contextmanager
    def _counted_slot(self, partner_id: int, until: float) -> Iterator[None]:
        with self._changed:
            most = self.limits.per_partner
            self._wait_for(lambda: self._working.get(partner_id, 0) < most, until)
            self._working[partner_id] = self._working.get(partner_id, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._working[partner_id] -= 1
                if not self._working[partner_id]:
                    del self._working[partner_id]
                self._changed.notify_all()

    @contextmanager
    def _room(self, wanted: int, until: float) -> Iterator[None]:
        """Of the bytes that may be worked on here."""
        with self._changed:
            self._wait_for(lambda: self._bytes + wanted <= self.limits.budget_bytes, until)
            self._bytes += wanted
        try:
            yield
        finally:
            with self._changed:
                self._bytes -= wanted
                self._changed.notify_all()

    def _wait_for(self, ready: Callable[[], bool], until: float) -> None:
        if not self._changed.wait_for(ready, timeout=max(0.0, until - time.monotonic())):
            raise self._waited()

    def _waited(self) -> Refused:
        return busy(f"other uploads took all of the {self.limits.wait_seconds:g} s that this one may wait")


def busy(why: str) -> Refused:
    """The refusal of an upload that has no turn."""
    return refuse(LoadReason.UPLOAD_BUSY, f"{why}; send the same again in a minute", effect=NOTHING_STORED)


def give_back_memory() -> None:
    """Have the C library give back what is free; it keeps it for later else, minutes and hours."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only glibc's
    if trim is not None:
        trim(0)
