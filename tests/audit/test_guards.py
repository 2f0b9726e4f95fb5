"""The triggers that guard the audit trail are those of the migrations, and any other is named."""

import pytest
from sqlalchemy import text

from cast import verify
from echs.audit import guards

SAME_NAME = {
    "sqlite": {
        "one that does nothing": (
            "DROP TRIGGER audit_no_update",
            "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT 1; END",
        ),
        "one that refuses sometimes": (
            "DROP TRIGGER audit_no_delete",
            "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN OLD.number > 5 "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END",
        ),
        "one of another table": (
            "DROP TRIGGER audit_no_replace",
            "CREATE TRIGGER audit_no_replace BEFORE INSERT ON cdr WHEN EXISTS (SELECT 1 FROM audit WHERE number = NEW.id)"
            " BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END",
        ),
        "none": ("DROP TRIGGER audit_baseline_no_update",),
    },
    "postgresql": {
        "one that does nothing": (
            "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        ),
        "one that is disabled": ("ALTER TABLE audit DISABLE TRIGGER audit_no_change",),
        "one for replication alone": ("ALTER TABLE audit ENABLE REPLICA TRIGGER audit_no_change",),
        "one that refuses less": (
            "DROP TRIGGER audit_no_change ON audit",
            "CREATE TRIGGER audit_no_change BEFORE DELETE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
        ),
        "none": ("DROP TRIGGER audit_baseline_no_change ON audit_baseline",),
    },
}


def differences(context) -> list[str]:
    with context.database.read() as snapshot:
        return guards.differences(snapshot)


def test_the_triggers_of_the_migrations_are_those_that_are_expected(context):
    assert differences(context) == []


@pytest.mark.parametrize("number", range(5))
def test_a_guard_that_guards_no_more_is_named_by_verify(context, cast, number):
    cases = list(SAME_NAME["sqlite" if context.database.is_sqlite else "postgresql"].values())
    if number >= len(cases):
        pytest.skip("PostgreSQL has one way more")
    with context.database.write() as transaction:
        for statement in cases[number]:
            transaction.execute(text(statement))
    found = differences(context)
    assert len(found) in (1, 2)  # two triggers have the same function
    for told in found:
        assert told.startswith("the trigger audit")
        assert told.endswith("the audit trail could be rewritten")
    assert {finding.check for finding in verify(context)} == {"database"}
