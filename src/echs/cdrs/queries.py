"""CDRs as an administrator lists them, by whatever filter, page by page. Card numbers are not among what is shown.

Pages follow each other by the number of the row, the newest first: no page sorts what it could show, and the next one
begins where the last one ended, whatever came in meanwhile.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, exists, func, or_, select

from echs.base.context import Context
from echs.cdrs import tables
from echs.cdrs.pending import (
    GOES,
    has_newer,
    is_refused,
    newest_answer,
    newest_decision,
    receives,
    refused_by_partners,
    said_of,
    stopped,
)
from echs.cdrs.rules import WARNINGS
from echs.cdrs.status import REFUSING, STOPPING, Answer, Decided, Status, status_of
from echs.partners import tables as partner_tables
from echs.partners.partner import Answers, PartyRole, party_key

IDS_AT_ONCE = 500
ROWS_AT_ONCE = 1000
# In which nobody has kept a CDR out of the next run.
OPEN = (Status.PENDING, Status.AWAITING, Status.HELD)
ORDER = {rule.name.value: place for place, rule in enumerate(WARNINGS)}


@dataclass(frozen=True, slots=True)
class ListedWarning:
    """What was odd about a CDR when it was accepted: the rule's name, the noun's field, the sentence."""

    name: str
    field: str
    detail: str


@dataclass(frozen=True, slots=True)
class ListedCdr:
    """One line of the listing; instants in UTC, volume in 0.0001 kWh. ``row`` is where the next page begins."""

    row: int
    cdr_id: str
    operator_id: str
    provider_id: str
    started_at: datetime
    ended_at: datetime
    volume_e4_kwh: int
    received_at: datetime
    status: Status
    run_number: int | None
    contract_id: str
    chargepoint_id: str
    evse_id: str
    city: str
    warnings: tuple[ListedWarning, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which CDRs are wanted; None, or false, stands for any.

    ``partner_id`` sent the CDR, or receives it as the owner of a provider id now, or as it was when it was cleared.
    ``since`` and ``until`` are about the start of the session (UTC, ``until`` not included).
    """

    status: Status | None = None
    run_number: int | None = None
    partner_id: int | None = None
    operator_id: str | None = None
    provider_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    only_warned: bool = False

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """What a row of ``cdr``, with ``cdr_cleared`` beside it, must fulfil."""
        cdr, cleared, warning = tables.cdr.c, tables.cdr_cleared.c, tables.cdr_warning.c
        if self.status in OPEN:
            said = said_of(tables.cdr, receiver_answers())
            wanted = {Status.PENDING: GOES, Status.AWAITING: (Answers.EXPLICIT.value,)}.get(self.status)
            yield and_(has_receiver(), said.in_(wanted)) if wanted else and_(~has_receiver(), ~is_refused(cdr.id))
            yield cdr.id.not_in(stopped())
        elif self.status in REFUSING.values():
            kind = next(answer for answer, state in REFUSING.items() if state is self.status)
            refused = refused_by_partners().subquery()
            yield cdr.id.in_(select(refused.c.cdr_id).where(refused.c.kind == kind))
        elif self.status is Status.SUPERSEDED:
            yield has_newer(tables.cdr)
        elif self.status in STOPPING.values():
            decision = next(kind for kind, state in STOPPING.items() if state is self.status)
            yield cdr.id.in_(stopped())
            yield newest_decision(cdr.id) == decision
        if self.run_number is not None:
            yield cleared.run_number == self.run_number
        if self.partner_id is not None:
            party = partner_tables.party_id.c
            mine = select(party.party_key).where(party.partner_id == self.partner_id, party.role == PartyRole.PROVIDER)
            receives = and_(cleared.cdr_id.is_(None), unsorted(cdr.provider_key).in_(mine.where(party.active)))
            yield or_(
                unsorted(cdr.operator_partner_id) == self.partner_id,
                cleared.provider_partner_id == self.partner_id,
                receives,
            )
        if self.operator_id is not None:
            yield unsorted(cdr.operator_key) == party_key(self.operator_id)
        if self.provider_id is not None:
            yield unsorted(cdr.provider_key) == party_key(self.provider_id)
        if self.since is not None:
            yield cdr.started_at >= self.since
        if self.until is not None:
            yield cdr.started_at < self.until
        if self.only_warned:
            yield exists(select(warning.cdr_id).where(warning.cdr_id == cdr.id))


def unsorted(column: Any) -> Any:
    """A column whose index is not used: it would have to be sorted for the order of the page."""
    return func.coalesce(column, column)


def find(
    context: Context, status: Status | None, run_number: int | None, limit: int, *, only_warned: bool = False
) -> list[ListedCdr]:
    """The newest ``limit`` CDRs in this state and of this run, newest first; None stands for any."""
    with context.database.read() as snapshot:
        return page(snapshot, Filter(status, run_number, only_warned=only_warned), None, limit)


def page(snapshot: Connection, wanted: Filter, before: int | None, limit: int) -> list[ListedCdr]:
    """The newest ``limit`` CDRs that are wanted, newest first, of those whose row stands ``before`` one."""
    return listed(snapshot, page_query(wanted, before, limit))


def page_query(wanted: Filter, before: int | None, limit: int) -> Select[Any]:
    """The query of a page."""
    cdr, uncleared, cleared = tables.cdr, tables.cdr_uncleared, tables.cdr_cleared
    rows: FromClause = cdr
    order = cdr.c.id
    if wanted.status not in (None, Status.CLEARED, Status.SUPERSEDED):
        rows, order = uncleared.join(cdr, cdr.c.id == uncleared.c.cdr_id), uncleared.c.cdr_id
    only_cleared = wanted.status is Status.CLEARED or wanted.run_number is not None
    rows = rows.join(cleared, cleared.c.cdr_id == cdr.c.id, isouter=not only_cleared)
    query = select(*listed_columns()).select_from(rows).where(*wanted.conditions()).order_by(order.desc()).limit(limit)
    return query if before is None else query.where(order < before)


def every_cdr(context: Context, wanted: Filter, before: int | None = None) -> Iterator[ListedCdr]:
    """All CDRs that are wanted, newest first, from one snapshot of the store; however many they are."""
    with context.database.read(patient=True) as snapshot:
        while found := page(snapshot, wanted, before, ROWS_AT_ONCE):
            yield from found
            before = found[-1].row


def has_receiver() -> ColumnElement[bool]:
    """The condition that somebody receives a CDR."""
    return exists(select(partner_tables.party_id.c.party_key).where(receives(tables.cdr)))


def receiver_answers() -> Any:
    """How whoever receives a CDR decides about it; null where nobody does."""
    party, partner = partner_tables.party_id, partner_tables.partner
    query = select(partner.c.answers).join(party, party.c.partner_id == partner.c.id).where(receives(tables.cdr))
    return query.limit(1).scalar_subquery()


def listed_columns() -> list[ColumnElement[Any]]:
    """What `listed` needs of a CDR, from a query that has ``cdr_cleared`` beside it."""
    cdr = tables.cdr.c
    shown_columns = [
        cdr.cdr_id,
        cdr.operator_id,
        cdr.provider_id,
        cdr.started_at,
        cdr.ended_at,
        cdr.volume_e4_kwh,
        cdr.received_at,
    ]
    more = [cdr.contract_id, cdr.chargepoint_id, cdr.evse_id, cdr.city]
    state = (receiver_answers(), newest_decision(cdr.id), newest_answer(tables.cdr), has_newer(tables.cdr))
    return [cdr.id, *shown_columns, *state, tables.cdr_cleared.c.run_number, *more]


def listed(snapshot: Connection, query: Select[Any]) -> list[ListedCdr]:
    """The CDRs of a query, each with the state that follows from its row, and its warnings."""
    rows: Sequence[Any] = snapshot.execute(query).all()
    warnings = warnings_by_cdr(snapshot, [row[0] for row in rows])
    found = []
    for (
        number,
        *shown_values,
        answers,
        kind,
        answer,
        newer,
        run_number,
        contract_id,
        chargepoint_id,
        evse_id,
        city,
    ) in rows:
        state = status_of(
            run_number,
            answers is not None,
            None if kind is None else Decided(kind),
            None if answer is None else Answer(answer),
            explicit=answers == Answers.EXPLICIT,
            superseded=bool(newer),
        )
        more = (contract_id, chargepoint_id, evse_id, city)
        values: list[Any] = [number, *shown_values, state, run_number, *more, tuple(warnings[number])]
        found.append(ListedCdr(*values))
    return found


def warnings_by_cdr(snapshot: Connection, ids: Sequence[int]) -> defaultdict[int, list[ListedWarning]]:
    """The warnings of these CDRs, in the order of the rules."""
    warning = tables.cdr_warning
    found: defaultdict[int, list[ListedWarning]] = defaultdict(list)
    for start in range(0, len(ids), IDS_AT_ONCE):
        query = select(warning).where(warning.c.cdr_id.in_(ids[start : start + IDS_AT_ONCE]))
        for number, *values in snapshot.execute(query):
            found[number].append(ListedWarning(*values))
    for warned in found.values():
        # A rule of an earlier release may be gone from the table; its warnings stay.
        warned.sort(key=lambda each: (ORDER.get(each.name, len(ORDER)), each.name))
    return found
