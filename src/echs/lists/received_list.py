"""An upload of a whole list, read to its end and validated. Needs no store."""

from collections.abc import Iterable
from typing import Any

from echs.base.errors import ProblemCollector, Unreadable
from echs.base.spool import Spool
from echs.base.upload_validation import NOTHING_STORED, DuplicateFinder, RecordBatch, RecordValidator, validated
from echs.lists.list_content import PayloadContent
from echs.lists.list_format import ListFormat
from echs.lists.refused_records import RefusedRecords


def receive(
    form: ListFormat,
    records: Iterable[Any | Unreadable | RecordBatch],
    validator: RecordValidator[Any, Any],
    limit: int,
    problems: ProblemCollector,
    spool: Spool[str],
    refused: RefusedRecords | None = None,
) -> PayloadContent:
    """Read an upload to its end; identical repetitions collapse into the first. What is wrong goes into ``problems``,
    or where it may be taken in part, record by record to ``refused``.

    :raises Refused: TOO_MANY_RECORDS, TOO_MANY_REFUSED
    """

    def refuse_one(position: int, record: Any, problem: Unreadable) -> None:
        if refused is not None:
            refused.add(position, record, problem, NOTHING_STORED)

    received = PayloadContent(spool, form)
    duplicates: DuplicateFinder[str] = DuplicateFinder(
        lambda payload: form.keys([payload])[0], lambda payload: payload.encode("utf-8", "surrogatepass")
    )
    for start, block in validated(records, validator, limit, problems, None if refused is None else refuse_one):
        taken = form.taken(block)
        received.add(start, taken.payloads)
        duplicates.note_keys(taken.keys)
        received.warnings += taken.warnings
    contradictions = ProblemCollector(thorough=problems.thorough)
    for position, earlier, payload, same in duplicates.found(spool):
        if same:
            received.skipped.add(position)
            received.stored -= 1
            received.warnings -= form.warned([payload])
        elif refused is None:
            contradictions.add(form.duplicate(payload, position, earlier))
        else:
            received.skipped.add(position)
            received.stored -= 1
            received.warnings -= form.warned([payload])
            refuse_one(position, form.record_of_payload(payload), form.duplicate(payload, position, earlier))
    problems.merge(contradictions)
    return received
