"""What an operator would look at, looked at: each thing with how it stands and, where it is not well, what to do."""

import os
import re
import resource
import shutil
import ssl
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pysqlite3.dbapi2 as sqlite
from lxml import etree
from sqlalchemy import Connection, func, select, text

from echs.base.disk_space import free_bytes, volumes
from echs.base.errors import named
from echs.base.plural import counted
from echs.cdrs import tables as cdr_tables
from echs.cdrs.pending import held, refused_by_partners, unconnected
from echs.cdrs.status import Answer
from echs.clearing import tables as clearing_tables
from echs.clearing.retention import in_trail
from echs.config.app_context import DATABASE_FILE, SECRET_KEY_FILE, AppContext
from echs.config.settings import Settings
from echs.delivery import queue
from echs.delivery.job import JobState
from echs.direct import address_book
from echs.locations import tables as location_tables
from echs.locations.charge_point_list import CHARGE_POINTS
from echs.maintenance import schema
from echs.maintenance.future_dates import in_future
from echs.maintenance.store_state import LIST_HEADS, last_backup, unfetched_runs, waiting_since
from echs.partners import connections, queries
from echs.partners import tables as partner_tables
from echs.partners.connection import ConnectionMode
from echs.partners.queries import is_active
from echs.tokens import tables as token_tables
from echs.tokens.token_list import TOKENS

LEAST_POSTGRES = 150000
LEAST_SQLITE = (3, 51, 3)
LEAST_LIBXML = (2, 14)
CONNECTIONS_OF_A_WORKER = 32
BACKUP_DAYS, WAITING_HOURS, UNFETCHED_DAYS, LIST_DAYS = 2, 48, 7, 7
CLOCK_SECONDS = 5
LEAST_FILES = 4096
LARGEST_TRUST = 1 << 16
CERTIFICATE_DAYS = 21


class Status(StrEnum):
    """How a thing stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was looked at: how it stands, what was found, and what to do where it is not well."""

    subject: str
    status: Status
    found: str
    remedy: str = ""


def ok(subject: str, found: str) -> CheckResult:
    """A thing that is as it should be."""
    return CheckResult(subject, Status.OK, found)


def check(subject: str, right: bool, found: str, remedy: str, otherwise: Status = Status.WARN) -> CheckResult:
    """A thing that is well if it is ``right``."""
    return ok(subject, found) if right else CheckResult(subject, otherwise, found, remedy)


def examine(context: AppContext, settings: Settings) -> Iterator[CheckResult]:
    """Everything, settings first.

    :raises Refused: STORE_UNAVAILABLE
    """
    yield from settings_checks(settings)
    yield from file_checks(context, settings)
    yield from limit_checks()
    yield from library_checks()
    with context.database.read() as snapshot:
        yield from store_checks(context, settings, snapshot)
        if schema.version_in(snapshot) != schema.head():
            return
        yield from clock_checks(context, snapshot)
        yield from business_checks(context, snapshot)
        yield from market_id_checks(snapshot)
        yield from certificate_checks(context, settings, snapshot)
    yield from partner_checks(context)


def settings_checks(settings: Settings) -> Iterator[CheckResult]:
    """What is set, and what is left to a default that suits a trial only."""
    url = settings.public_url
    if url is None:
        remedy = "set ECHS_PUBLIC_URL to the address that partners use: the WSDL and statement links contain it"
        yield CheckResult("public address", Status.WARN, "not set", remedy)
    else:
        host = urlsplit(url).hostname or ""
        outside = host not in ("localhost", "127.0.0.1", "::1")
        safe = url.startswith("https://") or not outside
        yield check(
            "public address",
            safe,
            url,
            "passwords and PINs would be sent unencrypted; terminate TLS in front of eCHS",
            Status.FAIL,
        )
        if outside:
            remedy = (
                "set ECHS_TRUSTED_PROXIES to your proxy's address: logs and audit trail record it instead of clients"
            )
            yield check("proxies", bool(settings.proxies), settings.trusted_proxies or "none trusted", remedy)
    for network in settings.proxies:
        remedy = "list only the proxies: any host in this network could forge client addresses and certificates"
        yield check("trust", network.num_addresses <= LARGEST_TRUST, f"{network} is trusted", remedy)
    if settings.log_level == "debug":
        yield CheckResult(
            "log level", Status.WARN, "debug", "set ECHS_LOG_LEVEL=info: debug logging will fill the disk"
        )


def file_checks(context: AppContext, settings: Settings) -> Iterator[CheckResult]:
    """The data directory, the secret key, and room."""
    directory = context.data_dir
    mode = stat.S_IMODE(directory.stat().st_mode)
    remedy = f"chmod 700 {directory}: it holds the secret key, statements and lists"
    yield check("data directory", not mode & 0o077, f"{directory}, mode {mode:o}", remedy)
    yield from link_checks(directory)
    writable = os.access(directory, os.W_OK)
    found = "writable" if writable else "not writable"
    yield check("data access", writable, found, f"mount it read-write, or chown {directory}", Status.FAIL)
    key = directory / SECRET_KEY_FILE
    if settings.secret_key is not None:
        yield ok("secret key", "set")
    else:
        right = key.exists() and not stat.S_IMODE(key.stat().st_mode) & 0o077
        yield check("secret key", right, str(key), f"chmod 600 {key}", Status.FAIL)
        if settings.database_url is not None:
            remedy = "set ECHS_SECRET_KEY_FILE to the same key on all hosts; links from one host are 404 on another"
            yield check("secret key", False, "kept in the data directory of this host", remedy)
    for name, volume in volumes(context.data_dir).items():
        free, least = free_bytes(volume), settings.min_free_bytes
        largest = 2 * settings.max_bulk_body_bytes
        found = f"{free // (1 << 20)} MiB free in {volume}"
        yield check(
            f"disk space for {name}",
            free >= max(least, largest),
            found,
            f"free disk space: at least {max(least, largest) // (1 << 20)} MiB, twice the largest upload",
            Status.FAIL if free < least else Status.WARN,
        )


def limit_checks() -> Iterator[CheckResult]:
    """What the system lets the server have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = "no limit" if hard == resource.RLIM_INFINITY else str(hard)
    remedy = f"raise the limit of open files to {LEAST_FILES}: LimitNOFILE in systemd, ulimits in Compose, ulimit -Hn"
    yield check("open files", hard == resource.RLIM_INFINITY or hard >= LEAST_FILES, found, remedy)


def link_checks(directory: Path) -> Iterator[CheckResult]:
    """Whether somebody else can put another file into the place of the store or the secret key."""
    linked = [file.name for file in (directory / SECRET_KEY_FILE, directory / DATABASE_FILE) if file.is_symlink()]
    if linked:
        remedy = "move the files there: anyone who can write to a link's target can replace the store or the key"
        yield CheckResult("links", Status.WARN, f"{' and '.join(linked)} in {directory}: symbolic links", remedy)
    for above in (directory.absolute(), *directory.absolute().parents):
        mode = above.stat().st_mode
        # With the sticky bit, as in /tmp, others can add files but cannot take those away that are there.
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            remedy = f"chmod o-w {above}: any user of this host can replace its files"
            yield CheckResult("directories", Status.FAIL, f"{above} is world-writable", remedy)


def library_checks() -> Iterator[CheckResult]:
    """Versions of what we stand on that are known to do harm."""
    found = sqlite.sqlite_version_info
    yield check("SQLite", found >= LEAST_SQLITE, sqlite.sqlite_version, "install the locked requirements", Status.FAIL)
    version = ".".join(map(str, etree.LIBXML_VERSION))
    yield check("libxml2", etree.LIBXML_VERSION >= LEAST_LIBXML, version, "install the locked requirements")
    yield ok("OpenSSL", ssl.OPENSSL_VERSION)


def store_checks(context: AppContext, settings: Settings, snapshot: Connection) -> Iterator[CheckResult]:
    """The store itself: reachable, with the right tables, set so that nothing acknowledged is lost."""
    version, head = schema.version_in(snapshot), schema.head()
    yield check("tables", version == head, f"version {version}, needed {head}", "echs db upgrade", Status.FAIL)
    if context.database.is_sqlite:
        yield from sqlite_checks(snapshot)
    else:
        yield from postgres_checks(context, snapshot)


def sqlite_checks(snapshot: Connection) -> Iterator[CheckResult]:
    """How SQLite is set, in the connections that we open."""
    synchronous = snapshot.execute(text("PRAGMA synchronous")).scalar()
    journal = snapshot.execute(text("PRAGMA journal_mode")).scalar()
    right = synchronous == 2 and journal == "wal"
    yield check(
        "durability", right, f"journal {journal}, synchronous {synchronous}", "report this as a bug", Status.FAIL
    )
    remedy = "for several hosts or automatic failover, use PostgreSQL: ECHS_DATABASE_URL"
    yield CheckResult("store", Status.OK, "SQLite: one host, one writer at a time", remedy)


def postgres_checks(context: AppContext, snapshot: Connection) -> Iterator[CheckResult]:
    """How PostgreSQL is set, and how far its clock is from ours."""

    def setting(name: str) -> str:
        return str(snapshot.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar())

    number = int(setting("server_version_num"))
    yield check("PostgreSQL", number >= LEAST_POSTGRES, setting("server_version"), "upgrade to 15 or newer")
    for name in ("fsync", "full_page_writes"):
        yield check(
            name,
            setting(name) == "on",
            setting(name),
            f"set {name} = on: otherwise a power failure can lose CDRs",
            Status.FAIL,
        )
    commit = setting("synchronous_commit")
    remedy = "set synchronous_commit = on: otherwise acknowledged data can be lost"
    yield check("synchronous_commit", commit in ("on", "remote_apply"), commit, remedy, Status.FAIL)
    most = int(setting("max_connections"))
    remedy = f"each worker opens up to {CONNECTIONS_OF_A_WORKER} connections: raise max_connections, or use pgbouncer"
    yield check("max_connections", most >= 3 * CONNECTIONS_OF_A_WORKER, str(most), remedy)
    encoding = setting("server_encoding")
    yield check("encoding", encoding == "UTF8", encoding, "create the database with encoding UTF8", Status.FAIL)
    theirs = snapshot.execute(select(func.clock_timestamp())).scalar()
    away = abs((context.clock() - theirs).total_seconds()) if isinstance(theirs, datetime) else 0.0
    yield check("clocks", away <= CLOCK_SECONDS, f"{away:.1f} s off the database clock", "run NTP on both hosts")
    dump = version_of("pg_dump")
    remedy = f"install the PostgreSQL {number // 10_000} client, for echs backup"
    yield check("pg_dump", dump >= number // 10_000, f"version {dump}" if dump else "not installed", remedy)
    timeout = setting("statement_timeout")
    remedy = "a connection pooler drops the timeouts: ALTER ROLE … SET statement_timeout = '24s', lock_timeout = '20s'"
    yield check("statement_timeout", timeout != "0", timeout, remedy)


def version_of(program: str) -> int:
    """The major version of one of PostgreSQL's programs; 0 where it is not here."""
    found = shutil.which(program)
    if found is None:
        return 0
    done = subprocess.run([found, "--version"], capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
    match = re.search(r"([0-9]+)\.", done.stdout)
    return int(match[1]) if match else 0


def clock_checks(context: AppContext, snapshot: Connection) -> Iterator[CheckResult]:
    """Whether the store has anything from the future, and runs that count as purged without a purge."""
    now = context.clock()
    ahead = [f"{what} (up to {at:%Y-%m-%d %H:%M})" for what, at in in_future(snapshot, now)]
    remedy = (
        f"is it {now:%Y-%m-%d %H:%M} UTC now? If not, correct the clock (NTP); if so, run echs audit clock, log "
        "partners out, and have their lists uploaded again"
    )
    yield check("times in the future", not ahead, "; ".join(ahead) or "none", remedy, Status.FAIL)
    run = clearing_tables.clearing_run.c
    numbers = select(run.number).where(run.purged_at.is_not(None), ~in_trail(run.number)).order_by(run.number)
    unknown = list(snapshot.execute(numbers).scalars())
    found = f"the audit trail has no purge of {named(map(str, unknown))}" if unknown else "all in the audit trail"
    yield check("purged runs", not unknown, found, "do not purge; create a backup and run echs verify", Status.FAIL)


def business_checks(context: AppContext, snapshot: Connection) -> Iterator[CheckResult]:
    """What waits for somebody."""
    now = context.clock()
    uncleared = cdr_tables.cdr_uncleared
    count = snapshot.execute(select(func.count()).select_from(uncleared)).scalar() or 0
    oldest = snapshot.execute(waiting_since()).scalar()
    waited = now - oldest if oldest is not None else timedelta()
    found = f"{count}, the oldest for {hours(waited)} h" if count else "none"
    yield check(
        "uncleared CDRs", waited <= timedelta(hours=WAITING_HOURS), found, "echs clear; echs cdr list --status held"
    )
    declined = list(snapshot.execute(declined_by_operator()))
    found = f"{sum(row[1] for row in declined)} of {named(sorted(row[0] for row in declined))}" if declined else "none"
    yield check(
        "declined CDRs", not declined, found, "echs cdr list --status declined; its operator revises or ends them"
    )
    late = sorted(
        {
            user_id
            for user_id, since in snapshot.execute(unfetched_runs())
            if now - since > timedelta(days=UNFETCHED_DAYS)
        }
    )
    found = f"not fetched for {UNFETCHED_DAYS} days by {named(late)}" if late else "none overdue"
    yield check("statements", not late, found, "ask whether their back end is running; echs run list")
    failed = queue.counts(snapshot, now)[JobState.FAILED]
    since = queue.waiting_since(snapshot)
    overdue = now - since if since is not None else timedelta()
    found = (
        f"{failed} failed"
        if failed
        else f"due for {hours(overdue)} h"
        if overdue >= timedelta(hours=1)
        else "none overdue"
    )
    right = not failed and overdue < timedelta(hours=1)
    yield check("jobs", right, found, "echs job list --state failed; is echs work running? echs job retry JOB")
    last = snapshot.execute(last_backup()).scalar()
    since_backup = None if last is None else now - last
    right = since_backup is not None and since_backup <= timedelta(days=BACKUP_DAYS)
    found = "never" if since_backup is None else f"{hours(since_backup)} h ago"
    yield check("backup", right, found, "run echs backup create DIRECTORY daily; keep copies elsewhere")
    for name, heads in LIST_HEADS.items():
        oldest = snapshot.execute(select(func.min(heads.c.replaced_at)).where(is_active(heads.c.partner_id))).scalar()
        if oldest is not None:
            age = now - oldest
            found = f"the oldest is {hours(age)} h old"
            yield check(
                f"{name} lists",
                age <= timedelta(days=LIST_DAYS),
                found,
                "find the owner with echs list show, and ask for an update",
            )


def declined_by_operator() -> Any:
    """How many CDRs of each operator are declined, by its user id."""
    cdr, user = cdr_tables.cdr, partner_tables.partner
    refused = refused_by_partners().subquery()
    query = select(user.c.user_id, func.count()).select_from(
        refused.join(cdr, cdr.c.id == refused.c.cdr_id).join(user, user.c.id == cdr.c.operator_partner_id)
    )
    return query.where(refused.c.kind == Answer.DECLINE).group_by(user.c.user_id)


def market_id_checks(snapshot: Connection) -> Iterator[CheckResult]:
    """What more than one partner publishes: each number has one owner, and here several say that they are it."""
    token, point = token_tables.token.c, location_tables.charge_point.c
    for name, lists, number in (
        ("tokens", TOKENS.keyed, (token.type, token.medium, token.uid_key)),
        ("EVSEs", CHARGE_POINTS.keyed, (point.evse_key,)),
    ):
        several = (
            select(func.count())
            .select_from(lists.records)
            .join(lists.heads, lists.all_standing)
            .where(is_active(lists.heads.c.partner_id))
            .group_by(*number)
            .having(func.count(lists.records.c.partner_id.distinct()) > 1)
        ).subquery()
        count = snapshot.execute(select(func.count()).select_from(several)).scalar() or 0
        found = f"{count:,} are in the lists of several partners" if count else "none"
        remedy = "find them with echs audit list --json and ask for their owner; see ECHS_FOREIGN_IDS"
        yield check(f"{name} in several lists", not count, found, remedy)


def certificate_checks(context: AppContext, settings: Settings, snapshot: Connection) -> Iterator[CheckResult]:
    """Whether partners that are known by a certificate can show one."""
    pinned, partner = partner_tables.partner_certificate, partner_tables.partner
    last = select(partner.c.user_id, func.max(pinned.c.ends_at)).join(pinned, pinned.c.partner_id == partner.c.id)
    rows: list[Any] = list(snapshot.execute(last.where(partner.c.active).group_by(partner.c.user_id)))
    ends: dict[str, datetime] = dict(rows)
    if not ends:
        return
    remedy = "set ECHS_TRUSTED_PROXIES to the proxy that forwards certificates, or run echs partner cert remove"
    found = f"{named(sorted(ends))} cannot present one: no trusted proxy" if not settings.proxies else "forwarded"
    yield check("certificates", bool(settings.proxies), found, remedy, Status.FAIL)
    soon = sorted(user_id for user_id, end in ends.items() if end - context.clock() < timedelta(days=CERTIFICATE_DAYS))
    found = f"of {named(soon)} expire within {CERTIFICATE_DAYS} days" if soon else "none expires soon"
    yield check("certificate expiry", not soon, found, "pin the next certificate: echs partner cert add USER_ID FILE")


def partner_checks(context: AppContext) -> Iterator[CheckResult]:
    """Whether those are enrolled who must be, and own what they must own."""
    active = [partner for partner in queries.all_partners(context) if partner.active]
    yield check(
        "partners", len(active) >= 2, f"{len(active)} active", "echs partner add: roaming needs at least two partners"
    )
    without = [each.user_id for each in active if not (each.operator_ids or each.provider_ids or each.groups)]
    found = f"without an id: {named(without)}" if without else "every partner has one that needs one"
    yield check("party ids", not without, found, "echs partner own USER_ID --operator ID, or --provider ID")
    waiting = held(context)
    found = f"no partner owns {named([each.provider_id for each in waiting])}" if waiting else "none"
    disabled = sorted({each.disabled_owner for each in waiting if each.disabled_owner is not None})
    found += f"; of disabled partners: {named(disabled)}" if disabled else ""
    enable = f"echs partner enable {disabled[0]}; " if disabled else ""
    yield from connection_checks(context)
    yield direct_check(context)
    yield check("held CDRs", not waiting, found, f"{enable}echs partner own USER_ID --provider ID, or ask the sender")


def direct_check(context: AppContext) -> CheckResult:
    """Who can be called by OCHPdirect today and not tomorrow."""
    missing = address_book.without_tomorrow(context)
    users = {partner.id: partner.user_id for partner in queries.all_partners(context)}
    found = f"today but not tomorrow: {named([users[each] for each in missing])}" if missing else "none is missing"
    return check("direct endpoints", not missing, found, "ask the partner to upload tomorrow's before 11:55 UTC")


def connection_checks(context: AppContext) -> Iterator[CheckResult]:
    """Whether the house is open or closed, and what waits for a connection."""
    with context.database.read() as snapshot:
        closed = connections.mode_in(snapshot) is ConnectionMode.CLOSED
        count = connections.connection_count(snapshot)
    how = f"closed: partners see each other along {counted(count, 'connection')}" if closed else "open: all see all"
    yield check("connections", not closed or count > 0, how, "echs connection add PROVIDER OPERATOR")
    waiting = unconnected(context)
    pairs = [f"{each.operator} for {each.provider}" for each in waiting]
    found = f"{sum(each.cdr_count for each in waiting)} of {named(pairs)}" if waiting else "none"
    yield check(
        "CDRs without a connection", not waiting, found, "echs connection add PROVIDER OPERATOR, or reject them"
    )


def hours(span: timedelta) -> int:
    """A span in whole hours."""
    return round(span.total_seconds() / 3600)
