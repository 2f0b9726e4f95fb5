"""What stands around the CDRs of an upload: the lists that they should agree with, the sessions that they overlap.

All of it is asked in sets, never record by record. Overlaps are looked for among the nearest sessions of the same
socket or card, ten that began before and ten that began during the session: enough to find one if there is any, but for
a session that spans more than ten others (those were warned of themselves), and a bound on the work whatever is sent.

What the sender is told of is looked for among its own sessions alone: were the ten nearest of everybody looked at, the
answer would tell a sender whether a card was used elsewhere.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Integer, Select, and_, bindparam, func, select

from echs.base.context import Context
from echs.base.database import Database
from echs.base.errors import shown
from echs.base.prepared_query import PreparedQuery
from echs.cdrs import tables
from echs.cdrs.cdr import Cdr
from echs.cdrs.rules import Key, socket_key
from echs.partners import tables as partner_tables
from echs.partners.connection import ConnectionKind
from echs.partners.partner import Partner
from echs.partners.queries import owners_of_provider_keys
from echs.partners.standard_ids import contract_spellings, plain
from echs.partners.visibility import sees

NEIGHBOURS = 10
IDS_AT_ONCE = 500

# Those of some ids that stand in the present list of an owner; None where the owner never published one.
Lookup = Callable[[Connection, int, Collection[str]], set[str] | None]


@dataclass(frozen=True, slots=True)
class ListLookups:
    """What CDRs are compared with in the lists of the partners: the rooms of the lists answer."""

    tokens: Lookup
    # Those that stand there with their bytes turned, or with fewer zeros before them.
    turned_tokens: Lookup
    contracts: Lookup
    chargepoints: Lookup


@dataclass(frozen=True, slots=True)
class PublishedIds:
    """What the lists know of the CDRs of an upload; see `echs.cdrs.rules.RuleContext`."""

    tokens: Mapping[str, set[str]]
    turned_tokens: Mapping[str, set[str]]
    contracts: Mapping[str, set[str]]
    chargepoints: set[str] | None


def published_ids(context: Context, lists: ListLookups, sender: Partner, cdrs: Iterable[Cdr]) -> PublishedIds:
    """Look the cards up in their providers' lists, and the sockets in the sender's."""
    tokens: dict[str, set[str]] = defaultdict(set)
    contracts: dict[str, set[str]] = defaultdict(set)
    sockets: set[str] = set()
    for cdr in cdrs:
        sockets.add(socket_key(cdr))
        if cdr.token_id:
            tokens[cdr.provider_key].add(plain(cdr.token_id))
        else:
            contracts[cdr.provider_key].update(contract_spellings(cdr.contract_id))
    known_tokens: dict[str, set[str]] = {}
    turned_tokens: dict[str, set[str]] = {}
    known_contracts: dict[str, set[str]] = {}
    with context.database.read() as snapshot:
        owners = visible_owners(snapshot, sender, owners_of_provider_keys(snapshot, {*tokens, *contracts}))
        for key, owner in owners.items():
            cards = looked_up(snapshot, lists.tokens, owner, tokens[key])
            others = looked_up(snapshot, lists.contracts, owner, contracts[key])
            if cards is not None and others is not None:
                known_tokens[key], known_contracts[key] = cards, others
                turned_tokens[key] = lists.turned_tokens(snapshot, owner, tokens[key] - cards) or set()
        known_sockets = looked_up(snapshot, lists.chargepoints, sender.id, sockets)
    return PublishedIds(known_tokens, turned_tokens, known_contracts, known_sockets)


VISIBLE_OWNERS = select(partner_tables.partner.c.id).where(
    partner_tables.partner.c.id.in_(bindparam("owners", expanding=True)),
    sees(ConnectionKind.TOKENS, bindparam("sender", type_=Integer), partner_tables.partner.c.id),
)


def visible_owners(snapshot: Connection, sender: Partner, owners: Mapping[str, int]) -> dict[str, int]:
    """Those of the owners whose tokens the sender may see: of the others a warning would tell what stands in a list."""
    asked = {"owners": sorted(set(owners.values())), "sender": sender.id}
    visible = set(snapshot.execute(VISIBLE_OWNERS, asked).scalars())
    return {key: owner for key, owner in owners.items() if owner in visible}


def looked_up(snapshot: Connection, lookup: Lookup, owner_id: int, wanted: set[str]) -> set[str] | None:
    """Those that are known. Beyond ASCII the stores do not agree on what an upper case is: such ids pass as known."""
    foreign = {each for each in wanted if not each.isascii()}
    known = lookup(snapshot, owner_id, wanted - foreign)
    return None if known is None else foreign | known


@dataclass(frozen=True, slots=True)
class Overlaps:
    """The sentences about sessions that overlap, by the key of the new CDR."""

    socket: Mapping[Key, str]
    card: Mapping[Key, str]
    card_elsewhere: Mapping[Key, str]


def overlaps(database: Database, transaction: Connection, after_id: int, last_id: int, request_id: str) -> Overlaps:
    """What the CDRs overlap that this request has just stored, those behind ``after_id`` up to ``last_id``."""
    rows = database.fetch_within(transaction, OVERLAPPING, after_id=after_id, last_id=last_id, request_id=request_id)
    others = sessions(transaction, sorted({found for _, _, *ids in rows for found in ids if found is not None}))
    at_socket, by_card, by_card_elsewhere = (
        {(key, cdr_id): others[ids[place]] for key, cdr_id, *ids in rows if ids[place] is not None}
        for place in range(3)
    )
    return Overlaps(
        {key: f"overlaps CDR {other.number} of the same partner, {other.time}" for key, other in at_socket.items()},
        {
            key: f"overlaps CDR {other.number} of the same partner, by the same card or contract, {other.time}"
            for key, other in by_card.items()
        },
        {
            key: f"overlaps CDR {other.number} of {other.operator_id}, by the same card or contract, {other.time}"
            for key, other in by_card_elsewhere.items()
        },
    )


Condition = Callable[[FromClause], ColumnElement[bool]]


def overlapping_query() -> Select[Any]:
    """The key of each new CDR, and the numbers of sessions that it overlaps: at the sender's socket, by the sender's
    card, by a card elsewhere."""
    new = tables.cdr.alias("new")

    def own(other: FromClause) -> ColumnElement[bool]:
        return other.c.operator_partner_id == new.c.operator_partner_id

    def elsewhere(other: FromClause) -> ColumnElement[bool]:
        return other.c.operator_partner_id != new.c.operator_partner_id

    def own_socket(other: FromClause) -> ColumnElement[bool]:
        same = and_(other.c.operator_key == new.c.operator_key, tables.socket(other) == tables.socket(new))
        return and_(own(other), same)

    def card(other: FromClause) -> ColumnElement[bool]:
        return tables.card(other) == tables.card(new)

    def own_card(other: FromClause) -> ColumnElement[bool]:
        return and_(own(other), card(other))

    return select(
        new.c.operator_key,
        new.c.cdr_id,
        overlapping(new, own_socket, own),
        overlapping(new, own_card, own),
        overlapping(new, card, elsewhere),
    ).where(
        new.c.id > bindparam("after_id"),
        new.c.id <= bindparam("last_id"),
        new.c.request_id == bindparam("request_id"),
    )


def overlapping(new: FromClause, same: Condition, wanted: Condition) -> ColumnElement[Any]:
    """The number of a session at the same time as the new one; null where there is none among the nearest."""
    found = []
    for when in ("during", "before"):
        other = nearest(new, same, when)
        still_on = and_(wanted(other), other.c.ended_at > new.c.started_at)
        found.append(select(other.c.id).where(still_on).limit(1).correlate(new).scalar_subquery())
    return func.coalesce(*found)


def nearest(new: FromClause, same: Condition, when: str) -> FromClause:
    """The nearest other sessions that began before or during the new one."""
    other = tables.cdr.alias()
    query = select(other.c.id, other.c.operator_partner_id, other.c.ended_at).where(same(other), other.c.id != new.c.id)
    if when == "before":
        query = query.where(other.c.started_at < new.c.started_at).order_by(other.c.started_at.desc())
    else:
        query = query.where(other.c.started_at >= new.c.started_at, other.c.started_at < new.c.ended_at)
        query = query.order_by(other.c.started_at)
    return query.limit(NEIGHBOURS).correlate(new).subquery()


OVERLAPPING = PreparedQuery(overlapping_query())


@dataclass(frozen=True, slots=True)
class Session:
    """The other session, as a sentence names it."""

    number: str
    operator_id: str
    time: str


def sessions(transaction: Connection, ids: Sequence[int]) -> dict[int, Session]:
    """The sessions of these numbers."""
    cdr = tables.cdr
    found = {}
    for start in range(0, len(ids), IDS_AT_ONCE):
        query = select(cdr.c.id, cdr.c.cdr_id, cdr.c.operator_id, cdr.c.started_at, cdr.c.ended_at)
        for number, cdr_id, operator_id, *times in transaction.execute(
            query.where(cdr.c.id.in_(ids[start : start + IDS_AT_ONCE]))
        ):
            began, ended = (time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in times)
            found[number] = Session(shown(cdr_id), shown(operator_id), f"{began} to {ended}")
    return found
