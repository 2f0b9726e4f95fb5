"""The WSGI application: protocols by path, statements by link, how it goes, a page for people; else one same 404."""

import json
import logging
import re
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from echs.base import request_context, request_gate
from echs.base.proxy_headers import Network
from echs.base.store_file import FileIdentity
from echs.clearing.statement_builder import open_link
from echs.config.app_context import STATEMENTS_PATH, AppContext, open_app_context
from echs.config.settings import read_settings
from echs.protocols.ochp02 import wsgi as ochp02
from echs.protocols.ochp02.contracts import DEPLOYED
from echs.protocols.ochp14 import wsgi as ochp14
from echs.protocols.record_formats import RECORD_FORMATS
from echs.serving import logs
from echs.serving.front_page import PAGE_HEADERS, directions, page
from echs.serving.health import Draining, readiness
from echs.serving.metrics import Metrics
from echs.serving.request_middleware import Application, Environ, RequestMiddleware, StartResponse
from echs.serving.store_metrics import StoreCollector
from echs.statements.link import LINK_LENGTH_LIMIT, has_ended
from echs.statements.statement import safe_name
from echs.statements.statement_cache import DrawingBusy

log = logging.getLogger(__name__)

CHUNK_BYTES = 64 * 1024
STATEMENT_TYPES = {
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "excel.csv": "text/csv; charset=utf-8",
}
# What was signed, then perhaps the name of the file, which is for people and may be any.
STATEMENT_LINK = re.compile(r"(?P<signed>[^/]+?)(?:/[A-Za-z0-9._-]{1,200}?)?\.(?P<form>pdf|excel\.csv|csv)")
# A link is a secret: it must not travel on in a Referer, nor stay in a shared cache.
STATEMENT_HEADERS = [
    ("Cache-Control", "private, no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
]


def create_application(
    context: AppContext,
    counted: Metrics | None = None,
    draining: Draining | None = None,
    trusted: Sequence[Network] = (),
    request_seconds: float | None = None,
) -> RequestMiddleware:
    """The whole service for this context; ``trusted`` are the proxies whose word on the client is believed, and
    ``request_seconds`` is how long a request may take, None for as long as it likes.
    """
    context = replace(context, formats=RECORD_FORMATS)
    protocols: dict[str, Application] = {**ochp02.mounts(context), **ochp14.mounts(context)}
    counted = counted or Metrics()
    vitals = Probes(context, counted, draining)

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.rstrip("/").endswith(DEPLOYED.path):
            # Its address had other beginnings in the WSDLs of 2012 and 2013; the log shows this one.
            path = environ["PATH_INFO"] = DEPLOYED.path
        protocol = protocols.get(path.rstrip("/"))
        if protocol is not None:
            return protocol(environ, start_response)
        vital = vitals.paths.get(path)
        if vital is not None and environ.get("REQUEST_METHOD") in ("GET", "HEAD"):
            return vital(environ, start_response)
        try:
            if path.startswith(STATEMENTS_PATH) and environ.get("REQUEST_METHOD") in ("GET", "HEAD"):
                return statement(context, path.removeprefix(STATEMENTS_PATH), environ, start_response)
        except Exception:
            log.exception("a statement could not be given out")
            return plain(environ, start_response, "503 Service Unavailable", "Not available now. Try again later.")
        if path in ("", "/") and environ.get("REQUEST_METHOD") in ("GET", "HEAD"):
            request_context.current().operation = "front"
            text, kind = page(context.public_url), "text/html; charset=utf-8"
            return plain(environ, start_response, "200 OK", text, kind, more=PAGE_HEADERS)
        told = "Not found." if path.startswith(STATEMENTS_PATH) else directions(context.public_url)
        return plain(environ, start_response, "404 Not Found", told)

    paths = {"/", STATEMENTS_PATH, *protocols, *vitals.paths}
    return RequestMiddleware(
        answer, counted, trusted, lambda: context.database.connections_in_use, paths, request_seconds
    )


def statement(context: AppContext, name: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The statement behind a link; 410 where it has ended, or the same 404 for whatever else is wrong with it."""
    request_gate.release()
    request_context.current().operation = "statement"
    found = STATEMENT_LINK.fullmatch(name)
    opened = None
    if found is not None and len(found["signed"]) <= LINK_LENGTH_LIMIT:
        try:
            opened = open_link(context, context.statement_cache, context.link_key, found["signed"], found["form"])
        except DrawingBusy:
            text = "Other large statements are being drawn. Try again in half a minute."
            return plain(environ, start_response, "503 Service Unavailable", text, retry_after=30)
        if opened is None and has_ended(context.link_key, found["signed"], context.clock()):
            text = "This link has ended. Every GetCDRs gives a new one."
            return plain(environ, start_response, "410 Gone", text)
    if opened is None or found is None:
        return plain(environ, start_response, "404 Not Found", "Not found.")
    file = opened.file
    length = file.seek(0, 2)
    file.seek(0)
    headers = [
        ("Content-Type", STATEMENT_TYPES[found["form"]]),
        ("Content-Length", str(length)),
        ("Content-Disposition", disposition(opened.name)),
        *STATEMENT_HEADERS,
    ]
    start_response("200 OK", headers)
    if environ["REQUEST_METHOD"] == "HEAD":
        file.close()
        return []
    return FileChunks(file)


def disposition(name: str) -> str:
    """The header that says how a file is called (RFC 6266): in ASCII, and where that is not all, as it is."""
    plain_name = safe_name(name)
    told = f'inline; filename="{plain_name}"'
    return told if plain_name == name else f"{told}; filename*=UTF-8''{quote(name, safe='')}"


class FileChunks:
    """The pieces of a file; a WSGI server iterates over it and closes it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def __iter__(self) -> Iterator[bytes]:
        while data := self.file.read(CHUNK_BYTES):
            yield data

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


class Probes:
    """What load balancers and monitors ask. A proxy gives none of it to the outside but whether the server lives."""

    def __init__(self, context: AppContext, counted: Metrics, draining: Draining | None) -> None:
        self.context, self.counted, self.draining = context, counted, draining
        self.gauges = StoreCollector(context)
        self.paths = {"/livez": self.lives, "/readyz": self.is_ready, "/metrics": self.metrics}

    def lives(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """That a thread is there to answer; nothing else is looked at."""
        request_context.current().operation = "livez"
        return plain(environ, start_response, "200 OK", "ok")

    def is_ready(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """200 where every check is right, else 503; each check in JSON."""
        request_context.current().operation = "readyz"
        request_gate.release()
        checks = readiness(self.context, self.draining)
        ready = all(check.ok for check in checks)
        body = {"ready": ready, "checks": {check.name: {"ok": check.ok, **check.found} for check in checks}}
        status = "200 OK" if ready else "503 Service Unavailable"
        return plain(environ, start_response, status, json.dumps(body, indent=1), "application/json")

    def metrics(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The metrics of all workers and those of the store, for Prometheus."""
        request_context.current().operation = "metrics"
        request_gate.release()
        for _ in range(2):
            try:
                text = self.counted.text(self.gauges).decode()
                break
            except (OSError, ValueError, struct.error):
                time.sleep(0.1)  # a worker was killed while it made its file
        else:
            return plain(environ, start_response, "503 Service Unavailable", "Not available now. Try again later.")
        return plain(environ, start_response, "200 OK", text.rstrip("\n"), "text/plain; version=0.0.4; charset=utf-8")


def plain(
    environ: Environ,
    start_response: StartResponse,
    status: str,
    text: str,
    content_type: str = "text/plain; charset=utf-8",
    retry_after: int | None = None,
    more: Sequence[tuple[str, str]] = (),
) -> Iterable[bytes]:
    """A short answer for people, or for programs that are no partners."""
    body = (text + "\n").encode()
    headers = [
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        *more,
    ]
    if retry_after is not None:
        headers.append(("Retry-After", str(retry_after)))
    start_response(status, headers)
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]


def from_environment(
    public_url: str | None = None,
    shared: Path | None = None,
    draining: Draining | None = None,
    store_file: FileIdentity | None = None,
) -> RequestMiddleware:
    """The service as the environment describes it; what gunicorn calls in each worker.

    ``shared`` is the directory in which the workers count together, ``store_file`` the file that the master found to be
    the store: a worker that comes later takes no other, and makes none.
    """
    settings = read_settings()
    logs.configure(settings.log_level, settings.log_format)
    context = open_app_context(settings, public_url=public_url, shared=shared, store_file=store_file)
    return create_application(context, Metrics(shared), draining, settings.proxies, settings.max_request_seconds)
