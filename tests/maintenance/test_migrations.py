"""The migrations are the only way to the tables, and lead exactly there."""

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from cast import add_cdrs, cdr, charge_point, downloaded_points, downloaded_tokens, set_charge_points, set_tokens, token
from echs.base.columns import metadata
from echs.base.database import Database
from echs.clearing import run
from echs.maintenance import schema
from echs.partners.standard_ids import evse_key
from echs.tokens.token_list import TOKENS

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]


def test_the_migrated_store_has_the_tables_of_the_code(context):
    with context.database.read() as snapshot:
        context = MigrationContext.configure(snapshot, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_differences_of_keys_and_of_indexes_over_expressions_are_seen(context):
    with context.database.read() as snapshot:
        assert schema.differences(snapshot) == []
    with context.database.write() as transaction:
        transaction.execute(text("DROP INDEX ix_cdr_card_started_at"))
        if context.database.is_sqlite:
            transaction.execute(text("DROP INDEX ix_cdr_own_card_started_at"))
            transaction.execute(text("CREATE INDEX ix_cdr_own_card_started_at ON cdr (operator_partner_id, token_id)"))
        transaction.execute(text("DROP TABLE partner_certificate"))
        transaction.execute(
            text(
                "CREATE TABLE partner_certificate (partner_id INTEGER REFERENCES partner (id), fingerprint VARCHAR(64), "
                "name VARCHAR(200) NOT NULL, ends_at TIMESTAMP NOT NULL, added_at TIMESTAMP NOT NULL, "
                "CONSTRAINT pk_partner_certificate PRIMARY KEY (fingerprint, partner_id))"
            )
        )
    with context.database.read() as snapshot:
        told = "\n".join(schema.differences(snapshot))
    assert "the primary key of partner_certificate is fingerprint, partner_id, not partner_id, fingerprint" in told
    assert "ix_cdr_card_started_at" in told
    assert "ix_cdr_own_card_started_at" in told or not context.database.is_sqlite


def test_upgrading_again_changes_nothing(context):
    schema.upgrade(context.database)
    assert schema.current(context.database) == schema.head()


def test_two_starters_at_once_migrate_once(empty_store_url, tmp_path):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ECHS_")},
        "ECHS_DATABASE_URL": empty_store_url,
        "ECHS_DATA_DIR": str(tmp_path / "data"),
    }
    arguments = [sys.executable, "-m", "echs", "db", "upgrade"]
    starters = [
        subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)
    ]
    told = [starter.communicate(timeout=60)[1].decode() for starter in starters]
    assert [starter.returncode for starter in starters] == [0] * 2, told
    database = Database(empty_store_url)
    assert schema.current(database) == schema.head()
    database.close()


def test_the_migrations_are_one_line_numbered_and_say_why(context):
    scripts = list(ScriptDirectory.from_config(schema.alembic_config(context.database)).walk_revisions())
    numbers = [script.revision for script in reversed(scripts)]
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]
    assert schema.head() == numbers[-1]
    assert all("Why:" in script.module.__doc__ for script in scripts)


def test_a_store_can_be_taken_back_to_nothing_and_up_again(context):
    from alembic import command

    command.downgrade(schema.alembic_config(context.database), "base")
    with context.database.read() as snapshot:
        assert set(inspect(snapshot).get_table_names()) <= {"alembic_version"}
    schema.upgrade(context.database)
    with context.database.read() as snapshot:
        assert snapshot.execute(text("SELECT count(*) FROM cdr")).scalar() == 0


def test_lists_and_cdrs_come_through_the_change_to_bulk_rows_and_back(context, cast):
    from alembic import command

    set_tokens(context, cast.tnm, [token(number) for number in range(5)])
    set_charge_points(context, cast.lnd, [charge_point(1)])
    add_cdrs(context, cast.tnm, iter([cdr(1), cdr(2)]), "a" * 26, context.lists)
    run.clear(context, "test", "b" * 26)
    add_cdrs(context, cast.tnm, iter([cdr(3)]), "c" * 26, context.lists)
    marks = {state.version_token for state in TOKENS.states(context).values()}
    config = schema.alembic_config(context.database)
    command.downgrade(config, "0004")
    command.upgrade(config, "head")
    assert list(downloaded_tokens(context)) == [token(number) for number in range(5)]
    assert list(downloaded_points(context)) == [charge_point(1)]
    # A list from before has a mark of its own too, which no file bears yet.
    assert marks.isdisjoint({state.version_token for state in TOKENS.states(context).values()} | {""})
    assert run.run_of_number(context, 1)[0].cdr_count == 2
    assert run.clear(context, "test", "d" * 26).cdr_count == 1
    with context.database.read() as snapshot:
        context = MigrationContext.configure(snapshot, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_keys_of_evses_lose_the_separators_before_the_e_and_nothing_else(context, cast):
    from alembic import command

    ids = ("NL*TNM*E1*2", "nltnme3", "NL*TNM*X4", "N1*TNM*E5", "NL*TNM*E", "01000851", "NL*TNM*E-6")
    set_charge_points(context, cast.lnd, [charge_point(1, evse_id=each) for each in ids])
    with context.database.write() as transaction:
        transaction.execute(text("UPDATE charge_point SET evse_key = 'NL*TNM*E1*2' WHERE evse_key = 'NLTNME1*2'"))
    config = schema.alembic_config(context.database)
    command.downgrade(config, "0018")
    command.upgrade(config, "head")
    with context.database.read() as snapshot:
        keys = snapshot.execute(text("SELECT evse_key FROM charge_point ORDER BY position")).scalars().all()
    assert keys == ["NLTNME1*2", "NLTNME3", "NL*TNM*X4", "N1*TNM*E5", "NL*TNM*E", "01000851", "NL*TNM*E-6"]
    assert keys == [evse_key(each) for each in ids]


def test_migrations_only_add_so_that_the_release_before_serves_on():
    """From 0006 on; what may not happen under a running release is split over two, or says that servers stop for it."""
    allowed = {
        "create_table", "create_index", "add_column", "execute", "get_bind", "f",
        # Only in the way back.
        "drop_table", "drop_column", "drop_index",
    }  # fmt: skip
    for path in sorted((ROOT / "migrations" / "versions").glob("[0-9]*.py")):
        if path.name < "0006":
            continue
        tree = ast.parse(path.read_text())
        if "must be stopped first" in (ast.get_docstring(tree) or ""):
            continue
        for function in tree.body:
            if not isinstance(function, ast.FunctionDef):
                continue
            called = [
                node.func.attr
                for node in ast.walk(function)
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "op"
            ]
            assert set(called) <= allowed, f"{path.name}: {set(called) - allowed}"
            if function.name == "upgrade":
                assert not [name for name in called if name.startswith("drop_")], path.name
                for node in ast.walk(function):
                    if isinstance(node, ast.Call) and ast.unparse(node.func) == "op.add_column":
                        assert "nullable=True" in ast.unparse(node) or "server_default" in ast.unparse(node), path.name


@pytest.mark.parametrize("moment", [0.05, 0.3, 0.6])
def test_a_migration_that_is_killed_has_not_happened_and_succeeds_when_it_is_run_again(
    empty_store_url, tmp_path, moment
):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ECHS_")},
        "ECHS_DATABASE_URL": empty_store_url,
        "ECHS_DATA_DIR": str(tmp_path / "data"),
    }
    command = [sys.executable, "-m", "echs", "db", "upgrade"]
    first = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    time.sleep(0.5 + moment)
    first.kill()
    first.wait(10)
    database = Database(empty_store_url)
    assert schema.current(database) in (None, schema.head())
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert schema.current(database) == schema.head()
    database.close()
