"""An upload of CDRs, read to its end and judged record by record: put aside in bounded memory, whatever is sent."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from echs.base.errors import Problem, ProblemList, Problems, Unread
from echs.base.spool import Codec, Row, Spool, row_bytes
from echs.base.upload import Court, Repetitions, Run, examined
from echs.cdrs.cdr import Cdr, CdrReason, CdrRecord, content_hash, differing_field, label
from echs.cdrs.rules import Doubted, Scene, judge, judge_run

# So many records go through the store together.
RECORDS_AT_ONCE = 1000
# Of so many contradictions the field that differs is looked for.
EXPLAINED = 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# What the values of a CDR take in memory beside its texts, in bytes.
VALUES_BYTES = 500


class Judged(NamedTuple):
    """A CDR that passed the rules; ``doubted`` where it is refused all the same unless it was accepted before."""

    cdr: Cdr
    doubted: bool


class Placed(NamedTuple):
    """A CDR with its position in the upload, and whether it is refused unless it was accepted before."""

    position: int
    cdr: Cdr
    doubted: bool


def judged_bytes(items: Sequence[Judged]) -> int:
    """What these take in memory."""
    return row_bytes([each.cdr.record for each in items]) + VALUES_BYTES * len(items)


def encoded(items: Sequence[Judged]) -> list[tuple[Any, ...]]:
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
            doubted,
        )
        for cdr, doubted in items
    ]


def decoded(rows: Sequence[tuple[Any, ...]]) -> list[Judged]:
    """The same again as they were."""
    return [
        Judged(
            Cdr(
                CdrRecord._make(texts),
                operator_key,
                provider_key,
                EPOCH + started * MICROSECOND,
                EPOCH + ended * MICROSECOND,
                duration_s,
                volume,
            ),
            doubted,
        )
        for texts, operator_key, provider_key, started, ended, duration_s, volume, doubted in rows
    ]


JUDGED: Codec[Judged] = Codec(judged_bytes, encoded, decoded)


@dataclass
class Received:
    """An upload that was read: its CDRs put aside, how many records it had, which of them repeat an earlier one of the
    same upload, and the keys of the operators that they are sent as.
    """

    spool: Spool[Judged]
    count: int = 0
    repeated: set[int] = field(default_factory=set)
    operator_keys: set[str] = field(default_factory=set)

    def batches(self, without: Container[int] = ()) -> Iterator[list[Placed]]:
        """The CDRs in order, each once, but for those at the positions ``without``; never an empty batch."""
        batch: list[Placed] = []
        for start, items in self.spool:
            batch += (
                Placed(position, cdr, doubted)
                for position, (cdr, doubted) in enumerate(items, start)
                if position not in self.repeated and position not in without
            )
            if len(batch) >= RECORDS_AT_ONCE:
                yield batch
                batch = []
        if batch:
            yield batch

    def cdrs(self) -> Iterator[Cdr]:
        """The CDRs alone, each once."""
        for batch in self.batches():
            for each in batch:
                yield each.cdr


def examine(
    scene: Scene,
    records: Iterable[CdrRecord | Unread | Run],
    problems: ProblemList,
    spool: Spool[Judged],
    notice: Callable[[int, Cdr], None] = lambda _position, _cdr: None,
) -> Received:
    """Judge every record; two of one upload with the same key must be the same record. Needs no store.

    ``notice`` is told of each record that is right at once, whatever comes after it, repetitions too.

    :raises Refused: TOO_MANY_RECORDS
    """

    def judged_run(rows: Sequence[Row], start: int) -> Sequence[Judged] | None:
        cdrs = judge_run(rows, scene)
        if cdrs is None:
            return None
        for position, cdr in enumerate(cdrs, start):
            notice(position, cdr)
        return [Judged(cdr, False) for cdr in cdrs]

    def judged(record: CdrRecord, position: int) -> Judged | Unread:
        verdict = judge(record, position, scene)
        if isinstance(verdict, Problems):
            return verdict
        if isinstance(verdict, Doubted):
            return verdict.problems if problems.thorough else Judged(verdict.cdr, True)
        notice(position, verdict)
        return Judged(verdict, False)

    received = Received(spool)
    repetitions: Repetitions[Judged] = Repetitions(lambda each: each.cdr.key, content_of)
    court = Court(judged, judged_run, CdrRecord._make)
    for start, block in examined(records, court, scene.limits.records_per_upload, problems):
        received.count += len(block)
        if problems and not problems.thorough:
            continue  # nothing of it will be stored
        spool.add(start, block)
        repetitions.note(block)
        received.operator_keys.update(each.cdr.operator_key for each in block)
    if not problems or problems.thorough:
        note_repetitions(received, repetitions, problems)
    return received


def content_of(each: Judged) -> bytes:
    """What tells whether two CDRs of one key are the same."""
    return content_hash(each.cdr.operator_key, each.cdr.record).encode()


def note_repetitions(received: Received, repetitions: Repetitions[Judged], problems: ProblemList) -> None:
    """Note which records repeat an earlier one, and that those that contradict one are wrong."""
    contradictions: list[tuple[int, int, CdrRecord]] = []
    total = 0
    for position, earlier, each, same in repetitions.found(received.spool):
        if same:
            received.repeated.add(position)
        else:
            total += 1
            if problems.thorough or total <= EXPLAINED:
                contradictions.append((position, earlier, each.cdr.record))
    if not total:
        return
    first = at_positions(received.spool, {earlier for _, earlier, _ in contradictions})
    found = ProblemList(thorough=problems.thorough)
    for position, earlier, record in contradictions:
        detail = f"differs from the CDR of the same number at position {earlier} of this upload"
        differs = differing_field(first[earlier], record)
        found.add(Problem(CdrReason.CDR_TWICE, detail, position=position, field=differs, label=label(record)))
    found.total = total
    problems.merge(found)


def at_positions(spool: Spool[Judged], wanted: set[int]) -> dict[int, CdrRecord]:
    """The records at these positions."""
    found = {}
    for start, items in spool:
        for position in wanted.intersection(range(start, start + len(items))):
            found[position] = items[position - start].cdr.record
    return found
