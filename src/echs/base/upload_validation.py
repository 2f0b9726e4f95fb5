"""Reading an upload to its end and judging every record before anything is stored.

The records come as an iterator and are drained without a transaction, so that a slow sender blocks nobody. Most of them
come in runs, whose form the protocol vouches for. A room may answer for a whole run at once, by looking at its columns;
where it cannot, the run is judged record by record, like everything else: only there is it said what is wrong.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from echs.base import deadline
from echs.base.errors import Problem, ProblemCollector, Refused, Unreadable
from echs.base.fields import UploadReason
from echs.base.spool import Spool

NUMBERS_AT_ONCE = 350_000
# Records that are judged one by one are handed on so many together.
SINGLE_RECORDS = 256
NOTHING_STORED = "Nothing was stored."

Record = TypeVar("Record")
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records that follow each other and whose form is right. As a protocol reads them, of each the texts in the order
    of the fields, none with a control character or over its limit, mandatory ones filled, whole numbers without sign or
    leading zero; or what it makes of them.
    """

    rows: Sequence[Any]


@dataclass(frozen=True, slots=True)
class RecordValidator(Generic[Record, Kept]):
    """How a room judges: ``record`` one record at its position, counted from 0, where None leaves it out; ``run`` a run
    at the position of its first, where None says that it must be judged one by one; ``make`` makes a record of a row.
    """

    record: Callable[[Record, int], Kept | Unreadable | None]
    run: Callable[[Sequence[Any], int], Sequence[Kept] | None] = lambda _rows, _position: None
    make: Callable[[Any], Record] = lambda record: record


def validated(
    records: Iterable[Record | Unreadable | RecordBatch],
    court: RecordValidator[Record, Kept],
    limit: int,
    problems: ProblemCollector,
    refused: Callable[[int, Any, Unreadable], None] | None = None,
) -> Iterator[tuple[int, Sequence[Kept]]]:
    """What is kept of the records, in order, in blocks that each have the position of their first record.

    What is wrong goes into ``problems``, or where the others may be taken without it, to ``refused`` with its position
    and the record. An `Unreadable` stands for a record that the protocol could not read.

    :raises Refused: TOO_MANY_RECORDS above ``limit``; the problems, as soon as there are a thousand
    """

    def refuse_one(position: int, record: object, verdict: Unreadable) -> None:
        if refused is not None:
            refused(position, record, verdict)
            return
        problems.add_of_record(verdict)
        if problems.full:
            raise problems.refusal(NOTHING_STORED)

    position = 0
    single: list[Kept] = []
    for item in records:
        deadline.check()
        rows = item.rows if isinstance(item, RecordBatch) else None
        if position + (1 if rows is None else len(rows)) > limit:
            detail = f"more than {limit} records in one upload; {limit} are allowed"
            raise Refused([Problem(UploadReason.TOO_MANY_RECORDS, detail)], effect=NOTHING_STORED)
        if rows is not None:
            kept = court.run(rows, position)
            if kept is not None:
                if single:
                    yield position - len(single), single
                    single = []
                yield position, kept
                position += len(rows)
                continue
        for record in [item] if rows is None else map(court.make, rows):
            verdict = record if isinstance(record, Unreadable) else court.record(record, position)  # type: ignore[arg-type]
            if isinstance(verdict, Unreadable):
                refuse_one(position, record, verdict)
            elif verdict is not None:
                single.append(verdict)
            # What is left out makes a gap, and a block has none.
            if single and (len(single) == SINGLE_RECORDS or isinstance(verdict, Unreadable) or verdict is None):
                kept_here = verdict is not None and not isinstance(verdict, Unreadable)
                yield position + kept_here - len(single), single
                single = []
            position += 1
    if single:
        yield position - len(single), single
    if position == 0:
        problems.add(Problem(UploadReason.UPLOAD_EMPTY, "the upload holds no record"))


class DuplicateFinder(Generic[Kept]):
    """Finds the keys that stand more than once among very many, with a number of eight bytes for each of them.

    Two keys with one number are looked at twice, and nothing else comes of it. ``content`` tells whether two with one
    key are the same.
    """

    def __init__(self, key: Callable[[Kept], object], content: Callable[[Kept], bytes]) -> None:
        self.key = key
        self.content = content
        self._numbers = array("q")

    def note(self, items: Sequence[Kept]) -> None:
        """Take note of the keys of these items."""
        self.note_keys(map(self.key, items))

    def note_keys(self, keys: Iterable[object]) -> None:
        """Take note of these keys, which are those of the next items."""
        self._numbers.extend(map(hash, keys))

    def found(self, spool: Spool[Kept]) -> Iterator[tuple[int, int, Kept, bool]]:
        """Every item of the spool whose key stood there before: its position, the position of the first with this key,
        the item, and whether both are the same. The number of a block is the position of its first item."""
        suspects = self._suspects()
        first: dict[object, tuple[int, bytes]] = {}
        for start, items in spool if suspects else ():
            for position, item in enumerate(items, start):
                key = self.key(item)
                if hash(key) not in suspects:
                    continue
                content = self.content(item)
                earlier = first.setdefault(key, (position, content))
                if earlier[0] != position:
                    yield position, earlier[0], item, earlier[1] == content

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
