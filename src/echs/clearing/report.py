"""What was cleared in a time: by pair of operator and provider, and by partner, from the totals of the runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from echs.base.ground import Ground
from echs.clearing import tables
from echs.partners.register import all_partners


@dataclass(frozen=True, slots=True)
class PairSum:
    """What one operator id's CDRs for one provider id add up to; energy in 0.0001 kWh.

    ``own_network`` says that one partner is both, so that nothing is owed to anybody.
    """

    operator: str
    operator_id: str
    provider: str
    provider_id: str
    own_network: bool
    cdr_count: int
    volume_e4_kwh: int


@dataclass(frozen=True, slots=True)
class PartnerSum:
    """What a partner sent to others as operator, received from others as provider, and had in its own network."""

    user_id: str
    name: str
    sent_cdrs: int
    sent_e4_kwh: int
    received_cdrs: int
    received_e4_kwh: int
    own_cdrs: int
    own_e4_kwh: int


@dataclass(frozen=True, slots=True)
class Report:
    """The runs that were made in the time (UTC, the end not included), and their sums."""

    since: datetime
    until: datetime
    runs: Sequence[int]
    pairs: Sequence[PairSum]
    partners: Sequence[PartnerSum]
    cdr_count: int
    volume_e4_kwh: int


def report(ground: Ground, since: datetime, until: datetime) -> Report:
    """The report of the runs that were made from ``since`` on and before ``until``."""
    run, pair = tables.clearing_run, tables.clearing_run_pair
    within = (run.c.cleared_at >= since, run.c.cleared_at < until)
    groups: Sequence[Any] = (
        pair.c.operator_partner_id,
        pair.c.provider_partner_id,
        pair.c.operator_key,
        pair.c.provider_key,
    )
    sums = (
        select(
            *groups,
            func.max(pair.c.operator_id),
            func.max(pair.c.provider_id),
            func.sum(pair.c.cdr_count),
            func.sum(pair.c.volume_e4_kwh),
        )
        .join(run, run.c.number == pair.c.run_number)
        .where(*within)
        .group_by(*groups)
    )
    partners = {partner.id: partner for partner in all_partners(ground)}
    with ground.database.read() as snapshot:
        runs = list(snapshot.execute(select(run.c.number).where(*within).order_by(run.c.number)).scalars())
        rows = [tuple(row) for row in snapshot.execute(sums)]
    pairs = [
        (
            operator,
            provider,
            PairSum(
                partners[operator].user_id,
                operator_id,
                partners[provider].user_id,
                provider_id,
                operator == provider,
                int(count),
                int(volume),
            ),
        )
        for operator, provider, _, _, operator_id, provider_id, count, volume in rows
    ]
    pairs.sort(key=lambda each: (each[2].operator_id.casefold(), each[2].provider_id.casefold()))
    taking_part = sorted({number for operator, provider, _ in pairs for number in (operator, provider)})
    return Report(
        since,
        until,
        runs,
        [each for _, _, each in pairs],
        [partner_sum(number, partners[number].user_id, partners[number].name, pairs) for number in taking_part],
        sum(each.cdr_count for _, _, each in pairs),
        sum(each.volume_e4_kwh for _, _, each in pairs),
    )


def partner_sum(number: int, user_id: str, name: str, pairs: Sequence[tuple[int, int, PairSum]]) -> PartnerSum:
    """The sums of one partner."""
    sent = [each for operator, provider, each in pairs if operator == number != provider]
    received = [each for operator, provider, each in pairs if provider == number != operator]
    own = [each for operator, provider, each in pairs if operator == number == provider]
    of = [
        (sum(each.cdr_count for each in some), sum(each.volume_e4_kwh for each in some))
        for some in (sent, received, own)
    ]
    return PartnerSum(user_id, name, *of[0], *of[1], *of[2])
