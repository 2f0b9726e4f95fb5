"""CDRs: each in one state, with the content that was accepted, and every copy of a fact the same."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import and_, exists, func, or_, select, union_all

from echs.audit import tables as audit_tables
from echs.base.digest import as_text, digest_of_rows
from echs.base.errors import shown
from echs.cdrs import tables as cdr_tables
from echs.cdrs.intake import digest_of
from echs.cdrs.pending import has_newer, newest_decision, refusal
from echs.cdrs.standing import answers_facts
from echs.cdrs.status import REFUSING, STOPPING
from echs.maintenance.baseline import baseline
from echs.maintenance.checks.view import ROWS_AT_ONCE, Found, View

UNKNOWN_PROTOCOL = "the protocol, which this release does not know,"


def states(view: View) -> Iterator[Found]:
    """CDRs that are in no state or in two, or cleared although the office or a partner keeps them out of every run; and
    older revisions that would be cleared beside the newest.
    """
    cdr, uncleared, cleared = cdr_tables.cdr, cdr_tables.cdr_uncleared, cdr_tables.cdr_cleared
    waits = exists(select(uncleared.c.cdr_id).where(uncleared.c.cdr_id == cdr.c.id))
    is_cleared = exists(select(cleared.c.cdr_id).where(cleared.c.cdr_id == cdr.c.id))
    newer = has_newer(cdr)
    for number, name in view.snapshot.execute(select(cdr.c.id, cdr.c.cdr_id).where(~waits, ~is_cleared, ~newer)):
        yield named(number, name), "neither uncleared nor cleared: it would never be delivered"
    for number, name in view.snapshot.execute(select(cdr.c.id, cdr.c.cdr_id).where(waits, is_cleared)):
        yield named(number, name), "both cleared and uncleared: it would be cleared twice"
    older = select(cdr.c.id, cdr.c.cdr_id).where(newer, or_(waits, is_cleared))
    for number, name in view.snapshot.execute(older):
        yield named(number, name), "an older revision that is uncleared or cleared: it would be cleared twice"
    before = cdr.alias()
    same = before.c.operator_key == cdr.c.operator_key, before.c.cdr_id == cdr.c.cdr_id
    known = exists(select(before.c.id).where(*same, before.c.revision == cdr.c.revision - 1))
    for number, name in view.snapshot.execute(select(cdr.c.id, cdr.c.cdr_id).where(cdr.c.revision != 1, ~known)):
        yield named(number, name), "a revision without the one before it"
    yield from two_operators(view)
    answer = refusal(cdr.c.id)
    refused = select(cdr.c.id, cdr.c.cdr_id, answer).join(cleared, cleared.c.cdr_id == cdr.c.id)
    answered = cdr.c.id.in_(select(cdr_tables.cdr_answer.c.cdr_id))
    for number, name, kind in view.snapshot.execute(refused.where(answered, answer.in_(tuple(REFUSING)))):
        yield named(number, name), f"cleared, although the latest answer about it is: {kind}"
    kept_out = (
        select(cdr.c.id, cdr.c.cdr_id, newest_decision(cdr.c.id).label("kind"))
        .join(cleared, cleared.c.cdr_id == cdr.c.id)
        .where(cdr.c.id.in_(select(cdr_tables.cdr_decision.c.cdr_id)))
    )
    for number, name, kind in view.snapshot.execute(kept_out):
        if kind in STOPPING:
            yield named(number, name), f"cleared, although the latest decision on it is: {kind}"


def two_operators(view: View) -> Iterator[Found]:
    """CDRs of protocols whose ids are unique in the whole house that stand under the ids of several operators, beside
    one of another protocol of the same sender, or that were purged under another.
    """
    cdr = cdr_tables.cdr.c
    unique = [name for name, form in view.formats.cdrs.items() if form.unique_ids]
    operators = func.count(cdr.operator_key.distinct())
    query = select(cdr.cdr_id, operators).where(cdr.protocol.in_(unique)).group_by(cdr.cdr_id).having(operators > 1)
    for cdr_id, count in view.snapshot.execute(query):
        yield f"CDR {shown(cdr_id)}", f"under {count} operators: it would be cleared twice"
    one, other, purged = cdr_tables.cdr, cdr_tables.cdr.alias(), cdr_tables.cdr_purged
    beside = and_(
        other.c.cdr_id == one.c.cdr_id,
        other.c.operator_key != one.c.operator_key,
        other.c.operator_partner_id == one.c.operator_partner_id,
        other.c.protocol.not_in(unique),
    )
    twice = select(one.c.cdr_id).distinct().join(other, beside).where(one.c.protocol.in_(unique))
    for cdr_id in view.snapshot.execute(twice).scalars():
        yield f"CDR {shown(cdr_id)}", "its sender sent it by two protocols as two operators: it would be cleared twice"
    gone = and_(purged.c.cdr_id == one.c.cdr_id, purged.c.operator_key != one.c.operator_key)
    again = select(one.c.cdr_id).distinct().join(purged, gone).where(one.c.protocol.in_(unique))
    for cdr_id in view.snapshot.execute(again.where(purged.c.protocol.in_(unique))).scalars():
        yield f"CDR {shown(cdr_id)}", "purged under another operator, but present"


def named(number: int, name: str) -> str:
    """A CDR in a finding."""
    return f"CDR {shown(name)} (row {number})"


def copies(view: View) -> Iterator[Found]:
    """What is kept beside a CDR for speed, and is not what the CDR says."""
    cdr, uncleared, cleared = cdr_tables.cdr, cdr_tables.cdr_uncleared, cdr_tables.cdr_cleared
    provider = select(cdr.c.id, cdr.c.cdr_id).join(uncleared, uncleared.c.cdr_id == cdr.c.id)
    for number, name in view.snapshot.execute(provider.where(uncleared.c.provider_key != cdr.c.provider_key)):
        yield named(number, name), "listed as uncleared under another provider id than its own"
    operator = select(cdr.c.id, cdr.c.cdr_id).join(cleared, cleared.c.cdr_id == cdr.c.id)
    for number, name in view.snapshot.execute(
        operator.where(cleared.c.operator_partner_id != cdr.c.operator_partner_id)
    ):
        yield named(number, name), "assigned in its run to another operator than its sender"
    answer = cdr_tables.cdr_answer
    answered = select(cdr.c.id, cdr.c.cdr_id).join(answer, answer.c.cdr_id == cdr.c.id)
    for number, name in view.snapshot.execute(
        answered.where(answer.c.operator_partner_id != cdr.c.operator_partner_id)
    ):
        yield named(number, name), "answered about as one of another operator than its sender"


class Part(NamedTuple):
    """What is there of one CDR of an upload: its row, its content hash, and where it is not purged its other facts."""

    request_id: str
    number: int
    hash: str
    purged: bool
    partner_id: int | None = None
    received_at: Any = None
    wrong: Sequence[str] = ()
    name: str = ""


def present_parts(view: View) -> Iterator[Part]:
    """Every CDR that is there, by upload and row."""
    cdr = cdr_tables.cdr
    query = select(cdr).order_by(in_bytes(view, cdr.c.request_id), cdr.c.id)
    for row in view.snapshot.execute(query.execution_options(yield_per=ROWS_AT_ONCE)):
        form = view.formats.cdrs.get(row.protocol)
        wrong = [UNKNOWN_PROTOCOL] if form is None else form.inconsistencies(row._asdict())
        facts = (row.operator_partner_id, row.received_at, tuple(wrong), row.cdr_id)
        yield Part(row.request_id, row.id, row.content_hash, False, *facts)


def purged_parts(view: View) -> Iterator[Part]:
    """What is left of every CDR that was purged, by upload and row; but of those that older releases purged."""
    purged = cdr_tables.cdr_purged.c
    older = cdr_tables.cdr_purged_revision.c
    newest = select(purged.request_id, purged.row_id, purged.content_hash).where(purged.request_id.is_not(None))
    found = union_all(newest, select(older.request_id, older.row_id, older.content_hash)).subquery().c
    ordered = select(*found).order_by(in_bytes(view, found.request_id), found.row_id)
    for request_id, number, digest in view.snapshot.execute(ordered.execution_options(yield_per=ROWS_AT_ONCE)):
        yield Part(request_id, number or 0, digest, True)


def in_bytes(view: View, column: Any) -> Any:
    """A column of text in the order of Python's texts, whatever the collation of the database."""
    return column if view.context.database.is_sqlite else column.collate("C")


def contents(view: View) -> Iterator[Found]:
    """CDRs whose columns are not what their payloads say, and uploads that are not as the audit trail has them: of
    each, what was accepted is there or was purged, down to the last sign.
    """
    known_from, _ = baseline(view.snapshot)
    first_known = view.snapshot.execute(select(func.max(audit_tables.audit_baseline.c.cdr_id))).scalar() or 0
    seen: set[str] = set()
    missing: dict[str, tuple[int, int]] = {}
    parts = merge(present_parts(view), purged_parts(view), key=itemgetter(0, 1))
    for request_id, of_upload in groupby(parts, key=itemgetter(0)):
        seen.add(request_id)
        entered = view.trail.uploads.get(request_id)
        hashes: list[str] = []
        newest, oldest, senders, times = 0, None, Counter[Any](), Counter[Any]()
        for part in of_upload:
            hashes.append(part.hash)
            newest, oldest = max(newest, part.number), part.number if oldest is None else oldest
            for what in part.wrong:
                yield named(part.number, part.name), f"{what} does not match what was sent"
            if not part.purged:
                senders[part.partner_id] += 1
                times[part.received_at] += 1
        subject = f"upload {request_id}"
        if entered is None:
            if newest > known_from:
                yield subject, "not in the audit trail"
            continue
        if len(hashes) > entered["new"]:
            yield subject, f"{len(hashes)} CDRs found, {entered['new']} were accepted"
        elif len(hashes) < entered["new"]:
            missing[request_id] = len(hashes), entered["new"]
        elif digest_of(hashes) != entered["digest"]:
            yield subject, "its CDRs differ from the accepted ones"
        if oldest is not None and oldest <= first_known:
            yield subject, "the audit trail has this upload, but claims to have begun later: its beginning was changed"
        if "partner" in entered and set(senders) - {entered["partner"]}:
            yield subject, "it has CDRs assigned to another operator than its sender"
        if "received_at" in entered and {as_text(each) for each in times} - {entered["received_at"]}:
            yield subject, "its CDRs have another time of receipt than the audit trail"
    yield from lost(view, seen, missing)


def lost(view: View, seen: set[str], missing: dict[str, tuple[int, int]]) -> Iterator[Found]:
    """Uploads of which less is there than was accepted. Older releases purged CDRs without the name of their upload:
    as many as those are may be missing of all uploads together, and not one more.
    """
    for request_id, entered in view.trail.uploads.items():
        if entered["new"] and request_id not in seen:
            missing[request_id] = 0, entered["new"]
    purged = cdr_tables.cdr_purged.c
    unnamed = select(func.count()).where(purged.request_id.is_(None))
    excused = view.snapshot.execute(unnamed).scalar() or 0
    gone = sum(accepted - there for there, accepted in missing.values())
    if gone == excused:
        return
    for request_id, (there, accepted) in sorted(missing.items()):
        yield (
            f"upload {request_id}",
            f"{there} CDRs found, {accepted} were accepted"
            if there
            else f"all {accepted} CDRs are missing, without a trace of a purge",
        )
    if excused:
        yield "purged CDRs", f"{excused} were purged by older releases, but {gone} are missing"


def warnings(view: View) -> Iterator[Found]:
    """Uploads whose warnings are not those that were noted then. A purge deletes warnings, so nothing can be said of an
    upload that is not all there.
    """
    cdr, warning = cdr_tables.cdr, cdr_tables.cdr_warning
    columns = (cdr.c.request_id, warning.c.cdr_id, warning.c.name, warning.c.field, warning.c.detail)
    query = select(*columns).join(cdr, cdr.c.id == warning.c.cdr_id).order_by(in_bytes(view, cdr.c.request_id))
    counts = view.snapshot.execute(select(cdr.c.request_id, func.count()).group_by(cdr.c.request_id))
    there = dict(map(tuple, counts))
    whole = {each for each, entered in view.trail.uploads.items() if there.get(each, 0) == entered["new"]}
    seen = set()
    for request_id, rows in groupby(
        view.snapshot.execute(query.execution_options(yield_per=ROWS_AT_ONCE)), key=itemgetter(0)
    ):
        seen.add(request_id)
        entered = view.trail.uploads.get(request_id, {})
        found = digest_of_rows(sorted(tuple(row[1:]) for row in rows))
        if request_id in whole and entered.get("warnings", found) != found:
            yield f"upload {request_id}", "the warnings on its CDRs differ from the original ones"
    nothing = digest_of_rows([])
    for request_id in sorted(whole - seen):
        if view.trail.uploads[request_id].get("warnings", nothing) != nothing:
            yield f"upload {request_id}", "the warnings on its CDRs are missing"


def decisions(view: View) -> Iterator[Found]:
    """What the office decided, and is not as the audit trail has it."""
    decision, cdr = cdr_tables.cdr_decision, cdr_tables.cdr
    rows = view.snapshot.execute(select(decision, cdr.c.cdr_id.label("name")).join(cdr, cdr.c.id == decision.c.cdr_id))
    known_from, _ = baseline(view.snapshot)
    seen = set()
    for row in rows:
        subject = f"decision {row.number} on {named(row.cdr_id, row.name)}"
        seen.add((row.cdr_id, row.number))
        kind, said = view.trail.decisions.get((row.cdr_id, row.number), (None, None))
        if said is None:
            if row.cdr_id > known_from:
                yield subject, "not in the audit trail: it was not made with eCHS"
            continue
        entered = (kind, said.facts["reason"], said.request_id)
        made = (row.kind, row.reason, row.request_id)
        by = said.facts.get("by", row.decided_by), said.facts.get("at", as_text(row.decided_at))
        if entered != made or by != (row.decided_by, as_text(row.decided_at)):
            yield subject, "differs from the audit trail"
    gone = {number for number, order in view.trail.decisions if (number, order) not in seen}
    there: dict[int, tuple[str, datetime]] = {}
    ordered = sorted(gone)
    for start in range(0, len(ordered), 500):
        here = select(cdr.c.id, cdr.c.cdr_id, cdr.c.received_at).where(cdr.c.id.in_(ordered[start : start + 500]))
        there.update({number: (name, received_at) for number, name, received_at in view.snapshot.execute(here)})
    for (number, order), (_, said) in sorted(view.trail.decisions.items(), key=itemgetter(0)):
        name, received_at = there.get(number, ("", said.at))
        # SQLite may give the number of a purged row again: what was decided before a CDR came was about another.
        if (number, order) not in seen and number in there and received_at <= said.at:
            yield f"decision {order} on {named(number, name)}", "missing, although the audit trail has it"


def answers(view: View) -> Iterator[Found]:
    """What partners answered about CDRs, and is not as the audit trail has it. A purge deletes answers, so that of
    fewer than were given nothing can be said once there was one.
    """
    answer = cdr_tables.cdr_answer.c
    query = select(answer.request_id, answer.cdr_id, answer.number, answer.kind, answer.partner_id)
    ordered = query.order_by(in_bytes(view, answer.request_id), answer.cdr_id, answer.number)
    seen = set()
    rows = view.snapshot.execute(ordered.execution_options(yield_per=ROWS_AT_ONCE))
    for request_id, some in groupby(rows, key=itemgetter(0)):
        seen.add(request_id)
        given = list(some)
        found = answers_facts([(row, number, kind) for _, row, number, kind, _ in given])
        entered = view.trail.answers.get(request_id)
        subject = f"answers of request {request_id}"
        if entered is None:
            yield subject, "not in the audit trail: they were not given with eCHS"
        elif int(str(found["answers"])) < entered["answers"]:
            if not view.trail.purges:
                yield subject, f"{found['answers']} found, {entered['answers']} were given"
        elif found != {name: entered[name] for name in found}:
            yield subject, "they differ from those that were given"
        if entered is not None and {partner_id for *_, partner_id in given} != {entered.get("partner")}:
            yield subject, "they are of another partner than the one that gave them"
    for request_id in sorted(view.trail.answers.keys() - seen):
        if not view.trail.purges:
            yield f"answers of request {request_id}", "missing, although the audit trail has them"


def deleted(view: View) -> Iterator[Found]:
    """CDRs that count as deleted and are still there."""
    cdr, purged = cdr_tables.cdr, cdr_tables.cdr_purged
    same = and_(purged.c.operator_key == cdr.c.operator_key, purged.c.cdr_id == cdr.c.cdr_id)
    for (name,) in view.snapshot.execute(select(cdr.c.cdr_id).join(purged, same)):
        yield f"CDR {shown(name)}", "marked as deleted, but present"
