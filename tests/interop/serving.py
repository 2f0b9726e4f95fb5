"""A server process with a fresh store and the partners of the day."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cast import enrol
from echs import schema
from echs.house import House, open_house
from echs.settings import read_settings
from servers import Server


@contextmanager
def serving(directory: Path, prepare: Callable[[House], object] = enrol) -> Iterator[Server]:
    """A running server, in whose store ``prepare`` has put what there is."""
    environment = {"ECHS_DATA_DIR": str(directory / "data"), "ECHS_SECRET_KEY": secrets.token_hex(32)}
    house = open_house(read_settings(environment))
    schema.upgrade(house.database)
    prepare(house)
    house.database.close()
    server = Server(environment, directory / "server.log")
    server.start()
    try:
        yield server
    finally:
        server.stop()
