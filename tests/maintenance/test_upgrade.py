"""A store of the release before, made by that release, becomes one of this release: the same to everybody, or untouched.

`stores/release_0007.sql` is a dump of its SQLite store, with rows of everything: runs, one of them purged, held CDRs,
lists, warnings, certificates, logins, a trail. `release_0007.json` has the digests of what its partners were given.
"""

import hashlib
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from cast import downloaded_tokens, set_tokens, verify
from conftest import Clock, settings_of
from echs.audit import trail
from echs.base.database import Database
from echs.clearing.statement_builder import open_statement
from echs.config.app_context import open_app_context
from echs.config.settings import read_settings
from echs.delivery import queue, statement_jobs
from echs.maintenance import schema
from echs.partners.queries import all_partners
from echs.protocols.record_formats import RECORD_FORMATS
from echs.serving.application import create_application
from echs.tokens.token_list import TOKENS
from wire import Caller

pytestmark = pytest.mark.timeout(300)

STORES = Path(__file__).parent / "stores"
GIVEN = json.loads((STORES / "release_0007.json").read_text())
# In an order in which every row finds those that it points to.
TABLES = [
    "partner",
    "partner_group",
    "partner_hub",
    "party_id",
    "partner_certificate",
    "login",
    "login_failure",
    "audit",
    "audit_baseline",
    "upload_receipt",
    "cdr",
    "cdr_warning",
    "cdr_decision",
    "cdr_uncleared",
    "cdr_cleared",
    "cdr_purged",
    "statement_issuer",
    "clearing_run",
    "clearing_run_left",
    "clearing_run_pair",
    "clearing_run_party",
    "roaming_list",
    "authorisation",
    "chargepoint_list",
    "chargepoint",
]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def copied_to_postgresql(url: str, old: sqlite3.Connection) -> None:
    """The same rows in a PostgreSQL store with the tables of that release."""
    from alembic import command

    database = Database(url)
    command.upgrade(schema.alembic_config(database), "0007")
    database.close()
    engine = create_engine(database.url)
    with engine.begin() as connection:
        kinds = {
            name: {each["name"]: each["type"] for each in inspect(connection).get_columns(name)} for name in TABLES
        }
        connection.execute(text("ALTER TABLE audit_baseline DISABLE TRIGGER USER"))
        connection.execute(text("DELETE FROM audit_baseline"))
        for name in TABLES:
            cursor = old.execute(f"SELECT * FROM {name}")
            names = [each[0] for each in cursor.description]
            for row in cursor.fetchall():
                values = {key: converted(kinds[name][key], value) for key, value in zip(names, row, strict=True)}
                marks = ", ".join(f":{key}" for key in names)
                quoted = ", ".join(f'"{key}"' for key in names)
                connection.execute(text(f"INSERT INTO {name} ({quoted}) VALUES ({marks})"), values)
        connection.execute(text("ALTER TABLE audit_baseline ENABLE TRIGGER USER"))
        for name in ("partner", "cdr"):
            connection.execute(text(f"SELECT setval('{name}_id_seq', (SELECT max(id) FROM {name}))"))
    engine.dispose()


def converted(kind: object, value: object) -> object:
    if value is None:
        return None
    if "BOOL" in str(kind):
        return bool(value)
    if "TIMESTAMP" in str(kind):
        return f"{value}+00:00"
    return value


@pytest.fixture
def old_store(request, tmp_path, empty_store_url):
    """The URL of a store of the release before."""
    if empty_store_url.startswith("sqlite"):
        path = tmp_path / "empty.sqlite3"
        with sqlite3.connect(path) as made:
            made.executescript((STORES / "release_0007.sql").read_text())
        made.close()
        return empty_store_url
    old = sqlite3.connect(":memory:")
    old.executescript((STORES / "release_0007.sql").read_text())
    copied_to_postgresql(empty_store_url, old)
    return empty_store_url


def opened(url, tmp_path):
    clock = Clock(datetime.fromisoformat(GIVEN["now"]))
    return open_app_context(read_settings(settings_of(url, tmp_path / "data")), clock)


def counts(url):
    """How many rows there are of what an upgrade must not touch, and the sums that money depends on."""
    database = Database(url)
    with database.read() as snapshot:
        found = {
            name: snapshot.execute(text(f"SELECT count(*) FROM {name}")).scalar()
            for name in ("partner", "party_id", "login", "audit", "cdr", "cdr_uncleared", "cdr_cleared", "cdr_purged")
        }
        found["energy"] = int(snapshot.execute(text("SELECT sum(volume_e4_kwh) FROM cdr")).scalar())
        found["cleared"] = int(snapshot.execute(text("SELECT sum(volume_e4_kwh) FROM clearing_run_pair")).scalar())
        found["chain"] = snapshot.execute(text("SELECT hash FROM audit ORDER BY number DESC LIMIT 1")).scalar()
    database.close()
    return found


def given_to(context):
    """What partners are given, as `release_0007.json` has it."""
    app = create_application(context)
    lists, cdrs, statements = {}, {}, {}

    def records(caller, operation, element):
        body = caller.send(operation).body
        found = b"".join(re.findall(b"<%s>.*</%s>" % (element, element), body, re.DOTALL))
        return [digest(found), len(re.findall(b"<%s>" % element, body))]

    for user_id in GIVEN["lists"]:
        caller = Caller(app, user_id)
        lists[user_id] = [
            records(caller, "GetRoamingAuthorisationList", b"roamingAuthorisationInfoArray"),
            records(caller, "GetChargePointList", b"chargepointInfoArray"),
        ]
        cdrs[user_id] = records(caller, "GetCDRs", b"cdrInfoArray")
    partners = {partner.user_id: partner.id for partner in all_partners(context)}
    for name in GIVEN["statements"]:
        user_id, number, form = name.split(" ")
        with open_statement(context, context.statement_cache, partners[user_id], [int(number)], form) as file:
            statements[name] = digest(file.read())
    return {"now": GIVEN["now"], "lists": lists, "cdrs": cdrs, "statements": statements}


def test_after_an_upgrade_everybody_is_given_the_same_byte_for_byte(old_store, tmp_path):
    before = counts(old_store)
    database = Database(old_store)
    schema.upgrade(database)
    database.close()
    assert counts(old_store) == before
    context = opened(old_store, tmp_path)
    assert list(verify(context)) == []
    assert given_to(context) == GIVEN
    assert list(verify(context)) == []
    entries = list(trail.entries(context))
    assert before["chain"] in {entry.hash for entry in entries[:-1]}
    assert {entry.channel for entry in entries} >= {"", "http"}
    # The runs of the release before count as drawn.
    assert statement_jobs.plan(context) == 0
    assert queue.jobs(context) == []
    context.database.close()


def test_lists_go_on_from_what_stood_and_only_differences_are_written(old_store, tmp_path):
    database = Database(old_store)
    schema.upgrade(database)
    database.close()
    context = opened(old_store, tmp_path)
    tnm = next(partner for partner in all_partners(context) if partner.user_id == "tnm")
    present = [record for record in downloaded_tokens(context) if record.hub != 3]
    before = TOKENS.states(context)[tnm.id]
    assert set_tokens(context, tnm, present).counts.added == 0
    assert TOKENS.states(context)[tnm.id].version_token == before.version_token
    done = set_tokens(context, tnm, present[1:])
    assert (done.counts.removed, done.counts.changed) == (1, 0)
    TOKENS.undo(context, "tnm", RECORD_FORMATS.tokens)
    assert [record for record in downloaded_tokens(context) if record.hub != 3] == present
    assert list(verify(context)) == []
    context.database.close()


def test_an_upgrade_that_is_killed_at_any_moment_has_not_happened_or_is_done(old_store, tmp_path, seed):
    chance = random.Random(seed)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ECHS_")},
        **settings_of(old_store, tmp_path / "data"),
    }
    command = [sys.executable, "-m", "echs", "db", "upgrade"]
    before = counts(old_store)
    for _ in range(4):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.5 + 0.8 * chance.random())
        process.kill()
        process.communicate()
        database = Database(old_store)
        assert schema.current(database) in ("0007", schema.head())
        database.close()
        assert counts(old_store) == before
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    context = opened(old_store, tmp_path)
    assert list(verify(context)) == []
    assert given_to(context) == GIVEN
    context.database.close()


def test_the_dump_holds_rows_of_everything():
    old = sqlite3.connect(":memory:")
    old.executescript((STORES / "release_0007.sql").read_text())
    empty = {name for name in TABLES if not old.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchall()}
    assert empty <= {"login_failure", "cdr_decision"}
    assert {row[0] for row in old.execute("SELECT purged_at IS NULL FROM clearing_run")} == {0, 1}
