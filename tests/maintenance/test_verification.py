"""`echs verify` finds every kind of damage that we can think of, and nothing in a healthy store."""

import json

import pytest
from sqlalchemy import text

from cast import PASSWORDS, add_cdrs, cdr, charge_point, enrol, fetched, set_charge_points, set_tokens, token, verify
from echs.audit import trail
from echs.audit.entry import Action
from echs.clearing import run, statement_builder
from echs.cli import execute
from echs.maintenance import schema
from echs.maintenance.baseline import begin_trail
from echs.maintenance.verification import CHECKS
from echs.partners import enrolment
from echs.partners.login import log_in
from echs.partners.queries import partner_of_user as find_partner

HOURS = 3600


def everything(context):
    """A store in which everything has happened: lists, CDRs cleared, pending and held, refusals, logins."""
    cast = enrol(context)
    set_tokens(context, cast.tnm, [token(number) for number in range(20)])
    set_tokens(context, cast.tnm, [token(number) for number in range(30)])
    set_charge_points(context, cast.lnd, [charge_point(number) for number in range(5)])
    for number, request_id in enumerate(("01A".ljust(26, "0"), "01B".ljust(26, "0"))):
        mine = [cdr(10 * number + each) for each in range(6)]
        add_cdrs(context, cast.tnm, iter(mine), request_id, context.lists)
        run.clear(context, "test", request_id)
        context.clock.turn(hours=1)
        fetched(context, cast.anwb)
    held = cdr(90)._replace(provider_id="nobody yet")
    add_cdrs(context, cast.tnm, iter([cdr(80), held]), "01C".ljust(26, "0"), context.lists)
    trail.record_refusal(context, Action.CLEARED, "", "NOT_ADMINISTRATOR")
    log_in(context, "tnm", PASSWORDS["tnm"])
    enrolment.disable(context, "lnd")


FILLS = {"busy": everything}


@pytest.fixture
def busy(context):
    """The same, and the statements drawn."""
    context.clock.turn(hours=2)
    for number in (1, 2):
        list(statement_builder.draw_run(context, context.statement_cache, number))
    return context


def test_a_healthy_store_has_no_findings_however_much_has_happened_in_it(busy):
    looked_at = []
    assert list(verify(busy, looked_at.append)) == []
    assert looked_at == list(CHECKS)


def test_an_empty_store_has_no_findings(context):
    assert list(verify(context)) == []


def test_what_was_there_before_the_trail_is_not_missed_in_it(busy):
    """As after an update by hosts of which the last goes on with the release that has no trail."""
    damage(busy, "DELETE FROM audit")
    found = {finding.check for finding in verify(busy)} - {"database"}
    assert found == {"contents", "runs in the trail", "fetched"}
    begin_trail(busy)
    assert [finding for finding in verify(busy) if finding.check != "database"] == []
    busy.clock.turn(minutes=-4)
    add_cdrs(busy, find_partner(busy, "tnm"), iter([cdr(500)]), "00Z".ljust(26, "0"), busy.lists)
    run.clear(busy, "test", "00Z".ljust(26, "1"))
    assert [finding for finding in verify(busy) if finding.check != "database"] == []
    damage(busy, "DELETE FROM audit WHERE action = 'cdrs.add'", triggers=False)
    assert "contents" in {finding.check for finding in verify(busy)}


def test_a_run_that_was_fetched_by_a_host_whose_clock_is_behind_is_no_finding(busy, cast):
    add_cdrs(busy, cast.tnm, iter([cdr(700)]), "02A".ljust(26, "0"), busy.lists)
    run.clear(busy, "test", "02B".ljust(26, "0"))
    busy.clock.turn(seconds=-3)
    fetched(busy, cast.anwb)
    assert list(verify(busy)) == []


def test_a_statement_drawn_by_another_release_of_a_library_is_no_finding(busy, monkeypatch):
    monkeypatch.setattr("echs.statements.layout1_pdf.MADE_WITH", "reportlab of another day")
    assert list(verify(busy)) == []


DAMAGES = {
    "a cleared CDR is deleted": ("DELETE FROM cdr WHERE id = 2", {"references", "contents", "run totals"}),
    "a pending CDR is deleted": (
        "DELETE FROM cdr WHERE cdr_id = (SELECT cdr_id FROM cdr ORDER BY id DESC LIMIT 1)",
        {"references", "contents"},
    ),
    "the volume of a cleared CDR is edited": (
        "UPDATE cdr SET volume_e4_kwh = volume_e4_kwh + 1 WHERE id = 3",
        {"contents", "run totals", "statements"},
    ),
    "the volume of a pending CDR is edited, in the column and in what was sent": (
        "UPDATE cdr SET volume_e4_kwh = 990000, payload = replace(payload, '4.6400', '99') WHERE request_id LIKE '01C%'",
        {"contents"},
    ),
    "a CDR is moved to another run": (
        "UPDATE cdr_cleared SET run_number = 2 WHERE cdr_id = 1",
        {"run totals", "statements"},
    ),
    "a CDR is given to another provider": (
        "UPDATE cdr_cleared SET provider_partner_id = 1 WHERE cdr_id = 1",
        {"run totals"},
    ),
    "a CDR is cleared and uncleared at once": (
        "INSERT INTO cdr_uncleared (cdr_id, provider_key) VALUES (1, 'anwb')",
        {"states"},
    ),
    "a CDR is in no state": ("DELETE FROM cdr_uncleared", {"states"}),
    "a CDR is put in that nobody sent": (
        "INSERT INTO cdr_cleared SELECT cdr_id + 1000, run_number, operator_partner_id, provider_partner_id "
        "FROM cdr_cleared WHERE cdr_id = 1",
        {"references"},
    ),
    "a run is forged": (
        "INSERT INTO clearing_run (number, cleared_at, cleared_by, request_id, cdr_count, volume_e4_kwh) "
        "SELECT 3, cleared_at, 'nobody', request_id, 1, 1 FROM clearing_run WHERE number = 2",
        {"run totals", "runs in the trail"},
    ),
    "the total of a run is edited": (
        "UPDATE clearing_run SET cdr_count = 5 WHERE number = 1",
        {"run totals", "runs in the trail"},
    ),
    "a total by pair is edited": (
        "UPDATE clearing_run_pair SET volume_e4_kwh = volume_e4_kwh - 1 WHERE run_number = 1",
        {"run totals", "statements"},
    ),
    "a run is set before the one before it": (
        "UPDATE clearing_run SET cleared_at = '2020-01-01 00:00:00' WHERE number = 2",
        {"run order"},
    ),
    "a party is taken out of a run": (
        "DELETE FROM clearing_run_party WHERE run_number = 1 AND user_id = 'anwb'",
        {"run totals"},
    ),
    "a run counts as fetched before it was made": (
        "UPDATE clearing_run_party SET first_served_at = '2020-01-01 00:00:00' WHERE user_id = 'anwb'",
        {"fetched"},
    ),
    "a record of a list is deleted": ("DELETE FROM token WHERE position = 8192", {"lists"}),
    "records of another change are there": ("UPDATE token SET change_id = 4711 WHERE position = 8192", {"lists"}),
    "a warning is about a CDR that is not there": (
        "UPDATE cdr_warning SET cdr_id = 4711 WHERE cdr_id = (SELECT min(cdr_id) FROM cdr_warning)",
        {"references"},
    ),
    "a partner is disabled and its ids are not": (
        "UPDATE partner SET active = FALSE WHERE user_id = 'anwb'",
        {"partners"},
    ),
    "an id has the key of another": (
        "UPDATE party_id SET party_key = 'other' WHERE party_id = 'ANWB'",
        {"partners"},
    ),
    "an entry of the audit trail is edited": (
        "UPDATE audit SET actor = 'somebody else' WHERE number = 3",
        {"audit trail"},
    ),
    "an entry of the audit trail is taken out": ("DELETE FROM audit WHERE number = 3", {"audit trail"}),
    "a CDR counts as deleted and is there": (
        "INSERT INTO cdr_purged (operator_key, cdr_id, content_hash, run_number) SELECT operator_key, cdr_id, 'x', 1 FROM cdr WHERE id = 1",
        {"deleted"},
    ),
}


def damage(context, statement, triggers=True):
    """Do to the store what nobody can do through us: with foreign keys and triggers out of the way."""
    with context.database.write() as transaction:
        if context.database.is_sqlite:
            driver = transaction.connection.driver_connection
            driver.execute("COMMIT")
            driver.execute("PRAGMA foreign_keys = OFF")
            for trigger in ("audit_no_update", "audit_no_delete") if triggers else ():
                driver.execute(f"DROP TRIGGER {trigger}")
            driver.execute("BEGIN IMMEDIATE")
        else:
            transaction.execute(text("SET LOCAL session_replication_role = replica"))
        result = transaction.execute(text(statement))
        assert result.rowcount != 0


@pytest.mark.parametrize("kind", DAMAGES)
def test_each_kind_of_damage_is_found_by_the_checks_that_are_about_it(busy, kind):
    statement, checks = DAMAGES[kind]
    damage(busy, statement)
    found = {finding.check for finding in verify(busy)}
    assert checks <= found


def test_a_run_that_is_deleted_without_a_trace_is_missed_all_the_same(busy):
    for table in ("clearing_run_pair", "clearing_run_party"):
        with busy.database.write() as transaction:
            transaction.execute(text(f"DELETE FROM {table} WHERE run_number = 2"))
    with busy.database.write() as transaction:
        transaction.execute(text("DELETE FROM cdr_cleared WHERE run_number = 2"))
        transaction.execute(text("DELETE FROM clearing_run WHERE number = 2"))
    assert {"states", "runs in the trail"} <= {finding.check for finding in verify(busy)}


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE partner ADD COLUMN note VARCHAR(10)",
        "DROP TABLE cdr_purged",
        "DROP TABLE audit_baseline",
        "ALTER TABLE clearing_run DROP COLUMN purged_at",
    ],
)
def test_tables_that_are_not_those_of_the_program_are_found(busy, statement):
    with busy.database.write() as transaction:
        transaction.execute(text(statement))
    with busy.database.read() as snapshot:
        assert schema.differences(snapshot)


def test_a_trail_that_nobody_guards_any_more_is_found(busy):
    if not busy.database.is_sqlite:
        with busy.database.write() as transaction:
            transaction.execute(text("DROP TRIGGER audit_no_change ON audit"))
    else:
        damage(busy, "UPDATE audit SET detail = detail")
    assert any("could be rewritten" in finding.detail for finding in verify(busy))


def test_a_statement_that_was_swapped_on_the_shelf_is_found(busy):
    one, other = sorted(busy.statement_cache.directory.glob("run-1-*.pdf"))[:2]
    one.write_bytes(other.read_bytes())
    (finding,) = verify(busy)
    assert finding.check == "statements"
    assert one.name in finding.detail
    assert "keep a copy" in finding.detail
    assert "delete" not in finding.detail


def test_the_command_exits_1_and_names_what_it_found(busy, environment, monkeypatch, capsys):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert execute(["verify"]) == 0
    told = capsys.readouterr().err
    assert "all checks passed" in told
    newest = next(reversed(list(trail.entries(busy))))
    kept = f"{newest.number}:{newest.hash}"
    assert f"newest entry of the audit trail: {kept}" in told.replace("\n", " ")
    assert execute(["verify", "--since", kept, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["newest_entry"] == kept
    assert execute(["verify", "--since", f"{newest.number}:{'0' * 64}"]) == 1
    assert "rewritten" in capsys.readouterr().out
    assert execute(["verify", "--since", f"{newest.number + 1}:{newest.hash}"]) == 1
    assert execute(["verify", "--since", "the last"]) == 2
    capsys.readouterr()
    damage(busy, "DELETE FROM cdr_uncleared", triggers=False)
    assert execute(["verify", "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert {finding["check"] for finding in printed["findings"]} == {"states"}
    assert execute(["verify"]) == 1
    assert "neither uncleared nor cleared" in capsys.readouterr().out
