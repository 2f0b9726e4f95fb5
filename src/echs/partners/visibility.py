"""Who sees whose records, as conditions of the store; and the notes of when that changed.

What a partner may not see it cannot infer: a reader's condition stands in every query that answers it.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, insert, literal, or_, select

from echs.base.context import Context
from echs.partners import tables
from echs.partners.change_numbers import next_change_number
from echs.partners.connection import ConnectionKind, ConnectionMode
from echs.partners.queries import is_active

# Of these kinds a reader has copies, that must follow when what it sees changes.
NOTED = (ConnectionKind.TOKENS, ConnectionKind.LOCATIONS)


# The query for the connection mode, which a migration entered.
MODE_OF_HOUSE = select(tables.house.c.value).where(tables.house.c.name == tables.CONNECTION_MODE)


def is_open() -> ColumnElement[bool]:
    """The condition that the house is open."""
    return MODE_OF_HOUSE.scalar_subquery() == literal(ConnectionMode.OPEN.value)


def sees(kind: ConnectionKind, reader: Any, owner: Any) -> ColumnElement[bool]:
    """The condition that one partner sees the records of this kind of another, which is active; its own it always sees.

    Reader and owner are columns, parameters or numbers.
    """
    table = tables.roaming_connection.alias()
    provider, operator = (owner, reader) if kind is ConnectionKind.TOKENS else (reader, owner)
    stands = select(table.c.id).where(
        table.c.kind == kind,
        table.c.provider_partner_id == provider,
        table.c.operator_partner_id == operator,
        table.c.until.is_(None),
    )
    return and_(is_active(owner), or_(is_open(), owner == reader, exists_of(stands, table)))


def may_receive(provider: Any, operator: Any, started_at: Any) -> ColumnElement[bool]:
    """The condition that a provider receives the CDR of an operator about a session that began then: their connection
    stands, or stood at that time.
    """
    table = tables.roaming_connection.alias()
    stood = and_(table.c.since <= started_at, table.c.until > started_at)
    connected = select(table.c.id).where(
        table.c.kind == ConnectionKind.CDRS,
        table.c.provider_partner_id == provider,
        table.c.operator_partner_id == operator,
        or_(table.c.until.is_(None), stood),
    )
    return or_(is_open(), provider == operator, exists_of(connected, table))


def exists_of(query: Select[Any], table: Any) -> ColumnElement[bool]:
    """That a row of the table is there. Whatever else the query names is of the queries around it, however far out:
    SQLAlchemy by itself looks no further than the next one, and would join the rest anew.
    """
    return query.correlate_except(table).exists()


def note_change(
    context: Context,
    transaction: Connection,
    reader_id: int | None,
    owner_id: int,
    kind: ConnectionKind,
    *,
    hides: bool,
    by_mode: bool = False,
) -> None:
    """Note that a reader sees an owner's records of this kind from now on, or no more; None stands for all readers, or
    ``by_mode`` for all that are not connected. Its number is among those of the changes of the lists.
    """
    row = {"kind": kind, "reader_id": reader_id, "owner_id": owner_id, "hides": hides, "by_mode": by_mode}
    seq = next_change_number(transaction, kind)
    transaction.execute(insert(tables.visibility_change).values(seq=seq, at=context.clock(), **row))


def note_owner(context: Context, transaction: Connection, owner_id: int, *, hides: bool) -> None:
    """Note that whoever may see an owner's records sees them from now on, or no more: nobody else is to learn of it."""
    everybody = transaction.execute(MODE_OF_HOUSE).scalar_one() == ConnectionMode.OPEN.value
    table = tables.roaming_connection.c
    for kind in NOTED:
        tokens = kind is ConnectionKind.TOKENS
        owner = table.provider_partner_id if tokens else table.operator_partner_id
        reader = table.operator_partner_id if tokens else table.provider_partner_id
        connected = select(reader).where(table.kind == kind, owner == owner_id, table.until.is_(None))
        readers = [None] if everybody else list(transaction.execute(connected).scalars())
        for each in readers:
            note_change(context, transaction, each, owner_id, kind, hides=hides)
