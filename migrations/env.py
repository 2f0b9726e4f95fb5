"""How Alembic reaches the store: the one that it is handed, or the one of the settings."""

from alembic import context
from sqlalchemy import text

from echs.config.app_context import open_database
from echs.config.settings import read_settings
from echs.maintenance.schema import metadata

LOCK = "echs migrations"


def run() -> None:
    """Run the migrations in one transaction, under a lock that all starters share."""
    database = context.config.attributes.get("database") or open_database(read_settings())
    with database.write() as connection:
        if not database.is_sqlite:
            # A migration may take longer than a request, and waits for one that runs already.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL lock_timeout = 0"))
        database.lock(connection, LOCK)
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            render_as_batch=database.is_sqlite,
            transactional_ddl=True,
        )
        context.run_migrations()


run()
