"""An upload of CDRs, read to its end and judged record by record: put aside in bounded memory, whatever is sent."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from echs.base.errors import Problem, ProblemCollector, RecordProblems, Unreadable
from echs.base.money import Money
from echs.base.spool import Codec, Spool
from echs.base.upload_validation import DuplicateFinder, RecordBatch, RecordValidator, validated
from echs.cdrs.cdr import Cdr, CdrFormat, CdrKind, CdrReason, Period, label
from echs.cdrs.rules import RefusedIfNew, RuleContext, batch_is_valid, validate

# So many records go through the store together.
RECORDS_AT_ONCE = 1000
# Of so many contradictions the field that differs is looked for.
EXPLAINED = 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# What the values of a CDR take in memory beside its payload, in bytes.
VALUES_BYTES = 1500


class CdrBatch(NamedTuple):
    """Some CDRs of an upload, each with its position in it."""

    positions: Sequence[int]
    cdrs: Sequence[Cdr]


def cdr_bytes(cdrs: Sequence[Cdr]) -> int:
    """What these take in memory."""
    return sum(sys.getsizeof(each.payload) + VALUES_BYTES for each in cdrs)


def encoded(cdrs: Sequence[Cdr]) -> list[tuple[Any, ...]]:
    """As the spool's file keeps them: instants as microseconds since 1970."""
    return [tuple(map(plain, cdr)) for cdr in cdrs]


def plain(value: Any) -> Any:
    """A value of a CDR as one that `marshal` knows."""
    match value:
        case datetime():
            return (value - EPOCH) // MICROSECOND
        case CdrKind():
            return value.value
        case tuple():
            return tuple(map(plain, value))
    return value


def decoded(rows: Sequence[tuple[Any, ...]]) -> list[Cdr]:
    """The same again as they were."""
    return [
        cdr._replace(
            started_at=instant(cdr.started_at),
            ended_at=instant(cdr.ended_at),
            kind=CdrKind(cdr.kind),
            cost=None if cdr.cost is None else Money._make(cdr.cost),
            periods=tuple(
                period._replace(started_at=instant(period.started_at), ended_at=instant(period.ended_at))
                for period in map(Period._make, cdr.periods)
            ),
        )
        for cdr in map(Cdr._make, rows)
    ]


def instant(microseconds: Any) -> datetime:
    """An instant of the spool's file."""
    return EPOCH + timedelta(microseconds=microseconds)


CDRS: Codec[Cdr] = Codec(cdr_bytes, encoded, decoded)


@dataclass
class ReceivedCdrs:
    """An upload that was read: its CDRs put aside, how many records it had, the keys of the operators that they are
    sent as, and the positions of those that repeat an earlier one of the same upload, that
    are refused while others are taken, and of those that are ``doubted``: refused unless they were accepted before.
    """

    spool: Spool[Cdr]
    count: int = 0
    repeated: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    # Where the others may be taken without it: of what it is a repetition, and its id.
    repeats: dict[int, tuple[int, str]] = field(default_factory=dict)
    doubted: set[int] = field(default_factory=set)
    operator_keys: set[str] = field(default_factory=set)

    def batches(self, without: Set[int] = frozenset()) -> Iterator[CdrBatch]:
        """The CDRs in order, each once, but for those at the positions ``without``; never an empty batch."""
        positions: list[int] = []
        cdrs: list[Cdr] = []
        for places, items in self.spool.without(self.repeated | self.refused | without):
            positions += places
            cdrs += items
            if len(cdrs) >= RECORDS_AT_ONCE:
                yield CdrBatch(positions, cdrs)
                positions, cdrs = [], []
        if cdrs:
            yield CdrBatch(positions, cdrs)

    def cdrs(self) -> Iterator[Cdr]:
        """The CDRs alone, each once."""
        for batch in self.batches():
            yield from batch.cdrs


def receive(
    rule_context: RuleContext,
    records: Iterable[Cdr | Unreadable | RecordBatch],
    problems: ProblemCollector,
    spool: Spool[Cdr],
    notice: Callable[[int, Cdr], None] | None = None,
) -> ReceivedCdrs:
    """Judge every record; two of one upload with the same key must be the same record. Needs no store.

    ``notice`` is told of each record that is right at once, whatever comes after it, repetitions too.

    :raises Refused: TOO_MANY_RECORDS
    """

    received = ReceivedCdrs(spool)

    def judged_run(cdrs: Sequence[Cdr], start: int) -> Sequence[Cdr] | None:
        if not batch_is_valid(cdrs, rule_context):
            return None
        if notice is not None:
            for position, cdr in enumerate(cdrs, start):
                notice(position, cdr)
        return cdrs

    def judged(cdr: Cdr, position: int) -> Cdr | Unreadable:
        verdict = validate(cdr, position, rule_context)
        if isinstance(verdict, RecordProblems):
            return verdict
        if isinstance(verdict, RefusedIfNew):
            if problems.thorough:
                return verdict.problems
            received.doubted.add(position)
            return verdict.cdr
        if notice is not None:
            notice(position, verdict)
        return verdict

    repetitions: DuplicateFinder[Cdr] = DuplicateFinder(lambda cdr: cdr.key, content_of)
    court: RecordValidator[Cdr, Cdr] = RecordValidator(judged, judged_run)
    for start, block in validated(records, court, rule_context.limits.records_per_upload, problems):
        received.count += len(block)
        if problems and not problems.thorough:
            continue  # nothing of it will be stored
        spool.add(start, block)
        repetitions.note(block)
        received.operator_keys.update(cdr.operator_key for cdr in block)
    if not problems or problems.thorough:
        note_duplicates(received, repetitions, problems, rule_context.form)
    return received


def content_of(cdr: Cdr) -> bytes:
    """What tells whether two CDRs of one key are the same."""
    return cdr.content_hash.encode()


def note_duplicates(
    received: ReceivedCdrs, repetitions: DuplicateFinder[Cdr], problems: ProblemCollector, form: CdrFormat
) -> None:
    """Note which records repeat an earlier one, and that those that contradict one are wrong."""
    contradictions: list[tuple[int, int, Cdr]] = []
    total = 0
    for position, earlier, cdr, same in repetitions.found(received.spool):
        if same:
            received.repeated.add(position)
        else:
            total += 1
            if problems.thorough or total <= EXPLAINED:
                contradictions.append((position, earlier, cdr))
    if not total:
        return
    first = at_positions(received.spool, {earlier for _, earlier, _ in contradictions})
    found = ProblemCollector(thorough=problems.thorough)
    for position, earlier, cdr in contradictions:
        detail = f"conflicts with the record at position {earlier}, which has the same cdrId"
        differs = form.difference(first[earlier].payload, cdr.payload)
        field = None if differs is None else differs.field
        found.add(Problem(CdrReason.CDR_TWICE, detail, position=position, field=field, label=label(cdr)))
    found.total = total
    problems.merge(found)


def at_positions(spool: Spool[Cdr], wanted: set[int]) -> dict[int, Cdr]:
    """The CDRs at these positions."""
    found = {}
    for start, items in spool:
        for position in wanted.intersection(range(start, start + len(items))):
            found[position] = items[position - start]
    return found
