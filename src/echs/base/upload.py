"""Reading an upload to its end and judging every record before anything is stored.

The records come as an iterator and are drained without a transaction, so that a slow sender blocks nobody.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from echs.base.errors import Problem, ProblemList, Refused, Unread
from echs.base.fields import UploadReason

NOTHING_STORED = "Nothing was stored."

Record = TypeVar("Record")
Kept = TypeVar("Kept")


def examined(
    records: Iterable[Record | Unread],
    judge: Callable[[Record, int], Kept | Unread | None],
    limit: int,
    problems: ProblemList,
) -> list[Kept]:
    """What ``judge`` makes of every record, in order; records that it answers with None are left out.

    What is wrong goes into ``problems``; where that is not thorough, nothing is kept once there is a problem. An
    `Unread` in the place of a record is one that the protocol could not read. ``judge`` gets the record and its
    position, counted from 0.

    :raises Refused: TOO_MANY_RECORDS above ``limit``
    """
    kept: list[Kept] = []
    position = -1
    for position, record in enumerate(records):
        if position >= limit:
            detail = f"more than {limit} records in one upload; {limit} are allowed"
            raise Refused([Problem(UploadReason.TOO_MANY_RECORDS, detail)], effect=NOTHING_STORED)
        verdict = record if isinstance(record, Unread) else judge(record, position)
        if isinstance(verdict, Unread):
            problems.add_of_record(verdict)
        elif verdict is not None and (problems.thorough or not problems):
            kept.append(verdict)
        if problems and not problems.thorough:
            kept.clear()
    if position < 0:
        problems.add(Problem(UploadReason.UPLOAD_EMPTY, "the upload holds no record"))
    return kept


class Keys:
    """The keys met in one upload: tells a repeated record from two that contradict each other."""

    def __init__(self) -> None:
        self._met: dict[object, tuple[int, object]] = {}

    def earlier(self, key: object, content: object, position: int) -> tuple[int, bool] | None:
        """Position of the earlier record with this key and whether its content was the same; None at the first."""
        met = self._met.setdefault(key, (position, content))
        if met[0] == position:
            return None
        return met[0], met[1] == content
