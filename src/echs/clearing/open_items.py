"""What a run left, and why: CDRs on hold, CDRs that were rejected, declined or given up, those that wait for their
provider's answer, and those that wait for somebody to own their provider id.

Written with the run, since what waits now may be cleared tomorrow: a statement drawn years later says the same.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, and_, exists, false, func, insert, or_, select

from echs.cdrs import tables as cdr_tables
from echs.cdrs.pending import awaiting, is_refused, receives, refused_by_partners, stopped
from echs.cdrs.status import STOPPING, Answer, Decided
from echs.clearing import tables
from echs.partners import tables as partner_tables
from echs.statements.statement import OpenItem, Why

# So many CDRs a run are named one by one. Of those on hold and declined the rest is told by pair, of those rejected by
# the next run.
NAMED = 5000
COLUMNS = ("operator_partner_id", "provider_partner_id", "operator_id", "provider_id", "cdr_id")
WHY = {Decided.HOLD: Why.ON_HOLD, Decided.REJECT: Why.REJECTED}
NOBODY = "nobody has this provider id"
MORE, MORE_DECLINED = "on hold, as those that are named", "declined, as those that are named"
GIVEN_UP, BY_PROVIDER = "given up by the operator", "declined by the provider"
NO_ANSWER = "the provider has not answered yet"
Row = dict[str, Any]


def store_open_items(transaction: Connection, run_number: int) -> None:
    """Keep what the run left, inside its transaction, after it took what it takes."""
    rows = [*decided(transaction), *answered(transaction), *awaited(transaction), *held(transaction)]
    if rows:
        numbered = [{"run_number": run_number, "position": position, **row} for position, row in enumerate(rows)]
        transaction.execute(insert(tables.clearing_run_open_item), numbered)


def decided(transaction: Connection) -> Iterator[Row]:
    """The CDRs that the office keeps out of every run, a row each; of the rejected those that no run has told yet."""
    left = tables.clearing_run_open_item
    known = select(left.c.operator_id, left.c.cdr_id).where(left.c.why == Why.REJECTED)
    told = {tuple(row) for row in transaction.execute(known)}
    counts = dict.fromkeys(Why, 0)
    more: dict[tuple[Any, ...], Row] = {}
    for kind, reason, volume, *values in transaction.execute(decisions()):
        row = dict(zip(COLUMNS, values, strict=True))
        why = WHY[Decided(kind)]
        if why is Why.REJECTED and (row["operator_id"], row["cdr_id"]) in told:
            continue
        counts[why] += 1
        if counts[why] <= NAMED:
            yield {**row, "why": why, "reason": reason, "cdr_count": 1, "volume_e4_kwh": int(volume)}
        elif why is Why.ON_HOLD:
            count_more(more, values, {**row, "cdr_id": "", "why": why, "reason": MORE}, volume)
    yield from more.values()


def answered(transaction: Connection) -> Iterator[Row]:
    """The CDRs that a partner keeps out of runs, a row each; of those given up the ones that no run has told yet."""
    left, cdr, party = tables.clearing_run_open_item, cdr_tables.cdr, partner_tables.party_id
    known = select(left.c.operator_id, left.c.cdr_id).where(left.c.why == Why.REJECTED, left.c.reason == GIVEN_UP)
    told = {tuple(row) for row in transaction.execute(known)}
    refused = refused_by_partners().subquery()
    query = (
        select(
            refused.c.kind,
            cdr.c.volume_e4_kwh,
            cdr.c.operator_partner_id,
            party.c.partner_id,
            cdr.c.operator_id,
            cdr.c.provider_id,
            cdr.c.cdr_id,
        )
        .select_from(refused.join(cdr, cdr.c.id == refused.c.cdr_id).outerjoin(party, receives(cdr)))
        .order_by(cdr.c.id)
    )
    counts = dict.fromkeys(Why, 0)
    more: dict[tuple[Any, ...], Row] = {}
    for kind, volume, *values in transaction.execute(query):
        row = dict(zip(COLUMNS, values, strict=True))
        given_up = Answer(kind) is Answer.WITHDRAW
        why = Why.REJECTED if given_up else Why.DECLINED
        if given_up and (row["operator_id"], row["cdr_id"]) in told:
            continue
        counts[why] += 1
        if counts[why] <= NAMED:
            reason = GIVEN_UP if given_up else BY_PROVIDER
            yield {**row, "why": why, "reason": reason, "cdr_count": 1, "volume_e4_kwh": int(volume)}
        elif why is Why.DECLINED:
            count_more(more, values, {**row, "cdr_id": "", "why": why, "reason": MORE_DECLINED}, volume)
    yield from more.values()


def count_more(more: dict[tuple[Any, ...], Row], values: Sequence[Any], row: Row, volume: Any) -> None:
    """Count a CDR that is not named in the row of its pair, which is begun with ``row``."""
    pair = more.setdefault(tuple(values[:-1]), {**row, "cdr_count": 0, "volume_e4_kwh": 0})
    pair["cdr_count"] += 1
    pair["volume_e4_kwh"] += int(volume)


def awaited(transaction: Connection) -> Iterator[Row]:
    """What waits for its provider's answer, a row for each pair of ids."""
    cdr, party = cdr_tables.cdr, partner_tables.party_id
    groups = (cdr.c.operator_partner_id, party.c.partner_id, cdr.c.operator_key, cdr.c.provider_key)
    sums = (func.min(cdr.c.operator_id), func.min(cdr.c.provider_id), func.count(), func.sum(cdr.c.volume_e4_kwh))
    found = transaction.execute(select(*groups, *sums).select_from(awaiting()).group_by(*groups))
    for operator, provider, _, _, operator_id, provider_id, count, volume in sorted(map(tuple, found)):
        row = dict(zip(COLUMNS, (operator, provider, operator_id, provider_id, ""), strict=True))
        yield {**row, "why": Why.AWAITING, "reason": NO_ANSWER, "cdr_count": count, "volume_e4_kwh": int(volume)}


def decisions() -> Any:
    """The newest decision about each CDR that is kept out of runs, with the CDR and who receives it."""
    cdr, decision, party = cdr_tables.cdr, cdr_tables.cdr_decision, partner_tables.party_id
    later = decision.alias()
    is_newest = ~exists(
        select(later.c.number).where(later.c.cdr_id == decision.c.cdr_id, later.c.number > decision.c.number)
    )
    return (
        select(
            decision.c.kind,
            decision.c.reason,
            cdr.c.volume_e4_kwh,
            cdr.c.operator_partner_id,
            party.c.partner_id,
            cdr.c.operator_id,
            cdr.c.provider_id,
            cdr.c.cdr_id,
        )
        .select_from(decision.join(cdr, cdr.c.id == decision.c.cdr_id).outerjoin(party, receives(cdr)))
        .where(decision.c.kind.in_(STOPPING), is_newest)
        .order_by(decision.c.cdr_id)
    )


def held(transaction: Connection) -> Iterator[Row]:
    """What waits for a partner to take the provider id, a row for each operator and provider id."""
    cdr, uncleared, party = cdr_tables.cdr, cdr_tables.cdr_uncleared, partner_tables.party_id
    groups = (cdr.c.operator_partner_id, cdr.c.operator_key, cdr.c.provider_key)
    query = (
        select(
            *groups,
            func.min(cdr.c.operator_id),
            func.min(cdr.c.provider_id),
            func.count(),
            func.sum(cdr.c.volume_e4_kwh),
        )
        .join(uncleared, uncleared.c.cdr_id == cdr.c.id)
        .where(~exists(select(party.c.party_key).where(receives(cdr))), cdr.c.id.not_in(stopped()))
        .where(~is_refused(cdr.c.id))
        .group_by(*groups)
    )
    found = sorted(map(tuple, transaction.execute(query)), key=lambda row: (row[1], row[2], row[0]))
    for partner_id, _, _, operator_id, provider_id, count, volume in found:
        values = (partner_id, None, operator_id, provider_id, "")
        yield {
            **dict(zip(COLUMNS, values, strict=True)),
            "why": Why.HELD,
            "reason": NOBODY,
            "cdr_count": count,
            "volume_e4_kwh": int(volume),
        }


def open_items_of(snapshot: Connection, run_numbers: Sequence[int], partner_id: int) -> list[OpenItem]:
    """What concerns a partner, as operator or as provider, of what these runs left, in the order in which it was kept.

    What waits is told as the newest of them left it: what an older one left may be in a newer one. What was rejected is
    told of all of them, and of the runs before each in which the partner took no part, since it has no statement there.
    """
    left, party = tables.clearing_run_open_item, tables.clearing_run_party
    newest, wanted = max(run_numbers), set(run_numbers)
    taken_part = select(party.c.run_number).where(party.c.partner_id == partner_id, party.c.run_number <= newest)
    spans: list[list[int]] = []
    before = 0
    for number in sorted(snapshot.execute(taken_part).scalars()):
        if number in wanted:
            if spans and spans[-1][1] == before:
                spans[-1][1] = number
            else:
                spans.append([before, number])
        before = number
    inside = or_(false(), *(and_(left.c.run_number > first, left.c.run_number <= last) for first, last in spans))
    told = or_(left.c.run_number == newest, and_(left.c.why == Why.REJECTED, inside))
    mine = or_(left.c.operator_partner_id == partner_id, left.c.provider_partner_id == partner_id)
    columns = [left.c[name] for name in OpenItem.__slots__]
    rows = snapshot.execute(select(*columns).where(told, mine).order_by(left.c.run_number, left.c.position))
    return [OpenItem(number, Why(why), *rest) for number, why, *rest in rows]
