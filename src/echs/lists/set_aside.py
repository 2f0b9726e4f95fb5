"""Uploads that would have removed too much of a list: put aside as they were sent, released or discarded later."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from echs.base import request_context
from echs.lists.list_content import ListContent
from echs.lists.tables import list_set_aside, list_set_aside_part

RECORD_END = "\x1e"
RECORDS_OF_A_PART = 5000


@dataclass(frozen=True, slots=True)
class SetAside:
    """An upload that was put aside: how many records it has, and how many of the list's it would remove."""

    owner_id: int
    request_id: str
    received_at: datetime
    protocol: str
    record_count: int
    removed: int


def store(
    transaction: Connection,
    name: str,
    owner_id: int,
    content: ListContent[Any],
    removed: int,
    now: datetime,
) -> None:
    """Put an upload aside, in the place of the one that was before it."""
    discard(transaction, name, owner_id)
    head = {
        "list": name,
        "partner_id": owner_id,
        "request_id": request_context.current().request_id,
        "received_at": now,
        "protocol": content.protocol,
        "record_count": content.stored,
        "removed": removed,
    }
    transaction.execute(insert(list_set_aside).values(head))
    left = chain.from_iterable(content.blocks())
    number = 0
    while part := list(islice(left, RECORDS_OF_A_PART)):
        data = zlib.compress(RECORD_END.join(part).encode("utf-8", "surrogatepass"))
        row = {"list": name, "partner_id": owner_id, "number": number, "payloads": data}
        transaction.execute(insert(list_set_aside_part).values(row))
        number += 1


def of_owner(connection: Connection, name: str, owner_id: int) -> SetAside | None:
    """The upload of an owner that is put aside, if there is one."""
    return all_of(connection, name).get(owner_id)


def all_of(connection: Connection, name: str) -> dict[int, SetAside]:
    """All of one list, by owner."""
    table = list_set_aside.c
    counts = (table.record_count, table.removed)
    columns = (table.partner_id, table.request_id, table.received_at, table.protocol, *counts)
    found = connection.execute(select(*columns).where(table.list == name).order_by(table.partner_id))
    return {row[0]: SetAside(*row) for row in found}


def payloads(connection: Connection, name: str, owner_id: int) -> Iterator[str]:
    """Its records."""
    table = list_set_aside_part.c
    numbers = select(table.number).where(table.list == name, table.partner_id == owner_id).order_by(table.number)
    for number in list(connection.execute(numbers).scalars()):
        part = select(table.payloads).where(table.list == name, table.partner_id == owner_id, table.number == number)
        text = zlib.decompress(connection.execute(part).scalar_one()).decode("utf-8", "surrogatepass")
        yield from text.split(RECORD_END)


def discard(transaction: Connection, name: str, owner_id: int) -> bool:
    """Forget it; whether there was one."""
    for table in (list_set_aside_part, list_set_aside):
        mine = delete(table).where(table.c.list == name, table.c.partner_id == owner_id)
        there = transaction.execute(mine).rowcount > 0
    return there
