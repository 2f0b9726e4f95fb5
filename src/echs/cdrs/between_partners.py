"""CDRs as their provider and their operator ask for them: by where they stand between the two (OCHP 1.4, GetCDRs and
CheckCDRs).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal,
    select,
)

from echs.base.context import Context
from echs.cdrs import tables
from echs.cdrs.pending import newest_answer, receives, refusal, stopped
from echs.cdrs.status import Answer, Decided
from echs.cdrs.transitions import OPEN, Stand
from echs.partners import tables as partner_tables
from echs.partners.partner import PartyRole

ROWS_AT_ONCE = 500
Rows = Sequence[Row[Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose CDRs are asked for: those that a provider receives, or those of an operator; and of those that are over,
    how far back: since a time (UTC), and from which clearing run on.
    """

    partner_id: int
    role: PartyRole
    since: datetime
    first_run: int


def found(context: Context, asked: Asked, stands: Sequence[Stand]) -> Iterator[tuple[Stand, Rows]]:
    """The newest revisions of the CDRs that stand so: rows of ``cdr`` with the number of the first revision as
    ``first_row``, and whether the partner was given it before as ``was_given``; in batches, from one snapshot.
    """
    cdr = tables.cdr
    first = cdr.alias()
    of_first = select(func.min(first.c.id)).where(
        first.c.operator_key == cdr.c.operator_key, first.c.cdr_id == cdr.c.cdr_id
    )
    given = tables.cdr_given.c
    was_given = exists(
        select(given.cdr_id).where(given.cdr_id == cdr.c.id, given.partner_id == asked.partner_id).correlate(cdr)
    )
    columns = (cdr, of_first.scalar_subquery().label("first_row"), was_given.label("was_given"))
    with context.database.read(patient=True) as snapshot:
        for stand in stands:
            for rows, conditions in sources(asked, stand):
                query = select(*columns).select_from(rows).where(*conditions).order_by(cdr.c.id)
                result = snapshot.execute(query.execution_options(yield_per=ROWS_AT_ONCE))
                for some in result.partitions():
                    yield stand, some


# Of which CDRs that wait for no answer there is which.
ANSWERED = {Stand.DECLINED: Answer.DECLINE, Stand.APPROVED: Answer.APPROVE, Stand.REJECTED: Answer.WITHDRAW}
Source = tuple[FromClause, Sequence[ColumnElement[bool]]]


def sources(asked: Asked, stand: Stand) -> Iterator[Source]:
    """Where CDRs are found that stand so, each with the conditions for them."""
    cdr, cleared = tables.cdr, tables.cdr_cleared
    waiting, mine = of_partner(asked, ANSWERED.get(stand))
    answer = newest_answer(cdr)
    alive = cdr.c.id.not_in(stopped(Decided.REJECT))
    if stand in OPEN:
        first = cdr.c.revision == 1 if stand is Stand.ACCEPTED else cdr.c.revision > 1
        yield waiting, (*mine, first, answer.is_(None), alive)
    elif stand is Stand.DECLINED:
        yield waiting, (*mine, answer == Answer.DECLINE, alive)
    elif stand is Stand.APPROVED:
        yield waiting, (*mine, answer == Answer.APPROVE, alive)
        who = cleared.c.provider_partner_id if asked.role is PartyRole.PROVIDER else cleared.c.operator_partner_id
        yield (
            cleared.join(cdr, cdr.c.id == cleared.c.cdr_id),
            (who == asked.partner_id, cleared.c.run_number >= asked.first_run),
        )
    else:
        last = select(func.max(tables.cdr_answer.c.answered_at)).where(tables.cdr_answer.c.cdr_id == cdr.c.id)
        decided = select(func.max(tables.cdr_decision.c.decided_at)).where(tables.cdr_decision.c.cdr_id == cdr.c.id)
        given_up = and_(answer == Answer.WITHDRAW, last.scalar_subquery() >= asked.since)
        yield waiting, (*mine, given_up, alive)
        by_office, mine = of_partner(asked, None)
        rejected = cdr.c.id.in_(stopped(Decided.REJECT)), decided.scalar_subquery() >= asked.since
        yield by_office, (*mine, *rejected)


def of_partner(asked: Asked, answer: Answer | None) -> tuple[FromClause, Sequence[ColumnElement[bool]]]:
    """The uncleared CDRs that concern a partner; of an operator with ``answer`` those of which that was answered ever:
    what it may ask for is known by that, and it may have sent very many.
    """
    cdr, uncleared, party = tables.cdr, tables.cdr_uncleared, partner_tables.party_id
    rows = uncleared.join(cdr, cdr.c.id == uncleared.c.cdr_id)
    if asked.role is PartyRole.OPERATOR:
        if answer is None:
            return rows, (cdr.c.operator_partner_id == asked.partner_id,)
        answered = tables.cdr_answer.c
        ever = answered.operator_partner_id == asked.partner_id, answered.kind == answer
        return rows, (uncleared.c.cdr_id.in_(select(answered.cdr_id).where(*ever)),)
    mine = select(party.c.party_key).where(
        party.c.partner_id == asked.partner_id, party.c.role == PartyRole.PROVIDER, party.c.active
    )
    return rows.join(party, receives(cdr)), (uncleared.c.provider_key.in_(mine), party.c.partner_id == asked.partner_id)


def note_given(context: Context, partner_id: int, rows: Sequence[int]) -> None:
    """A provider has been given these revisions, and may answer about them from now on. One that is gone meanwhile is
    left out.
    """
    cdr, given = tables.cdr, tables.cdr_given
    known = exists(select(given.c.cdr_id).where(given.c.cdr_id == cdr.c.id, given.c.partner_id == partner_id))
    now = literal(context.clock(), type_=given.c.given_at.type)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = cdr.c.id.in_(list(rows[start : start + ROWS_AT_ONCE]))
        new = select(cdr.c.id, literal(partner_id), now).where(some, ~known)
        with context.database.write() as transaction:
            context.database.lock(transaction, f"cdr_given:{partner_id}")
            transaction.execute(insert(given).from_select(["cdr_id", "partner_id", "given_at"], new))


def given_to(snapshot: Connection, partner_id: int, rows: Sequence[int]) -> set[int]:
    """Those of these rows that a provider has been given."""
    given = tables.cdr_given.c
    found: set[int] = set()
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = given.cdr_id.in_(list(rows[start : start + ROWS_AT_ONCE]))
        found.update(snapshot.execute(select(given.cdr_id).where(some, given.partner_id == partner_id)).scalars())
    return found


_cdr, _declined = tables.cdr.c, tables.cdr_answer.alias().c
# Made once: most uploads bring a single CDR, and each is told.
DECLINED = (
    select(_cdr.cdr_id)
    .join(_declined.cdr_id.table, _declined.cdr_id == _cdr.id)
    .join(tables.cdr_uncleared, tables.cdr_uncleared.c.cdr_id == _cdr.id)
    .where(_declined.operator_partner_id == bindparam("operator"), _declined.kind == Answer.DECLINE)
    .where(_declined.answered_at >= bindparam("since"), refusal(_cdr.id) == Answer.DECLINE)
    .where(_cdr.id.not_in(stopped(Decided.REJECT)))
    .group_by(_cdr.id, _cdr.cdr_id)
    .order_by(_cdr.id.desc())
    .limit(bindparam("most"))
)


def declined_of(context: Context, operator_partner_id: int, most: int) -> list[str]:
    """The ids of CDRs of an operator that are declined, the newest first; at most so many, and none from long ago."""
    since = context.clock() - timedelta(days=context.limits.cdr_archive_days)
    wanted = {"operator": operator_partner_id, "since": since, "most": most}
    with context.database.read() as snapshot:
        return list(snapshot.execute(DECLINED, wanted).scalars())
