"""The store itself: its files, its tables, its references, and the chain of the audit trail."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import exists, select, text

from echs.base.columns import metadata
from echs.cdrs import tables as cdr_tables
from echs.clearing import tables as clearing_tables
from echs.maintenance import schema
from echs.maintenance.checks.view import Found, View
from echs.partners import tables as partner_tables

ORPHANS_TOLD = 100


def whole(view: View) -> Iterator[Found]:
    """What the database itself says of its files, and whether its tables are those of this program."""
    if schema.version_in(view.snapshot) == schema.head():
        for difference in schema.differences(view.snapshot):
            yield "tables", difference
    if view.context.database.is_sqlite:
        for (line,) in view.snapshot.execute(text("PRAGMA integrity_check(20)")):
            if line != "ok":
                yield "database", str(line)
        return
    failed = "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"
    failures = view.snapshot.execute(text(failed)).scalar()
    if failures:
        yield "database", f"PostgreSQL found {failures} pages with a wrong checksum"


def pointing() -> Iterator[tuple[Any, Any]]:
    """Every column that holds the number of a row elsewhere, and the column that it must be found in."""
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            yield key.parent, key.column
    partner, cdr, run = partner_tables.partner.c.id, cdr_tables.cdr.c.id, clearing_tables.clearing_run.c
    cleared = cdr_tables.cdr_cleared.c
    yield cdr_tables.cdr_uncleared.c.cdr_id, cdr
    yield cleared.cdr_id, cdr
    yield cleared.run_number, run.number
    yield cleared.operator_partner_id, partner
    yield cleared.provider_partner_id, partner
    yield cdr_tables.cdr_purged.c.run_number, run.number
    yield run.issuer_hash, clearing_tables.statement_issuer.c.hash


def references(view: View) -> Iterator[Found]:
    """Rows that point to a row that is not there; also where the store itself does not look after that."""
    for child, parent in pointing():
        there = exists(select(parent).where(parent == child))
        orphans = select(child).where(child.is_not(None), ~there).limit(ORPHANS_TOLD)
        for (value,) in view.snapshot.execute(orphans):
            yield f"{child.table.name}.{child.name} {value}", f"no such row in {parent.table.name}"


def trail(view: View) -> Iterator[Found]:
    """Where the chain of the audit trail is broken, and whether it still has the entry that must be in it."""
    for number, detail in view.trail.breaks:
        yield f"entry {number}", detail
    if view.trail.since is None:
        return
    number, expected = view.trail.since
    if view.trail.since_found is None:
        yield f"entry {number}", f"missing; the newest is {view.trail.newest[0]}: the audit trail was truncated"
    elif view.trail.since_found != expected:
        yield f"entry {number}", "its hash differs from the given one: the audit trail was rewritten"
