"""By which protocols partners come: what one cannot say is told as soon as somebody speaks it."""

import logging
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, insert, literal, select

from echs.base.context import Context
from echs.base.database import Database
from echs.base.errors import Refused
from echs.partners import tables
from echs.partners.connection import ConnectionKind
from echs.partners.queries import is_active
from echs.partners.visibility import sees

log = logging.getLogger(__name__)

# What this process has seen in the store, or put there.
_noted: WeakKeyDictionary[Database, set[tuple[int, str]]] = WeakKeyDictionary()


def note_protocol(context: Context, partner_id: int, protocol: str) -> None:
    """Remember that a partner came by this protocol; it is written once. A store that cannot take it now fails nothing:
    the next request tells it again.
    """
    noted, one = _noted.setdefault(context.database, set()), (partner_id, protocol)
    if one in noted:
        return
    table = tables.partner_protocol
    known = select(table.c.protocol).where(table.c.partner_id == partner_id, table.c.protocol == protocol)
    try:
        with context.database.read() as snapshot:
            missing = snapshot.execute(known).first() is None
        if missing:
            with context.database.write() as transaction:
                context.database.lock(transaction, table.name)
                if transaction.execute(known).first() is None:
                    row = {"partner_id": partner_id, "protocol": protocol, "first_at": context.clock()}
                    transaction.execute(insert(table).values(row))
    except Refused:
        log.warning("which protocol a partner speaks could not be written")
        return
    noted.add(one)


def spoken_by_readers(snapshot: Connection, owner_id: int, kind: ConnectionKind) -> list[str]:
    """The protocols by which other active partners ever came that see an owner's records of this kind."""
    table = tables.partner_protocol.c
    reads = is_active(table.partner_id), sees(kind, table.partner_id, literal(owner_id))
    query = select(table.protocol).distinct().where(table.partner_id != owner_id, *reads)
    return list(snapshot.execute(query.order_by(table.protocol)).scalars())
