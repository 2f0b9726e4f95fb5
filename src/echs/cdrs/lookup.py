"""One CDR, and everything that is known of it."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, and_, select

from echs.base.context import Context
from echs.base.errors import Reason, named, refuse, shown
from echs.cdrs import tables
from echs.cdrs.pending import has_newer
from echs.cdrs.queries import ListedCdr, listed, listed_columns
from echs.cdrs.status import Answer, Decided
from echs.partners import tables as partner_tables
from echs.partners.partner import party_key


class LookupReason(Reason):
    """Why a CDR cannot be shown. These never go over the wire."""

    CDR_UNKNOWN = "CDR_UNKNOWN"
    CDR_OF_SEVERAL = "CDR_OF_SEVERAL"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about one CDR; ``decided_at`` is UTC, ``decided_by`` who decided."""

    number: int
    kind: Decided
    reason: str
    decided_at: datetime
    decided_by: str
    request_id: str


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One answer about one CDR; ``answered_at`` is UTC, ``answered_by`` a user id, None where it is the house's."""

    number: int
    kind: Answer
    answered_at: datetime
    answered_by: str | None
    request_id: str


@dataclass(frozen=True, slots=True)
class WholeCdr:
    """Everything that is known of one CDR. ``duration_s`` is as stated; ``payload`` is the record as it was sent in its
    ``protocol``, with the card number, which is shown to nobody.
    """

    listed: ListedCdr
    sender: str
    request_id: str
    duration_s: int | None
    protocol: str
    payload: str = field(repr=False)
    decisions: tuple[Decision, ...]
    revision: int = 1
    answers: tuple[GivenAnswer, ...] = ()


def look_up(context: Context, cdr_id: str, operator_id: str | None) -> WholeCdr:
    """The CDR with this number; the operator need be said only where several have used the number.

    :raises Refused: CDR_UNKNOWN, CDR_OF_SEVERAL
    """
    cdr, cleared = tables.cdr, tables.cdr_cleared
    rows = cdr.join(cleared, cleared.c.cdr_id == cdr.c.id, isouter=True)
    with context.database.read() as snapshot:
        number, _ = number_of(snapshot, cdr_id, operator_id)
        where = cdr.c.id == number
        found = listed(snapshot, select(*listed_columns()).select_from(rows).where(where))
        users = partner_tables.partner
        columns = (users.c.user_id, cdr.c.request_id, cdr.c.duration_s, cdr.c.protocol, cdr.c.payload, cdr.c.revision)
        query = select(*columns).join(users, users.c.id == cdr.c.operator_partner_id).where(where)
        user_id, request_id, duration_s, protocol, payload, revision = snapshot.execute(query).one()
        return WholeCdr(
            found[0],
            user_id,
            request_id,
            duration_s,
            protocol,
            payload,
            tuple(decisions_of(snapshot, number)),
            revision,
            tuple(answers_of(snapshot, number)),
        )


def decisions_of(snapshot: Connection, number: int) -> list[Decision]:
    """The decisions about the CDR of this row, in their order."""
    table = tables.cdr_decision
    columns = [table.c[name] for name in Decision.__slots__]
    rows = snapshot.execute(select(*columns).where(table.c.cdr_id == number).order_by(table.c.number))
    return [Decision(order, Decided(kind), *rest) for order, kind, *rest in rows]


def answers_of(snapshot: Connection, number: int) -> list[GivenAnswer]:
    """The answers of its partners about the CDR of this row, in their order."""
    table, users = tables.cdr_answer, partner_tables.partner
    columns = (table.c.number, table.c.kind, table.c.answered_at, users.c.user_id, table.c.request_id)
    query = select(*columns).join(users, users.c.id == table.c.partner_id, isouter=True)
    rows = snapshot.execute(query.where(table.c.cdr_id == number).order_by(table.c.number))
    return [GivenAnswer(order, Answer(kind), *rest) for order, kind, *rest in rows]


def number_of(snapshot: Connection, cdr_id: str, operator_id: str | None) -> tuple[int, str]:
    """The row of the newest revision of the CDR with this number, and the operator id that it was sent as.

    :raises Refused: CDR_UNKNOWN, CDR_OF_SEVERAL
    """
    cdr = tables.cdr
    where = and_(cdr.c.cdr_id == cdr_id, ~has_newer(cdr))
    if operator_id is not None:
        where &= cdr.c.operator_key == party_key(operator_id)
    found = [tuple(row) for row in snapshot.execute(select(cdr.c.id, cdr.c.operator_id).where(where).limit(20))]
    if not found:
        of = f" of operator {shown(operator_id)}" if operator_id is not None else ""
        raise refuse(LookupReason.CDR_UNKNOWN, f"there is no CDR {shown(cdr_id)}{of}; see: echs cdr list")
    if len(found) > 1:
        operators = named(sorted(operator for _, operator in found))
        detail = f"several operators have a CDR {shown(cdr_id)}: {operators}; say which with --operator"
        raise refuse(LookupReason.CDR_OF_SEVERAL, detail)
    return found[0]
