"""Every room's tables in one metadata, for Alembic, and the way from one version of them to the next.

Alembic is imported where something is migrated or compared: to load it takes longer than most commands.
"""

import re
import warnings
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import CreateIndex

# Importing the tables is what puts them into the metadata.
from echs.audit import guards
from echs.audit import tables as _audit  # noqa: F401
from echs.base.columns import metadata
from echs.base.database import Database
from echs.base.resources import migrations
from echs.cdrs import tables as _cdrs  # noqa: F401
from echs.clearing import tables as _clearing  # noqa: F401
from echs.delivery import tables as _delivery  # noqa: F401
from echs.direct import tables as _direct  # noqa: F401
from echs.lists import tables as _lists  # noqa: F401
from echs.live.live_store import TABLE as LIVE_TABLE
from echs.locations import tables as _locations  # noqa: F401
from echs.partners import tables as _partners  # noqa: F401
from echs.tariffs import tables as _tariffs  # noqa: F401
from echs.tokens import tables as _tokens  # noqa: F401

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["alembic_config", "current", "differences", "head", "metadata", "upgrade"]


def alembic_config(database: Database) -> "Config":
    """Alembic, told where the migrations are and which store to use."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations()).replace("%", "%%"))
    config.attributes["database"] = database
    return config


@cache
def head() -> str:
    """The newest version of the tables that this program knows: the migrations are numbered, each in a file."""
    return max(path.name.partition("_")[0] for path in (migrations() / "versions").glob("[0-9]*.py"))


def current(database: Database) -> str | None:
    """The version of the tables in the store; None where there are none yet.

    :raises Refused: STORE_UNAVAILABLE
    """
    with database.read() as snapshot:
        return version_in(snapshot)


def version_in(snapshot: Connection) -> str | None:
    """As `current`, inside of a snapshot of the caller's."""
    if not inspect(snapshot).has_table("alembic_version"):
        return None
    found: str | None = snapshot.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def differences(snapshot: Connection) -> list[str]:
    """In what the tables are not those that the migrations make, each in a sentence."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    # The table of live statuses is made when it is first needed, and by no migration: nothing of it must be kept.
    opts = {"compare_type": True, "include_name": lambda name, kind, _: kind != "table" or name != LIVE_TABLE}
    context = MigrationContext.configure(snapshot, opts=opts)
    with warnings.catch_warnings():
        # An index over an expression cannot be compared everywhere.
        warnings.simplefilter("ignore")
        found = compare_metadata(context, metadata)
    flat = [each for item in found for each in (item if isinstance(item, list) else [item])]
    told = [f"{str(each[0]).replace('_', ' ')}: {' '.join(map(str, each[1:4]))[:200]}" for each in flat]
    return told + guards.differences(snapshot) + keys_and_indexes(snapshot)


def keys_and_indexes(snapshot: Connection) -> list[str]:
    """What the comparison of Alembic does not see: columns of a primary key in another order, and, on SQLite, indexes
    over expressions."""
    found, inspector = [], inspect(snapshot)
    there = set(inspector.get_table_names())
    for table in metadata.sorted_tables:
        if table.name not in there:
            continue
        declared = [column.name for column in table.primary_key.columns]
        key = inspector.get_pk_constraint(table.name)["constrained_columns"]
        if key != declared:
            found.append(f"the primary key of {table.name} is {', '.join(key) or 'none'}, not {', '.join(declared)}")
    if snapshot.dialect.name != "sqlite":
        return found
    rows = snapshot.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index'"))
    made = {row.name: row.sql for row in rows}
    for table in metadata.sorted_tables:
        for index in table.indexes:
            expected = str(CreateIndex(index).compile(dialect=snapshot.dialect))
            name = str(index.name)
            if name not in made:
                found.append(f"the index {name} is missing")
            elif plain_sql(made[name]) != plain_sql(expected):
                found.append(f"the index {name} differs: {made[name][:200]}")
    return found


def plain_sql(statement: str) -> str:
    """A statement without what makes no difference: blanks, quotes, brackets and case."""
    return re.sub(r'[\s"()]+', "", statement).lower()


def upgrade(database: Database) -> None:
    """Bring the tables to the newest version. Whoever starts at the same time waits, and then finds nothing to do."""
    from alembic import command

    command.upgrade(alembic_config(database), "head")
