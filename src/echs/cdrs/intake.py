"""Taking CDRs in: an upload is accepted whole or refused whole, and knows the outcome of each record."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select

from echs.audit import trail
from echs.audit.entry import Action
from echs.base.digest import as_text, digest_of_rows
from echs.base.errors import Problem, ProblemList, Problems, Unread
from echs.base.ground import Ground
from echs.base.plausibility import Finding
from echs.base.spool import Row
from echs.base.upload import NOTHING_STORED, Court, Keys, Run, examined
from echs.cdrs import tables
from echs.cdrs.cdr import FIELDS, Cdr, CdrReason, CdrRecord, content_hash, differing_field, label
from echs.cdrs.rules import HOLD, Doubted, Key, Scene, judge, judge_run, warnings_among
from echs.cdrs.surroundings import Lists, overlaps, published
from echs.partners.login import confirm
from echs.partners.partner import Partner
from echs.partners.register import owners_of_provider_keys

KEYS_AT_ONCE = 500
DETAIL_LIMIT = 400
FIELD_NAMES = tuple(field.name for field in FIELDS)
# In the order in which `store` gives the values.
COLUMNS = (
    "operator_key",
    "provider_key",
    "operator_partner_id",
    "started_at",
    "ended_at",
    "duration_s",
    "volume_e4_kwh",
    "received_at",
    "request_id",
    *FIELD_NAMES,
)


class Outcome(StrEnum):
    """What became of one record of an accepted upload."""

    PENDING = "pending"
    HELD = "held"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Added:
    """An accepted upload: the outcome of each record in the order of the upload, and the provider ids nobody owns.

    ``warned`` counts the new records with a warning that the sender may know of, ``warnings`` has their positions by
    the name of the warning.
    """

    outcomes: tuple[Outcome, ...]
    unowned_provider_ids: tuple[str, ...]
    warned: int
    warnings: Mapping[str, Sequence[int]]

    @property
    def received(self) -> int:
        """How many records were sent."""
        return len(self.outcomes)

    def count(self, outcome: Outcome) -> int:
        """How many records had this outcome."""
        return self.outcomes.count(outcome)


class Placed(NamedTuple):
    """A CDR with its position in the upload, whether the same record stood in the upload before, and what refuses it
    unless it was accepted already.
    """

    position: int
    cdr: Cdr
    repeated: bool
    doubt: Problems | None


def add(
    ground: Ground, sender: Partner, records: Iterable[CdrRecord | Unread | Run], request_id: str, lists: Lists
) -> Added:
    """Accept ``records`` from ``sender`` in one transaction.

    A record that is stored already, with the same content, changes nothing; with other content it is a problem. A
    record whose provider id nobody owns is accepted and held. What is odd about a new record is stored beside it.

    :raises Refused: for any problem in any record; then nothing of the upload is stored
    """
    scene = Scene(sender, ground.clock(), ground.limits)
    problems = ProblemList()
    placed = examine(scene, records, problems)
    if problems:
        raise problems.refusal(NOTHING_STORED)
    # Before the transaction: the lists may change meanwhile, and a warning is not worth making others wait.
    known_to_lists = published(ground, lists, sender, (each.cdr for each in placed))
    with ground.database.write() as transaction:
        now = confirm(ground, transaction, sender)
        refuse_what_is_not_yours_any_more(replace(scene, sender=now), placed)
        for operator_key in sorted({each.cdr.operator_key for each in placed}):
            ground.database.lock(transaction, f"cdr:{operator_key}")
        known = known_positions(transaction, placed)
        new = [each for each in placed if not each.repeated and each.position not in known]
        refuse_what_is_doubted(new)
        last_id = store(ground, transaction, new, sender, scene.now, request_id)
        with ground.database.nearest_by_index(transaction):
            found = overlaps(transaction, last_id, request_id)
        scene = replace(
            scene,
            owned_provider_keys=owners_of_provider_keys(transaction, {each.cdr.provider_key for each in new}).keys(),
            tokens=known_to_lists.tokens,
            contracts=known_to_lists.contracts,
            chargepoints=known_to_lists.chargepoints,
            socket_overlaps=found.socket,
            card_overlaps=found.card,
            card_overlaps_elsewhere=found.card_elsewhere,
        )
        found_odd = warnings_among([each.cdr for each in new], scene)
        warnings = {each.cdr.key: odd for each, odd in zip(new, found_odd, strict=True)}
        warned = store_warnings(ground, transaction, warnings, last_id, request_id)
        facts = {
            "received": len(placed),
            "new": len(new),
            "digest": digest(each.cdr for each in new),
            "partner": sender.id,
            "received_at": as_text(scene.now),
            "warnings": warned,
        }
        trail.note(ground, transaction, Action.CDRS_ADDED, f"CDRs of {sender.user_id}", facts, request_id=request_id)
    return summary(placed, new, scene, warnings)


def examine(
    scene: Scene,
    records: Iterable[CdrRecord | Unread | Run],
    problems: ProblemList,
    notice: Callable[[Placed], None] = lambda _: None,
) -> list[Placed]:
    """Judge every record; two of one upload with the same key must be the same record. Needs no store.

    Each record that is right, and no repetition, is given to ``notice`` at once, whatever comes after it.

    :raises Refused: TOO_MANY_RECORDS
    """
    keys = Keys()
    first: dict[int, CdrRecord] = {}

    def placed_run(rows: Sequence[Row], start: int) -> Sequence[Placed] | None:
        cdrs = judge_run(rows, scene)
        if cdrs is None or not keys.take_new([cdr.key for cdr in cdrs], start):
            return None
        run = [Placed(position, cdr, False, None) for position, cdr in enumerate(cdrs, start)]
        first.update((each.position, each.cdr.record) for each in run)
        for each in run:
            notice(each)
        return run

    def placed(record: CdrRecord, position: int) -> Placed | Unread:
        verdict = judge(record, position, scene)
        if isinstance(verdict, Problems):
            return verdict
        doubt = verdict.problems if isinstance(verdict, Doubted) else None
        cdr = verdict.cdr if isinstance(verdict, Doubted) else verdict
        if doubt is not None and problems.thorough:
            return doubt
        earlier = keys.earlier(cdr.key, position, position)
        field = None if earlier is None else differing_field(first[earlier[0]], record)
        if earlier is None or field is None:
            first.setdefault(position, record)
            right = Placed(position, cdr, earlier is not None, doubt)
            if not right.repeated:
                notice(right)
            return right
        detail = f"differs from the CDR of the same number at position {earlier[0]} of this upload"
        return Problem(CdrReason.CDR_TWICE, detail, position=position, field=field, label=label(record))

    kept: list[Placed] = []
    court = Court(placed, placed_run, CdrRecord._make)
    for _, block in examined(records, court, scene.limits.records_per_upload, problems):
        if problems and not problems.thorough:
            kept.clear()
        else:
            kept.extend(block)
    return kept


def refuse_what_is_doubted(new: Sequence[Placed]) -> None:
    """Rules that depend on the clock or on a setting are for new CDRs: the same record sent again changes nothing.

    :raises Refused: CDR_IN_FUTURE, CDR_VOLUME_LIMIT
    """
    doubted = ProblemList()
    for each in new:
        if each.doubt is not None:
            doubted.add_of_record(each.doubt)
    if doubted:
        raise doubted.refusal(NOTHING_STORED)


def refuse_what_is_not_yours_any_more(scene: Scene, placed: Sequence[Placed]) -> None:
    """An operator id can be taken away while an upload is on its way.

    :raises Refused: CDR_OPERATOR_NOT_YOURS
    """
    lost = ProblemList()
    for each in placed:
        if each.cdr.operator_key in scene.sender.operator_keys:
            continue
        verdict = judge(each.cdr.record, each.position, scene)
        if isinstance(verdict, Problems):
            lost.add_of_record(verdict)
    if lost:
        raise lost.refusal(NOTHING_STORED)


def known_positions(transaction: Connection, placed: Sequence[Placed]) -> set[int]:
    """The positions whose record is stored already.

    :raises Refused: CDR_DIFFERS where it is stored with other content
    """
    by_operator: dict[str, dict[str, Placed]] = defaultdict(dict)
    for each in placed:
        by_operator[each.cdr.operator_key].setdefault(each.cdr.record.cdr_id, each)
    known: set[int] = set()
    problems: list[Problem] = []
    columns = [tables.cdr.c[name] for name in FIELD_NAMES]
    for operator_key, mine in by_operator.items():
        numbers = list(mine)
        for start in range(0, len(numbers), KEYS_AT_ONCE):
            query = select(tables.cdr.c.received_at, *columns).where(
                tables.cdr.c.operator_key == operator_key,
                tables.cdr.c.cdr_id.in_(numbers[start : start + KEYS_AT_ONCE]),
            )
            for received_at, *texts in transaction.execute(query):
                stored = CdrRecord._make(texts)
                each = mine[stored.cdr_id]
                field = differing_field(stored, each.cdr.record)
                if field is None:
                    known.add(each.position)
                else:
                    problems.append(conflict(each, field, received_at))
    was_purged = select(tables.cdr_purged.c.cdr_id).limit(1)
    if transaction.execute(was_purged).first() is not None:
        find_purged(transaction, by_operator, known, problems)
    if problems:
        found = ProblemList()
        for problem in sorted(problems, key=lambda problem: problem.position or 0):
            found.add(problem)
        raise found.refusal(NOTHING_STORED)
    return known


def find_purged(
    transaction: Connection, by_operator: Mapping[str, Mapping[str, Placed]], known: set[int], problems: list[Problem]
) -> None:
    """As `known_positions`, for CDRs that were deleted because they were old: they stay accepted."""
    purged = tables.cdr_purged
    for operator_key, mine in by_operator.items():
        numbers = list(mine)
        for start in range(0, len(numbers), KEYS_AT_ONCE):
            query = select(purged.c.cdr_id, purged.c.content_hash).where(
                purged.c.operator_key == operator_key, purged.c.cdr_id.in_(numbers[start : start + KEYS_AT_ONCE])
            )
            for cdr_id, stored in transaction.execute(query):
                each = mine[cdr_id]
                if stored == content_hash(operator_key, each.cdr.record):
                    known.add(each.position)
                else:
                    detail = "differs from the CDR of this number that was accepted long ago; a CDR is never changed"
                    record = each.cdr.record
                    problem = Problem(CdrReason.CDR_DIFFERS, detail, position=each.position, label=label(record))
                    problems.append(problem)


def conflict(each: Placed, field: str, received_at: datetime) -> Problem:
    """The problem of a CDR that was accepted before with other content; the stored value is nobody's business."""
    detail = f"differs from the CDR of this number that was accepted on {received_at:%Y-%m-%d}; a CDR is never changed"
    record = each.cdr.record
    return Problem(CdrReason.CDR_DIFFERS, detail, position=each.position, field=field, label=label(record))


def store(
    ground: Ground,
    transaction: Connection,
    new: Sequence[Placed],
    sender: Partner,
    received_at: datetime,
    request_id: str,
) -> int:
    """Write the CDRs and enter them among the uncleared; the highest number before theirs."""
    highest = transaction.execute(select(func.max(tables.cdr.c.id))).scalar() or 0
    as_stored = ground.database.as_stored
    received = as_stored(received_at)
    rows = (
        (
            cdr.operator_key,
            cdr.provider_key,
            sender.id,
            as_stored(cdr.started_at),
            as_stored(cdr.ended_at),
            cdr.duration_s,
            cdr.volume_e4_kwh,
            received,
            request_id,
            *cdr.record,
        )
        for cdr in (each.cdr for each in new)
    )
    ground.database.insert_rows(transaction, tables.cdr, COLUMNS, rows)
    mine = select(tables.cdr.c.id, tables.cdr.c.provider_key).where(just_stored(highest, request_id))
    transaction.execute(insert(tables.cdr_uncleared).from_select(["cdr_id", "provider_key"], mine))
    return highest


def digest(cdrs: Iterable[Cdr]) -> str:
    """What the audit trail holds of the CDRs that an upload brought: a SHA-256 over the hashes of all, in order."""
    return digest_of(content_hash(cdr.operator_key, cdr.record) for cdr in cdrs)


def digest_of(hashes: Iterable[str]) -> str:
    """As `digest`, from the hashes."""
    return hashlib.sha256("".join(hashes).encode("ascii")).hexdigest()


def just_stored(after_id: int, request_id: str) -> ColumnElement[bool]:
    """The rows that this request has written: numbers only grow, and the request is ours alone."""
    return and_(tables.cdr.c.id > after_id, tables.cdr.c.request_id == request_id)


def store_warnings(
    ground: Ground, transaction: Connection, warnings: Mapping[Key, list[Finding]], after_id: int, request_id: str
) -> str:
    """Write what is odd about the CDRs just stored; the digest of that, as `echs verify` finds it again."""
    if not any(warnings.values()):
        return digest_of_rows([])
    cdr = tables.cdr
    numbers = select(cdr.c.operator_key, cdr.c.cdr_id, cdr.c.id).where(just_stored(after_id, request_id))
    rows = sorted(
        (number, str(each.rule.name), each.rule.field, each.detail[:DETAIL_LIMIT])
        for operator_key, cdr_id, number in transaction.execute(numbers).all()
        for each in warnings[operator_key, cdr_id]
    )
    ground.database.insert_rows(transaction, tables.cdr_warning, ("cdr_id", "name", "field", "detail"), rows)
    return digest_of_rows(rows)


def summary(
    placed: Sequence[Placed], new: Sequence[Placed], scene: Scene, warnings: Mapping[Key, Sequence[Finding]]
) -> Added:
    """The outcome of each record."""
    new_positions = {each.position for each in new}
    outcomes: list[Outcome] = []
    unowned: dict[str, str] = {}
    for each in placed:
        if each.position not in new_positions:
            outcomes.append(Outcome.KNOWN)
        elif HOLD.broken(each.cdr, scene) is None:
            outcomes.append(Outcome.PENDING)
        else:
            outcomes.append(Outcome.HELD)
            unowned.setdefault(each.cdr.provider_key, each.cdr.record.provider_id)
    told: dict[str, list[int]] = defaultdict(list)
    for each in new:
        for found in warnings[each.cdr.key]:
            if found.rule.told:
                told[str(found.rule.name)].append(each.position)
    warned = len({position for positions in told.values() for position in positions})
    return Added(tuple(outcomes), tuple(unowned.values()), warned, told)
