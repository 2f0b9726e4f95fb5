"""Our gunicorn worker: threads, as gunicorn has them, with two things that a server on a network needs.

A request has a deadline: one that is still being read or answered after it has its connection cut, so that slow or
silent clients cannot keep every thread for ever. And what cannot be read as HTTP is told by its kind alone: the text
may be the tail of somebody's password.
"""

import logging
import socket
import threading
import time
from typing import Any

from gunicorn.http import errors
from gunicorn.util import write_error
from gunicorn.workers.gthread import ThreadWorker

log = logging.getLogger(__name__)

DEFAULT_REQUEST_SECONDS = 120
WATCH_SECONDS = 1.0

STATUS = {
    errors.LimitRequestLine: (414, "URI Too Long"),
    errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
    errors.ExpectationFailed: (417, "Expectation Failed"),
    errors.UnsupportedTransferCoding: (501, "Not Implemented"),
}
OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


class Worker(ThreadWorker):  # type: ignore[misc]
    """See above. The deadline is the application's ``request_seconds``."""

    def init_process(self) -> None:
        """Start the watch beside the threads."""
        self.busy: dict[int, tuple[float, Any]] = {}
        threading.Thread(target=self.watch, name="request deadlines", daemon=True).start()
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """One request, from the first byte to the last of its answer."""
        seconds = getattr(self.app, "request_seconds", DEFAULT_REQUEST_SECONDS)
        self.busy[id(conn)] = (time.monotonic() + seconds, conn)
        try:
            return super().handle(conn)
        finally:
            self.busy.pop(id(conn), None)

    def watch(self) -> None:
        """Cut the connections whose time is over; the thread that waits on one then goes on to its end."""
        while True:
            time.sleep(WATCH_SECONDS)
            now = time.monotonic()
            for key, (end, conn) in list(self.busy.items()):
                if now >= end and self.busy.pop(key, None) is not None:
                    log.warning("a request took too long; its connection is cut")
                    try:
                        conn.sock.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        continue  # gone already

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what is no HTTP, without repeating a word of it."""
        if not isinstance(exc, errors.ParseException) or isinstance(exc, OURS):
            super().handle_error(req, client, addr, exc)
            return
        kind = type(exc).__name__
        log.warning("what came was no HTTP: %s", kind)
        status, reason = STATUS.get(type(exc), (400, "Bad Request"))
        try:
            write_error(client, status, reason, kind)
        except OSError:
            log.debug("nobody was there to be told")
