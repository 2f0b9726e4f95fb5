"""The CDRs that wait for a clearing run, and how a run takes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
)

from echs.base.context import Context
from echs.cdrs import tables
from echs.cdrs.status import REFUSING, STOPPING, Answer, Decided, Status
from echs.partners import tables as partner_tables
from echs.partners.partner import Answers, PartyRole, party_key
from echs.partners.visibility import may_receive


@dataclass(frozen=True, slots=True)
class PairTotal:
    """What one operator's CDRs for one provider add up to; volume in 0.0001 kWh, instants in UTC."""

    operator_partner_id: int
    provider_partner_id: int
    operator_key: str
    provider_key: str
    operator_id: str
    provider_id: str
    cdr_count: int
    volume_e4_kwh: int
    first_started_at: datetime
    last_ended_at: datetime


def owner_of(provider_key: Any) -> ColumnElement[bool]:
    """The condition that a row of ``party_id`` is the active owner of a provider key."""
    party = partner_tables.party_id
    return and_(party.c.role == PartyRole.PROVIDER, party.c.active, party.c.party_key == provider_key)


def receives(cdr: Any) -> ColumnElement[bool]:
    """The condition that a row of ``party_id`` is who receives a CDR: the active owner of its provider key, when the
    operator is connected with it.
    """
    provider = partner_tables.party_id.c.partner_id
    return and_(owner_of(cdr.c.provider_key), may_receive(provider, cdr.c.operator_partner_id, cdr.c.started_at))


def newest_decision(cdr_id: Any) -> Any:
    """The kind of the newest decision about a CDR; null where there is none."""
    decision = tables.cdr_decision
    of_cdr = select(decision.c.kind).where(decision.c.cdr_id == cdr_id)
    return of_cdr.order_by(decision.c.number.desc()).limit(1).scalar_subquery()


def newest_answer(cdr: FromClause) -> Any:
    """The kind of the newest answer about a CDR; null where there is none. What somebody approved that does not own its
    provider id is no answer: whoever owns it has seen nothing of it. It takes nothing away from what the owner itself
    approved before.
    """
    answer, party = tables.cdr_answer, partner_tables.party_id
    owner = select(party.c.partner_id).where(owner_of(cdr.c.provider_key)).correlate(cdr).scalar_subquery()
    of_another = and_(
        answer.c.kind == Answer.APPROVE,
        answer.c.partner_id.is_not(None),
        answer.c.partner_id != func.coalesce(owner, 0),
    )
    before, later = answer.alias(), answer.alias()
    newer = later.c.cdr_id == before.c.cdr_id, later.c.number > before.c.number
    no_approval = exists(select(later.c.number).where(*newer, later.c.kind != Answer.APPROVE))
    by_owner = or_(before.c.partner_id.is_(None), before.c.partner_id == owner)
    own = (
        select(before.c.kind)
        .where(before.c.cdr_id == cdr.c.id, before.c.kind == Answer.APPROVE, by_owner)
        .where(~no_approval)
        .limit(1)
        .correlate(cdr)
    )
    kind = case((of_another, own.scalar_subquery()), else_=answer.c.kind)
    of_cdr = select(kind).where(answer.c.cdr_id == cdr.c.id).correlate(cdr)
    return of_cdr.order_by(answer.c.number.desc()).limit(1).scalar_subquery()


def refusal(cdr_id: Any) -> Any:
    """The kind of the newest answer about a CDR, whosever it is: enough to know whether it keeps it out of runs."""
    answer = tables.cdr_answer
    of_cdr = select(answer.c.kind).where(answer.c.cdr_id == cdr_id)
    return of_cdr.order_by(answer.c.number.desc()).limit(1).scalar_subquery()


def is_refused(cdr_id: Any) -> ColumnElement[bool]:
    """The condition that a partner keeps a CDR out of every run by its newest answer."""
    return func.coalesce(refusal(cdr_id), "").in_(tuple(REFUSING))


def said_of(cdr: FromClause, answers: Any) -> Any:
    """The newest answer about a CDR, or where there is none how its provider decides: what both say together."""
    return func.coalesce(newest_answer(cdr), answers)


# What `said_of` says of CDRs that a run takes.
GOES = (Answer.APPROVE.value, Answers.RUN.value)


def has_newer(cdr: Any) -> ColumnElement[bool]:
    """The condition that there is a newer revision of a CDR."""
    newer = tables.cdr.alias()
    same = newer.c.operator_key == cdr.c.operator_key, newer.c.cdr_id == cdr.c.cdr_id
    return exists(select(newer.c.id).where(*same, newer.c.revision > cdr.c.revision))


def refused_by_partners() -> Any:
    """The numbers of the uncleared CDRs that a partner keeps out of every run by its newest answer, each with its
    kind."""
    answer, uncleared = tables.cdr_answer, tables.cdr_uncleared
    later = answer.alias()
    newer = exists(select(later.c.number).where(later.c.cdr_id == answer.c.cdr_id, later.c.number > answer.c.number))
    query = select(answer.c.cdr_id, answer.c.kind).join(uncleared, uncleared.c.cdr_id == answer.c.cdr_id)
    return query.where(answer.c.kind.in_(tuple(REFUSING)), ~newer, answer.c.cdr_id.not_in(stopped()))


def stopped(*kinds: Decided) -> Select[Any]:
    """The numbers of the CDRs that the office keeps out of every run, by one of these decisions; by any where none is
    named. Decisions are made by hand, so they are few.
    """
    decision = tables.cdr_decision
    newest = select(func.max(decision.c.number)).where(decision.c.cdr_id == (of := decision.alias()).c.cdr_id)
    stopping = select(of.c.cdr_id).where(
        of.c.kind.in_(kinds or tuple(STOPPING)), of.c.number == newest.scalar_subquery()
    )
    return stopping.correlate(None)


def pending() -> FromClause:
    """Every pending CDR, joined with the partner that receives it. Held ones fall out of the join, and so do those that
    the office or a partner stopped, and those that wait for an answer. Whom a CDR is for, the CDR alone says.
    """
    return received(GOES)


def received(said: Sequence[str]) -> FromClause:
    """Every uncleared CDR that somebody receives, that the office has not stopped and of which `said_of` says one of
    these; joined with the partner that receives it.
    """
    cdr, uncleared, party = tables.cdr, tables.cdr_uncleared, partner_tables.party_id
    partner = partner_tables.partner
    goes = and_(cdr.c.id == uncleared.c.cdr_id, uncleared.c.cdr_id.not_in(stopped()))
    decided = and_(partner.c.id == party.c.partner_id, said_of(cdr, partner.c.answers).in_(said))
    return uncleared.join(cdr, goes).join(party, receives(cdr)).join(partner, decided)


def awaiting() -> FromClause:
    """Every CDR that waits for its provider's answer, joined with the partner that receives it."""
    return received((Answers.EXPLICIT.value,))


def take(transaction: Connection, run_number: int) -> int:
    """Put every CDR that is pending at this moment into the run; how many they were."""
    cdr, uncleared, cleared, party = tables.cdr, tables.cdr_uncleared, tables.cdr_cleared, partner_tables.party_id
    members = select(cdr.c.id, literal(run_number), cdr.c.operator_partner_id, party.c.partner_id).select_from(
        pending()
    )
    names = ["cdr_id", "run_number", "operator_partner_id", "provider_partner_id"]
    transaction.execute(insert(cleared).from_select(names, members))
    of_run = select(cleared.c.cdr_id).where(cleared.c.run_number == run_number)
    return transaction.execute(delete(uncleared).where(uncleared.c.cdr_id.in_(of_run))).rowcount


def preview(context: Context) -> list[PairTotal]:
    """What a run at this moment would take, by pair."""
    cdr, party = tables.cdr, partner_tables.party_id
    with context.database.read() as snapshot:
        return pair_totals(snapshot, pending(), cdr.c.operator_partner_id, party.c.partner_id)


@dataclass(frozen=True, slots=True)
class Held:
    """How many CDRs wait for a partner to take this provider id, and the user id of a disabled partner that has it."""

    provider_id: str
    cdr_count: int
    disabled_owner: str | None = None


def held(context: Context) -> list[Held]:
    """The provider ids that nobody owns, as they were sent, with the CDRs that wait for them."""
    cdr, uncleared, party = tables.cdr, tables.cdr_uncleared, partner_tables.party_id
    query = (
        select(cdr.c.provider_key, func.min(cdr.c.provider_id), func.count())
        .join(uncleared, cdr.c.id == uncleared.c.cdr_id)
        .where(~exists(select(party.c.party_key).where(owner_of(cdr.c.provider_key))), cdr.c.id.not_in(stopped()))
        .where(~is_refused(cdr.c.id))
        .group_by(cdr.c.provider_key)
    )
    with context.database.read() as snapshot:
        rows = sorted(map(tuple, snapshot.execute(query)))
        owners = disabled_owners(snapshot)
        return [Held(provider_id, count, owners.get(key)) for key, provider_id, count in rows]


@dataclass(frozen=True, slots=True)
class Unconnected:
    """How many CDRs of an operator wait for a connection with their provider, by the user ids of both."""

    operator: str
    provider: str
    cdr_count: int


def unconnected(context: Context) -> list[Unconnected]:
    """The pairs whose CDRs wait for a connection, by provider and operator; none in an open house."""
    cdr, uncleared, party = tables.cdr, tables.cdr_uncleared, partner_tables.party_id
    operator, provider = partner_tables.partner.alias(), partner_tables.partner.alias()
    connected = may_receive(party.c.partner_id, cdr.c.operator_partner_id, cdr.c.started_at)
    query = (
        select(operator.c.user_id, provider.c.user_id, func.count())
        .select_from(uncleared.join(cdr, cdr.c.id == uncleared.c.cdr_id).join(party, owner_of(cdr.c.provider_key)))
        .join(operator, operator.c.id == cdr.c.operator_partner_id)
        .join(provider, provider.c.id == party.c.partner_id)
        .where(~connected, cdr.c.id.not_in(stopped()), ~is_refused(cdr.c.id))
        .group_by(operator.c.user_id, provider.c.user_id)
        .order_by(provider.c.user_id, operator.c.user_id)
    )
    with context.database.read() as snapshot:
        return [Unconnected(*row) for row in snapshot.execute(query)]


def disabled_owners(snapshot: Connection) -> dict[str, str]:
    """The user ids of the disabled partners by the provider keys that they had; of several the first enrolled."""
    party, partner = partner_tables.party_id, partner_tables.partner
    query = select(party.c.party_key, partner.c.user_id).join(partner, partner.c.id == party.c.partner_id)
    rows = snapshot.execute(
        query.where(party.c.role == PartyRole.PROVIDER, ~party.c.active).order_by(partner.c.id.desc())
    )
    return {row.party_key: row.user_id for row in rows}


def waiting_for(context: Context, provider_ids: Sequence[str]) -> int:
    """How many CDRs for these provider ids wait for a run, pending or held."""
    cdr, uncleared = tables.cdr, tables.cdr_uncleared
    mine = cdr.c.provider_key.in_([party_key(each) for each in provider_ids])
    query = select(func.count()).select_from(uncleared.join(cdr, cdr.c.id == uncleared.c.cdr_id))
    with context.database.read() as snapshot:
        return snapshot.execute(query.where(mine, cdr.c.id.not_in(stopped()), ~is_refused(cdr.c.id))).scalar() or 0


def stopped_count(context: Context, state: Status) -> int:
    """How many CDRs the office keeps out of every run, on hold or rejected."""
    of = stopped().subquery()
    kind = next(kind for kind, each in STOPPING.items() if each is state)
    with context.database.read() as snapshot:
        query = select(func.count()).select_from(of).where(newest_decision(of.c.cdr_id) == kind)
        uncleared = query.where(of.c.cdr_id.in_(select(tables.cdr_uncleared.c.cdr_id)))
        return snapshot.execute(uncleared).scalar() or 0


def warned(context: Context) -> int:
    """How many CDRs a run at this moment would take that have a warning."""
    cdr, warning = tables.cdr, tables.cdr_warning
    has_warning = exists(select(warning.c.cdr_id).where(warning.c.cdr_id == cdr.c.id))
    with context.database.read() as snapshot:
        query = select(func.count()).select_from(pending()).where(has_warning)
        return snapshot.execute(query).scalar() or 0


def totals_of_run(transaction: Connection, run_number: int) -> list[PairTotal]:
    """What a run took, by pair, computed from its members."""
    cdr, cleared = tables.cdr, tables.cdr_cleared
    members = cleared.join(cdr, cdr.c.id == cleared.c.cdr_id)
    return pair_totals(
        transaction,
        members,
        cleared.c.operator_partner_id,
        cleared.c.provider_partner_id,
        cleared.c.run_number == run_number,
    )


def pair_totals(
    connection: Connection, rows: FromClause, operator: Any, provider: Any, where: ColumnElement[bool] | None = None
) -> list[PairTotal]:
    """Totals by partners and party ids, in the order of the ids."""
    cdr = tables.cdr
    groups: Sequence[Any] = (operator, provider, cdr.c.operator_key, cdr.c.provider_key)
    query = (
        select(
            *groups,
            func.min(cdr.c.operator_id),
            func.min(cdr.c.provider_id),
            func.count(),
            func.sum(cdr.c.volume_e4_kwh),
            func.min(cdr.c.started_at),
            func.max(cdr.c.ended_at),
        )
        .select_from(rows)
        .group_by(*groups)
    )
    found = connection.execute(query if where is None else query.where(where))
    totals = [pair_total(tuple(row)) for row in found]
    return sorted(totals, key=in_order)


def in_order(total: PairTotal) -> tuple[str, str, int]:
    """By what totals are sorted: the ids, the same on every store."""
    return total.operator_key, total.provider_key, total.operator_partner_id


def pair_total(row: tuple[Any, ...]) -> PairTotal:
    """A row of sums; PostgreSQL gives the sum of big integers as a decimal."""
    values: list[Any] = list(row)
    values[7] = int(values[7])
    return PairTotal(*values)
