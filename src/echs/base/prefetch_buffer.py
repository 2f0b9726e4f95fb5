"""Between a store that answers fast and a reader that may be slow.

A thread makes the items of an answer as fast as it can, and so lets go of its snapshot of the store after seconds,
whatever the reader does. Bytes wait in memory while they are few, then in a temporary file, and where there is no room
for that, the maker waits for the reader after all.
"""

import os
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from echs.base import request_gate

MEMORY_BYTES = 8 * 1024 * 1024
WAIT_SECONDS = 1.0
AT_ONCE = 4

END = object()


class PrefetchBuffer:
    """Hands the items of ``made`` on: bytes, and whatever else, which is passed as it is.

    The first few are made before this returns: what fails at once is raised at once, a short answer needs no thread.
    Iterate over it once, and close it: what is then left in it is closed, where it can be. What is being made is made
    ``to_the_end`` also where nobody reads it any more, or else closed where it stands.
    """

    def __init__(self, made: Iterator[Any], *, to_the_end: bool = True) -> None:
        self._made = made
        self._to_the_end = to_the_end
        self._items: deque[Any] = deque()
        self._changed = threading.Condition()
        self._held = 0
        self._closed = False
        self._file: Any = None
        self._written = 0
        for _ in range(AT_ONCE):
            item = next(made, END)
            # Nobody reads yet, so nothing waits: these few may be more than the memory.
            self._hold(item)
            if item is END:
                return
        request_gate.release()
        # In the context of the request: what is entered into the audit trail on the way is entered in its name.
        threading.Thread(target=copy_context().run, args=(self._make,), name="relay").start()

    def __iter__(self) -> Iterator[Any]:
        while True:
            with self._changed:
                while not self._items:
                    self._changed.wait()
                item = self._items.popleft()
                if isinstance(item, bytes):
                    self._held -= len(item)
                self._changed.notify_all()
            if item is END:
                return
            if isinstance(item, BaseException):
                raise item
            yield self._from_file(item) if isinstance(item, range) else item

    def close(self) -> None:
        """The reader wants no more."""
        with self._changed:
            self._closed = True
            left, self._items = self._items, deque()
            self._changed.notify_all()
            if self._file is not None:
                self._file.close()
        for item in left:
            discard(item)

    def _make(self) -> None:
        try:
            for item in self._made:
                self._put(item)
                if self._closed and not self._to_the_end:
                    self._made.close()  # type: ignore[attr-defined]
                    break
        except BaseException as error:
            self._put(error)
        else:
            self._put(END)

    def _put(self, item: Any) -> None:
        with self._changed:
            if isinstance(item, bytes):
                if self._held + len(item) > MEMORY_BYTES and not self._closed:
                    item = self._into_file(item)
                while isinstance(item, bytes) and self._held and self._held + len(item) > MEMORY_BYTES:
                    if self._closed:
                        break
                    self._changed.wait(WAIT_SECONDS)
            if self._closed:
                discard(item)
                return
            self._hold(item)
            self._changed.notify_all()

    def _hold(self, item: Any) -> None:
        if isinstance(item, bytes):
            self._held += len(item)
        self._items.append(item)

    def _into_file(self, data: bytes) -> bytes | range:
        """Put into the file, where there is room; then the place is what is handed on."""
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it
            if os.pwrite(self._file.fileno(), data, self._written) < len(data):
                return data
        except OSError:
            return data
        place = range(self._written, self._written + len(data))
        self._written = place.stop
        return place

    def _from_file(self, place: range) -> bytes:
        return os.pread(self._file.fileno(), len(place), place.start)


def discard(item: Any) -> None:
    """Close what is handed to nobody."""
    with suppress(AttributeError):
        item.close()
