"""What an administrator does with connections: enter them, end them, open and close the house."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, select, update

from echs.audit import trail
from echs.audit.entry import Action
from echs.base.context import Context
from echs.base.digest import digest_of_rows
from echs.base.errors import NOTHING_CHANGED, refuse, shown
from echs.partners import tables
from echs.partners.connection import ConnectionKind, ConnectionMode, ConnectionReason, RoamingConnection
from echs.partners.partner import Partner
from echs.partners.queries import LOCK, find
from echs.partners.visibility import MODE_OF_HOUSE, NOTED, note_change


@dataclass(frozen=True, slots=True)
class Connected:
    """What became of a change of connections: the kinds that it touched, and those that were so already."""

    provider: Partner
    operator: Partner
    changed: tuple[ConnectionKind, ...]
    unchanged: tuple[ConnectionKind, ...]


def mode(context: Context) -> ConnectionMode:
    """Whether the house is open or closed."""
    with context.database.read() as snapshot:
        return mode_in(snapshot)


def mode_in(snapshot: Connection) -> ConnectionMode:
    """The same inside of a snapshot of the caller's."""
    return ConnectionMode(snapshot.execute(MODE_OF_HOUSE).scalar_one())


def set_mode(context: Context, wanted: ConnectionMode) -> ConnectionMode:
    """Open or close the house; which it was before."""
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        before = mode_in(transaction)
        if before is wanted:
            return before
        house = tables.house
        transaction.execute(update(house).where(house.c.name == tables.CONNECTION_MODE).values(value=wanted.value))
        active = select(tables.partner.c.id).where(tables.partner.c.active).order_by(tables.partner.c.id)
        for owner_id in list(transaction.execute(active).scalars()):
            for kind in NOTED:
                hides = wanted is ConnectionMode.CLOSED
                note_change(context, transaction, None, owner_id, kind, hides=hides, by_mode=True)
        audited(context, transaction, Action.CONNECTION_MODE, "the house", {"mode": wanted.value})
        return before


def connect(context: Context, provider_user: str, operator_user: str, kinds: Sequence[ConnectionKind]) -> Connected:
    """Let a provider and an operator exchange records of these kinds from now on.

    :raises Refused: PARTNER_UNKNOWN, CONNECTION_VALUE; CONNECTION_EXISTS where all of it stands already
    """
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        provider, operator = find(transaction, provider_user), find(transaction, operator_user)
        refuse_impossible(provider, operator)
        standing = standing_kinds(transaction, provider, operator)
        new = tuple(kind for kind in kinds if kind not in standing)
        if not new:
            detail = f"{shown(provider.user_id)} and {shown(operator.user_id)} are connected already"
            raise refuse(ConnectionReason.CONNECTION_EXISTS, detail, effect=NOTHING_CHANGED)
        now = context.clock()
        for kind in new:
            row = {"kind": kind, "since": now, "until": None, **pair(provider, operator)}
            transaction.execute(insert(tables.roaming_connection).values(row))
        note(context, transaction, provider, operator, new, hides=False)
        subject = f"{provider.user_id} and {operator.user_id}"
        audited(context, transaction, Action.CONNECTION_ADDED, subject, {"kinds": list(new)})
        return Connected(provider, operator, new, tuple(kind for kind in kinds if kind not in new))


def disconnect(context: Context, provider_user: str, operator_user: str, kinds: Sequence[ConnectionKind]) -> Connected:
    """End a connection. CDRs of sessions that began before go on to be cleared.

    :raises Refused: PARTNER_UNKNOWN; CONNECTION_UNKNOWN where none of it stands
    """
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        provider, operator = find(transaction, provider_user), find(transaction, operator_user)
        standing = standing_kinds(transaction, provider, operator)
        ended = tuple(kind for kind in kinds if kind in standing)
        if not ended:
            detail = (
                f"{shown(provider.user_id)} as provider is not connected with {shown(operator.user_id)} as operator"
            )
            raise refuse(ConnectionReason.CONNECTION_UNKNOWN, detail, effect=NOTHING_CHANGED)
        end(transaction, context.clock(), provider, operator, ended)
        note(context, transaction, provider, operator, ended, hides=True)
        subject = f"{provider.user_id} and {operator.user_id}"
        audited(context, transaction, Action.CONNECTION_ENDED, subject, {"kinds": list(ended)})
        return Connected(provider, operator, ended, tuple(kind for kind in kinds if kind not in ended))


def refuse_impossible(provider: Partner, operator: Partner) -> None:
    """A partner needs no connection with itself, and one that left can have none.

    :raises Refused: CONNECTION_VALUE
    """
    if provider.id == operator.id:
        detail = "a partner sees what is its own without a connection"
        raise refuse(ConnectionReason.CONNECTION_VALUE, detail, effect=NOTHING_CHANGED)
    for each in (provider, operator):
        if each.retired_at is not None:
            detail = f"{shown(each.user_id)} was retired on {each.retired_at:%Y-%m-%d}"
            raise refuse(ConnectionReason.CONNECTION_VALUE, detail, effect=NOTHING_CHANGED)


def pair(provider: Partner, operator: Partner) -> dict[str, int]:
    """The two as the store names them."""
    return {"provider_partner_id": provider.id, "operator_partner_id": operator.id}


def standing_kinds(snapshot: Connection, provider: Partner, operator: Partner) -> set[ConnectionKind]:
    """The kinds that stand between the two."""
    query = select(tables.roaming_connection.c.kind).where(standing_between(provider, operator))
    return {ConnectionKind(kind) for kind in snapshot.execute(query).scalars()}


def standing_between(provider: Partner, operator: Partner) -> ColumnElement[bool]:
    """The condition that a connection stands between the two."""
    table = tables.roaming_connection.c
    return and_(
        table.provider_partner_id == provider.id, table.operator_partner_id == operator.id, table.until.is_(None)
    )


def end(
    transaction: Connection, now: datetime, provider: Partner, operator: Partner, kinds: Iterable[ConnectionKind]
) -> None:
    """Let these kinds end now; what began at this very instant is as if it had never been."""
    table = tables.roaming_connection
    ending = standing_between(provider, operator) & table.c.kind.in_(list(kinds))
    transaction.execute(delete(table).where(ending, table.c.since >= now))
    transaction.execute(update(table).where(ending).values(until=now))


def note(
    context: Context,
    transaction: Connection,
    provider: Partner,
    operator: Partner,
    kinds: Iterable[ConnectionKind],
    *,
    hides: bool,
) -> None:
    """Note what the two see of each other from now on, or no more; in an open house nothing changes by it."""
    if mode_in(transaction) is ConnectionMode.OPEN:
        return
    for kind in kinds:
        if kind is ConnectionKind.TOKENS:
            note_change(context, transaction, operator.id, provider.id, kind, hides=hides)
        elif kind is ConnectionKind.LOCATIONS:
            note_change(context, transaction, provider.id, operator.id, kind, hides=hides)


def audited(context: Context, transaction: Connection, action: Action, subject: str, facts: dict[str, object]) -> None:
    """Enter a change into the audit trail, with the state of all connections after it."""
    trail.record(context, transaction, action, subject, {**facts, "state": state_of(transaction)})


def state_of(snapshot: Connection) -> str:
    """The digest of the mode and of all connections that are or were."""
    table = tables.roaming_connection.c
    columns = (table.provider_partner_id, table.operator_partner_id, table.kind, table.since, table.until)
    order = (table.provider_partner_id, table.operator_partner_id, table.kind, table.since)
    rows = snapshot.execute(select(*columns).order_by(*order)).all()
    return digest_of_rows([(mode_in(snapshot).value,), *map(tuple, rows)])


def all_connections(context: Context, *, ended_too: bool = False) -> list[RoamingConnection]:
    """The connections that stand, or with those that ended, by provider, operator, kind and beginning."""
    with context.database.read() as snapshot:
        return list(connections_in(snapshot, ended_too=ended_too))


def connections_in(snapshot: Connection, *, ended_too: bool = False) -> Iterator[RoamingConnection]:
    """The same inside of a snapshot of the caller's."""
    table = tables.roaming_connection.c
    provider, operator = tables.partner.alias(), tables.partner.alias()
    query = (
        select(provider.c.user_id, operator.c.user_id, table.kind, table.since, table.until)
        .join(provider, provider.c.id == table.provider_partner_id)
        .join(operator, operator.c.id == table.operator_partner_id)
        .order_by(provider.c.user_key, operator.c.user_key, table.kind, table.since)
    )
    for user, other, kind, since, until in snapshot.execute(query if ended_too else query.where(table.until.is_(None))):
        yield RoamingConnection(user, other, ConnectionKind(kind), since, until)


def connection_count(snapshot: Connection) -> int:
    """How many kinds of connections stand."""
    table = tables.roaming_connection.c
    return snapshot.execute(select(func.count()).where(table.until.is_(None))).scalar() or 0


def was_ever_connected(context: Context) -> bool:
    """Whether a connection was ever entered."""
    with context.database.read() as snapshot:
        return bool(snapshot.execute(select(exists(select(tables.roaming_connection.c.id)))).scalar())


@dataclass(frozen=True, slots=True)
class OperatorConnections:
    """The providers that an operator's CDRs go to: when each connection stood, by partner; None where the house is
    open. It says of a CDR what `echs.partners.visibility.may_receive` says in the store.
    """

    operator_id: int
    spans: Mapping[int, Sequence[tuple[datetime, datetime | None]]] | None

    def let_through(self, provider_id: int | None, started_at: datetime) -> bool:
        """Whether a CDR about a session that began then reaches this provider, None where there is none."""
        if provider_id is None or self.spans is None or provider_id == self.operator_id:
            return provider_id is not None
        return any(until is None or since <= started_at < until for since, until in self.spans.get(provider_id, ()))


def connections_of_operator(snapshot: Connection, operator_id: int) -> OperatorConnections:
    """Along which connections an operator's CDRs go."""
    if mode_in(snapshot) is ConnectionMode.OPEN:
        return OperatorConnections(operator_id, None)
    table = tables.roaming_connection.c
    mine = and_(table.operator_partner_id == operator_id, table.kind == ConnectionKind.CDRS)
    spans: dict[int, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for provider_id, since, until in snapshot.execute(
        select(table.provider_partner_id, table.since, table.until).where(mine)
    ):
        spans[provider_id].append((since, until))
    return OperatorConnections(operator_id, spans)
