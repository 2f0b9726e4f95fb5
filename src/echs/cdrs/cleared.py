"""Reading the CDRs of clearing runs. They never change, so a reader needs no lock and no haste."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from echs.base.context import Context
from echs.cdrs import tables

ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class ClearedCdr:
    """What a statement says of a cleared CDR; instants in UTC, volume in 0.0001 kWh, duration in seconds if stated."""

    run_number: int
    cdr_id: str
    started_at: datetime
    ended_at: datetime
    duration_s: int | None
    volume_e4_kwh: int
    contract_id: str
    chargepoint_id: str
    city: str
    product: str
    tariff_id: str
    # Net, in millionths of the currency; None where no price was told.
    cost_e6: int | None
    currency: str | None


# In the order of `ClearedCdr`.
COLUMNS: tuple[Any, ...] = (
    tables.cdr_cleared.c.run_number,
    tables.cdr.c.cdr_id,
    tables.cdr.c.started_at,
    tables.cdr.c.ended_at,
    tables.cdr.c.duration_s,
    tables.cdr.c.volume_e4_kwh,
    tables.cdr.c.contract_id,
    # Where a protocol names no charge point, that is the EVSE.
    func.coalesce(func.nullif(tables.cdr.c.chargepoint_id, tables.EMPTY), tables.cdr.c.evse_id),
    tables.cdr.c.city,
    tables.cdr.c.product,
    tables.cdr.c.tariff_id,
    tables.cdr.c.cost_e6,
    tables.cdr.c.currency,
)
# By operator (partner and key) and key of the provider, the sums of costs by currency.
Costs = dict[tuple[int, str, str], dict[str, int]]


def of_provider(
    context: Context, partner_id: int, run_numbers: Sequence[int], protocol: str, said: Callable[[Row[Any]], str]
) -> Iterator[Sequence[str]]:
    """The records that a partner receives as provider in these runs, run by run, in the order of their acceptance: in
    batches, each record as its payload. What was not sent in this protocol is as ``said`` makes it of the row.
    """
    cdr, cleared = tables.cdr, tables.cdr_cleared
    with context.database.read() as snapshot:
        for run_number in run_numbers:
            query = (
                select(cdr.c.id, cdr.c.protocol, cdr.c.payload)
                .join(cleared, cleared.c.cdr_id == cdr.c.id)
                .where(cleared.c.run_number == run_number, cleared.c.provider_partner_id == partner_id)
                .order_by(cleared.c.cdr_id)
                .execution_options(yield_per=ROWS_AT_ONCE)
            )
            for some in snapshot.execute(query).partitions():
                foreign = [row.id for row in some if row.protocol != protocol]
                if not foreign:
                    yield [row.payload for row in some]
                    continue
                whole = {row.id: row for row in snapshot.execute(select(cdr).where(cdr.c.id.in_(foreign)))}
                yield [said(whole[row.id]) if row.id in whole else row.payload for row in some]


def of_pair(
    context: Context, run_number: int, operator_partner_id: int, operator_key: str, provider_key: str
) -> Iterator[ClearedCdr]:
    """The CDRs of a run between one operator id of a partner and one provider id, in the order of their start."""
    cdr, cleared = tables.cdr, tables.cdr_cleared
    query = (
        select(*COLUMNS)
        .join(cleared, cleared.c.cdr_id == cdr.c.id)
        .where(
            cleared.c.run_number == run_number,
            cleared.c.operator_partner_id == operator_partner_id,
            cdr.c.operator_key == operator_key,
            cdr.c.provider_key == provider_key,
        )
        .order_by(cdr.c.started_at, cdr.c.id)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    with context.database.read() as snapshot:
        for row in snapshot.execute(query):
            yield ClearedCdr(*row)


def costs_of_run(context: Context, run_number: int) -> Costs:
    """What the CDRs of a run cost, net, in millionths of each currency, by pair; nothing of those without a price."""
    cdr, cleared = tables.cdr, tables.cdr_cleared
    pair = (cleared.c.operator_partner_id, cdr.c.operator_key, cdr.c.provider_key)
    query = (
        select(*pair, cdr.c.currency, func.sum(cdr.c.cost_e6))
        .join(cleared, cleared.c.cdr_id == cdr.c.id)
        .where(cleared.c.run_number == run_number, cdr.c.cost_e6.is_not(None))
        .group_by(*pair, cdr.c.currency)
    )
    found: Costs = {}
    with context.database.read() as snapshot:
        for operator, operator_key, provider_key, currency, amount in snapshot.execute(query):
            found.setdefault((operator, operator_key, provider_key), {})[currency] = int(amount)
    return found
