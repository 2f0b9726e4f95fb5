"""Our gunicorn worker: threads, as gunicorn has them, with two things that a server on a network needs.

A request has a deadline: one that is still being read or answered after it has its connection cut, so that slow or
silent clients cannot keep every thread for ever. And what cannot be read as HTTP is told by its kind alone: the text
may be the tail of somebody's password.
"""

import errno
import fcntl
import gc
import logging
import resource
import select
import selectors
import socket
import struct
import termios
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.http import errors
from gunicorn.util import write_error
from gunicorn.workers.gthread import ThreadWorker

from echs.base import deadline, request_gate
from echs.base.database import limit_writers
from echs.partners.login import limit_waiting
from echs.serving.metrics import CUT

log = logging.getLogger(__name__)

DEFAULT_REQUEST_SECONDS = 120
WATCH_SECONDS = 1.0
FOLLOWS_MILLISECONDS = 2
GARBAGE_THRESHOLDS = (10_000, 20, 50)
LATE_SECONDS = 0.0002
MOST_LATE = 5
VITAL = "vital"
VITAL_REQUESTS = (b"GET /livez", b"HEAD /livez")
PEEK_BYTES = 32
OPEN_FILES = 65_536
# What the system says when it gives no more files or memory for a connection.
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
EXHAUSTED_PAUSE_SECONDS, EXHAUSTED_QUIET_SECONDS = 0.05, 10.0
# How long a request waits for its body before it takes its turn, how much of it is enough, and how often that is seen.
BODY_SECONDS = 10.0
BODY_HEAD_BYTES = 16_384
BODY_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 0.001, 0.1

STATUS = {
    errors.LimitRequestLine: (414, "URI Too Long"),
    errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
    errors.ExpectationFailed: (417, "Expectation Failed"),
    errors.UnsupportedTransferCoding: (501, "Not Implemented"),
}
OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


class GunicornWorker(ThreadWorker):  # type: ignore[misc]
    """See above. The deadline is the application's ``request_seconds``.

    There are more threads than requests that are worked on at once (``--threads``): uploads and whatever waits have
    some of their own, so that small requests find one. And where all of them are busy, whether the server lives is
    still answered, by a thread that does nothing else.
    """

    def init_process(self) -> None:
        """Start the watch beside the threads."""
        self.busy: dict[int, tuple[float, Any]] = {}
        self.exhausted_until = 0.0
        raise_open_files()
        request_gate.limit(self.cfg.threads)
        limit_waiting(max(1, self.cfg.threads // 2))
        self.threads = 2 * self.cfg.threads + getattr(self.app, "upload_seats", 0)
        # Some threads never wait for a writer: who only reads finds one.
        limit_writers(self.threads - self.cfg.threads)
        self.vital = ThreadPoolExecutor(1, thread_name_prefix=VITAL)
        threading.Thread(target=self.watch, name="request deadlines", daemon=True).start()
        super().init_process()

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """The threads of all requests but `vital`'s."""
        return ThreadPoolExecutor(self.threads)

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to a thread; where all are busy, those that ask whether the server lives go first."""
        if len(self.busy) < self.threads and not self.tpool._work_queue.qsize():
            super().enqueue_req(conn)
            return
        asked = first_bytes(conn.sock)
        if asked is None and not conn.data_ready:
            # Nothing yet: it waits with the others until there is something to see.
            conn.sock.setblocking(False)
            conn.timeout = time.monotonic() + self.cfg.keepalive
            self.pending_conns.append(conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))
        elif asked is not None and asked.startswith(VITAL_REQUESTS):
            done = self.vital.submit(self.handle, conn)
            done.add_done_callback(lambda future: self.method_queue.defer(self.finish_request, conn, future))
        else:
            super().enqueue_req(conn)

    def run(self) -> None:
        """Serve. What is loaded by now stays, so the garbage collector need not look at it again and again."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        super().run()

    def handle(self, conn: Any) -> Any:
        """One request, from the first byte to the last of its answer."""
        seconds = getattr(self.app, "request_seconds", DEFAULT_REQUEST_SECONDS)
        while True:
            self.busy[id(conn)] = (time.monotonic() + seconds, conn)
            deadline.watched_by(partial(self.give_time, conn))
            try:
                again = super().handle(conn)
            finally:
                request_gate.release()
                deadline.watched_by(None)
                self.busy.pop(id(conn), None)
            # To hand a connection back to the main thread, and to get it again, is a good part of a small request.
            if again is not True or not self.alive or self.tpool._work_queue.qsize() or not follows(conn):
                return again

    def give_time(self, conn: Any, seconds: float) -> None:
        """The request on this connection may take so much longer."""
        if id(conn) in self.busy:
            end, _ = self.busy[id(conn)]
            self.busy[id(conn)] = (end + seconds, conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """One request whose head is there. It takes its turn when its body is there too: who sends slowly, or not at
        all, waits without a place that others could have.
        """
        if not threading.current_thread().name.startswith(VITAL) and comes(req, conn):
            request_gate.acquire()
        return super().handle_request(req, conn)

    def is_parent_alive(self) -> bool:
        """Whether the master is there. Without it a worker gives up the address at once, whatever is in flight, since
        the next master needs it; and then it leaves.
        """
        there = bool(super().is_parent_alive())
        if not there:
            self.alive = False
            self.set_accept_enabled(False)
            for listener in self.sockets:
                listener.close()
        return there

    def accept(self, listener: Any) -> None:
        """Take a new connection, the later the more there are here: so that another worker with fewer takes it."""
        time.sleep(min(self.nr_conns, MOST_LATE) * LATE_SECONDS)
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in EXHAUSTED:
                raise
            # A worker that died of it would take with it what it works on. It waits until a connection ends.
            if time.monotonic() > self.exhausted_until:
                log.error("no more connections: %s; raise the limit of open files", error.strerror)
            self.exhausted_until = time.monotonic() + EXHAUSTED_QUIET_SECONDS
            time.sleep(EXHAUSTED_PAUSE_SECONDS)

    def watch(self) -> None:
        """Cut the connections whose time is over; the thread that waits on one then goes on to its end."""
        while True:
            time.sleep(WATCH_SECONDS)
            now = time.monotonic()
            for key, (end, conn) in list(self.busy.items()):
                if now >= end and self.busy.pop(key, None) is not None:
                    log.warning("a request took too long; its connection is cut")
                    self.wsgi.metrics.add(CUT)
                    try:
                        conn.sock.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        continue  # gone already

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what is no HTTP, without repeating a word of it."""
        if not isinstance(exc, errors.ParseException) or isinstance(exc, OURS):
            # Gunicorn's own line would hold the whole path, and with it the signature of a link.
            log.error("a request failed outside of the application", exc_info=exc)
            tell(client, 500, "Internal Server Error", "")
            return
        kind = type(exc).__name__
        log.warning("what came was no HTTP: %s", kind)
        status, reason = STATUS.get(type(exc), (400, "Bad Request"))
        tell(client, status, reason, kind)


def raise_open_files() -> None:
    """Allow this process as many open files as the system lets it: a download of a thousand lists wants many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def first_bytes(sock: socket.socket) -> bytes | None:
    """What of the next request is there already, without taking it; None where nothing is."""
    try:
        return sock.recv(PEEK_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def tell(client: Any, status: int, reason: str, text: str) -> None:
    """Answer outside of the application, if anybody is there."""
    try:
        write_error(client, status, reason, text)
    except OSError:
        log.debug("nobody was there to be told")


def comes(req: Any, conn: Any) -> bool:
    """Whether the body of a request, or the head of a long one, comes within `BODY_SECONDS`."""
    headers = dict(req.headers)
    announced = headers.get("CONTENT-LENGTH", "0")
    if "EXPECT" in headers or not announced.isdecimal():
        return True  # who waits for a word of ours gets it first; what is no number is told
    wanted = min(int(announced[:9]), BODY_HEAD_BYTES)
    end, pause = time.monotonic() + BODY_SECONDS, BODY_PAUSE_SECONDS
    wanted -= len(conn.parser.unreader.buf.getvalue())
    poll = select.poll()
    poll.register(conn.sock, select.POLLIN | select.POLLRDHUP)
    while (there := unread_bytes(conn.sock)) < wanted:
        left = end - time.monotonic()
        happened = poll.poll(max(0, left) * 1000)
        if left <= 0 or any(event & ~select.POLLIN for _, event in happened):
            return False  # too late, or no more will come
        if there:
            time.sleep(pause)  # of a part, the poll says again and again that it is there
            pause = min(2 * pause, MOST_PAUSE_SECONDS)
    return True


def unread_bytes(sock: socket.socket) -> int:
    """How many bytes of a connection have come and were not read yet."""
    with suppress(OSError):
        (count,) = struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, bytes(4)))
        return int(count)
    return 0


def follows(conn: Any) -> bool:
    """Whether the next request on a connection comes at once."""
    if conn.parser.unreader.buf.getvalue():
        return True
    poll = select.poll()
    poll.register(conn.sock, select.POLLIN)
    return bool(poll.poll(FOLLOWS_MILLISECONDS))
