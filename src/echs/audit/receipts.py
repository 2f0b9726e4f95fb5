"""Receipts of uploads: what each partner uploaded, when, how it ended, and what was wrong with it.

A receipt is written in a transaction of its own when the answer is decided, also where the upload was refused, and is
never a reason to refuse one. When a partner calls with the request id of an answer, the office sees what it saw.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from echs.audit import tables
from echs.base.context import Context
from echs.base.errors import Reason, Refused, refuse, shown

PROBLEMS_KEPT = 100
ROWS_AT_ONCE = 1000
FORGET_SECONDS = 3600.0


class ReceiptReason(Reason):
    """Why a receipt cannot be shown. These never go over the wire."""

    UPLOAD_UNKNOWN = "UPLOAD_UNKNOWN"


@dataclass(frozen=True, slots=True)
class ReceiptProblem:
    """One problem of an upload: at which record, counted from 0, in which field as the wire spells it, and what."""

    position: int | None
    field: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """One upload. ``received_at`` is UTC; ``outcome`` is ok or the reason of the refusal; ``records`` were read, of
    which ``new`` were stored and ``known`` were stored before or repeated; ``warned`` counts CDRs with a warning, of a
    list its warnings; ``problems`` are the first hundred of ``problem_count``.
    """

    request_id: str
    received_at: datetime
    partner_id: int
    operation: str
    channel: str
    outcome: str
    records: int
    new: int
    known: int
    warned: int
    problem_count: int
    problems: Sequence[ReceiptProblem]
    received_bytes: int
    milliseconds: int


COLUMNS = tuple(field.name for field in fields(Receipt))


class Receipts:
    """Keeps receipts for so many days; those that are older are deleted once an hour, by the upload that comes then."""

    def __init__(self, days: int = 90) -> None:
        self.life = timedelta(days=days)
        self._next = 0.0

    def keep(self, context: Context, receipt: Receipt) -> None:
        """Keep a receipt.

        :raises Refused: STORE_UNAVAILABLE, STORE_FULL
        """
        write(context, receipt)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + FORGET_SECONDS
            self.forget(context)

    def forget(self, context: Context) -> int:
        """Delete those that are too old, some at a time; how many they were."""
        total = 0
        while gone := forget(context, self.life):
            total += gone
        return total


def write(context: Context, receipt: Receipt) -> None:
    """Keep a receipt.

    :raises Refused: STORE_UNAVAILABLE, STORE_FULL
    """
    problems = [asdict(each) for each in receipt.problems[:PROBLEMS_KEPT]]
    row = {**{name: getattr(receipt, name) for name in COLUMNS}, "problems": json.dumps(problems, ensure_ascii=False)}
    with context.database.write() as transaction:
        transaction.execute(insert(tables.upload_receipt).values(row))


def forget(context: Context, older_than: timedelta) -> int:
    """Delete some of the receipts that are older; how many, a thousand at most."""
    table = tables.upload_receipt
    old = select(table.c.request_id).where(table.c.received_at < context.clock() - older_than).limit(ROWS_AT_ONCE)
    with context.database.write() as transaction:
        return transaction.execute(delete(table).where(table.c.request_id.in_(old))).rowcount


def newest(
    context: Context,
    *,
    partner_id: int | None = None,
    since: datetime | None = None,
    outcome: str | None = None,
    limit: int = 50,
) -> list[Receipt]:
    """The newest receipts that match, newest first; ``outcome`` is ok, refused (anything else), or a reason."""
    table = tables.upload_receipt
    conditions: list[ColumnElement[bool]] = []
    if partner_id is not None:
        conditions.append(table.c.partner_id == partner_id)
    if since is not None:
        conditions.append(table.c.received_at >= since)
    if outcome == "refused":
        conditions.append(table.c.outcome != "ok")
    elif outcome is not None:
        conditions.append(table.c.outcome == outcome)
    query = select(*(table.c[name] for name in COLUMNS)).where(*conditions)
    with context.database.read() as snapshot:
        return list(read(snapshot, query.order_by(table.c.received_at.desc(), table.c.request_id.desc()).limit(limit)))


def of_request(context: Context, request_id: str) -> Receipt:
    """The receipt of a request.

    :raises Refused: UPLOAD_UNKNOWN
    """
    table = tables.upload_receipt
    query = select(*(table.c[name] for name in COLUMNS)).where(func.upper(table.c.request_id) == request_id.upper())
    with context.database.read() as snapshot:
        found = list(read(snapshot, query))
    if not found:
        raise unknown(request_id)
    return found[0]


def unknown(request_id: str) -> Refused:
    """The refusal for a request that left no receipt."""
    detail = f"there is no upload {shown(request_id)}: it was none, came without a login, or is too old"
    return refuse(ReceiptReason.UPLOAD_UNKNOWN, detail)


def read(snapshot: Connection, query: Any) -> Iterator[Receipt]:
    """The receipts of a query over `COLUMNS`."""
    for row in snapshot.execute(query):
        values = dict(zip(COLUMNS, row, strict=True))
        values["problems"] = [ReceiptProblem(**each) for each in json.loads(values["problems"])]
        yield Receipt(**values)
