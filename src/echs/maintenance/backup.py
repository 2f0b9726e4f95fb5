"""Copies of the store: made while it serves, checked, and brought back.

A backup is a directory: the copy itself, the secret key where it is kept beside the store, and a manifest with what the
copy must hold. It gets its name when it is whole. It holds pins and card numbers, as the store does: only its owner may
read it, and to keep it encrypted somewhere else is the operator's part.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg.conninfo
import pysqlite3.dbapi2 as sqlite
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import URL, Connection, func, inspect, select, text

from echs import __version__
from echs.audit import guards, trail
from echs.audit import tables as audit_tables
from echs.audit.entry import Action
from echs.base.clock import Clock, system_clock
from echs.base.context import Context
from echs.base.database import Database
from echs.base.errors import Reason, refuse
from echs.base.instances import running
from echs.base.store_file import own_file
from echs.cdrs import tables as cdr_tables
from echs.clearing import tables as clearing_tables
from echs.config.app_context import SECRET_KEY_FILE, AppContext, limits, open_database
from echs.config.settings import SECRET_KEY_MINIMUM, Settings
from echs.maintenance import schema
from echs.partners.login import forget_all

MANIFEST, SQLITE_COPY, POSTGRES_COPY = "manifest.json", "store.sqlite3", "store.pgdump"
MANIFEST_LIMIT = 1 << 20
COPIES = {"sqlite": SQLITE_COPY, "postgresql": POSTGRES_COPY}
PAGES_AT_ONCE = 2000
CHUNK_BYTES = 1 << 20
DUMP_SECONDS = 6 * 3600
LOGIN_ROWS = re.compile(r" TABLE DATA \S+ login ")
NAME = re.compile(r"echs-[0-9]{8}T[0-9]{6}Z")
COUNTED = {
    "cdrs": cdr_tables.cdr,
    "uncleared": cdr_tables.cdr_uncleared,
    "cleared": cdr_tables.cdr_cleared,
    "runs": clearing_tables.clearing_run,
    "audit_entries": audit_tables.audit,
}

Progress = Callable[[int, int], object]


class BackupReason(Reason):
    """Why a backup was not made, is not right, or was not brought back."""

    BACKUP_IMPOSSIBLE = "BACKUP_IMPOSSIBLE"
    BACKUP_DAMAGED = "BACKUP_DAMAGED"
    STORE_NOT_EMPTY = "STORE_NOT_EMPTY"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. ``counts`` are rows by what they are, ``hashes`` the SHA-256 of each file, ``tables`` the
    names of all tables that it must have.
    """

    made_at: str
    program: str
    kind: str
    schema: str
    counts: dict[str, int]
    audit_hash: str
    hashes: dict[str, str]
    tables: list[str]


def create(context: AppContext, parent: Path, progress: Progress = lambda *_: None) -> Path:
    """A backup in a new directory under ``parent``, named by the time; all of it is of one instant of the store.

    :raises Refused: BACKUP_IMPOSSIBLE, STORE_UNAVAILABLE
    """
    now = context.clock()
    directory = parent / f"echs-{now:%Y%m%dT%H%M%SZ}"
    unfinished = parent / f".{directory.name}.unfinished"
    if directory.exists():
        raise impossible(f"{directory} already exists")
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        alone = os.open(parent, os.O_RDONLY)
    except OSError as error:
        raise impossible(f"{error.filename or parent}: {error.strerror}") from error
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in parent.glob(".echs-*.unfinished"):  # of one that was killed
            shutil.rmtree(left)
        unfinished.mkdir(mode=0o700)
        try:
            manifest = fill(context, unfinished, now, progress)
            for file in (*unfinished.iterdir(), unfinished):
                sync(file)
            unfinished.rename(directory)
            sync(parent)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    except BlockingIOError:
        raise impossible(f"another backup is being created in {parent}") from None
    except sqlite.Error as error:  # the disk is full, among others
        raise impossible(f"{parent}: {error}; this backup has been removed") from error
    except OSError as error:
        raise impossible(f"{error.filename or parent}: {error.strerror}") from error
    finally:
        os.close(alone)
    with context.database.write() as transaction:
        facts = {"counts": manifest.counts, "audit_hash": manifest.audit_hash}
        trail.record(context, transaction, Action.BACKED_UP, directory.name, facts)
    return directory


def made_in(parent: Path) -> list[Path]:
    """The backups in a directory, the oldest first: those with a manifest and a name that `create` gives.

    :raises Refused: BACKUP_IMPOSSIBLE where the directory cannot be read
    """
    try:
        return sorted(each for each in parent.iterdir() if NAME.fullmatch(each.name) and is_regular(each / MANIFEST))
    except OSError as error:
        raise impossible(f"{error.filename or parent}: {error.strerror}") from error


def remove_old(parent: Path, before: datetime) -> list[Path]:
    """Remove the backups in a directory that were made before an instant, but never the newest; the removed ones.

    :raises Refused: BACKUP_IMPOSSIBLE
    """
    old = [each for each in made_in(parent)[:-1] if each.name < f"echs-{before:%Y%m%dT%H%M%SZ}"]
    for each in old:
        try:
            shutil.rmtree(each)
        except OSError as error:
            raise impossible(f"{error.filename or each}: {error.strerror}") from error
    return old


def fill(context: AppContext, directory: Path, now: datetime, progress: Progress) -> Manifest:
    """Write the files of a backup."""
    database = context.database
    with database.read(patient=True) as snapshot:
        if database.is_sqlite:
            # The first question is what fixes the snapshot.
            counts, audit_hash = holdings(snapshot)
            copy_sqlite(snapshot.connection.driver_connection, directory / SQLITE_COPY, progress)
        else:
            exported = snapshot.execute(text("SELECT pg_export_snapshot()")).scalar()
            counts, audit_hash = holdings(snapshot)
            arguments = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={exported}"]
            run_postgres("pg_dump", database, [*arguments, f"--file={directory / POSTGRES_COPY}"])
        version = schema.version_in(snapshot) or ""
        names = sorted(inspect(snapshot).get_table_names())
    key = context.data_dir / SECRET_KEY_FILE
    if key.exists():
        own_file(directory / SECRET_KEY_FILE)
        shutil.copyfile(key, directory / SECRET_KEY_FILE)
    for file in directory.iterdir():
        file.chmod(0o600)
    manifest = Manifest(
        made_at=now.isoformat(),
        program=__version__,
        kind="sqlite" if database.is_sqlite else "postgresql",
        schema=version,
        counts=counts,
        audit_hash=audit_hash,
        hashes={file.name: hash_of(file) for file in sorted(directory.iterdir())},
        tables=names,
    )
    own_file(directory / MANIFEST)
    (directory / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")
    return manifest


def holdings(snapshot: Connection) -> tuple[dict[str, int], str]:
    """What a store holds: rows by what they are, and the newest hash of the audit trail."""
    counts = {
        name: snapshot.execute(select(func.count()).select_from(table)).scalar() or 0 for name, table in COUNTED.items()
    }
    table = audit_tables.audit
    newest = select(table.c.hash).order_by(table.c.number.desc()).limit(1)
    return counts, snapshot.execute(newest).scalar() or ""


def copy_sqlite(source: Any, target: Path, progress: Progress) -> None:
    """Copy by SQLite's own backup, page by page. ``source`` is in a transaction: what is written meanwhile does not
    reach the copy, and does not make it begin anew.
    """
    own_file(target)
    with closing(sqlite.connect(str(target))) as copy:
        source.backup(copy, pages=PAGES_AT_ONCE, progress=lambda _, left, total: progress(total - left, total))
        # One file, not three.
        copy.execute("PRAGMA journal_mode = DELETE")


def check(directory: Path) -> Manifest:
    """Look whether a backup is whole and is what its manifest says.

    :raises Refused: BACKUP_DAMAGED, BACKUP_IMPOSSIBLE
    """
    manifest = read_manifest(directory)
    store = COPIES.get(manifest.kind)
    if store is None or set(manifest.hashes) - {SECRET_KEY_FILE} != {store}:
        raise damaged(f"{directory / MANIFEST} does not list the files of a backup")
    for name, expected in manifest.hashes.items():
        file = directory / name
        if not is_regular(file):
            raise damaged(f"{file} is missing or not a file")
        if hash_of(file) != expected:
            raise damaged(f"{file} has changed since the backup was created")
    if SECRET_KEY_FILE in manifest.hashes:
        key = (directory / SECRET_KEY_FILE).read_bytes().strip()
        if len(key) < SECRET_KEY_MINIMUM:
            raise damaged(f"{directory / SECRET_KEY_FILE} is shorter than the minimum for a secret key")
    if manifest.kind == "sqlite":
        check_sqlite(directory / SQLITE_COPY, manifest)
    else:
        listed = run_postgres("pg_restore", None, ["--list", str(directory / POSTGRES_COPY)])
        missing = [name for name in manifest.tables if not re.search(rf" TABLE DATA \S+ {re.escape(name)} ", listed)]
        if missing:
            raise damaged(f"{directory / POSTGRES_COPY} has no table {missing[0]}")
    return manifest


def check_sqlite(file: Path, manifest: Manifest) -> None:
    """Look into the copy, without writing beside it."""
    try:
        with closing(sqlite.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as copy:

            def one(query: str) -> Any:
                row = copy.execute(query).fetchone()
                return None if row is None else row[0]

            answer = one("PRAGMA integrity_check(1)")
            if answer != "ok":
                raise damaged(f"{file}: {answer}")
            found = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            missing = sorted(set(manifest.tables) - found)
            if missing:
                raise damaged(f"{file} has no table {missing[0]}")
            newest = manifest.schema >= schema.head()  # before, there were fewer
            told = next(guards.compared("sqlite", copy.execute(guards.IN_SQLITE), complete=newest), None)
            if told is not None:
                raise damaged(f"{file}: {told}")
            if one("SELECT version_num FROM alembic_version") != manifest.schema:
                raise damaged(f"{file} has another schema version than {manifest.schema}")
            if (one("SELECT hash FROM audit ORDER BY number DESC LIMIT 1") or "") != manifest.audit_hash:
                raise damaged(f"{file} has another audit trail than the manifest says")
            for name, expected in manifest.counts.items():
                if name in COUNTED:
                    count = one(f"SELECT count(*) FROM {COUNTED[name].name}")  # noqa: S608 - names of ours
                    if count != expected:
                        raise damaged(f"{file} has {count} {name}, but the manifest says {expected}")
    except sqlite.Error as error:
        raise damaged(f"{file}: {error}") from None


def is_regular(file: Path) -> bool:
    """Whether it is a file itself, and not something that leads elsewhere."""
    try:
        return stat.S_ISREG(file.lstat().st_mode)
    except OSError:
        return False


def restore(settings: Settings, directory: Path, clock: Clock = system_clock) -> Manifest:
    """Make the empty store of these settings what the backup holds.

    Every login ends: one that was ended since would else live again.

    :raises Refused: BACKUP_DAMAGED, BACKUP_IMPOSSIBLE, STORE_NOT_EMPTY
    """
    manifest = check(directory)
    refuse_beside_servers(settings)
    database = open_database(settings)
    kind = "sqlite" if database.is_sqlite else "postgresql"
    if manifest.kind != kind:
        raise impossible(f"the backup is of a {manifest.kind} store, but ECHS_DATABASE_URL names a {kind} store")
    if manifest.schema > schema.head():
        raise impossible(f"the backup has schema version {manifest.schema}, but this program supports {schema.head()}")
    refuse_store_with_tables(database)
    put_key_into_place(settings, directory)

    def finish(store: Database) -> None:
        schema.upgrade(store)
        context = Context(store, clock, limits(settings))
        forget_all(context)
        with store.write() as transaction:
            facts = {"made_at": manifest.made_at, "audit_hash": manifest.audit_hash}
            trail.record(context, transaction, Action.RESTORED, directory.name, facts)
        store.close()

    if kind == "sqlite":
        put_into_place(directory / SQLITE_COPY, Path(database.url.database or ""), finish)
        return manifest
    with tempfile.TemporaryDirectory(prefix="echs-") as aside:
        # Logins stay away from the first: nobody may be let in by one that was ended since, not even for a moment.
        listed = run_postgres("pg_restore", None, ["--list", str(directory / POSTGRES_COPY)])
        wanted = Path(aside) / "wanted"
        wanted.write_text("\n".join(line for line in listed.splitlines() if not LOGIN_ROWS.search(line)) + "\n")
        arguments = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
        run_postgres("pg_restore", database, [*arguments, f"--use-list={wanted}", str(directory / POSTGRES_COPY)])
    finish(database)
    return manifest


def refuse_beside_servers(settings: Settings) -> None:
    """A server that runs would go on with what it has open: what it acknowledges then would be lost.

    :raises Refused: BACKUP_IMPOSSIBLE
    """
    servers = running(settings.data_dir)
    if servers:
        raise impossible(f"a server is running on {settings.data_dir} ({servers[0]}); stop it first")


def put_key_into_place(settings: Settings, directory: Path) -> None:
    """Take the secret key over, before anything else: links that partners have are signed by it. One that is there
    already belongs to no store, since the store is empty, and is moved aside.
    """
    key, kept = directory / SECRET_KEY_FILE, settings.data_dir / SECRET_KEY_FILE
    if not key.exists() or (kept.exists() and kept.read_bytes() == key.read_bytes()):
        return
    if kept.exists():
        kept.rename(kept.with_name(f"{SECRET_KEY_FILE}.before-{directory.name}"))
    put_into_place(key, kept)


def refuse_store_with_tables(database: Database) -> None:
    """Only an empty store is restored into: nothing is ever overwritten.

    :raises Refused: STORE_NOT_EMPTY
    """
    with database.read() as snapshot:
        empty = not inspect(snapshot).get_table_names()
    database.close()  # its file may be replaced now
    if not empty:
        shown = database.url.render_as_string(hide_password=True)
        detail = f"{shown} has tables; a backup can only be restored into an empty store: move it away, or use another"
        raise refuse(BackupReason.STORE_NOT_EMPTY, detail)


def put_into_place(file: Path, target: Path, finish: Callable[[Database], None] | None = None) -> None:
    """Copy a file so that it is there whole or not at all, for its owner only; a store is finished before it is there.

    :raises Refused: BACKUP_IMPOSSIBLE
    """
    aside = target.with_name(f".{target.name}.restoring")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("", "-wal", "-shm"):  # of a restore that was killed
            aside.with_name(aside.name + name).unlink(missing_ok=True)
        own_file(aside)
        shutil.copyfile(file, aside)
        if finish is not None:
            finish(Database(URL.create("sqlite", database=str(aside))))
            for left in ("-wal", "-shm"):
                target.with_name(target.name + left).unlink(missing_ok=True)
        sync(aside)
        os.replace(aside, target)
        sync(target.parent)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise impossible(f"{target}: {error.strerror}") from error


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a backup.

    :raises Refused: BACKUP_DAMAGED where there is none that can be read
    """
    file = directory / MANIFEST
    try:
        if is_regular(file) and file.stat().st_size <= MANIFEST_LIMIT:
            return TypeAdapter(Manifest).validate_json(file.read_bytes(), strict=True)
    except (OSError, ValidationError):
        pass
    raise damaged(f"{directory} is not a complete backup: it has no readable {MANIFEST}") from None


def run_postgres(program: str, database: Database | None, arguments: Sequence[str]) -> str:
    """Run one of PostgreSQL's own programs; what it printed. The password goes by a file, never by the command line.

    :raises Refused: BACKUP_IMPOSSIBLE
    """
    found = shutil.which(program)
    if found is None:
        raise impossible(f"{program} is not installed; install the PostgreSQL client of the server's version")
    with connection_text(database) as connection:
        command = [found, *([] if connection is None else [f"--dbname={connection}"]), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DUMP_SECONDS)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise impossible(f"{program} did not end within {DUMP_SECONDS // 3600} hours") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise impossible("; ".join(said[:2]))
    return done.stdout


@contextmanager
def connection_text(database: Database | None) -> Iterator[str | None]:
    """How libpq is told which database, with the password in a file for the owner alone."""
    if database is None:
        yield None
        return
    url = database.url
    named: dict[str, Any] = {**url.translate_connect_args(username="user", database="dbname"), **url.query}
    # Of several hosts the one that the server itself would use.
    named = {name: ",".join(value) if isinstance(value, tuple) else value for name, value in named.items()}
    named.setdefault("target_session_attrs", "read-write")
    password = named.pop("password", None)
    with tempfile.TemporaryDirectory(prefix="echs-") as directory:
        if password is not None:
            file = Path(directory) / "pgpass"
            own_file(file)
            escaped = str(password).replace("\\", "\\\\").replace(":", "\\:")
            file.write_text(f"*:*:*:*:{escaped}\n", encoding="utf-8")
            named["passfile"] = str(file)
        yield psycopg.conninfo.make_conninfo(**{name: str(value) for name, value in named.items()})


def hash_of(file: Path) -> str:
    """The SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Have a file, or the names in a directory, safely on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def impossible(detail: str) -> Exception:
    """The refusal to make or bring back a backup."""
    return refuse(BackupReason.BACKUP_IMPOSSIBLE, detail)


def damaged(detail: str) -> Exception:
    """The refusal of a backup that is not what it was."""
    return refuse(BackupReason.BACKUP_DAMAGED, detail)
