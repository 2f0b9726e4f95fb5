"""CDRs as an administrator looks them up. Card numbers are not among what is shown."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, exists, select

from echs.base.errors import Reason, named, refuse, shown
from echs.base.ground import Ground
from echs.cdrs import tables
from echs.cdrs.cdr import FIELDS, CdrRecord
from echs.cdrs.pending import newest_decision, owner_of, stopped
from echs.cdrs.rules import WARNINGS
from echs.cdrs.status import STOPPING, Decided, Status, status_of
from echs.partners import tables as partner_tables
from echs.partners.partner import party_key

IDS_AT_ONCE = 500
ORDER = {rule.name.value: place for place, rule in enumerate(WARNINGS)}


class LookupReason(Reason):
    """Why a CDR cannot be shown. These never go over the wire."""

    CDR_UNKNOWN = "CDR_UNKNOWN"
    CDR_OF_SEVERAL = "CDR_OF_SEVERAL"


@dataclass(frozen=True, slots=True)
class Warned:
    """What was odd about a CDR when it was accepted: the rule's name, the noun's field, the sentence."""

    name: str
    field: str
    detail: str


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
    warnings: tuple[Warned, ...]


@dataclass(frozen=True, slots=True)
class WholeCdr:
    """Everything that is known of one CDR; ``record`` has the texts as received, by the noun's names, but for the card
    number, of which ``has_token_id`` says whether there is one. ``duration_s`` is as stated.
    """

    listed: ListedCdr
    sender: str
    request_id: str
    duration_s: int | None
    has_token_id: bool
    record: dict[str, str]


def find(
    ground: Ground, status: Status | None, run_number: int | None, limit: int, *, only_warned: bool = False
) -> list[ListedCdr]:
    """The newest ``limit`` CDRs in this state and of this run, newest first; None stands for any."""
    cdr, uncleared, cleared, warning = tables.cdr, tables.cdr_uncleared, tables.cdr_cleared, tables.cdr_warning
    query = select(*listed_columns()).order_by(cdr.c.id.desc()).limit(limit)
    rows: FromClause = cdr
    if status in (Status.PENDING, Status.HELD):
        rows = rows.join(uncleared, uncleared.c.cdr_id == cdr.c.id)
        query = query.where(is_owned() if status is Status.PENDING else ~is_owned(), cdr.c.id.not_in(stopped()))
    if status in STOPPING.values():
        rows = rows.join(uncleared, uncleared.c.cdr_id == cdr.c.id)
        kind = next(kind for kind, state in STOPPING.items() if state is status)
        query = query.where(cdr.c.id.in_(stopped()), newest_decision(cdr.c.id) == kind)
    rows = rows.join(cleared, cleared.c.cdr_id == cdr.c.id, isouter=status is not Status.CLEARED)
    if run_number is not None:
        query = query.where(cleared.c.run_number == run_number)
    if only_warned:
        query = query.where(exists(select(warning.c.cdr_id).where(warning.c.cdr_id == cdr.c.id)))
    with ground.database.read() as snapshot:
        return listed(snapshot, query.select_from(rows))


def look_up(ground: Ground, cdr_id: str, operator_id: str | None) -> WholeCdr:
    """The CDR with this number; the operator need be said only where several have used the number.

    :raises Refused: CDR_UNKNOWN, CDR_OF_SEVERAL
    """
    cdr, cleared = tables.cdr, tables.cdr_cleared
    rows = cdr.join(cleared, cleared.c.cdr_id == cdr.c.id, isouter=True)
    with ground.database.read() as snapshot:
        number, _ = number_of(snapshot, cdr_id, operator_id)
        where = cdr.c.id == number
        found = listed(snapshot, select(*listed_columns()).select_from(rows).where(where))
        users = partner_tables.partner
        columns = [users.c.user_id, cdr.c.request_id, cdr.c.duration_s, *(cdr.c[field.name] for field in FIELDS)]
        query = select(*columns).join(users, users.c.id == cdr.c.operator_partner_id).where(where)
        sender, request_id, duration_s, *texts = snapshot.execute(query).one()
    record = CdrRecord._make(texts)._asdict()
    return WholeCdr(found[0], sender, request_id, duration_s, bool(record.pop("token_id")), record)


def number_of(snapshot: Connection, cdr_id: str, operator_id: str | None) -> tuple[int, str]:
    """The row of the CDR with this number, and the operator id that it was sent as.

    :raises Refused: CDR_UNKNOWN, CDR_OF_SEVERAL
    """
    cdr = tables.cdr
    where = cdr.c.cdr_id == cdr_id
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


def is_owned() -> ColumnElement[bool]:
    """The condition that somebody owns a CDR's provider id."""
    return exists(select(partner_tables.party_id.c.party_key).where(owner_of(tables.cdr.c.provider_key)))


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
    return [cdr.id, *shown_columns, is_owned(), newest_decision(cdr.id), tables.cdr_cleared.c.run_number]


def listed(snapshot: Connection, query: Select[Any]) -> list[ListedCdr]:
    """The CDRs of a query, each with the state that follows from its row, and its warnings."""
    rows: Sequence[Any] = snapshot.execute(query).all()
    warnings = warnings_by_cdr(snapshot, [row[0] for row in rows])
    found = []
    for number, *shown_values, owned, kind, run_number in rows:
        state = status_of(run_number, bool(owned), None if kind is None else Decided(kind))
        values: list[Any] = [*shown_values, state, run_number, tuple(warnings[number])]
        found.append(ListedCdr(*values))
    return found


def warnings_by_cdr(snapshot: Connection, ids: Sequence[int]) -> defaultdict[int, list[Warned]]:
    """The warnings of these CDRs, in the order of the rules."""
    warning = tables.cdr_warning
    found: defaultdict[int, list[Warned]] = defaultdict(list)
    for start in range(0, len(ids), IDS_AT_ONCE):
        query = select(warning).where(warning.c.cdr_id.in_(ids[start : start + IDS_AT_ONCE]))
        for number, *values in snapshot.execute(query):
            found[number].append(Warned(*values))
    for warned in found.values():
        # A rule of an earlier release may be gone from the table; its warnings stay.
        warned.sort(key=lambda each: (ORDER.get(each.name, len(ORDER)), each.name))
    return found
