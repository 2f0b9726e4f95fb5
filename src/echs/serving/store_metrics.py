"""Gauges that follow from the store and the machine: looked up when they are asked for, at most every few seconds."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from echs import __version__
from echs.base.disk_space import free_bytes, volumes
from echs.base.errors import Refused
from echs.cdrs import tables as cdr_tables
from echs.cdrs.pending import awaiting, pending, refused_by_partners, stopped
from echs.cdrs.status import STOPPING, Answer, Decided
from echs.clearing import tables as clearing_tables
from echs.config.app_context import AppContext
from echs.delivery import queue
from echs.lists.withheld_counts import withheld_totals
from echs.maintenance import schema
from echs.maintenance.store_state import LIST_HEADS, last_backup, unfetched_runs, waiting_since
from echs.partners import tables as partner_tables
from echs.partners.queries import is_active

KEPT_SECONDS = 10.0


class Gauge(NamedTuple):
    """A gauge: its name without the prefix ``echs_``, its labels, what it says."""

    name: str
    labels: tuple[str, ...]
    help: str


STORE_UP = Gauge("store_up", (), "1 if the store responds, otherwise 0; then all metrics read from it are missing.")
PENDING = Gauge("cdrs_pending", (), "CDRs ready for the next clearing run.")
HELD = Gauge("cdrs_held", (), "CDRs whose provider id no active partner owns.")
AWAITING = Gauge("cdrs_awaiting", (), "CDRs that wait for the answer of their provider.")
DECLINED = Gauge("cdrs_declined", (), "CDRs that their provider declined and their operator has not revised.")
ON_HOLD = Gauge("cdrs_on_hold", (), "CDRs put on hold by the clearing office.")
REJECTED = Gauge("cdrs_rejected", (), "CDRs rejected by the clearing office; they are never cleared.")
OLDEST = Gauge("cdrs_uncleared_oldest_seconds", (), "Age of the oldest CDR that is pending, held or on hold.")
STORED = Gauge("cdrs_stored", (), "Highest CDR row id (roughly, CDRs ever stored).")
RUNS = Gauge("clearing_runs", (), "Clearing runs, made by ClearCDRs or `echs clear`.")
CLEARED = Gauge("cdrs_cleared", (), "CDRs in all clearing runs, including purged ones.")
LAST_RUN = Gauge("clearing_last_run_timestamp_seconds", (), "Time of the last clearing run; missing before the first.")
UNFETCHED = Gauge("statements_unfetched", (), "Statements not yet fetched by their partners.")
UNFETCHED_OLDEST = Gauge(
    "statements_unfetched_oldest_seconds", (), "Age of the oldest clearing run not yet fetched by a partner."
)
PARTNERS = Gauge("partners", ("state",), "Partners by state: active or disabled.")
JOBS = Gauge("jobs", ("state",), "Jobs by state: waiting, running, done or failed.")
JOBS_OLDEST = Gauge("jobs_oldest_seconds", (), "How long the oldest open job has been due; 0 if none is open.")
LOGINS = Gauge("logins_open", (), "Open logins.")
CERTIFICATE_END = Gauge(
    "certificates_first_end_timestamp_seconds",
    (),
    "Time at which a partner is first left without a valid client certificate.",
)
LIST_RECORDS = Gauge("list_records", ("list",), "Records in the current lists of all partners.")
LIST_OWNERS = Gauge("list_owners", ("list",), "Partners with a list.")
LIST_OLDEST = Gauge("list_oldest_seconds", ("list",), "Age of the least recently updated list.")
WITHHELD = Gauge(
    "withheld_records",
    ("list", "reason"),
    "Records that partners of another protocol are not given, by why it cannot say them; as of the last upload.",
)
BACKUP = Gauge(
    "backup_last_timestamp_seconds", (), "Time of the last successful `echs backup create`; missing before the first."
)
DISK = Gauge(
    "disk_free_bytes", ("volume",), "Free disk space of the data directory and of the directory for temporary files."
)
BUILD = Gauge(
    "build_info",
    ("version", "schema", "store"),
    "Build information, always 1: program version, table version, kind of store.",
)

GAUGES = (
    STORE_UP,
    PENDING,
    HELD,
    AWAITING,
    DECLINED,
    ON_HOLD,
    REJECTED,
    OLDEST,
    STORED,
    RUNS,
    CLEARED,
    LAST_RUN,
    UNFETCHED,
    UNFETCHED_OLDEST,
    PARTNERS,
    JOBS,
    JOBS_OLDEST,
    LOGINS,
    CERTIFICATE_END,
    LIST_RECORDS,
    LIST_OWNERS,
    LIST_OLDEST,
    WITHHELD,
    BACKUP,
    DISK,
    BUILD,
)

LIST_LABELS = {"tokens": "roaming", "charge points": "chargepoint"}
Sample = tuple[Gauge, tuple[str, ...], float]


class StoreCollector:
    """A collector as Prometheus' library wants it, over one store."""

    def __init__(self, context: AppContext) -> None:
        self.context = context
        self._lock = threading.Lock()
        self._kept: list[Sample] = []
        self._until = 0.0

    def collect(self) -> Iterator[Any]:
        """The families of metrics."""
        from prometheus_client.core import GaugeMetricFamily

        families = {each: GaugeMetricFamily(f"echs_{each.name}", each.help, labels=each.labels) for each in GAUGES}
        present = set()
        for gauge, labels, value in [*self.readings(), *disks(self.context)]:
            families[gauge].add_metric(labels, value)
            present.add(gauge)
        yield from (family for gauge, family in families.items() if gauge in present)

    def readings(self) -> list[Sample]:
        """What the store says now, or said a moment ago: to ask is not free, and several may ask."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._kept = self._look()
                self._until = time.monotonic() + KEPT_SECONDS
            return self._kept

    def _look(self) -> list[Sample]:
        database = self.context.database
        kind = "sqlite" if database.is_sqlite else "postgresql"
        try:
            version = schema.current(database) or ""
            with database.read() as snapshot:
                found = list(store_samples(snapshot, self.context.clock()))
        except Refused:
            return [(STORE_UP, (), 0), (BUILD, (__version__, "", kind), 1)]
        return [(STORE_UP, (), 1), (BUILD, (__version__, version, kind), 1), *found]


def store_samples(snapshot: Connection, now: datetime) -> Iterator[Sample]:
    """What one instant of the store says."""

    def one(query: Any) -> Any:
        return snapshot.execute(query).scalar()

    def age(instant: datetime | None) -> float:
        return max(0.0, (now - instant).total_seconds()) if instant is not None else 0.0

    cdr, uncleared = cdr_tables.cdr, cdr_tables.cdr_uncleared
    waiting = one(select(func.count()).select_from(uncleared)) or 0
    would_go = one(select(func.count()).select_from(pending())) or 0
    yield PENDING, (), would_go
    by_hand = {kind: one(stopped_count(kind)) or 0 for kind in STOPPING}
    unanswered = one(select(func.count()).select_from(awaiting())) or 0
    refused = {Answer(kind): count for kind, count in snapshot.execute(refused_counts())}
    yield HELD, (), waiting - would_go - sum(by_hand.values()) - unanswered - sum(refused.values())
    yield AWAITING, (), unanswered
    yield DECLINED, (), refused.get(Answer.DECLINE, 0)
    yield ON_HOLD, (), by_hand[Decided.HOLD]
    yield REJECTED, (), by_hand[Decided.REJECT]
    yield OLDEST, (), age(one(waiting_since()))
    yield STORED, (), one(select(func.max(cdr.c.id))) or 0
    run = clearing_tables.clearing_run
    yield RUNS, (), one(select(func.count()).select_from(run)) or 0
    yield CLEARED, (), int(one(select(func.sum(run.c.cdr_count))) or 0)
    last = one(select(func.max(run.c.cleared_at)))
    if last is not None:
        yield LAST_RUN, (), last.timestamp()
    unfetched = unfetched_runs().subquery()
    yield UNFETCHED, (), one(select(func.count()).select_from(unfetched)) or 0
    yield UNFETCHED_OLDEST, (), age(one(select(func.min(unfetched.c.cleared_at))))
    partner, login = partner_tables.partner, partner_tables.login
    for state, active in (("active", True), ("disabled", False)):
        yield PARTNERS, (state,), one(select(func.count()).where(partner.c.active == active)) or 0
    for state, number in queue.counts(snapshot, now).items():
        yield JOBS, (state.value,), number
    yield JOBS_OLDEST, (), age(queue.waiting_since(snapshot))
    yield LOGINS, (), one(select(func.count()).where(login.c.expires_at > now)) or 0
    pinned = partner_tables.partner_certificate
    # Of each partner the last one counts: the next is pinned before the present one ends.
    ends = select(func.max(pinned.c.ends_at).label("end")).join(partner, partner.c.id == pinned.c.partner_id)
    ends_at = one(select(func.min(ends.where(partner.c.active).group_by(partner.c.id).subquery().c.end)))
    if ends_at is not None:
        yield CERTIFICATE_END, (), ends_at.timestamp()
    backed_up = one(last_backup())
    if backed_up is not None:
        yield BACKUP, (), backed_up.timestamp()
    for name, heads in LIST_HEADS.items():
        owned = select(func.sum(heads.c.record_count), func.count(), func.min(heads.c.replaced_at))
        records, owners, since = snapshot.execute(owned.where(is_active(heads.c.partner_id))).one()
        yield LIST_RECORDS, (name,), int(records or 0)
        yield LIST_OWNERS, (name,), owners
        if since is not None:
            yield LIST_OLDEST, (name,), age(since)
    for name, reason, count in withheld_totals(snapshot):
        yield WITHHELD, (LIST_LABELS[name], reason), count


def refused_counts() -> Select[Any]:
    """How many uncleared CDRs a partner keeps out of every run, by the answer."""
    refused = refused_by_partners().subquery().c
    return select(refused.kind, func.count()).group_by(refused.kind)


def stopped_count(kind: Decided) -> Select[Any]:
    """How many CDRs were not cleared because the newest decision about them is this one."""
    return select(func.count()).select_from(stopped(kind).subquery())


def disks(context: AppContext) -> Iterator[Sample]:
    """The free space of the volumes that the server writes to."""
    for name, directory in volumes(context.data_dir).items():
        yield DISK, (name,), free_bytes(directory)
