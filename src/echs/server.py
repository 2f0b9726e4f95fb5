"""The WSGI application: protocols by path, statements by link, everything else is one and the same 404."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from echs.base import turn
from echs.clearing.publish import open_link
from echs.house import STATEMENTS_PATH, House, open_house
from echs.protocols.ochp02.mount import mounts
from echs.settings import read_settings
from echs.statements.link import LINK_LENGTH_LIMIT

log = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

CHUNK_BYTES = 64 * 1024
STATEMENT_TYPES = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}
# A link is a secret: it must not travel on in a Referer, nor stay in a shared cache.
STATEMENT_HEADERS = [
    ("Cache-Control", "private, no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
]


def application(house: House) -> Application:
    """The whole service for this house."""
    protocols: dict[str, Application] = {**mounts(house)}

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        protocol = protocols.get(path.rstrip("/"))
        if protocol is not None:
            return protocol(environ, start_response)
        try:
            if path.startswith(STATEMENTS_PATH) and environ.get("REQUEST_METHOD") in ("GET", "HEAD"):
                return statement(house, path.removeprefix(STATEMENTS_PATH), environ, start_response)
        except Exception:
            log.exception("a statement could not be given out")
            return plain(environ, start_response, "503 Service Unavailable", "Not available now. Try again later.")
        return plain(environ, start_response, "404 Not Found", "Not found.")

    return answer


def statement(house: House, name: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The statement behind a link, or the same 404 for whatever is wrong with the link."""
    turn.stand_aside()
    signed, _, form = name.rpartition(".")
    file = None
    if form in STATEMENT_TYPES and len(signed) <= LINK_LENGTH_LIMIT:
        file = open_link(house, house.shelf, house.link_key, signed, form)
    if file is None:
        return plain(environ, start_response, "404 Not Found", "Not found.")
    length = file.seek(0, 2)
    file.seek(0)
    headers = [
        ("Content-Type", STATEMENT_TYPES[form]),
        ("Content-Length", str(length)),
        ("Content-Disposition", f'inline; filename="statement.{form}"'),
        *STATEMENT_HEADERS,
    ]
    start_response("200 OK", headers)
    if environ["REQUEST_METHOD"] == "HEAD":
        file.close()
        return []
    return Pieces(file)


class Pieces:
    """The pieces of a file; a WSGI server iterates over it and closes it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def __iter__(self) -> Iterator[bytes]:
        while data := self.file.read(CHUNK_BYTES):
            yield data

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


def plain(environ: Environ, start_response: StartResponse, status: str, text: str) -> Iterable[bytes]:
    """A short answer for people."""
    body = (text + "\n").encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    start_response(status, headers)
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]


def configure_logging() -> None:
    """Our lines to standard error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")


def from_environment(public_url: str | None = None) -> Application:
    """The service as the environment describes it; what gunicorn calls in each worker."""
    configure_logging()
    return application(open_house(read_settings(), public_url=public_url))
