"""``echs db``: the tables of the store."""

import click

from echs.cli.output import json_option, print_facts, print_json, say
from echs.config.app_context import open_database
from echs.config.settings import read_settings
from echs.maintenance import schema


@click.group("db")
def command() -> None:
    """Create or upgrade the tables of the store."""


@command.command()
def upgrade() -> None:
    """Migrate the tables to the version that this program needs. Does nothing if they are up to date."""
    database = open_database(read_settings())
    before = schema.current(database)
    schema.upgrade(database)
    after = schema.current(database)
    say(f"the tables have version {after}" + (" already" if before == after else f" now (before: {before or 'none'})"))


@command.command()
@json_option
def current(as_json: bool) -> None:
    """Show the version of the tables and the version that this program needs."""
    database = open_database(read_settings())
    store = database.url.render_as_string(hide_password=True)
    facts = {"store": store, "version": schema.current(database), "needed": schema.head()}
    if as_json:
        print_json(facts)
    else:
        print_facts("Store", facts.items())
    if facts["version"] != facts["needed"]:
        say("not up to date; run: echs db upgrade")
        raise click.exceptions.Exit(1)
