"""What stands of CDRs that are sent again or answered about: of each the newest revision, and where it stands."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, exists, func, select

from echs.base.context import Context
from echs.base.digest import RowDigest
from echs.cdrs import tables
from echs.cdrs.pending import newest_answer, newest_decision
from echs.cdrs.rules import Key
from echs.cdrs.status import Answer, Decided
from echs.cdrs.transitions import Stand, stand_of
from echs.partners.market_ids import SameOwner

KEYS_AT_ONCE = 500
FINAL_FIRST = (Stand.APPROVED, Stand.REJECTED, Stand.DECLINED, Stand.REVISED, Stand.ACCEPTED)
_cdr, _cleared = tables.cdr.c, tables.cdr_cleared.c
# Of all operators, which is what the index on the id is for.
OF_ALL = (
    select(
        _cdr.operator_key,
        _cdr.cdr_id,
        _cdr.id,
        _cdr.revision,
        _cdr.content_hash,
        _cdr.operator_partner_id,
        _cdr.operator_id,
        _cdr.protocol,
        newest_answer(tables.cdr),
        newest_decision(_cdr.id),
        exists(select(_cleared.cdr_id).where(_cleared.cdr_id == _cdr.id)),
    )
    .where(_cdr.cdr_id.in_(bindparam("numbers", expanding=True)))
    .order_by(_cdr.operator_key, _cdr.cdr_id, _cdr.revision)
)
REVISIONS = OF_ALL.where(_cdr.operator_key == bindparam("operator"))


class Standing(NamedTuple):
    """The newest revision of a CDR: its row, whose it is, as which operator and by which protocol it was sent, where it
    stands, and the contents of all revisions.
    """

    row: int
    revision: int
    content_hash: str
    operator_partner_id: int
    operator_id: str
    protocol: str
    stand: Stand
    hashes: Set[str]
    # The office has it on hold: until it decides, nothing takes its place.
    on_hold: bool


def standing(snapshot: Connection, operator_key: str, cdr_ids: Sequence[str]) -> dict[str, Standing]:
    """What stands of these CDRs of an operator, by their ids; those that were purged do not."""
    found: dict[str, Standing] = {}
    for start in range(0, len(cdr_ids), KEYS_AT_ONCE):
        wanted = {"operator": operator_key, "numbers": cdr_ids[start : start + KEYS_AT_ONCE]}
        newest = newest_of(snapshot.execute(REVISIONS, wanted))
        found |= {cdr_id: each for (_, cdr_id), each in newest.items()}
    return found


def newest_of(rows: Iterable[Any]) -> dict[Key, Standing]:
    """What stands by rows of `OF_ALL`."""
    found: dict[Key, Standing] = {}
    for operator_key, cdr_id, row, revision, content, owner, operator_id, protocol, answer, decided, cleared in rows:
        key = operator_key, cdr_id
        before = found[key].hashes if key in found else frozenset()
        stand = stand_of(
            revision,
            None if answer is None else Answer(answer),
            None if decided is None else Decided(decided),
            cleared=bool(cleared),
        )
        hashes, on_hold = before | {content}, decided == Decided.HOLD
        found[key] = Standing(row, revision, content, owner, operator_id, protocol, stand, hashes, on_hold)
    return found


def standing_by_id(
    snapshot: Connection, cdr_ids: Sequence[str], protocol: str, operators: Mapping[str, SameOwner]
) -> dict[str, Standing]:
    """What stands of the CDRs with these ids, of a protocol whose ids are unique in the whole house: whatever operator
    it was sent as by that protocol, and by any other what was sent as one of these operators. Where there are several,
    one of the protocol comes first, of these the one that is nearest to its end.
    """
    found: dict[str, Standing] = {}
    for start in range(0, len(cdr_ids), KEYS_AT_ONCE):
        some = {"numbers": cdr_ids[start : start + KEYS_AT_ONCE]}
        for (operator_key, cdr_id), each in newest_of(snapshot.execute(OF_ALL, some)).items():
            mine = operators.get(operator_key)
            if each.protocol != protocol and (mine is None or not mine.may_be(cdr_id)):
                continue
            before = found.get(cdr_id)
            if before is None or precedence(each, protocol) < precedence(before, protocol):
                found[cdr_id] = each
    return found


def precedence(standing: Standing, protocol: str) -> tuple[bool, int, int]:
    """By what of several the one is chosen that counts: the least."""
    return standing.protocol != protocol, FINAL_FIRST.index(standing.stand), standing.row


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
    table, cdr, now = tables.cdr_answer, tables.cdr, context.clock()
    last: dict[int, int] = {}
    operators: dict[int, int] = {}
    rows = sorted(row for row, _ in answers)
    answered = cdr.outerjoin(table, table.c.cdr_id == cdr.c.id)
    query = select(cdr.c.id, cdr.c.operator_partner_id, func.max(table.c.number)).select_from(answered)
    for start in range(0, len(rows), KEYS_AT_ONCE):
        some = cdr.c.id.in_(rows[start : start + KEYS_AT_ONCE])
        for row, operator, number in transaction.execute(query.where(some).group_by(cdr.c.id)):
            operators[row], last[row] = operator, number or 0
    written = [(row, last[row] + 1, kind.value) for row, kind in sorted(answers)]
    context.database.insert_rows(
        transaction,
        table,
        ("cdr_id", "number", "kind", "answered_at", "partner_id", "request_id", "operator_partner_id"),
        [(*each, context.database.as_stored(now), partner_id, request_id, operators[each[0]]) for each in written],
    )
    return answers_facts(written)


def answers_facts(written: Sequence[tuple[int, int, str]]) -> dict[str, object]:
    """What the audit trail holds of answers: how many, and a digest of row, number and kind of each, in order."""
    digest = RowDigest()
    digest.add([(str(row), str(number), kind) for row, number, kind in written])
    return {"answers": len(written), "answers_digest": digest.value}
