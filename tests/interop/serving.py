"""A server process with a fresh store and the partners of the day."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cast import enrol
from echs.config.app_context import AppContext, open_app_context
from echs.config.settings import read_settings
from echs.maintenance import schema
from servers import Server


@contextmanager
def serving(directory: Path, prepare: Callable[[AppContext], object] = enrol) -> Iterator[Server]:
    """A running server, in whose store ``prepare`` has put what there is."""
    environment = {"ECHS_DATA_DIR": str(directory / "data"), "ECHS_SECRET_KEY": secrets.token_hex(32)}
    context = open_app_context(read_settings(environment))
    schema.upgrade(context.database)
    prepare(context)
    context.database.close()
    server = Server(environment, directory / "server.log")
    server.start()
    try:
        yield server
    finally:
        server.stop()
