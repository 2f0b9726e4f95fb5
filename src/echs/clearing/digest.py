"""What the audit trail holds of a run: digests of its members, of its totals, and of whom it names."""

import hashlib
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select, text

from echs.base.digest import digest_of_rows
from echs.clearing import tables

DIGITS = 32

_run, _pair, _party, _left = (
    tables.clearing_run.c,
    tables.clearing_run_pair.c,
    tables.clearing_run_party.c,
    tables.clearing_run_open_item.c,
)

# What was entered once is compared for ever: these may grow by parts, but no part may change.
PARTS: dict[str, tuple[Any, ...]] = {
    "row": (
        _run.number,
        _run.cleared_at,
        _run.cleared_by,
        _run.request_id,
        _run.cdr_count,
        _run.volume_e4_kwh,
        _run.layout,
        _run.issuer_hash,
    ),
    "totals": (
        _pair.operator_partner_id,
        _pair.operator_key,
        _pair.provider_key,
        _pair.provider_partner_id,
        _pair.operator_id,
        _pair.provider_id,
        _pair.cdr_count,
        _pair.volume_e4_kwh,
        _pair.first_started_at,
        _pair.last_ended_at,
    ),
    "parties": (_party.partner_id, _party.user_id, _party.name, _party.timezone, _party.address, _party.vat_id),
    "left": (
        _left.position,
        _left.operator_partner_id,
        _left.provider_partner_id,
        _left.operator_id,
        _left.provider_id,
        _left.cdr_id,
        _left.why,
        _left.reason,
        _left.cdr_count,
        _left.volume_e4_kwh,
    ),
}


def state_of(snapshot: Connection, number: int) -> dict[str, str]:
    """The digest of each part of a run's state, by the name of the part."""
    found = {part: _of(snapshot, columns, number) for part, columns in PARTS.items()}
    issuer = tables.statement_issuer.c
    known = select(_run.issuer_hash).where(_run.number == number).scalar_subquery()
    rows = snapshot.execute(select(issuer.facts, issuer.logo).where(issuer.hash == known)).all()
    return {**found, "issuer": digest_of_rows(rows)[:DIGITS]}


def _of(snapshot: Connection, columns: tuple[Any, ...], number: int) -> str:
    table = columns[0].table
    of_run = table.c.number if table is tables.clearing_run else table.c.run_number
    rows = snapshot.execute(select(*columns).where(of_run == number)).all()
    return digest_of_rows(sorted(map(tuple, rows), key=repr))[:DIGITS]


# The store joins them: to fetch each by itself took three times as long.
_JOINED = {
    "sqlite": "SELECT group_concat(cdr_id, ',' ORDER BY cdr_id) FROM cdr_cleared WHERE run_number = :number",
    "postgresql": "SELECT string_agg(cdr_id::text, ',' ORDER BY cdr_id) FROM cdr_cleared WHERE run_number = :number",
}


def digest_of_members(snapshot: Connection, number: int) -> str:
    """The digest of the CDRs that are in a run. What they say is in the digests of their uploads."""
    joined = snapshot.execute(text(_JOINED[snapshot.dialect.name]), {"number": number}).scalar()
    return digest_of_joined(joined or "")


def digest_of_numbers(numbers: Iterable[int]) -> str:
    """The same digest, from the numbers of CDRs in ascending order."""
    return digest_of_joined(",".join(map(str, numbers)))


def digest_of_joined(numbers: str) -> str:
    """The same digest, from those numbers with commas between them."""
    return hashlib.sha256(numbers.encode("ascii")).hexdigest()[:DIGITS]
