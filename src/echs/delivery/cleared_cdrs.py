"""Which runs a partner is given when it asks for its cleared CDRs.

OCHP 0.2 (3.6) gives the CDRs of the last call to ClearCDRs and knows no acknowledgement, so that a missed run would
be lost money. A partner is therefore given its latest run, every run that it has not been served yet, and every run
first served within the last day (a setting): in normal use the first is all there is; a missed run is caught up; a
lost answer can be fetched again; and who repeats gets the same.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update

from echs.audit import trail
from echs.audit.entry import Action
from echs.base.context import Context
from echs.base.digest import as_text
from echs.cdrs.cleared import of_provider
from echs.clearing import tables
from echs.partners.partner import Partner
from echs.statements.link import Span, spans_of


@dataclass(frozen=True, slots=True)
class Delivery:
    """The runs that are served, as numbers and as spans for a link, and the payloads of the CDRs in them that the
    partner receives, in batches. Who has drawn them to the end calls `mark_served`.
    """

    runs: tuple[int, ...]
    spans: tuple[Span, ...]
    payloads: Iterator[Sequence[str]]


def deliver(context: Context, partner: Partner, protocol: str, said: Callable[[Row[Any]], str]) -> Delivery:
    """What the partner is given now, in this protocol: what came by another is as ``said`` makes it of its row."""
    table, run = tables.clearing_run_party, tables.clearing_run
    mine = (
        select(table.c.run_number, table.c.first_served_at)
        .join(run, run.c.number == table.c.run_number)
        .where(table.c.partner_id == partner.id, run.c.purged_at.is_(None))
    )
    with context.database.read() as snapshot:
        served = {row.run_number: row.first_served_at for row in snapshot.execute(mine)}
    runs = due(served, context.clock() - timedelta(seconds=context.limits.redelivery_seconds))
    return Delivery(runs, spans_of(runs, list(served)), of_provider(context, partner.id, runs, protocol, said))


def mark_served(context: Context, partner: Partner, runs: Sequence[int]) -> None:
    """The partner has these runs: those that it had not before count as served from now on.

    The last step of an answer: what fails before it leaves the runs to be given again.
    """
    table = tables.clearing_run_party
    unserved = (table.c.partner_id == partner.id) & table.c.run_number.in_(runs) & table.c.first_served_at.is_(None)
    with context.database.read() as snapshot:
        if snapshot.execute(select(table.c.run_number).where(unserved).limit(1)).first() is None:
            return
    with context.database.write() as transaction:
        now = context.clock()
        served = transaction.execute(
            update(table).where(unserved).values(first_served_at=now).returning(table.c.run_number)
        )
        numbers = sorted(served.scalars())
        if numbers:  # none where another answer was quicker
            facts = {"runs": numbers, "partner": partner.id, "served_at": as_text(now)}
            trail.record(context, transaction, Action.CDRS_FETCHED, partner.user_id, facts)


def due(served: dict[int, datetime | None], since: datetime) -> tuple[int, ...]:
    """The runs to serve, in their order, from when each was first served.

    The order of serving is that of the numbers: a run was served no later than any run after it, whatever a clock that
    was wrong then has written. So one from the future counts until a later run was served at a time that is right.
    """
    found: list[int] = []
    soonest: datetime | None = None
    for run, first in sorted(served.items(), reverse=True):
        if first is not None:
            soonest = first if soonest is None else min(soonest, first)
        if not found or first is None or (soonest is not None and soonest > since):
            found.append(run)
    return tuple(reversed(found))
