"""An upload of CDRs, read to its end and judged record by record: put aside in bounded memory, whatever is sent."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from echs.base.errors import Problem, ProblemCollector, RecordProblems, Unreadable
from echs.base.spool import Codec, Row, Spool, row_bytes
from echs.base.upload_validation import DuplicateFinder, RecordBatch, RecordValidator, validated
from echs.cdrs.cdr import Cdr, CdrReason, CdrRecord, content_hash, differing_field, label
from echs.cdrs.rules import RefusedIfNew, RuleContext, validate, validate_batch

# So many records go through the store together.
RECORDS_AT_ONCE = 1000
# Of so many contradictions the field that differs is looked for.
EXPLAINED = 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# What the values of a CDR take in memory beside its texts, in bytes.
VALUES_BYTES = 500


class CdrBatch(NamedTuple):
    """Some CDRs of an upload, each with its position in it."""

    positions: Sequence[int]
    cdrs: Sequence[Cdr]


def cdr_bytes(cdrs: Sequence[Cdr]) -> int:
    """What these take in memory."""
    return row_bytes([each.record for each in cdrs]) + VALUES_BYTES * len(cdrs)


def encoded(cdrs: Sequence[Cdr]) -> list[tuple[Any, ...]]:
    """As the spool's file keeps them: instants as microseconds since 1970."""
    return [
        (
            tuple(cdr.record),
            cdr.operator_key,
            cdr.provider_key,
            (cdr.started_at - EPOCH) // MICROSECOND,
            (cdr.ended_at - EPOCH) // MICROSECOND,
            cdr.duration_s,
            cdr.volume_e4_kwh,
        )
        for cdr in cdrs
    ]


def decoded(rows: Sequence[tuple[Any, ...]]) -> list[Cdr]:
    """The same again as they were."""
    return [
        Cdr(
            CdrRecord._make(texts),
            operator_key,
            provider_key,
            EPOCH + started * MICROSECOND,
            EPOCH + ended * MICROSECOND,
            duration_s,
            volume,
        )
        for texts, operator_key, provider_key, started, ended, duration_s, volume in rows
    ]


CDRS: Codec[Cdr] = Codec(cdr_bytes, encoded, decoded)


@dataclass
class ReceivedCdrs:
    """An upload that was read: its CDRs put aside, how many records it had, the keys of the operators that they are
    sent as, and the positions of those that repeat an earlier one of the same upload, and of those that are
    ``doubted``: refused unless they were accepted before.
    """

    spool: Spool[Cdr]
    count: int = 0
    repeated: set[int] = field(default_factory=set)
    doubted: set[int] = field(default_factory=set)
    operator_keys: set[str] = field(default_factory=set)

    def batches(self, without: Set[int] = frozenset()) -> Iterator[CdrBatch]:
        """The CDRs in order, each once, but for those at the positions ``without``; never an empty batch."""
        positions: list[int] = []
        cdrs: list[Cdr] = []
        left_out = self.repeated | without
        for start, items in self.spool:
            here = range(start, start + len(items))
            if left_out and not left_out.isdisjoint(here):
                kept = [place for place in here if place not in left_out]
                positions += kept
                cdrs += (items[place - start] for place in kept)
            else:
                positions += here
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
    records: Iterable[CdrRecord | Unreadable | RecordBatch],
    problems: ProblemCollector,
    spool: Spool[Cdr],
    notice: Callable[[int, Cdr], None] | None = None,
) -> ReceivedCdrs:
    """Judge every record; two of one upload with the same key must be the same record. Needs no store.

    ``notice`` is told of each record that is right at once, whatever comes after it, repetitions too.

    :raises Refused: TOO_MANY_RECORDS
    """

    received = ReceivedCdrs(spool)

    def judged_run(rows: Sequence[Row], start: int) -> Sequence[Cdr] | None:
        cdrs = validate_batch(rows, rule_context)
        if cdrs is not None and notice is not None:
            for position, cdr in enumerate(cdrs, start):
                notice(position, cdr)
        return cdrs

    def judged(record: CdrRecord, position: int) -> Cdr | Unreadable:
        verdict = validate(record, position, rule_context)
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
    court = RecordValidator(judged, judged_run, CdrRecord._make)
    for start, block in validated(records, court, rule_context.limits.records_per_upload, problems):
        received.count += len(block)
        if problems and not problems.thorough:
            continue  # nothing of it will be stored
        spool.add(start, block)
        repetitions.note(block)
        received.operator_keys.update(cdr.operator_key for cdr in block)
    if not problems or problems.thorough:
        note_duplicates(received, repetitions, problems)
    return received


def content_of(cdr: Cdr) -> bytes:
    """What tells whether two CDRs of one key are the same."""
    return content_hash(cdr.operator_key, cdr.record).encode()


def note_duplicates(received: ReceivedCdrs, repetitions: DuplicateFinder[Cdr], problems: ProblemCollector) -> None:
    """Note which records repeat an earlier one, and that those that contradict one are wrong."""
    contradictions: list[tuple[int, int, CdrRecord]] = []
    total = 0
    for position, earlier, cdr, same in repetitions.found(received.spool):
        if same:
            received.repeated.add(position)
        else:
            total += 1
            if problems.thorough or total <= EXPLAINED:
                contradictions.append((position, earlier, cdr.record))
    if not total:
        return
    first = at_positions(received.spool, {earlier for _, earlier, _ in contradictions})
    found = ProblemCollector(thorough=problems.thorough)
    for position, earlier, record in contradictions:
        detail = f"conflicts with the record at position {earlier}, which has the same cdrId"
        differs = differing_field(first[earlier], record)
        field = None if differs is None else differs.name
        found.add(Problem(CdrReason.CDR_TWICE, detail, position=position, field=field, label=label(record)))
    found.total = total
    problems.merge(found)


def at_positions(spool: Spool[Cdr], wanted: set[int]) -> dict[int, CdrRecord]:
    """The records at these positions."""
    found = {}
    for start, items in spool:
        for position in wanted.intersection(range(start, start + len(items))):
            found[position] = items[position - start].record
    return found
