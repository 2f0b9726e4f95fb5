"""An upload of a whole list, read to its end and validated. Needs no store."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from echs.base.errors import ProblemCollector, Unreadable
from echs.base.spool import Row, Spool
from echs.base.upload_validation import DuplicateFinder, RecordBatch, RecordValidator, validated
from echs.lists.list_schema import ListSchema, Record, payloads_of, row_of


@dataclass
class ReceivedList:
    """An upload that was read to its end: its payloads put aside, which of them to leave out as repetitions, how many
    are left, and how many of those broke which rule of severity ``warn``.
    """

    spool: Spool[str]
    skipped: set[int] = field(default_factory=set)
    stored: int = 0
    warnings: Counter[str] = field(default_factory=Counter)

    def rows(self) -> Iterator[tuple[int, Row]]:
        """The rows to store, each with its position in the upload."""
        for start, payloads in self.spool:
            for position, payload in enumerate(payloads, start):
                if position not in self.skipped:
                    yield position, row_of(payload)

    def blocks(self) -> Iterator[Sequence[str]]:
        """The payloads to store, in order."""
        for start, payloads in self.spool:
            if self.skipped.isdisjoint(range(start, start + len(payloads))):
                yield payloads
            else:
                yield [payload for position, payload in enumerate(payloads, start) if position not in self.skipped]

    def at(self, indexes: Sequence[int]) -> Iterator[tuple[Sequence[int], Sequence[str]]]:
        """The payloads to store at these indexes, which grow, block by block with their indexes."""
        start = found = 0
        for block in self.blocks():
            end = bisect_left(indexes, start + len(block), found)
            if end > found:
                here = indexes[found:end]
                yield here, [block[index - start] for index in here]
            start, found = start + len(block), end


def receive(
    schema: ListSchema[Record],
    records: Iterable[Record | Unreadable | RecordBatch],
    validator: RecordValidator[Record, Row],
    limit: int,
    problems: ProblemCollector,
    spool: Spool[str],
) -> ReceivedList:
    """Read an upload to its end; identical repetitions collapse into the first.

    :raises Refused: TOO_MANY_RECORDS
    """
    received = ReceivedList(spool)
    duplicates: DuplicateFinder[str] = DuplicateFinder(
        lambda payload: schema.key_of(row_of(payload)), lambda payload: payload.encode("utf-8", "surrogatepass")
    )
    key_of = schema.key_of
    numbers = [place for place, field in enumerate(schema.fields) if field.integer]
    for start, block in validated(records, validator, limit, problems):
        rows = plain_numbers(schema, numbers, block)
        spool.add(start, payloads_of(rows))
        duplicates.note_keys(map(key_of, rows))
        received.stored += len(rows)
        received.warnings += schema.warned(rows)
    contradictions = ProblemCollector(thorough=problems.thorough)
    for position, earlier, payload, same in duplicates.found(spool):
        row = row_of(payload)
        if same:
            received.skipped.add(position)
            received.stored -= 1
            received.warnings -= schema.warned([row])
        else:
            contradictions.add(schema.duplicate(schema.of_row(row), position, earlier))
    problems.merge(contradictions)
    return received


def plain_numbers(schema: ListSchema[Record], numbers: Sequence[int], rows: Sequence[Row]) -> Sequence[Row]:
    """The rows with numbers as the store keeps them: without leading zeros."""
    for place in numbers:
        if any(text != str(int(text)) for text in set(map(itemgetter(place), rows))):
            return [tuple(map(str, schema.of_row(row))) for row in rows]
    return rows
