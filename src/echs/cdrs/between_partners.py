"""CDRs as their provider and their operator ask for them: by where they stand between the two (OCHP 1.4, GetCDRs and
CheckCDRs).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, and_, bindparam, func, or_, select

from echs.base.context import Context
from echs.cdrs import tables
from echs.cdrs.pending import newest_answer, newest_decision, receives, stopped
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
    ``first_row``, in batches, from one snapshot.
    """
    cdr = tables.cdr
    first = cdr.alias()
    of_first = select(func.min(first.c.id)).where(
        first.c.operator_key == cdr.c.operator_key, first.c.cdr_id == cdr.c.cdr_id
    )
    columns = (cdr, of_first.scalar_subquery().label("first_row"))
    with context.database.read(patient=True) as snapshot:
        for stand in stands:
            for rows, conditions in sources(asked, stand):
                query = select(*columns).select_from(rows).where(*conditions).order_by(cdr.c.id)
                result = snapshot.execute(query.execution_options(yield_per=ROWS_AT_ONCE))
                for some in result.partitions():
                    yield stand, some


Source = tuple[FromClause, Sequence[ColumnElement[bool]]]


def sources(asked: Asked, stand: Stand) -> Iterator[Source]:
    """Where CDRs are found that stand so, each with the conditions for them."""
    cdr, cleared = tables.cdr, tables.cdr_cleared
    waiting, mine = of_partner(asked)
    answer = newest_answer(cdr.c.id)
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
        rejected = and_(newest_decision(cdr.c.id) == Decided.REJECT, decided.scalar_subquery() >= asked.since)
        yield waiting, (*mine, or_(given_up, rejected))


def of_partner(asked: Asked) -> tuple[FromClause, Sequence[ColumnElement[bool]]]:
    """The uncleared CDRs that concern a partner."""
    cdr, uncleared, party = tables.cdr, tables.cdr_uncleared, partner_tables.party_id
    rows = uncleared.join(cdr, cdr.c.id == uncleared.c.cdr_id)
    if asked.role is PartyRole.OPERATOR:
        return rows, (cdr.c.operator_partner_id == asked.partner_id,)
    mine = select(party.c.party_key).where(
        party.c.partner_id == asked.partner_id, party.c.role == PartyRole.PROVIDER, party.c.active
    )
    return rows.join(party, receives(cdr)), (uncleared.c.provider_key.in_(mine), party.c.partner_id == asked.partner_id)


def note_given(context: Context, rows: Sequence[int]) -> None:
    """The provider of these revisions has been given them, and may answer about them from now on."""
    given = tables.cdr_revision_given
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = list(rows[start : start + ROWS_AT_ONCE])
        known = select(given.c.cdr_id).where(given.c.cdr_id.in_(some))
        with context.database.read() as snapshot:
            new = set(some) - set(snapshot.execute(known).scalars())
        if not new:
            continue
        with context.database.write() as transaction:
            context.database.lock(transaction, "cdr_revision_given")
            new -= set(transaction.execute(known).scalars())
            values = [(row, context.database.as_stored(context.clock())) for row in sorted(new)]
            context.database.insert_rows(transaction, given, ("cdr_id", "given_at"), values)


_cdr, _declined = tables.cdr.c, tables.cdr_answer.alias().c
# Made once: most uploads bring a single CDR, and each is told.
DECLINED = (
    select(_cdr.cdr_id)
    .join(_declined.cdr_id.table, _declined.cdr_id == _cdr.id)
    .join(tables.cdr_uncleared, tables.cdr_uncleared.c.cdr_id == _cdr.id)
    .where(_declined.kind == Answer.DECLINE, _declined.answered_at >= bindparam("since"))
    .where(_cdr.operator_partner_id == bindparam("operator"), newest_answer(_cdr.id) == Answer.DECLINE)
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
