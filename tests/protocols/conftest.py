"""One application for a whole file, where what is asked does not depend on the kind of store."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cast import enrol
from conftest import Clock
from echs.cdrs import queries
from echs.config.app_context import AppContext, open_app_context
from echs.config.settings import read_settings
from echs.locations.charge_point_list import CHARGE_POINTS
from echs.serving.application import create_application
from echs.tokens.token_list import TOKENS
from wire import Caller


@dataclass
class Office:
    """A clearing house with one partner logged in, and what is stored there."""

    context: AppContext
    app: object
    tnm: Caller

    def stored(self) -> tuple[object, ...]:
        """What an upload would have changed."""
        cdrs = queries.find(self.context, None, None, 10_000)
        return (
            [each.cdr_id for each in cdrs],
            TOKENS.states(self.context),
            CHARGE_POINTS.states(self.context),
        )


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Office]:
    directory = tmp_path_factory.mktemp("office")
    shutil.copy(sqlite_template, directory / "echs.sqlite3")
    context = open_app_context(
        read_settings({"ECHS_DATA_DIR": str(directory), "ECHS_MAX_BULK_BODY_BYTES": "3000000"}), Clock()
    )
    enrol(context)
    app = create_application(context)
    yield Office(context, app, Caller(app, "tnm"))
    context.database.close()
