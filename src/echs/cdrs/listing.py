"""CDRs as an administrator looks them up. Card numbers are not among what is shown."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select

from echs.base.ground import Ground
from echs.cdrs import tables
from echs.cdrs.pending import owner_of
from echs.cdrs.status import Status, status_of
from echs.partners import tables as partner_tables


@dataclass(frozen=True, slots=True)
class ListedCdr:
    """One line of the listing; instants in UTC, volume in 0.0001 kWh."""

    cdr_id: str
    operator_id: str
    provider_id: str
    started_at: datetime
    ended_at: datetime
    volume_e4_kwh: int
    received_at: datetime
    status: Status
    run_number: int | None


def find(ground: Ground, status: Status | None, run_number: int | None, limit: int) -> list[ListedCdr]:
    """The newest ``limit`` CDRs in this state and of this run, newest first; None stands for any."""
    cdr, uncleared, cleared = tables.cdr, tables.cdr_uncleared, tables.cdr_cleared
    owned = exists(select(partner_tables.party_id.c.party_key).where(owner_of(cdr.c.provider_key)))
    query = (
        select(
            cdr.c.cdr_id,
            cdr.c.operator_id,
            cdr.c.provider_id,
            cdr.c.started_at,
            cdr.c.ended_at,
            cdr.c.volume_e4_kwh,
            cdr.c.received_at,
            owned,
            cleared.c.run_number,
        )
        .order_by(cdr.c.id.desc())
        .limit(limit)
    )
    if status in (Status.PENDING, Status.HELD):
        query = query.join(uncleared, uncleared.c.cdr_id == cdr.c.id)
        query = query.where(owned if status is Status.PENDING else ~owned)
    query = query.join(cleared, cleared.c.cdr_id == cdr.c.id, isouter=status is not Status.CLEARED)
    if run_number is not None:
        query = query.where(cleared.c.run_number == run_number)
    with ground.database.read() as snapshot:
        return [listed(tuple(row)) for row in snapshot.execute(query)]


def listed(row: tuple[Any, ...]) -> ListedCdr:
    """A row of the query, with the state that follows from it."""
    *shown, owned, run_number = row
    values: list[Any] = [*shown, status_of(run_number, bool(owned)), run_number]
    return ListedCdr(*values)
