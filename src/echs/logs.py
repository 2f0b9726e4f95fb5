"""What the program writes: one line an event, as JSON for machines or as text for a terminal, on standard error.

Every line carries the id of the request that it belongs to. No line carries what is secret: passwords, pins, numbers
of cards, login tokens and the signatures of links are never handed to a logger, and tests read everything that was
written to make sure.
"""

import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from gunicorn.glogging import Logger as GunicornLogger

from echs.base import trace

Event = MutableMapping[str, Any]

FORMATS = ("auto", "json", "text")
LEVELS = ("debug", "info", "warning", "error")
TEXT_LIMIT = 8000
# Their debug lines hold what they were sent.
TALKATIVE = ("spyne", "sqlalchemy", "alembic", "psycopg", "pysqlite3", "passlib", "reportlab", "PIL", "fontTools")


class ToStandardError(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to what is standard error at the moment of writing."""

    as_json = False

    @property
    def stream(self) -> Any:
        """Where the line goes."""
        return sys.stderr

    @stream.setter
    def stream(self, value: Any) -> None:
        """Always the same."""


class Lines(structlog.stdlib.ProcessorFormatter):
    """Lines as JSON. The line of a request has its fields ready (``line``), and goes the short way: there are many."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields = getattr(record, "line", None)
        if fields is None:
            return super().format(record)
        at = datetime.fromtimestamp(record.created, UTC).isoformat()
        return orjson.dumps(
            {"event": record.msg, "level": "info", "logger": record.name, "timestamp": at, **fields}
        ).decode()


def configure(level: str = "info", form: str = "auto") -> None:
    """Write to standard error from now on; ``auto`` is text on a terminal and JSON everywhere else."""
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    renderer: Any = structlog.processors.JSONRenderer(serializer=as_text)
    if not as_json:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        of_request,
    ]
    last: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        last += [structlog.processors.format_exc_info]
    handler = ToStandardError()
    formatter = Lines if as_json else structlog.stdlib.ProcessorFormatter
    handler.setFormatter(formatter(foreign_pre_chain=shared, processors=[*last, short, renderer]))
    handler.as_json = as_json
    root = logging.getLogger()
    root.handlers[:] = [*(each for each in root.handlers if not isinstance(each, ToStandardError)), handler]
    root.setLevel(level.upper())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger(name).level))


def writes_json() -> bool:
    """Whether lines are written as JSON now."""
    return any(isinstance(each, ToStandardError) and each.as_json for each in logging.getLogger().handlers)


def as_text(value: Any, **_: Any) -> str:
    """An event as JSON; what JSON has no form for as it prints itself."""
    return orjson.dumps(value, default=str).decode()


def of_request(_logger: Any, _method: str, event: Event) -> Event:
    """Add the request that a line belongs to."""
    present = trace.present()
    if present is not None and present.door != trace.COMMAND and "request_id" not in event:
        event["request_id"] = present.request_id
    return event


def short(_logger: Any, _method: str, event: Event) -> Event:
    """Cut what is longer than anybody reads; a traceback keeps its end."""
    for name, value in event.items():
        if isinstance(value, str) and len(value) > TEXT_LIMIT:
            event[name] = f"…{value[-TEXT_LIMIT:]}"
    return event


class ServerLogger(GunicornLogger):  # type: ignore[misc]
    """Gunicorn's own lines by the same way; the line of each request is written by `echs.reception`."""

    def setup(self, cfg: Any) -> None:
        """Take no handlers of its own."""
        self.error_log.propagate = True
        self.error_log.setLevel(logging.INFO)
        self.access_log.propagate = False

    def reopen_files(self) -> None:
        """There are none."""

    def close_on_exec(self) -> None:
        """There are none."""

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Written elsewhere, where more is known."""
