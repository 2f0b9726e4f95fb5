"""An upload of a whole list, read to its end and validated. Needs no store."""

from collections.abc import Iterable
from typing import Any

from echs.base.errors import ProblemCollector, Unreadable
from echs.base.spool import Spool
from echs.base.upload_validation import DuplicateFinder, RecordBatch, RecordValidator, validated
from echs.lists.list_content import PayloadContent
from echs.lists.list_format import ListFormat


def receive(
    form: ListFormat,
    records: Iterable[Any | Unreadable | RecordBatch],
    validator: RecordValidator[Any, Any],
    limit: int,
    problems: ProblemCollector,
    spool: Spool[str],
) -> PayloadContent:
    """Read an upload to its end; identical repetitions collapse into the first.

    :raises Refused: TOO_MANY_RECORDS
    """
    received = PayloadContent(spool, form)
    duplicates: DuplicateFinder[str] = DuplicateFinder(
        lambda payload: form.keys([payload])[0], lambda payload: payload.encode("utf-8", "surrogatepass")
    )
    for start, block in validated(records, validator, limit, problems):
        taken = form.taken(block)
        spool.add(start, taken.payloads)
        duplicates.note_keys(taken.keys)
        received.stored += len(taken.payloads)
        received.warnings += taken.warnings
    contradictions = ProblemCollector(thorough=problems.thorough)
    for position, earlier, payload, same in duplicates.found(spool):
        if same:
            received.skipped.add(position)
            received.stored -= 1
            received.warnings -= form.warned([payload])
        else:
            contradictions.add(form.duplicate(payload, position, earlier))
    problems.merge(contradictions)
    return received
