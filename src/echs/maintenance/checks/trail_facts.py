"""What the audit trail tells of the store, read once from its first entry to its last."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from echs.audit import tables as audit_tables
from echs.audit.entry import DONE, FIRST_HASH, Action, Entry, breaks
from echs.partners.partner import party_key

ROWS_AT_ONCE = 1000
BREAKS_KEPT = 101

PARTNER_ACTIONS = frozenset(
    {
        Action.PARTNER_ADDED,
        Action.PARTNER_CHANGED,
        Action.PARTNER_GIVEN,
        Action.PARTNER_TAKEN,
        Action.PARTNER_PASSWORD,
        Action.PARTNER_LOGGED_OUT,
        Action.PARTNER_DISABLED,
        Action.PARTNER_ENABLED,
        Action.PARTNER_RENAMED,
        Action.PARTNER_RETIRED,
        Action.PARTNER_MARKET_ID,
        Action.CREDENTIAL_ADDED,
        Action.CREDENTIAL_CHANGED,
        Action.CREDENTIAL_REMOVED,
        Action.CERTIFICATE_ADDED,
        Action.CERTIFICATE_REMOVED,
    }
)
LIST_ACTIONS = frozenset({Action.LIST_REPLACED, Action.LIST_UPDATED, Action.LIST_UNDONE, Action.LIST_RELEASED})
DECISIONS = {Action.CDR_HELD: "hold", Action.CDR_RELEASED: "release", Action.CDR_REJECTED: "reject"}
ANSWER_ACTIONS = frozenset({Action.CDRS_CONFIRMED, Action.CDRS_ADDED, Action.CLEARED})
CONNECTION_ACTIONS = frozenset({Action.CONNECTION_ADDED, Action.CONNECTION_ENDED, Action.CONNECTION_MODE})
ENDS_LOGINS = frozenset(
    {Action.PARTNER_PASSWORD, Action.PARTNER_LOGGED_OUT, Action.PARTNER_DISABLED, Action.PARTNER_RETIRED}
)


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """One entry as a check needs it: its number, its time (UTC), its request and its facts."""

    number: int
    at: datetime
    request_id: str
    facts: dict[str, Any]


@dataclass
class TrailFacts:
    """The facts of the trail that something in the store must agree with.

    Uploads and answers by request, runs and purges by ``run N``, of partners and lists the newest entry, by what each
    is about, of all connections the newest; entries of releases before it have no partner's number, and stand under its
    user id. ``begun_at`` is when an administrator last said that the trail begins; ``clock_confirmed_run`` the newest
    run when one last said that the clock is right.
    """

    newest: tuple[int, str] = (0, FIRST_HASH)
    breaks: list[tuple[int, str]] = field(default_factory=list)
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    purges: dict[str, TrailEntry] = field(default_factory=dict)
    partners: dict[int | str, TrailEntry] = field(default_factory=dict)
    least_added: int | None = None
    lists: dict[str, TrailEntry] = field(default_factory=dict)
    fetches: dict[tuple[str, int | str], TrailEntry] = field(default_factory=dict)
    decisions: dict[tuple[int, int], tuple[str, TrailEntry]] = field(default_factory=dict)
    connections: TrailEntry | None = None
    logins_ended: dict[int, datetime] = field(default_factory=dict)
    begun_at: datetime | None = None
    clock_confirmed_run: int = 0
    since: tuple[int, str] | None = None
    since_found: str | None = None


def read_trail_facts(snapshot: Connection, since: tuple[int, str] | None = None) -> TrailFacts:
    """Everything; ``since`` is an entry that must be in it, by number and hash."""
    trail = TrailFacts(since=since)
    for number, detail in breaks(_seen(trail, _entries(snapshot))):
        if len(trail.breaks) < BREAKS_KEPT:
            trail.breaks.append((number, detail))
    return trail


def _entries(snapshot: Connection) -> Iterator[Entry]:
    table = audit_tables.audit
    rows = snapshot.execute(select(table).order_by(table.c.number).execution_options(yield_per=ROWS_AT_ONCE))
    for row in rows:
        yield Entry(*row)


def _seen(trail: TrailFacts, entries: Iterator[Entry]) -> Iterator[Entry]:
    for entry in entries:
        trail.newest = entry.number, entry.hash
        if trail.since is not None and entry.number == trail.since[0]:
            trail.since_found = entry.hash
        if entry.result == DONE:
            _take(trail, entry)
        yield entry


def _take(trail: TrailFacts, entry: Entry) -> None:
    try:
        facts = json.loads(entry.detail)
    except ValueError:
        return  # the chain says that it was changed
    said = TrailEntry(entry.number, entry.at, entry.request_id, facts)
    action = entry.action
    _take_answers(trail, entry, facts)
    if action == Action.CDRS_ADDED:
        trail.uploads[entry.request_id] = facts
    elif action == Action.CLEARED:
        trail.runs[entry.subject] = facts
    elif action == Action.PURGED:
        trail.purges[entry.subject] = said
    elif action in LIST_ACTIONS:
        trail.lists[list_subject(entry.subject.partition(" list of ")[0], facts.get("partner"), entry.subject)] = said
    elif action == Action.CDRS_FETCHED:
        who = facts.get("partner", party_key(entry.subject))
        for run in facts.get("runs", ()):
            trail.fetches.setdefault((f"run {run}", who), said)
    elif action in DECISIONS:
        trail.decisions[facts["row"], facts["decision"]] = DECISIONS[Action(action)], said
    elif action in CONNECTION_ACTIONS:
        trail.connections = said
    elif action == Action.TRAIL_BEGUN:
        trail.begun_at = entry.at
    elif action == Action.CLOCK_CONFIRMED:
        trail.clock_confirmed_run = facts["run"]
    elif action in PARTNER_ACTIONS:
        _take_partner(trail, entry, said)


def _take_answers(trail: TrailFacts, entry: Entry, facts: dict[str, Any]) -> None:
    if entry.action in ANSWER_ACTIONS and "answers" in facts:
        trail.answers[entry.request_id] = facts


def _take_partner(trail: TrailFacts, entry: Entry, said: TrailEntry) -> None:
    partner_id = said.facts.get("partner")
    if partner_id is None:
        trail.partners[party_key(entry.subject.removeprefix("partner "))] = said
        return
    trail.partners[partner_id] = said
    if entry.action == Action.PARTNER_ADDED:
        trail.least_added = partner_id if trail.least_added is None else min(trail.least_added, partner_id)
    if entry.action in ENDS_LOGINS:
        trail.logins_ended[partner_id] = entry.at


def list_subject(kind: str, partner_id: int | None, subject: str) -> str:
    """Under what the newest replacement of a list is found: of which kind, and whose; entries of releases before this
    one name the partner in their subject alone.
    """
    return subject if partner_id is None else f"{kind} list of partner {partner_id}"
