"""What happens to every request, whatever it asks: it gets an id, it is counted, and it leaves a line in the log."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from echs.base import request_context
from echs.base.proxy_headers import Network, client_address, client_certificate
from echs.base.request_context import RequestContext
from echs.serving import metrics
from echs.serving.metrics import Metrics

log = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}
# Asked every few seconds, for ever.
ROUTINE = {"livez", "readyz", "metrics", "front"}
# As many digits of a certificate's SHA-256 as `echs partner cert` wants to find it.
SHOWN_FINGERPRINT = 16
CLIENT_GONE = "CLIENT_GONE"
TELLING_SECONDS = 5.0


class ResponseIterator:
    """The pieces of one answer on their way; at the end the request is entered in the log and the metrics."""

    def __init__(self, reception: "RequestMiddleware", environ: Environ, present: RequestContext) -> None:
        self.reception = reception
        self.environ = environ
        self.present = present
        self.began = time.monotonic()
        self.pieces: Iterable[bytes] = ()
        self.status = ""
        self.sent = 0
        self.whole = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            # Before it goes out: whoever takes it may not come back.
            self.sent += len(piece)
            yield piece
        self.whole = True

    def close(self) -> None:
        """Let go of what was answered."""
        try:
            close = getattr(self.pieces, "close", None)
            if close is not None:
                close()
        finally:
            self.reception.leave(self)


class RequestMiddleware:
    """The application within, and what is done around it for every request."""

    def __init__(
        self,
        within: Application,
        counted: Metrics,
        trusted: Sequence[Network] = (),
        connections: Callable[[], int] = lambda: 0,
        paths: Collection[str] = (),
        request_seconds: float | None = None,
    ) -> None:
        self.within = within
        self.metrics = counted
        # How many connections to the store are in use.
        self.connections = connections
        # The paths that there are, for the log.
        self.paths = paths
        self.trusted = trusted
        # The work ends a little before its connection is cut, so that the client is told.
        self.work_seconds = (
            None if request_seconds is None else max(request_seconds - TELLING_SECONDS, request_seconds / 2)
        )

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        peer = environ.get("REMOTE_ADDR", "")
        present = request_context.begin(
            RequestContext(
                channel="http",
                origin=client_address(peer, environ.get("HTTP_X_FORWARDED_FOR", ""), self.trusted),
                certificate=client_certificate(peer, environ.get("HTTP_X_CLIENT_CERT", ""), self.trusted),
                deadline=None if self.work_seconds is None else time.monotonic() + self.work_seconds,
            )
        )
        response = ResponseIterator(self, environ, present)
        self.metrics.add(metrics.IN_FLIGHT)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            response.status = status[:3]
            return start_response(status, [*headers, ("X-Request-ID", present.request_id)], *more)

        try:
            response.pieces = self.within(environ, start)
        except BaseException:
            self.leave(response)
            raise
        return response

    def leave(self, response: ResponseIterator) -> None:
        """The request is over."""
        try:
            self.enter(response)
        finally:
            request_context.end()

    def enter(self, response: ResponseIterator) -> None:
        """Enter the request in the metrics and the log."""
        seconds = time.monotonic() - response.began
        present, environ = response.present, response.environ
        operation = present.operation or "other"
        result = present.result or response.status or "500"
        if not response.whole and environ.get("REQUEST_METHOD") != "HEAD":
            result = CLIENT_GONE
        add = self.metrics.add
        add(metrics.IN_FLIGHT, amount=-1)
        self.metrics.set(metrics.CONNECTIONS, value=self.connections())
        add(metrics.REQUESTS, operation, present.channel, result)
        add(metrics.RECEIVED, operation, amount=present.received_bytes)
        add(metrics.SENT, operation, amount=response.sent)
        for metric, labels, amount in present.counts:
            add(metric, *labels, amount=amount)
        self.metrics.observe(metrics.DURATION, operation, value=seconds)
        method = environ.get("REQUEST_METHOD", "")
        level = logging.DEBUG if operation in ROUTINE and result == "200" else logging.INFO
        if not log.isEnabledFor(level):
            return
        fields = {
            "request_id": present.request_id,
            "origin": present.origin,
            "actor": present.actor,
            "channel": present.channel,
            "method": method if method in METHODS else "?",
            "path": shown_path(environ.get("PATH_INFO", ""), self.paths),
            "operation": operation,
            "result": result,
            "status": int(response.status or 500),
            "received_bytes": present.received_bytes,
            "sent_bytes": response.sent,
            "ms": round(seconds * 1000, 1),
        }
        if present.certificate:
            fields["certificate"] = present.certificate[:SHOWN_FINGERPRINT]
        if present.audited:
            fields["audit"] = present.audited
        log.log(level, "request", extra={"line": fields})


def shown_path(path: str, known: Collection[str]) -> str:
    """A path as it may stand in a log: one that there is. What another says may be a link with a mistake in it, or
    somebody's password.
    """
    plain = path.rstrip("/") or "/"
    if plain in known:
        return plain
    begin = path[: path.find("/", 1) + 1]
    return f"{begin}…" if begin in known else "(other)"
