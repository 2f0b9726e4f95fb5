"""Whether everything that must hold of a store does hold: each check goes through the rows and tells what it finds.

Nothing is changed and nothing mended: what a finding means for the money is for people to say. All checks but that of
the drawn statements see the same instant of the store, while it serves.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from itertools import groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, exists, func, or_, select, text

from echs import schema
from echs.audit import tables as audit_tables
from echs.audit.entry import DONE, Action, Entry, breaks
from echs.authorisations import tables as authorisation_tables
from echs.base.database import metadata
from echs.base.errors import Refused, StoreReason, shown
from echs.cdrs import formats
from echs.cdrs import tables as cdr_tables
from echs.cdrs.cdr import FIELDS, CdrRecord, content_hash
from echs.cdrs.formats import WrongFormat
from echs.cdrs.intake import digest_of
from echs.cdrs.pending import PairTotal, in_order, totals_of_run
from echs.chargepoints import tables as chargepoint_tables
from echs.clearing import run as runs
from echs.clearing import tables as clearing_tables
from echs.clearing.publish import DRAWERS, build, drawn_again
from echs.clearing.run import Run
from echs.house import House
from echs.partners import tables as partner_tables
from echs.partners.partner import party_key
from echs.upkeep.baseline import baseline

ROWS_AT_ONCE = 2000
# Of one kind of damage so many are told; a store that is wrong everywhere would else never end.
FINDINGS_OF_A_CHECK = 100

LISTS = (
    (authorisation_tables.roaming_list, authorisation_tables.authorisation),
    (chargepoint_tables.chargepoint_list, chargepoint_tables.chargepoint),
)
UTC_ZONE = ZoneInfo("UTC")
LARGEST_OFFSET_SECONDS = 14 * 3600


def pointing() -> Iterator[tuple[Any, Any]]:
    """Every column that holds the number of a row elsewhere, and the column that it must be found in."""
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            yield key.parent, key.column
    partner, cdr, run = partner_tables.partner.c.id, cdr_tables.cdr.c.id, clearing_tables.clearing_run.c.number
    cleared = cdr_tables.cdr_cleared.c
    yield cdr_tables.cdr_uncleared.c.cdr_id, cdr
    yield cleared.cdr_id, cdr
    yield cleared.run_number, run
    yield cleared.operator_partner_id, partner
    yield cleared.provider_partner_id, partner
    yield cdr_tables.cdr_purged.c.run_number, run


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be: which check says so, about what, in a sentence."""

    check: str
    subject: str
    detail: str


Found = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold: its name, the sentence that must be true, and what looks for where it is not."""

    name: str
    holds: str
    look: Callable[[House, Connection], Iterator[Found]]


def verify(house: House, beginning: Callable[[Check], object] = lambda _: None) -> Iterator[Finding]:
    """Every finding of every check; ``beginning`` is told of each check as it begins.

    :raises Refused: STORE_UNAVAILABLE
    """
    with house.database.read(patient=True) as snapshot:
        for check in CHECKS:
            beginning(check)
            for number, (subject, detail) in enumerate(check.look(house, snapshot)):
                if number == FINDINGS_OF_A_CHECK:
                    yield Finding(check.name, "", f"and more: only the first {FINDINGS_OF_A_CHECK} are told")
                    break
                yield Finding(check.name, subject, detail)


def database_is_whole(house: House, snapshot: Connection) -> Iterator[Found]:
    """What the database itself says of its files, and whether its tables are those of this program."""
    if schema.version_in(snapshot) == schema.head():
        for difference in schema.differences(snapshot):
            yield "tables", difference
    if house.database.is_sqlite:
        for (line,) in snapshot.execute(text("PRAGMA integrity_check(20)")):
            if line != "ok":
                yield "database", str(line)
        return
    failed = "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"
    failures = snapshot.execute(text(failed)).scalar()
    if failures:
        yield "database", f"PostgreSQL found {failures} pages whose checksum is wrong"


def references(house: House, snapshot: Connection) -> Iterator[Found]:
    """Rows that point to a row that is not there; also where the store itself does not look after that."""
    for child, parent in pointing():
        there = exists(select(parent).where(parent == child))
        orphans = select(child).where(child.is_not(None), ~there).limit(FINDINGS_OF_A_CHECK)
        for (value,) in snapshot.execute(orphans):
            yield f"{child.table.name}.{child.name} {value}", f"there is no such row of {parent.table.name}"


def states(house: House, snapshot: Connection) -> Iterator[Found]:
    """CDRs that are in no state or in two."""
    cdr, uncleared, cleared = cdr_tables.cdr, cdr_tables.cdr_uncleared, cdr_tables.cdr_cleared
    waits = exists(select(uncleared.c.cdr_id).where(uncleared.c.cdr_id == cdr.c.id))
    is_cleared = exists(select(cleared.c.cdr_id).where(cleared.c.cdr_id == cdr.c.id))
    for number, name in snapshot.execute(select(cdr.c.id, cdr.c.cdr_id).where(~waits, ~is_cleared)):
        yield f"CDR {shown(name)} (row {number})", "it is neither uncleared nor cleared: nobody will ever be told of it"
    for number, name in snapshot.execute(select(cdr.c.id, cdr.c.cdr_id).where(waits, is_cleared)):
        yield f"CDR {shown(name)} (row {number})", "it is cleared and uncleared at once: it would be cleared twice"


def contents(house: House, snapshot: Connection) -> Iterator[Found]:
    """CDRs whose numbers are not what their texts say, and uploads that are not as the audit trail has them."""
    cdr = cdr_tables.cdr
    uploads = {
        request_id: json.loads(detail)
        for request_id, detail in snapshot.execute(
            select(audit_tables.audit.c.request_id, audit_tables.audit.c.detail).where(
                audit_tables.audit.c.action == Action.CDRS_ADDED, audit_tables.audit.c.result == DONE
            )
        )
    }
    purged = snapshot.execute(select(func.count()).select_from(cdr_tables.cdr_purged)).scalar() or 0
    known_from, _ = baseline(snapshot)
    columns = [
        cdr.c.request_id,
        cdr.c.id,
        cdr.c.operator_key,
        cdr.c.provider_key,
        cdr.c.started_at,
        cdr.c.ended_at,
        cdr.c.duration_s,
        cdr.c.volume_e4_kwh,
        *(cdr.c[field.name] for field in FIELDS),
    ]
    query = select(*columns).order_by(cdr.c.request_id, cdr.c.id).execution_options(yield_per=ROWS_AT_ONCE)
    seen = set()
    for request_id, of_upload in groupby(snapshot.execute(query), key=lambda row: row[0]):
        hashes, newest = [], 0
        for _, number, operator_key, provider_key, started_at, ended_at, duration_s, volume, *texts in of_upload:
            record, newest = CdrRecord._make(texts), number
            hashes.append(content_hash(operator_key, record))
            numbers = (operator_key, provider_key, started_at, ended_at, duration_s, volume)
            for what in differing(record, numbers):
                yield f"CDR {shown(record.cdr_id)} (row {number})", f"{what} is not what its text says"
        seen.add(request_id)
        entered = uploads.get(request_id)
        if entered is None:
            if newest > known_from:
                yield f"upload {request_id}", "it is not in the audit trail"
        elif len(hashes) != entered["new"]:
            if not (purged and len(hashes) < entered["new"]):
                yield f"upload {request_id}", f"it has {len(hashes)} CDRs, {entered['new']} were accepted"
        elif digest_of(hashes) != entered["digest"]:
            yield f"upload {request_id}", "its CDRs are not those that were accepted"
    for request_id, entered in uploads.items():
        if entered["new"] and request_id not in seen and not purged:
            yield f"upload {request_id}", f"none of its {entered['new']} CDRs is there"


def differing(record: CdrRecord, numbers: Sequence[Any]) -> Iterator[str]:
    """Which of the numbers of a CDR do not follow from its texts. A time without an offset was read in the zone that
    its sender had then, so it may differ by hours from what it would be now.
    """
    operator_key, provider_key, started_at, ended_at, duration_s, volume = numbers
    if operator_key != party_key(record.operator_id):
        yield "the operator"
    if provider_key != party_key(record.provider_id):
        yield "the provider"
    try:
        if volume != formats.volume_e4_kwh(record.volume):
            yield "the volume"
        if duration_s != formats.duration_s(record.duration):
            yield "the duration"
        for what, instant, written in (
            ("the start", started_at, record.start_datetime),
            ("the end", ended_at, record.end_datetime),
        ):
            away = abs((instant - formats.instant(written, UTC_ZONE)).total_seconds())
            if away and (has_offset(written) or away > LARGEST_OFFSET_SECONDS):
                yield what
    except WrongFormat:
        yield "a number or a time that cannot be read"
    if ended_at < started_at:
        yield "the end, which is before the start,"


def has_offset(written: str) -> bool:
    """Whether a time says its offset."""
    return written.endswith("Z") or "+" in written[10:] or "-" in written[10:]


def run_totals(house: House, snapshot: Connection) -> Iterator[Found]:
    """Runs whose totals are not those of their CDRs, and whose parties are not those of their pairs."""
    for run in all_runs(snapshot):
        subject = f"run {run.number}"
        pairs = runs.pairs_of(snapshot, run.number)
        count, volume = sum(pair.cdr_count for pair in pairs), sum(pair.volume_e4_kwh for pair in pairs)
        if (count, volume) != (run.cdr_count, run.volume_e4_kwh):
            yield (
                subject,
                f"its total is {told(run.cdr_count, run.volume_e4_kwh)}, its pairs have {told(count, volume)}",
            )
        if run.purged_at is None:
            yield from differences(subject, pairs, sorted(totals_of_run(snapshot, run.number), key=in_order))
        taking_part = {pair.operator_partner_id for pair in pairs} | {pair.provider_partner_id for pair in pairs}
        parties = {party.partner_id for party in runs.parties_of(snapshot, run.number)}
        for partner_id in sorted(taking_part ^ parties):
            is_party = partner_id in parties
            how = "is a party without a CDR" if is_party else "has CDRs and is no party: it cannot fetch them"
            yield subject, f"partner {partner_id} {how}"


def differences(subject: str, entered: Sequence[PairTotal], counted: Sequence[PairTotal]) -> Iterator[Found]:
    """Where the totals by pair of a run are not those of its CDRs."""
    before = {pair_of(each): each for each in entered}
    now = {pair_of(each): each for each in counted}
    for key in sorted({*before, *now}):
        one, other = before.get(key), now.get(key)
        if one == other:
            continue
        pair = f"{shown(key[0])} for {shown(key[1])}"
        if one is None or other is None:
            yield subject, f"{pair}: {'no CDR is there any more' if other is None else 'its CDRs have no total'}"
            continue
        what = next(field.name for field in fields(PairTotal) if getattr(one, field.name) != getattr(other, field.name))
        yield subject, f"{pair}: {what} is {getattr(one, what)}, its CDRs have {getattr(other, what)}"


def pair_of(total: PairTotal) -> tuple[str, str, int]:
    """What makes a pair the same pair in a run."""
    return total.operator_key, total.provider_key, total.operator_partner_id


def told(count: int, volume_e4_kwh: int) -> str:
    """A total in a sentence."""
    return f"{count} CDRs with {volume_e4_kwh} units of 0.0001 kWh"


def run_order(house: House, snapshot: Connection) -> Iterator[Found]:
    """Runs that are missing, empty, or older than one before them."""
    found = all_runs(snapshot)
    for expected, run in enumerate(found, 1):
        if run.number != expected:
            yield f"run {expected}", f"it is missing; the next is {run.number}"
            break
    for before, run in pairwise(found):
        if run.cleared_at < before.cleared_at:
            yield f"run {run.number}", f"it was made before run {before.number}"
    for run in found:
        if not run.cdr_count:
            yield f"run {run.number}", "it is empty"
    party = clearing_tables.clearing_run_party
    run_table = clearing_tables.clearing_run
    _, known_from = baseline(snapshot)  # releases before it wrote the time of whichever clock
    too_early = (
        select(party.c.run_number, party.c.user_id)
        .join(run_table, run_table.c.number == party.c.run_number)
        .where(party.c.first_served_at < run_table.c.cleared_at, run_table.c.number > known_from)
    )
    for number, user_id in snapshot.execute(too_early):
        yield f"run {number}", f"{shown(user_id)} is said to have fetched it before it was made"


def runs_in_trail(house: House, snapshot: Connection) -> Iterator[Found]:
    """Runs that nobody made, and runs that were made and are gone, as the audit trail has it."""
    table = audit_tables.audit
    made = {
        subject: json.loads(detail)
        for subject, detail in snapshot.execute(
            select(table.c.subject, table.c.detail).where(table.c.action == Action.CLEARED, table.c.result == DONE)
        )
    }
    found = {f"run {run.number}": run for run in all_runs(snapshot)}
    _, known_from = baseline(snapshot)
    for subject, run in found.items():
        entered = made.get(subject)
        if entered is None:
            if run.number > known_from:
                yield subject, "it is not in the audit trail: nobody made it, or a release that has none"
        elif (entered["cdrs"], entered["volume_e4_kwh"]) != (run.cdr_count, run.volume_e4_kwh):
            yield subject, "the audit trail has another total of it"
    for subject in made:
        if subject not in found:
            yield subject, "it was made, as the audit trail has it, and is not there"


def statements(house: House, snapshot: Connection) -> Iterator[Found]:
    """Drawn statements that are not what the store would draw, and statements that do not add up."""
    for run in all_runs(snapshot):
        if run.purged_at is not None:
            continue
        for party in runs.parties_of(snapshot, run.number):
            subject = f"statement of run {run.number} for {shown(party.user_id)}"
            found = [(subject, detail) for detail in of_statement(house, party.partner_id, run.number)]
            # They are drawn from the present: the run may have been purged since the snapshot.
            if found and runs.run_of_number(house, run.number)[0].purged_at is None:
                yield from found


def of_statement(house: House, partner_id: int, run_number: int) -> Iterator[str]:
    """What is not right about one statement.

    :raises Refused: STORE_UNAVAILABLE
    """
    try:
        statement, mark = build(house, partner_id, [run_number])
        for account in statement.accounts:
            for group in account.groups:
                count = volume = 0
                for line in group.lines():
                    count, volume = count + 1, volume + line.volume_e4_kwh
                if (count, volume) != (group.cdr_count, group.volume_e4_kwh):
                    said = told(group.cdr_count, group.volume_e4_kwh)
                    yield f"its lines have {told(count, volume)}, it says {said}"
        for form in DRAWERS:
            path = house.shelf.directory / f"{mark}.{form}"
            with suppress(OSError):  # a cache: it may be gone
                if path.read_bytes() != drawn_again(statement, form):
                    yield f"the file {path.name} is not what the store says; delete it"
    except (Refused, ValueError, KeyError) as error:
        if isinstance(error, Refused) and isinstance(error.first.reason, StoreReason):
            raise
        yield f"it cannot be drawn ({type(error).__name__} {error})"


def lists(house: House, snapshot: Connection) -> Iterator[Found]:
    """Lists that are not whole, and rows of lists that nobody has."""
    for heads, records in LISTS:
        counted = (
            select(
                records.c.partner_id,
                records.c.generation,
                func.count().label("n"),
                func.min(records.c.position).label("first"),
                func.max(records.c.position).label("last"),
            )
            .group_by(records.c.partner_id, records.c.generation)
            .subquery()
        )
        mine = and_(counted.c.partner_id == heads.c.partner_id, counted.c.generation == heads.c.generation)
        whole = select(heads.c.partner_id, heads.c.record_count, counted.c.n, counted.c.first, counted.c.last)
        for partner_id, promised, n, first, last in snapshot.execute(whole.select_from(heads.outerjoin(counted, mine))):
            if (n or 0) != promised or (promised and (first, last) != (0, promised - 1)):
                yield f"{heads.name} of partner {partner_id}", f"it should have {promised} records and has {n or 0}"
        left = select(counted.c.partner_id, counted.c.n).where(~exists(select(heads).where(mine)))
        for partner_id, n in snapshot.execute(left):
            yield f"{heads.name} of partner {partner_id}", f"{n} records belong to no list that is given out"


def partners(house: House, snapshot: Connection) -> Iterator[Found]:
    """Partners whose ids are not in step with themselves, and logins that should not be."""
    partner, party, login = partner_tables.partner, partner_tables.party_id, partner_tables.login
    for user_id, key in snapshot.execute(select(partner.c.user_id, partner.c.user_key)):
        if key != party_key(user_id):
            yield f"partner {shown(user_id)}", "it cannot log in: its user id and the form to compare it by differ"
    for party_id, key in snapshot.execute(select(party.c.party_id, party.c.party_key)):
        if key != party_key(party_id):
            yield f"party id {shown(party_id)}", "the form to compare it by is that of another id"
    out_of_step = select(partner.c.user_id, party.c.party_id).join(party, party.c.partner_id == partner.c.id)
    for user_id, party_id in snapshot.execute(out_of_step.where(partner.c.active != party.c.active)):
        yield f"partner {shown(user_id)}", f"its id {shown(party_id)} is not enabled or disabled as it is itself"
    wrong = or_(login.c.expires_at <= login.c.created_at, ~partner.c.active)
    of_login = select(partner.c.user_id).join(login, login.c.partner_id == partner.c.id)
    for (user_id,) in snapshot.execute(of_login.where(wrong)):
        yield f"login of {shown(user_id)}", "it ends before it begins, or its partner is disabled"


def deleted(house: House, snapshot: Connection) -> Iterator[Found]:
    """CDRs that count as deleted and are still there."""
    cdr, cleared, purged = cdr_tables.cdr, cdr_tables.cdr_cleared, cdr_tables.cdr_purged
    both = and_(purged.c.operator_key == cdr.c.operator_key, purged.c.cdr_id == cdr.c.cdr_id)
    for (name,) in snapshot.execute(select(cdr.c.cdr_id).join(purged, both)):
        yield f"CDR {shown(name)}", "it counts as deleted and is there"
    run = clearing_tables.clearing_run
    # While a purge goes on, or was stopped, some of a run are deleted and the others there; together they are all.
    left = select(cleared.c.run_number, func.count().label("n")).group_by(cleared.c.run_number).subquery()
    gone = select(purged.c.run_number, func.count().label("n")).group_by(purged.c.run_number).subquery()
    purged_runs = (
        select(run.c.number, run.c.cdr_count, left.c.n, gone.c.n)
        .outerjoin(left, left.c.run_number == run.c.number)
        .outerjoin(gone, gone.c.run_number == run.c.number)
        .where(run.c.purged_at.is_not(None))
    )
    for number, cdr_count, there, known in snapshot.execute(purged_runs):
        if cdr_count != (there or 0) + (known or 0):
            yield (
                f"run {number}",
                f"of its {cdr_count} CDRs {there or 0} are there and {known or 0} would be known again",
            )
    unmarked = select(gone.c.run_number).join(run, run.c.number == gone.c.run_number).where(run.c.purged_at.is_(None))
    for (number,) in snapshot.execute(unmarked):
        yield f"run {number}", "CDRs of it count as deleted, and it was not purged"


def trail(house: House, snapshot: Connection) -> Iterator[Found]:
    """Where the chain of the audit trail is broken."""
    table = audit_tables.audit
    rows = snapshot.execute(select(table).order_by(table.c.number).execution_options(yield_per=ROWS_AT_ONCE))
    for number, detail in breaks(Entry(*row) for row in rows):
        yield f"audit entry {number}", detail


def all_runs(snapshot: Connection) -> list[Run]:
    """Every run, the first first."""
    rows = snapshot.execute(select(clearing_tables.clearing_run).order_by(clearing_tables.clearing_run.c.number))
    return [Run(*row) for row in rows]


CHECKS = (
    Check("database", "The files of the database are whole.", database_is_whole),
    Check("references", "No row points to one that is not there.", references),
    Check("partners", "Partners, their ids and their logins are in step.", partners),
    Check("lists", "Every list has the records that it should have, and no others are there.", lists),
    Check("states", "Every CDR is either uncleared or cleared.", states),
    Check("contents", "CDRs say what was accepted, and their numbers are what their texts say.", contents),
    Check("run order", "Runs have no gaps, are not empty, and follow each other in time.", run_order),
    Check("run totals", "The totals of runs are those of their CDRs.", run_totals),
    Check("runs in the trail", "Every run is in the audit trail, and none that is in there is gone.", runs_in_trail),
    Check("statements", "Statements add up, and drawn files say what the store says.", statements),
    Check("deleted", "What was deleted is gone, and would be known again.", deleted),
    Check("audit trail", "The chain of the audit trail is whole.", trail),
)
