"""Clearing runs: complete, in order, with the members, totals and parties that they were made with."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from heapq import merge
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

from sqlalchemy import exists, select

from echs.audit.clock import TOLERANCE
from echs.base.digest import RowDigest, as_text
from echs.base.errors import shown
from echs.cdrs import tables as cdr_tables
from echs.cdrs.pending import PairTotal, in_order, totals_of_run
from echs.clearing import run as runs
from echs.clearing import tables as clearing_tables
from echs.clearing.digest import digest_of_members, digest_of_numbers, state_of
from echs.clearing.retention import rows_of_names
from echs.clearing.run import Run
from echs.maintenance.baseline import baseline
from echs.maintenance.checks.view import ROWS_AT_ONCE, Found, View
from echs.partners import tables as partner_tables
from echs.partners.partner import party_key


def all_runs(view: View) -> list[Run]:
    """Every run, the first first."""
    rows = view.snapshot.execute(select(clearing_tables.clearing_run).order_by(clearing_tables.clearing_run.c.number))
    return [Run(*row) for row in rows]


def order(view: View) -> Iterator[Found]:
    """Runs that are missing, empty, or older than one before them, but for those that a wrong clock made."""
    found = all_runs(view)
    for expected, run in enumerate(found, 1):
        if run.number != expected:
            yield f"run {expected}", f"missing; the next is {run.number}"
            break
    for before, run in pairwise(found):
        if run.cleared_at < before.cleared_at and before.number > view.trail.clock_confirmed_run:
            yield f"run {run.number}", f"its time is before that of run {before.number}"
    for run in found:
        if not run.cdr_count:
            yield f"run {run.number}", "has no CDRs"


def totals(view: View) -> Iterator[Found]:
    """Runs whose totals are not those of their CDRs, and whose parties are not those of their pairs."""
    for run in all_runs(view):
        subject = f"run {run.number}"
        pairs = runs.pairs_of(view.snapshot, run.number)
        count, volume = sum(pair.cdr_count for pair in pairs), sum(pair.volume_e4_kwh for pair in pairs)
        if (count, volume) != (run.cdr_count, run.volume_e4_kwh):
            said = total_of(run.cdr_count, run.volume_e4_kwh)
            yield subject, f"its total is {said}, but its pairs have {total_of(count, volume)}"
        if run.purged_at is None:
            yield from differences(subject, pairs, sorted(totals_of_run(view.snapshot, run.number), key=in_order))
        taking_part = {pair.operator_partner_id for pair in pairs} | {pair.provider_partner_id for pair in pairs}
        parties = {party.partner_id for party in runs.parties_of(view.snapshot, run.number)}
        for partner_id in sorted(taking_part - parties):
            yield subject, f"partner {partner_id} has CDRs in it but is not a party: it cannot fetch them"
        for partner_id in sorted(parties - taking_part - left_of(view, run.number)):
            yield subject, f"partner {partner_id} is a party without a CDR"


def left_of(view: View, number: int) -> set[int]:
    """The partners whose CDRs a run left, as its statements say."""
    left = clearing_tables.clearing_run_open_item.c
    rows = view.snapshot.execute(
        select(left.operator_partner_id, left.provider_partner_id).where(left.run_number == number)
    )
    return {partner_id for row in rows for partner_id in row if partner_id is not None}


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
            yield subject, f"{pair}: {'its CDRs are missing' if other is None else 'its CDRs have no total'}"
            continue
        what = next(field.name for field in fields(PairTotal) if getattr(one, field.name) != getattr(other, field.name))
        yield subject, f"{pair}: {what} is {getattr(one, what)}, but its CDRs have {getattr(other, what)}"


def pair_of(total: PairTotal) -> tuple[str, str, int]:
    """What makes a pair the same pair in a run."""
    return total.operator_key, total.provider_key, total.operator_partner_id


def total_of(count: int, volume_e4_kwh: int) -> str:
    """A total in a sentence."""
    return f"{count} CDRs with {volume_e4_kwh} units of 0.0001 kWh"


def in_trail(view: View) -> Iterator[Found]:
    """Runs that nobody made, runs that were made and are gone, and runs that are not as they were made, as the audit
    trail has it."""
    found = {f"run {run.number}": run for run in all_runs(view)}
    _, known_from = baseline(view.snapshot)
    for subject, run in found.items():
        entered = view.trail.runs.get(subject)
        if entered is None:
            if run.number > known_from:
                yield subject, "not in the audit trail: not made with eCHS, or by a release without an audit trail"
            continue
        if (entered["cdrs"], entered["volume_e4_kwh"]) != (run.cdr_count, run.volume_e4_kwh):
            yield subject, "its total differs from the audit trail"
        if "state" in entered:
            present = state_of(view.snapshot, run.number)
            wrong = [part for part, digest in present.items() if entered["state"].get(part, digest) != digest]
            if wrong:
                yield subject, f"differs from the audit trail: {', '.join(wrong)}"
        compared = "members" in entered and run.purged_at is None
        if compared and digest_of_members(view.snapshot, run.number) != entered["members"]:
            yield subject, "its CDRs differ from the original ones"
    for subject in view.trail.runs:
        if subject not in found:
            yield subject, "missing, although the audit trail has it"


def served(view: View) -> Iterator[Found]:
    """Times of fetching that nobody's request has left, and those that a request has left and are gone."""
    party, run, partner = clearing_tables.clearing_run_party, clearing_tables.clearing_run, partner_tables.partner
    rows = view.snapshot.execute(
        select(party, run.c.cleared_at, partner.c.user_id.label("present_id"))
        .join(run, run.c.number == party.c.run_number)
        .join(partner, partner.c.id == party.c.partner_id)
        .order_by(party.c.run_number, party.c.partner_id)
    )
    _, known_from = baseline(view.snapshot)
    confirmed = view.trail.clock_confirmed_run
    for row in rows:
        subject = f"run {row.run_number} for {shown(row.user_id)}"
        number = f"run {row.run_number}"
        who = (row.partner_id, party_key(row.user_id), party_key(row.present_id))
        said = next((view.trail.fetches[number, each] for each in who if (number, each) in view.trail.fetches), None)
        first = row.first_served_at
        if first is None:
            if said is not None:
                yield (
                    subject,
                    f"marked as not fetched, although it was fetched (entry {said.number} of the audit trail)",
                )
        elif said is None:
            if row.run_number > known_from:
                yield subject, "marked as fetched, but the audit trail has no fetch of it"
        elif said.facts.get("served_at", as_text(first)) != as_text(first):
            yield subject, f"its first fetch was at another time (entry {said.number} of the audit trail)"
        # Releases before the trail wrote the time of whichever clock.
        if first is not None and row.run_number > max(known_from, confirmed) and first < row.cleared_at - TOLERANCE:
            yield subject, "marked as fetched before it was made"


def purged(view: View) -> Iterator[Found]:
    """Purged runs: that they were purged, and that of each of their CDRs so much is left that it is known again."""
    known = remains(view)
    for run in all_runs(view):
        subject = f"run {run.number}"
        said = view.trail.purges.get(subject)
        if run.purged_at is None:
            if said is not None:
                yield subject, "not marked as purged, although the audit trail has its purge"
            if run.number in known:
                yield subject, "CDRs of it are marked as deleted, but it was not purged"
            continue
        begun_at = view.trail.begun_at
        if said is None and (begun_at is None or run.purged_at > begun_at):
            yield subject, "marked as purged, but the audit trail has no purge of it"
        elif said is not None and said.facts.get("purged_at", as_text(run.purged_at)) != as_text(run.purged_at):
            yield subject, "its purge time differs from the audit trail"
        yield from of_purged(view, run, known.get(run.number, (0, "", None)))


def remains(view: View) -> dict[int, tuple[int, str, str | None]]:
    """What is left of the runs of which CDRs were purged: how many CDRs are there or would be known again, the digest
    of their names, and that of their rows where no older release purged any of them.
    """
    purged, run = cdr_tables.cdr_purged.c, clearing_tables.clearing_run
    cleared = cdr_tables.cdr_cleared
    rows = select(
        purged.run_number, purged.row_id, purged.operator_key, purged.cdr_id, purged.request_id, purged.volume_e4_kwh
    ).order_by(purged.run_number, purged.row_id)
    gone = view.snapshot.execute(rows.execution_options(yield_per=ROWS_AT_ONCE))
    # While a purge goes on, or was stopped, some of a run are deleted and the others there; together they are all.
    has_members = exists(select(cleared.c.cdr_id).where(cleared.c.run_number == run.c.number))
    begun = select(run.c.number).where(run.c.purged_at.is_not(None), has_members).order_by(run.c.number)
    numbers = list(view.snapshot.execute(begun).scalars())
    there = ((number, *row) for number in numbers for row in view.snapshot.execute(rows_of_names(number)))
    found = {}
    together = merge(map(tuple, gone), there, key=lambda row: (row[0], row[1] or 0))
    for number, of_run in groupby(together, key=itemgetter(0)):
        found[number] = remaining(of_run)
    return found


def remaining(rows: Iterator[tuple[Any, ...]]) -> tuple[int, str, str | None]:
    """See `remains`, of one run."""
    digest, count, ids, whole = RowDigest(), 0, [], True
    for _, *row in rows:
        count += 1
        whole = whole and row[0] is not None
        ids.append(row[0] or 0)
        digest.add([tuple(map(str, row))])
    return count, digest.value, digest_of_numbers(ids) if whole else None


def of_purged(view: View, run: Run, left: tuple[int, str, str | None]) -> Iterator[Found]:
    """What is not right about what is left of a purged run."""
    count, names, members = left
    subject = f"run {run.number}"
    if count != run.cdr_count:
        yield subject, f"of its {run.cdr_count} CDRs, {count} are present or would be recognised"
        return
    said, made = view.trail.purges.get(subject), view.trail.runs.get(subject, {})
    if said is not None and said.facts.get("names", names) != names:
        yield subject, "the remains of its CDRs have been changed: some could be billed again"
    elif members is not None and made.get("members", members) != members:
        yield subject, "the remains of its CDRs are not those of its original CDRs"
