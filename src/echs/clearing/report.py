"""What the runs of a span of time took, by pair and by partner, from the totals of the runs, never from the CDRs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import Select, func, select

from echs.base.context import Context
from echs.clearing import tables
from echs.partners import tables as partner_tables


@dataclass(frozen=True, slots=True)
class PairLine:
    """What one pair of ids was cleared with in the span; the user ids as they are now, volume in 0.0001 kWh."""

    operator_user_id: str
    operator_id: str
    provider_user_id: str
    provider_id: str
    runs: int
    cdr_count: int
    volume_e4_kwh: int


@dataclass(frozen=True, slots=True)
class PartnerLine:
    """What one partner sent as operator and received as provider in the span; volumes in 0.0001 kWh."""

    user_id: str
    sent_cdr_count: int
    sent_volume_e4_kwh: int
    received_cdr_count: int
    received_volume_e4_kwh: int


@dataclass(frozen=True, slots=True)
class Report:
    """The runs that were made from ``since`` until before ``until`` (UTC), with totals; volume in 0.0001 kWh."""

    since: datetime
    until: datetime
    runs: int
    cdr_count: int
    volume_e4_kwh: int
    pairs: tuple[PairLine, ...]
    partners: tuple[PartnerLine, ...]


def month_span(year: int, month: int, zone: tzinfo) -> tuple[datetime, datetime]:
    """The instants (UTC) at which a month begins and the next one begins, where clocks show ``zone``."""
    following = (year + month // 12, month % 12 + 1)
    begin, end = (datetime(*each, 1, tzinfo=zone).astimezone(UTC) for each in ((year, month), following))
    return begin, end


def report(context: Context, since: datetime, until: datetime) -> Report:
    """What was cleared from ``since`` until before ``until``. A run of which the CDRs were purged counts too."""
    run = tables.clearing_run
    within = (run.c.cleared_at >= since) & (run.c.cleared_at < until)
    with context.database.read() as snapshot:
        rows = snapshot.execute(pair_lines().where(within)).all()
        runs = snapshot.execute(select(func.count()).select_from(run).where(within)).scalar() or 0
    # PostgreSQL gives the sum of big integers as a decimal.
    lines = [pair_line([*row]) for row in rows]
    pairs = sorted(lines, key=lambda each: (each.operator_id, each.provider_id, each.provider_user_id))
    count, volume = sum(each.cdr_count for each in pairs), sum(each.volume_e4_kwh for each in pairs)
    return Report(since, until, runs, count, volume, tuple(pairs), tuple(partner_lines(pairs)))


def pair_lines() -> Select[Any]:
    """The totals of runs by pair, over all runs; from the tables of the runs alone."""
    run, pair = tables.clearing_run, tables.clearing_run_pair
    operator, provider = partner_tables.partner.alias(), partner_tables.partner.alias()
    columns = (
        operator.c.user_id,
        func.min(pair.c.operator_id),
        provider.c.user_id,
        func.min(pair.c.provider_id),
        func.count(pair.c.run_number.distinct()),
        func.sum(pair.c.cdr_count),
        func.sum(pair.c.volume_e4_kwh),
    )
    rows = (
        run.join(pair, pair.c.run_number == run.c.number)
        .join(operator, operator.c.id == pair.c.operator_partner_id)
        .join(provider, provider.c.id == pair.c.provider_partner_id)
    )
    groups = (operator.c.user_id, pair.c.operator_key, provider.c.user_id, pair.c.provider_key)
    return select(*columns).select_from(rows).group_by(*groups)


def pair_line(values: list[Any]) -> PairLine:
    """A row of sums as a line."""
    values[5:] = map(int, values[5:])
    return PairLine(*values)


def partner_lines(pairs: Iterable[PairLine]) -> list[PartnerLine]:
    """The totals of each partner of these pairs, by user id."""
    sums: dict[str, list[int]] = {}
    for pair in pairs:
        for user_id, place in ((pair.operator_user_id, 0), (pair.provider_user_id, 2)):
            total = sums.setdefault(user_id, [0, 0, 0, 0])
            total[place] += pair.cdr_count
            total[place + 1] += pair.volume_e4_kwh
    return [PartnerLine(user_id, *total) for user_id, total in sorted(sums.items())]
