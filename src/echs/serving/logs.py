"""What the program writes: one line an event, as JSON for machines or as short text for people, on standard error.

Every line carries the id of the request that it belongs to. No line carries what is secret: passwords, pins, numbers
of cards, login tokens and the signatures of links are never handed to a logger, and tests read everything that was
written to make sure.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from gunicorn.glogging import Logger as GunicornLogger
from rich.console import Console

from echs.base import request_context
from echs.base.errors import printable

Event = MutableMapping[str, Any]

TEXT_LIMIT = 8000
# Of the ANSI terminal: what is of little interest, what is worth a look, and what is wrong.
DIM, YELLOW, RED, PLAIN = "\x1b[2m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
# Stand in every line of text already, or only say where in the program it was written.
NOT_IN_TEXT = {"event", "level", "logger", "timestamp", "exception", "channel", "message"}
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


class JsonLines(structlog.stdlib.ProcessorFormatter):
    """Lines as JSON. The line of a request has its fields ready (``line``), and goes the short way: there are many."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        fields = getattr(record, "line", None)
        if fields is None:
            return super().format(record)
        return as_text(
            {
                "event": record.msg,
                "level": record.levelname.lower(),
                "logger": record.name,
                "timestamp": instant(record.created),
                **fields,
            }
        )


class TextLines(structlog.stdlib.ProcessorFormatter):
    """Lines for people: a request is time, partner, operation, result, milliseconds and request id."""

    coloured = False

    def format(self, record: logging.LogRecord) -> str:
        """One line of text; a traceback follows on lines of its own."""
        fields = getattr(record, "line", None)
        if fields is None:
            return super().format(record)
        return request_line(instant(record.created), fields, coloured=self.coloured)


def request_line(at: str, fields: Mapping[str, Any], *, coloured: bool = False) -> str:
    """The line of a request for people, from the fields of `echs.serving.request_middleware`; ``at`` as `instant`."""
    operation = fields["operation"]
    if operation == "other":
        operation = f"{fields['method']} {fields['path']}"
    result = fields["result"]
    if coloured and result not in ("ok", "200"):
        result = f"{YELLOW if fields['status'] < 500 else RED}{result}{PLAIN}"
    time, request = at[11:19] + "Z", fields["request_id"]
    if coloured:
        time, request = f"{DIM}{time}{PLAIN}", f"{DIM}{request}{PLAIN}"
    return f"{time} {fields['actor'] or '-'} {operation} {result} {fields['ms']:.0f} ms {request}"


def event_line(event: Mapping[str, Any], *, coloured: bool = False) -> str:
    """Any other line for people: time, level where it is worth a look, sentence, and what else is known."""
    level = event["level"]
    words = [event["timestamp"][11:19] + "Z"]
    if level != "info":
        colour = YELLOW if level in ("debug", "warning") else RED
        words.append(f"{colour}{level}{PLAIN}" if coloured else level)
    words.append(printable(str(event["event"])))
    words += [printable(f"{name}={value}") for name, value in event.items() if name not in NOT_IN_TEXT]
    return "\n".join([" ".join(words), *([event["exception"]] if "exception" in event else [])])


def instant(seconds: float) -> str:
    """Seconds since 1970 as every line of the log has them: UTC, to the microsecond, ended by Z."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def stamp(_logger: Any, _method: str, event: Event) -> Event:
    """Add the instant at which the line was written."""
    event["timestamp"] = instant(event["_record"].created)
    return event


def configure(level: str = "info", form: str = "auto") -> None:
    """Write to standard error from now on; ``auto`` is text on a terminal and JSON everywhere else. Colours are for
    terminals only, and not where NO_COLOR or TERM=dumb speak against them.
    """
    terminal = sys.stderr.isatty()
    as_json = form == "json" or (form == "auto" and not terminal)
    stderr = Console(stderr=True)
    coloured = terminal and stderr.color_system is not None and not stderr.no_color
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        stamp,
        of_request,
    ]
    last: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        short,
    ]
    handler = ToStandardError()
    if as_json:
        handler.setFormatter(
            JsonLines(
                foreign_pre_chain=shared,
                processors=[*last, structlog.processors.JSONRenderer(serializer=as_text)],
            )
        )
    else:
        formatter = TextLines(
            foreign_pre_chain=shared, processors=[*last, lambda _l, _m, event: event_line(event, coloured=coloured)]
        )
        formatter.coloured = coloured
        handler.setFormatter(formatter)
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
    present = request_context.present()
    if present is not None and present.channel != request_context.COMMAND and "request_id" not in event:
        event["request_id"] = present.request_id
    return event


def short(_logger: Any, _method: str, event: Event) -> Event:
    """Cut what is longer than anybody reads; a traceback keeps its end."""
    for name, value in event.items():
        if isinstance(value, str) and len(value) > TEXT_LIMIT:
            event[name] = f"…{value[-TEXT_LIMIT:]}"
    return event


class ServerLogger(GunicornLogger):  # type: ignore[misc]
    """Gunicorn's own lines by the same way; the request line is written by `echs.serving.request_middleware`."""

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
