"""Reading an upload to its end and judging every record before anything is stored.

The records come as an iterator and are drained without a transaction, so that a slow sender blocks nobody. Most of them
come in runs, whose form the protocol vouches for. A room may answer for a whole run at once, by looking at its columns;
where it cannot, the run is judged record by record, like everything else: only there is it said what is wrong.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from echs.base.errors import Problem, ProblemList, Refused, Unread
from echs.base.fields import UploadReason
from echs.base.spool import Row, Spool

NUMBERS_AT_ONCE = 350_000
NOTHING_STORED = "Nothing was stored."

Record = TypeVar("Record")
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Run:
    """Records that follow each other and whose form is right: of each the texts in the order of the fields, none with
    a control character or over its limit, mandatory ones filled, whole numbers without sign or leading zero.
    """

    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Court(Generic[Record, Kept]):
    """How a room judges: ``record`` one record at its position, counted from 0, where None leaves it out; ``run`` a run
    at the position of its first, where None says that it must be judged one by one; ``make`` makes a record of a row.
    """

    record: Callable[[Record, int], Kept | Unread | None]
    run: Callable[[Sequence[Row], int], Sequence[Kept] | None] = lambda _rows, _position: None
    make: Callable[[Row], Record] | None = None


def examined(
    records: Iterable[Record | Unread | Run],
    court: Court[Record, Kept],
    limit: int,
    problems: ProblemList,
) -> Iterator[tuple[int, Sequence[Kept]]]:
    """What is kept of the records, in order, in blocks that each have the position of their first record.

    What is wrong goes into ``problems``. An `Unread` in the place of a record is one that the protocol could not read.

    :raises Refused: TOO_MANY_RECORDS above ``limit``; the problems, as soon as there are a thousand
    """
    position = 0
    for item in records:
        rows = item.rows if isinstance(item, Run) else None
        if position + (1 if rows is None else len(rows)) > limit:
            detail = f"more than {limit} records in one upload; {limit} are allowed"
            raise Refused([Problem(UploadReason.TOO_MANY_RECORDS, detail)], effect=NOTHING_STORED)
        if rows is not None:
            kept = court.run(rows, position)
            if kept is not None:
                yield position, kept
                position += len(rows)
                continue
        for record in [item] if rows is None else map(court.make, rows):  # type: ignore[arg-type]
            verdict = record if isinstance(record, Unread) else court.record(record, position)  # type: ignore[arg-type]
            if isinstance(verdict, Unread):
                problems.add_of_record(verdict)
                if problems.full:
                    raise problems.refusal(NOTHING_STORED)
            elif verdict is not None:
                yield position, [verdict]
            position += 1
    if position == 0:
        problems.add(Problem(UploadReason.UPLOAD_EMPTY, "the upload holds no record"))


class Keys:
    """The keys met in one upload: tells a repeated record from two that contradict each other."""

    def __init__(self) -> None:
        self._met: dict[object, tuple[int, object]] = {}

    def take_new(self, keys: Sequence[object], start: int) -> bool:
        """Take keys at the positions from ``start`` on, where each of them is new; else none of them, and say so."""
        fresh = set(keys)
        if len(fresh) < len(keys) or not self._met.keys().isdisjoint(fresh):
            return False
        self._met.update((key, (position, position)) for position, key in enumerate(keys, start))
        return True

    def earlier(self, key: object, content: object, position: int) -> tuple[int, bool] | None:
        """Position of the earlier record with this key and whether its content was the same; None at the first."""
        met = self._met.setdefault(key, (position, content))
        if met[0] == position:
            return None
        return met[0], met[1] == content


class Repetitions:
    """Finds the keys that stand more than once among very many, with a number of eight bytes for each of them.

    Two keys with one number are looked at twice, and nothing else comes of it.
    """

    def __init__(self, key: Callable[[Row], object]) -> None:
        self.key = key
        self._numbers = array("q")

    def note(self, rows: Sequence[Row]) -> None:
        """Take note of the keys of these rows."""
        self._numbers.extend(map(hash, map(self.key, rows)))

    def found(self, spool: Spool) -> Iterator[tuple[int, int, Row, bool]]:
        """Every row of the spool whose key stood there before: its position, the position of the first with this key,
        the row, and whether both are the same. The number of a block is the position of its first row."""
        suspects = self._suspects()
        first: dict[object, tuple[int, bytes]] = {}
        for start, rows in spool if suspects else ():
            for position, row in enumerate(rows, start):
                key = self.key(row)
                if hash(key) not in suspects:
                    continue
                content = hashlib.blake2b("\x1f".join(row).encode(), digest_size=16).digest()
                earlier = first.setdefault(key, (position, content))
                if earlier[0] != position:
                    yield position, earlier[0], row, earlier[1] == content

    def _suspects(self) -> set[int]:
        """The numbers that stand more than once. A part of all numbers at a time, for the sake of memory."""
        suspects: set[int] = set()
        parts = len(self._numbers) // NUMBERS_AT_ONCE + 1
        for part in range(parts):
            numbers = [number for number in self._numbers if number % parts == part]
            if len(set(numbers)) < len(numbers):
                suspects.update(number for number, count in Counter(numbers).items() if count > 1)
        self._numbers = array("q")
        return suspects
