"""Opening the application context for a command, and refusing to touch a store that is not ready."""

import click

from echs.base.database import Database
from echs.cli import EXIT_UNAVAILABLE
from echs.cli.output import say
from echs.config.app_context import AppContext, missing_store, open_app_context
from echs.config.settings import read_settings
from echs.maintenance import schema


class NotReady(click.ClickException):
    """The store has no tables, or those of another version."""

    exit_code = EXIT_UNAVAILABLE


def ready_context() -> AppContext:
    """The context of the environment's settings, with the tables that this program needs.

    :raises NotReady: the tables are missing, older or newer
    :raises BadConfiguration:
    :raises Refused: STORE_UNAVAILABLE
    """
    settings = read_settings()
    missing = missing_store(settings)
    if missing is not None:
        # Nothing is made by looking: the wrong directory would become a second, empty clearing house.
        raise NotReady(f"there is no store at {missing.absolute()}; set ECHS_DATA_DIR, or create one: echs db upgrade")
    context = open_app_context(settings)
    require_ready(context.database)
    return context


def require_ready(database: Database) -> None:
    """See `ready_context`."""
    current, head = schema.current(database), schema.head()
    if current == head:
        return
    if current is not None and current > head:
        say(f"the store's tables have version {current}, newer than this program's {head}: upgrade the program too")
        return
    if current is None:
        raise NotReady("the store has no tables yet; run: echs db upgrade")
    raise NotReady(f"the store's tables have version {current}, this program needs {head}; run: echs db upgrade")
