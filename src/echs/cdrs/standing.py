"""What stands of CDRs that are sent again or answered about: of each the newest revision, and where it stands."""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, exists, select

from echs.base.context import Context
from echs.base.digest import RowDigest
from echs.cdrs import tables
from echs.cdrs.pending import newest_answer, newest_decision
from echs.cdrs.rules import Key
from echs.cdrs.status import Answer, Decided
from echs.cdrs.transitions import Stand, stand_of

KEYS_AT_ONCE = 500
_cdr, _cleared, _given = tables.cdr.c, tables.cdr_cleared.c, tables.cdr_revision_given.c
REVISIONS = (
    select(
        _cdr.id,
        _cdr.cdr_id,
        _cdr.revision,
        _cdr.content_hash,
        _cdr.operator_partner_id,
        newest_answer(_cdr.id),
        newest_decision(_cdr.id),
        exists(select(_cleared.cdr_id).where(_cleared.cdr_id == _cdr.id)),
        exists(select(_given.cdr_id).where(_given.cdr_id == _cdr.id)),
    )
    .where(and_(_cdr.operator_key == bindparam("operator"), _cdr.cdr_id.in_(bindparam("numbers", expanding=True))))
    .order_by(_cdr.cdr_id, _cdr.revision)
)


class Standing(NamedTuple):
    """The newest revision of a CDR: its row, whose it is, where it stands, and the contents of all revisions.
    ``given`` says whether its provider has been given it: a first revision needs not be.
    """

    row: int
    revision: int
    content_hash: str
    operator_partner_id: int
    stand: Stand
    given: bool
    hashes: Set[str]
    # The office has it on hold: until it decides, nothing takes its place.
    on_hold: bool


def standing(snapshot: Connection, operator_key: str, cdr_ids: Sequence[str]) -> dict[str, Standing]:
    """What stands of these CDRs of an operator, by their ids; those that were purged do not."""
    found: dict[str, Standing] = {}
    for start in range(0, len(cdr_ids), KEYS_AT_ONCE):
        wanted = {"operator": operator_key, "numbers": cdr_ids[start : start + KEYS_AT_ONCE]}
        for row, *facts, answer, decided, cleared, given in snapshot.execute(REVISIONS, wanted):
            cdr_id, revision, content, owner = facts
            before = found[cdr_id].hashes if cdr_id in found else frozenset()
            stand = stand_of(
                revision,
                None if answer is None else Answer(answer),
                None if decided is None else Decided(decided),
                cleared=bool(cleared),
            )
            seen = revision == 1 or bool(given)
            found[cdr_id] = Standing(
                row,
                revision,
                content,
                owner,
                stand,
                seen,
                before | {content},
                decided == Decided.HOLD,
            )
    return found


def standing_of(snapshot: Connection, keys: Iterable[Key]) -> dict[Key, Standing]:
    """The same of the CDRs with these keys, of several operators, by their keys."""
    by_operator: dict[str, list[str]] = defaultdict(list)
    for operator_key, cdr_id in keys:
        by_operator[operator_key].append(cdr_id)
    return {
        (operator_key, cdr_id): each
        for operator_key, cdr_ids in sorted(by_operator.items())
        for cdr_id, each in standing(snapshot, operator_key, cdr_ids).items()
    }


def supersede(transaction: Connection, rows: Sequence[int]) -> None:
    """Let older revisions wait for a run no more."""
    uncleared = tables.cdr_uncleared
    for start in range(0, len(rows), KEYS_AT_ONCE):
        some = list(rows[start : start + KEYS_AT_ONCE])
        transaction.execute(delete(uncleared).where(uncleared.c.cdr_id.in_(some)))


def write_answers(
    context: Context,
    transaction: Connection,
    answers: Sequence[tuple[int, Answer]],
    partner_id: int | None,
    request_id: str,
) -> dict[str, object]:
    """Write what was answered about these rows, in their order; what the audit trail holds of it."""
    table, now = tables.cdr_answer, context.clock()
    last: dict[int, int] = {}
    rows = sorted(row for row, _ in answers)
    for start in range(0, len(rows), KEYS_AT_ONCE):
        some = table.c.cdr_id.in_(rows[start : start + KEYS_AT_ONCE])
        for row, number in transaction.execute(select(table.c.cdr_id, table.c.number).where(some)):
            last[row] = max(last.get(row, 0), number)
    written = [(row, last.get(row, 0) + 1, kind.value) for row, kind in sorted(answers)]
    context.database.insert_rows(
        transaction,
        table,
        ("cdr_id", "number", "kind", "answered_at", "partner_id", "request_id"),
        [(*each, context.database.as_stored(now), partner_id, request_id) for each in written],
    )
    return answers_facts(written)


def answers_facts(written: Sequence[tuple[int, int, str]]) -> dict[str, object]:
    """What the audit trail holds of answers: how many, and a digest of row, number and kind of each, in order."""
    digest = RowDigest()
    digest.add([(str(row), str(number), kind) for row, number, kind in written])
    return {"answers": len(written), "answers_digest": digest.value}
