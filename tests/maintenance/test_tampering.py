"""`echs verify` names whatever is changed in a store behind our back: one table of tamperings, each on a copy of its own.

The store has three runs of which one is purged, an upload that is purged in part, CDRs that are pending, held, on hold
and rejected, lists of two generations, logins, a certificate and a disabled partner. No statement is drawn, so that
none is found by a file that happens to be there. Triggers are put back after each.
"""

import shutil
from dataclasses import asdict, replace

import pytest
from sqlalchemy import insert, text

from cast import (
    PASSWORDS,
    add_cdrs,
    cdr,
    certificate_pem,
    charge_point,
    enrol,
    fetched,
    hashed,
    set_charge_points,
    set_tokens,
    token,
    verify,
)
from conftest import Clock, administer, database_in, settings_of
from echs.audit import tables as audit_tables
from echs.audit import trail
from echs.audit.entry import FIRST_HASH, Action
from echs.cdrs.decisions import decide
from echs.cdrs.status import Decided
from echs.clearing import run
from echs.clearing.retention import purge_run
from echs.config.app_context import open_app_context
from echs.config.settings import read_settings
from echs.maintenance.verification import Verification
from echs.partners import certificates, enrolment
from echs.partners.enrolment import Ownership
from echs.partners.login import log_in
from echs.protocols.ochp02.cdr_format import content_hash
from echs.protocols.record_formats import RECORD_FORMATS
from echs.protocols.rows.payload import SEPARATOR

FORM = "%s|" * 20
UPLOADS = {name: f"01{name}".ljust(26, "0") for name in ("A", "B", "C", "D", "E")}


def opened(url, directory):
    return open_app_context(read_settings(settings_of(url, directory)), Clock())


def live(context):
    """Everything that can happen to a store."""
    cast = enrol(context)
    original, enrolment.hash_password = enrolment.hash_password, hashed
    bmw = enrolment.add_partner(context, "bmw", "BMW", "password of bmw", Ownership([], ["bmw"]))
    enrolment.add_partner(context, "left", "One that left", "password of left", Ownership(["Left"], ["Left"], [7]))
    enrolment.hash_password = original
    enrolment.disable(context, "left")
    certificates.add(context, "bmw", certificate_pem(context.clock()))
    enrolment.change(context, "lnd", name="ladenetz.de GmbH")
    for count in (20, 30):
        set_tokens(context, cast.tnm, [token(number) for number in range(count)])
    set_charge_points(context, cast.lnd, [charge_point(number) for number in range(5)])

    def added(name, *records, sender=cast.tnm):
        add_cdrs(context, sender, iter(records), UPLOADS[name], context.lists)

    def cleared(*partners):
        context.clock.turn(hours=1)
        run.clear(context, "office", f"02{context.clock():%m%d%H%M%S}".ljust(26, "0"))
        context.clock.turn(hours=1)
        for partner in partners:
            fetched(context, partner)
        context.clock.turn(days=40)

    held = cdr("10h", provider_id="nobody yet")
    added("A", *(cdr(f"1{number}") for number in range(5)), cdr("1b", provider_id="bmw"), held)
    cleared(cast.anwb, bmw, cast.tnm)
    added("B", *(cdr(f"2{number}") for number in range(6)))
    cleared(cast.anwb, cast.tnm)
    own = {"operator_id": "ladenetz.de", "provider_id": "ANWB"}
    added("C", *(cdr(f"3{number}", **own) for number in range(6)), sender=cast.lnd)
    cleared()
    assert sum(purge_run(context, 1)) == 6
    added("D", *(cdr(f"4{number}") for number in range(6)), cdr("40h", provider_id="nobody yet"))
    added("E", *(cdr(f"5{number}") for number in range(3)))
    decide(context, Decided.HOLD, "43", None, "to be asked", "office")
    decide(context, Decided.REJECT, "44", None, "a double", "office")
    decide(context, Decided.HOLD, "45", None, "to be asked", "office")
    decide(context, Decided.RELEASE, "45", None, "answered", "office")
    trail.record_refusal(context, Action.CLEARED, "", "NOT_ADMINISTRATOR")
    log_in(context, "tnm", PASSWORDS["tnm"])
    return context


@pytest.fixture(scope="session")
def rich(templates):
    """Of a kind of store, one that `live` has filled, and what its clock says."""
    clocks = {}

    def of(kind):
        def fill(context):
            clocks[kind] = live(context).clock

        return templates.of(kind, "rich", fill), clocks[kind].now

    return of


@pytest.fixture
def on_sqlite(rich, tmp_path):
    path, now = rich("sqlite")
    shutil.copy(path, tmp_path / "store.sqlite3")
    context = opened(f"sqlite:///{tmp_path / 'store.sqlite3'}", tmp_path / "data")
    context.clock.now = now
    yield context
    context.database.close()


@pytest.fixture
def on_postgres(postgres, rich, tmp_path):
    template, now = rich("postgresql")
    administer(postgres, "DROP DATABASE IF EXISTS tampered WITH (FORCE)")
    administer(postgres, f"CREATE DATABASE tampered TEMPLATE {template}")
    context = opened(database_in(postgres, "tampered"), tmp_path / "data")
    context.clock.now = now
    yield context
    context.database.close()
    administer(postgres, "DROP DATABASE tampered WITH (FORCE)")


def tamper(context, *statements):
    """Do to the store what nobody can do through us; the guards are there again afterwards."""
    with context.database.write() as transaction:
        if not context.database.is_sqlite:
            transaction.execute(text("SET LOCAL session_replication_role = replica"))
            done = [transaction.execute(text(each)).rowcount for each in statements]
        else:
            driver = transaction.connection.driver_connection
            driver.execute("COMMIT")
            driver.execute("PRAGMA foreign_keys = OFF")
            guards = driver.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in guards:
                driver.execute(f"DROP TRIGGER {name}")
            driver.execute("BEGIN IMMEDIATE")
            done = [transaction.execute(text(each)).rowcount for each in statements]
            for _, statement in guards:
                driver.execute(statement)
    assert 0 not in done, statements


def row(name):
    return f"(SELECT id FROM cdr WHERE cdr_id = '{name}')"


def partner(user_id):
    return f"(SELECT id FROM partner WHERE user_id = '{user_id}')"


def cdr_update(name, what):
    return f"UPDATE cdr SET {what} WHERE cdr_id = '{name}'"


def delete_cdr(where):
    """Every trace of CDRs that are not cleared."""
    rows = f"(SELECT id FROM cdr WHERE {where})"
    return tuple(
        f"DELETE FROM {table} WHERE {column} IN {rows}"
        for table, column in (("cdr_warning", "cdr_id"), ("cdr_uncleared", "cdr_id"), ("cdr", "id"))
    )


def swap(one, other):
    """Two CDRs change places: what is cleared and what is pending."""
    return (
        f"UPDATE cdr_cleared SET cdr_id = {row(other)} WHERE cdr_id = {row(one)}",
        f"UPDATE cdr_uncleared SET cdr_id = {row(one)} WHERE cdr_id = {row(other)}",
    )


FIRST_OF_AUDIT = "(SELECT min(number) FROM audit WHERE action = '{}')"
NEW_LOGIN = (
    "INSERT INTO login (token_hash, partner_id, created_at, expires_at) "
    "VALUES ('{}', {}, '{} 00:00:00+00', '{} 00:00:00+00')"
)

# The content hash of CDR 50 with another volume, as somebody would forge it who knows how it is made.
FORGED = "content_hash = '{}'".format(content_hash("thenewmotion", cdr("50", volume="0.1")))

# What is done, and the checks that must find it.
TAMPERINGS = {
    # CDRs that are not purged, in a store in which some are.
    "a pending CDR is deleted with all that belongs to it": (delete_cdr("cdr_id = '50'"), {"contents"}),
    "a whole pending upload is deleted": (delete_cdr(f"request_id = '{UPLOADS['E']}'"), {"contents"}),
    "the held rest of an upload that is purged is deleted": (delete_cdr("cdr_id = '10h'"), {"contents"}),
    "the held rest of an upload that is purged is changed": (cdr_update("10h", "city = 'Delft'"), {"contents"}),
    "a pending CDR gets another volume, in the column and in what was sent": (
        cdr_update("50", "volume_e4_kwh = 1000, payload = replace(payload, '4.6400', '0.1')"),
        {"contents"},
    ),
    "a pending CDR gets another volume, its content hash with it": (
        cdr_update("50", f"volume_e4_kwh = 1000, payload = replace(payload, '4.6400', '0.1'), {FORGED}"),
        {"contents"},
    ),
    "a pending CDR gets another contract": (cdr_update("50", "contract_id = 'NL-ANW-999999-9'"), {"contents"}),
    "a pending CDR gets another card": (cdr_update("50", "token_id = 'C0FFEE'"), {"contents"}),
    "the volume of a pending CDR is edited in the number alone": (
        cdr_update("50", "volume_e4_kwh = volume_e4_kwh + 1"),
        {"contents"},
    ),
    "the volume of a cleared CDR is edited in the number alone": (
        cdr_update("20", "volume_e4_kwh = volume_e4_kwh - 1"),
        {"contents", "run totals"},
    ),
    "a cleared CDR gets another volume, in the column and in what was sent": (
        cdr_update("20", "volume_e4_kwh = 1000, payload = replace(payload, '4.6400', '0.1')"),
        {"contents", "run totals"},
    ),
    "a cleared CDR gets another contract": (cdr_update("20", "contract_id = 'NL-ANW-999999-9'"), {"contents"}),
    "the start of a CDR is moved by a day": (cdr_update("50", "started_at = '2014-01-21 09:16:38+00'"), {"contents"}),
    **{
        f"the column {name} of a CDR is edited alone": (
            cdr_update("50", f"{name} = {value}"),
            {"states" if name == "revision" else "contents"},
        )
        for name, value in {
            "operator_key": "'ladenetz.de'",
            "operator_id": "'ladenetz.de'",
            "revision": "2",
            "kind": "'credit'",
            "ended_at": "'2014-01-22 12:00:00+00'",
            "started_offset_s": "7200",
            "ended_offset_s": "0",
            "cost_e6": "1000000",
            "currency": "'EUR'",
            "evse_id": "'X'",
            "chargepoint_id": "'X'",
            "product": "'X'",
            "tariff_id": "'X'",
            "protocol": "'ochp-9'",
            "content_hash": "'x'",
        }.items()
    },
    "what was sent of a CDR is edited where no column has it": (
        cdr_update("50", "payload = replace(payload, 'Roggestraat', 'Other')"),
        {"contents"},
    ),
    "the duration of a CDR is edited": (cdr_update("50", "duration_s = 1"), {"contents"}),
    "a CDR gets another number": (cdr_update("50", "cdr_id = '59'"), {"contents"}),
    "two CDRs of an upload change their rows": (
        (
            cdr_update("50", "id = 900001"),
            cdr_update("51", "id = (SELECT cdr_id FROM cdr_uncleared WHERE cdr_id NOT IN (SELECT id FROM cdr))"),
            cdr_update("50", "id = (SELECT cdr_id FROM cdr_uncleared WHERE cdr_id NOT IN (SELECT id FROM cdr))"),
        ),
        {"contents"},
    ),
    "a CDR is moved to another upload": (
        (cdr_update("50", f"request_id = '{UPLOADS['D']}'"),),
        {"contents"},
    ),
    "a CDR is put in under an upload that nobody sent": (
        cdr_update("50", "request_id = '09999999999999999999999999'"),
        {"contents"},
    ),
    "the time of receipt of a CDR is changed": (
        cdr_update("50", "received_at = '2026-11-01 00:00:00+00'"),
        {"contents"},
    ),
    "a pending CDR counts for another operator": (
        cdr_update("50", f"operator_partner_id = {partner('lnd')}"),
        {"contents"},
    ),
    "a pending CDR is addressed to another provider": (cdr_update("50", "provider_key = 'bmw'"), {"contents"}),
    "a pending CDR stands under another provider among the uncleared": (
        f"UPDATE cdr_uncleared SET provider_key = 'bmw' WHERE cdr_id = {row('50')}",
        {"copies"},
    ),
    "all pending CDRs stand under another provider among the uncleared": (
        "UPDATE cdr_uncleared SET provider_key = 'bmw' WHERE provider_key = 'anwb'",
        {"copies"},
    ),
    "the text of the provider of a CDR is changed": (cdr_update("50", "provider_id = 'bmw'"), {"contents"}),
    "a warning is deleted": (f"DELETE FROM cdr_warning WHERE cdr_id = {row('50')}", {"warnings"}),
    "a warning says something else": (
        f"UPDATE cdr_warning SET detail = 'nothing' WHERE cdr_id = {row('20')}",
        {"warnings"},
    ),
    "a CDR is in no state": (f"DELETE FROM cdr_uncleared WHERE cdr_id = {row('50')}", {"states"}),
    "a cleared CDR is uncleared too": (
        f"INSERT INTO cdr_uncleared (cdr_id, provider_key) VALUES ({row('20')}, 'anwb')",
        {"states"},
    ),
    "a cleared CDR is made pending again": (
        (
            f"INSERT INTO cdr_uncleared (cdr_id, provider_key) VALUES ({row('20')}, 'anwb')",
            f"DELETE FROM cdr_cleared WHERE cdr_id = {row('20')}",
        ),
        {"run totals", "runs in the trail"},
    ),
    # Decisions of the office.
    "a decision is deleted": (f"DELETE FROM cdr_decision WHERE cdr_id = {row('43')}", {"decisions"}),
    "a decision is turned round": (
        f"UPDATE cdr_decision SET kind = 'release' WHERE cdr_id = {row('44')}",
        {"decisions"},
    ),
    "the reason of a decision is changed": (
        f"UPDATE cdr_decision SET reason = 'none' WHERE cdr_id = {row('44')}",
        {"decisions"},
    ),
    "a decision was made by somebody else": (
        f"UPDATE cdr_decision SET decided_by = 'nobody' WHERE cdr_id = {row('44')}",
        {"decisions"},
    ),
    "a decision is made by hand": (
        "INSERT INTO cdr_decision (cdr_id, number, kind, reason, decided_at, decided_by, request_id) "
        f"SELECT {row('50')}, 1, kind, reason, decided_at, decided_by, request_id FROM cdr_decision "
        f"WHERE cdr_id = {row('44')}",
        {"decisions"},
    ),
    "a CDR is rejected after it was cleared": (
        f"UPDATE cdr_decision SET cdr_id = {row('20')} WHERE cdr_id = {row('44')}",
        {"states", "decisions"},
    ),
    # Runs.
    "a member of a run and a pending CDR of the same pair and volume are swapped": (
        swap("20", "50"),
        {"runs in the trail"},
    ),
    "a member of a run is deleted": (f"DELETE FROM cdr_cleared WHERE cdr_id = {row('20')}", {"run totals", "states"}),
    "a cleared CDR is deleted": ("DELETE FROM cdr WHERE cdr_id = '20'", {"contents", "references"}),
    "a member is moved to another run": (
        f"UPDATE cdr_cleared SET run_number = 3 WHERE cdr_id = {row('20')}",
        {"run totals", "runs in the trail"},
    ),
    "two members of two runs change places": (
        (
            f"UPDATE cdr_cleared SET run_number = 3 WHERE cdr_id = {row('20')}",
            f"UPDATE cdr_cleared SET run_number = 2 WHERE cdr_id = {row('30')}",
        ),
        {"runs in the trail"},
    ),
    "a member is given to another provider": (
        f"UPDATE cdr_cleared SET provider_partner_id = {partner('bmw')} WHERE cdr_id = {row('20')}",
        {"run totals"},
    ),
    "a member counts for another operator": (
        f"UPDATE cdr_cleared SET operator_partner_id = {partner('lnd')} WHERE cdr_id = {row('20')}",
        {"copies", "run totals"},
    ),
    "a whole run is given to another provider, totals, parties and all": (
        (
            f"UPDATE cdr_cleared SET provider_partner_id = {partner('bmw')} WHERE run_number = 2",
            f"UPDATE clearing_run_pair SET provider_partner_id = {partner('bmw')} WHERE run_number = 2",
            "UPDATE clearing_run_party SET user_id = 'bmw', name = 'BMW', "
            f"partner_id = {partner('bmw')} WHERE run_number = 2 AND partner_id = {partner('anwb')}",
        ),
        {"runs in the trail"},
    ),
    "the total of a run is edited": ("UPDATE clearing_run SET cdr_count = 5 WHERE number = 2", {"run totals"}),
    "a total by pair is edited": (
        "UPDATE clearing_run_pair SET volume_e4_kwh = volume_e4_kwh - 1 WHERE run_number = 2",
        {"run totals", "runs in the trail"},
    ),
    "the total by pair of a purged run is edited, and that of the run": (
        (
            "UPDATE clearing_run_pair SET volume_e4_kwh = volume_e4_kwh - 1 "
            "WHERE run_number = 1 AND provider_key = 'anwb'",
            "UPDATE clearing_run SET volume_e4_kwh = volume_e4_kwh - 1 WHERE number = 1",
        ),
        {"runs in the trail"},
    ),
    "the text of an id in a total is edited": (
        "UPDATE clearing_run_pair SET provider_id = 'anwb' WHERE run_number = 2",
        {"run totals", "runs in the trail"},
    ),
    "the time of a run is changed": (
        "UPDATE clearing_run SET cleared_at = '2027-01-01 00:00:00+00' WHERE number = 2",
        {"runs in the trail"},
    ),
    "who cleared is changed": ("UPDATE clearing_run SET cleared_by = 'nobody' WHERE number = 2", {"runs in the trail"}),
    "a run is deleted without a trace": (
        tuple(
            f"DELETE FROM {table} WHERE {column} = 3"
            for table, column in (
                ("clearing_run_pair", "run_number"),
                ("clearing_run_party", "run_number"),
                ("cdr_cleared", "run_number"),
                ("clearing_run", "number"),
            )
        ),
        {"states", "runs in the trail"},
    ),
    "a run is forged": (
        "INSERT INTO clearing_run (number, cleared_at, cleared_by, request_id, cdr_count, volume_e4_kwh) "
        "SELECT 4, cleared_at, 'nobody', request_id, 1, 1 FROM clearing_run WHERE number = 3",
        {"run totals", "runs in the trail"},
    ),
    "a party is taken out of a run": (
        f"DELETE FROM clearing_run_party WHERE run_number = 2 AND partner_id = {partner('anwb')}",
        {"run totals"},
    ),
    "a party is put into a run": (
        "INSERT INTO clearing_run_party (run_number, partner_id, user_id, name, timezone, address, vat_id) "
        "SELECT 2, id, user_id, name, timezone, '', '' FROM partner WHERE user_id = 'bmw'",
        {"run totals", "runs in the trail"},
    ),
    "the name on the statement is changed": (
        "UPDATE clearing_run_party SET name = 'Somebody else' WHERE run_number = 3 AND user_id = 'anwb'",
        {"runs in the trail"},
    ),
    "the address on the statement is changed": (
        "UPDATE clearing_run_party SET address = 'Elsewhere 1' WHERE run_number = 3 AND user_id = 'anwb'",
        {"runs in the trail"},
    ),
    "the time zone of the statement is changed": (
        "UPDATE clearing_run_party SET timezone = 'Asia/Tokyo' WHERE run_number = 3 AND user_id = 'anwb'",
        {"runs in the trail"},
    ),
    "what a run left is forged": (
        "INSERT INTO clearing_run_open_item (run_number, position, operator_partner_id, operator_id, provider_id, cdr_id, "
        f"why, reason, cdr_count, volume_e4_kwh) VALUES (3, 999, {partner('tnm')}, 'TheNewMotion', 'ANWB', '50', "
        "'hold', 'none', 1, 1)",
        {"runs in the trail"},
    ),
    "a run gets another issuer": (
        (
            "INSERT INTO statement_issuer (hash, facts) VALUES ('x', '{}')",
            "UPDATE clearing_run SET issuer_hash = 'x' WHERE number = 3",
        ),
        {"runs in the trail"},
    ),
    "the layout of a run is changed": ("UPDATE clearing_run SET layout = 99 WHERE number = 3", {"runs in the trail"}),
    # When runs were fetched.
    "a run that nobody fetched counts as fetched": (
        "UPDATE clearing_run_party SET first_served_at = '2027-03-01 00:00:00+00' WHERE run_number = 3",
        {"fetched"},
    ),
    "a run that was fetched counts as not fetched": (
        "UPDATE clearing_run_party SET first_served_at = NULL WHERE run_number = 2 AND user_id = 'anwb'",
        {"fetched"},
    ),
    "a run was fetched at another time": (
        "UPDATE clearing_run_party SET first_served_at = '2027-03-01 00:00:00+00' "
        "WHERE run_number = 2 AND user_id = 'anwb'",
        {"fetched"},
    ),
    # Purges.
    "a run counts as purged": (
        "UPDATE clearing_run SET purged_at = '2027-03-01 00:00:00+00' WHERE number = 2",
        {"purged"},
    ),
    "a purged run counts as not purged": ("UPDATE clearing_run SET purged_at = NULL WHERE number = 1", {"purged"}),
    "a run was purged at another time": (
        "UPDATE clearing_run SET purged_at = '2027-03-20 00:00:00+00' WHERE number = 1",
        {"purged"},
    ),
    "a purged CDR is renamed, so that it could be billed again": (
        "UPDATE cdr_purged SET cdr_id = 'other' WHERE cdr_id = '10'",
        {"purged"},
    ),
    "a purged CDR stands under another operator": (
        "UPDATE cdr_purged SET operator_key = 'ladenetz.de' WHERE cdr_id = '10'",
        {"purged"},
    ),
    "a purged CDR has another content": (
        "UPDATE cdr_purged SET content_hash = 'x' WHERE cdr_id = '10'",
        {"contents"},
    ),
    "a purged CDR is forgotten": ("DELETE FROM cdr_purged WHERE cdr_id = '10'", {"contents", "purged"}),
    "a purged CDR stands under another upload": (
        f"UPDATE cdr_purged SET request_id = '{UPLOADS['B']}' WHERE cdr_id = '10'",
        {"contents", "purged"},
    ),
    "a purged CDR stands under no upload": (
        "UPDATE cdr_purged SET request_id = NULL, row_id = NULL WHERE cdr_id = '10'",
        {"purged"},
    ),
    "a purged CDR has another volume": (
        "UPDATE cdr_purged SET volume_e4_kwh = 1 WHERE cdr_id = '10'",
        {"purged"},
    ),
    "a CDR counts as purged and is there": (
        "INSERT INTO cdr_purged (operator_key, cdr_id, content_hash, run_number) "
        "SELECT operator_key, cdr_id, 'x', 1 FROM cdr WHERE cdr_id = '50'",
        {"deleted", "contents"},
    ),
    "a pending CDR is deleted and a purged one is put in for it": (
        (
            "INSERT INTO cdr_purged (operator_key, cdr_id, content_hash, run_number, request_id, row_id, volume_e4_kwh) "
            "SELECT operator_key, cdr_id, 'x', 1, request_id, id, volume_e4_kwh FROM cdr WHERE cdr_id = '50'",
            *delete_cdr("cdr_id = '50'"),
        ),
        {"contents", "purged"},
    ),
    # Lists.
    "a token of a list is changed": (
        "UPDATE token SET payload = replace(payload, 'C0FFEE00000007', 'C0FFEE99999999') WHERE position = 8192",
        {"lists as sent", "lists as meant"},
    ),
    "a pin of a list is changed": (
        "UPDATE token SET payload = replace(payload, 'secret7', '0000') WHERE position = 8192",
        {"lists as sent"},
    ),
    "all pins of all lists are changed": (
        "UPDATE token SET payload = replace(payload, 'secret', '0')",
        {"lists as sent"},
    ),
    "a revoked card is activated": (
        f"UPDATE token SET payload = replace(payload, '{SEPARATOR}1{SEPARATOR}', '{SEPARATOR}0{SEPARATOR}') "
        "WHERE position = 8192",
        {"lists as sent"},
    ),
    "a blocked card is found as one that is not": ("UPDATE token SET blocked = NOT blocked", {"lists as meant"}),
    "a card is found under another number": (
        "UPDATE token SET uid_key = 'C0FFEE99999999' WHERE position = 8192",
        {"lists as meant"},
    ),
    "a contract is found under another id": (
        "UPDATE token SET contract_key = 'NLTNM1' WHERE position = 8192",
        {"lists as meant"},
    ),
    "a token has the key of another": ("UPDATE token SET key_number = 1 WHERE position = 8192", {"lists as meant"}),
    "a token came by another protocol": ("UPDATE token SET protocol = 'x' WHERE position = 8192", {"lists as meant"}),
    "a charge point is moved": (
        "UPDATE charge_point SET latitude_e6 = latitude_e6 + 1 WHERE position = 3072",
        {"lists as meant"},
    ),
    "an EVSE is found under another id": (
        "UPDATE charge_point SET evse_key = 'DE*X*E1' WHERE position = 3072",
        {"lists as meant"},
    ),
    "two records of a list change places": (
        (
            "UPDATE token SET position = 900 WHERE position = 8192",
            "UPDATE token SET position = 8192 WHERE position = 9216",
            "UPDATE token SET position = 9216 WHERE position = 900",
        ),
        {"lists as sent"},
    ),
    "a record of a list is deleted": ("DELETE FROM token WHERE position = 8192", {"lists"}),
    "the last record of a list is deleted, and the count with it": (
        ("DELETE FROM token WHERE position = 30720", "UPDATE token_list SET record_count = 29"),
        {"lists as sent"},
    ),
    "a list is given back its former change": ("UPDATE token_list SET change_id = change_id - 1", {"lists"}),
    "a record is of a change that there was not": ("UPDATE token SET change_id = 999 WHERE position = 8192", {"lists"}),
    "a former record is of a change that there was not": (
        "INSERT INTO token_former (partner_id, ended_by, position, key_number, change_id, protocol, payload, gone) "
        "SELECT partner_id, 999, position, key_number, change_id, protocol, payload, 0 FROM token WHERE position = 1024",
        {"lists"},
    ),
    "a change has no number": ("UPDATE list_change SET seq = -seq", {"lists"}),
    "the last change of a list is gone": ("DELETE FROM list_change WHERE id = 2", {"lists"}),
    "a list bears the version token of another": ("UPDATE token_list SET version_token = 'x'", {"lists as sent"}),
    "a list is gone": (("DELETE FROM charge_point", "DELETE FROM charge_point_list"), {"lists as sent"}),
    # Rights.
    "a partner is made administrator": (
        f"INSERT INTO partner_group (partner_id, group_name) VALUES ({partner('bmw')}, 'administrator')",
        {"rights"},
    ),
    "an administrator is none any more": ("DELETE FROM partner_group", {"rights"}),
    "a password is that of another partner": (
        "UPDATE credential SET secret_hash = (SELECT secret_hash FROM credential WHERE name = 'anwb') "
        "WHERE name = 'office'",
        {"rights"},
    ),
    "a credential is put in": (
        "INSERT INTO credential (partner_id, kind, name, name_key, secret_hash, created_at) "
        f"SELECT {partner('office')}, kind, 'x', 'x', secret_hash, created_at FROM credential WHERE name = 'anwb'",
        {"rights"},
    ),
    "a credential is moved to another partner": (
        f"UPDATE credential SET partner_id = {partner('office')} WHERE name = 'anwb'",
        {"rights"},
    ),
    "a credential is taken away": ("DELETE FROM credential WHERE name = 'bmw'", {"rights"}),
    "a market id is entered by hand": (
        "UPDATE party_id SET market_id = 'NLTNM' WHERE party_key = 'bmw'",
        {"rights"},
    ),
    "an id that a partner had is put in": (
        "INSERT INTO party_id_former (partner_id, role, party_key, party_id, until) "
        f"VALUES ({partner('bmw')}, 'operator', 'x', 'x', '2026-01-01 00:00:00+00')",
        {"rights"},
    ),
    "an id is moved to another partner": (
        f"UPDATE party_id SET partner_id = {partner('bmw')} WHERE party_id = 'ANWB'",
        {"rights"},
    ),
    "an id is given": (
        "INSERT INTO party_id (partner_id, role, party_key, party_id, active) "
        f"VALUES ({partner('bmw')}, 'operator', 'bmw', 'bmw', TRUE)",
        {"rights"},
    ),
    "an id is taken": ("DELETE FROM party_id WHERE party_id = 'bmw'", {"rights"}),
    "a hub number is given": (f"INSERT INTO partner_hub (partner_id, hub) VALUES ({partner('bmw')}, 5)", {"rights"}),
    "the time zone of a partner is changed": (
        "UPDATE partner SET timezone = 'Asia/Tokyo' WHERE user_id = 'tnm'",
        {"rights"},
    ),
    "the name of a partner is changed": ("UPDATE partner SET name = 'Nobody' WHERE user_id = 'tnm'", {"rights"}),
    "the address of a partner is changed": (
        "UPDATE partner SET address = 'Elsewhere 1' WHERE user_id = 'tnm'",
        {"rights"},
    ),
    "the VAT number of a partner is changed": ("UPDATE partner SET vat_id = 'X1' WHERE user_id = 'tnm'", {"rights"}),
    "a partner reads pins as numbers": ("UPDATE partner SET numeric_pins = TRUE WHERE user_id = 'tnm'", {"rights"}),
    "a disabled partner is enabled with its ids": (
        (
            "UPDATE partner SET active = TRUE WHERE user_id = 'left'",
            f"UPDATE party_id SET active = TRUE WHERE partner_id = {partner('left')}",
        ),
        {"rights"},
    ),
    "a partner is disabled and its ids are not": (
        "UPDATE partner SET active = FALSE WHERE user_id = 'anwb'",
        {"partners", "rights"},
    ),
    "a user id is changed": (
        "UPDATE partner SET user_id = 'other', user_key = 'other' WHERE user_id = 'bmw'",
        {"rights"},
    ),
    "a certificate is pinned": (
        "INSERT INTO partner_certificate (partner_id, fingerprint, name, ends_at, added_at) "
        f"SELECT {partner('tnm')}, fingerprint, name, ends_at, added_at FROM partner_certificate",
        {"rights"},
    ),
    "a certificate is pinned no more": ("DELETE FROM partner_certificate", {"rights"}),
    "a partner is enrolled by hand": (
        "INSERT INTO partner (id, user_id, user_key, name, timezone, active, created_at) "
        "SELECT 99, 'new', 'new', 'New', 'UTC', TRUE, created_at FROM partner WHERE user_id = 'tnm'",
        {"rights"},
    ),
    "a partner is deleted": (
        tuple(
            f"DELETE FROM {table} WHERE {column} = {partner('left')}"
            for table, column in (
                ("partner_hub", "partner_id"),
                ("party_id", "partner_id"),
                ("credential", "partner_id"),
                ("partner", "id"),
            )
        ),
        {"rights"},
    ),
    # Logins. One that is made by hand for some hours is like any other: see docs/security.md.
    "a login is made for years": (
        NEW_LOGIN.format("ab" * 32, partner("office"), "2027-03-01", "2030-01-01"),
        {"logins"},
    ),
    "a login is made of a token in place of its hash": (
        NEW_LOGIN.format("a token", partner("office"), "2027-03-01", "2027-03-21"),
        {"logins"},
    ),
    "a login of a disabled partner is made": (
        NEW_LOGIN.format("ab" * 32, partner("left"), "2027-03-01", "2027-03-21"),
        {"logins"},
    ),
    "a login is older than its partner": (
        NEW_LOGIN.format("ab" * 32, partner("office"), "2026-03-01", "2027-03-21"),
        {"logins"},
    ),
    "the end of a login is put off": ("UPDATE login SET expires_at = '2030-01-01 00:00:00+00'", {"logins"}),
    # The audit trail.
    "an entry of the trail is changed": ("UPDATE audit SET actor = 'nobody' WHERE number = 3", {"audit trail"}),
    "an entry of the trail is taken out": ("DELETE FROM audit WHERE number = 3", {"audit trail"}),
    "the first entry of the trail is taken out": ("DELETE FROM audit WHERE number = 1", {"audit trail"}),
    "the trail begins later than it did, by its own table": (
        "UPDATE audit_baseline SET cdr_id = 1000000, run_number = 1000",
        {"contents"},
    ),
    "an index that keeps ids unique is gone": ("DROP INDEX uq_party_id_active_owner", {"database"}),
    "an index over an expression is gone": ("DROP INDEX ix_cdr_socket_started_at", {"database"}),
}
# The same on PostgreSQL, for a few of each kind: the checks are the same, the store is another.
ON_POSTGRES = [
    "a pending CDR is deleted with all that belongs to it",
    "the held rest of an upload that is purged is changed",
    "a pending CDR stands under another provider among the uncleared",
    "a warning says something else",
    "a decision is turned round",
    "a member of a run and a pending CDR of the same pair and volume are swapped",
    "a whole run is given to another provider, totals, parties and all",
    "the time of a run is changed",
    "a run that nobody fetched counts as fetched",
    "a run counts as purged",
    "a purged CDR is renamed, so that it could be billed again",
    "a purged CDR has another content",
    "a pin of a list is changed",
    "a partner is made administrator",
    "a certificate is pinned no more",
    "a login is made for years",
    "an entry of the trail is taken out",
    "an index over an expression is gone",
]


def done_to(context, name):
    statements, checks = TAMPERINGS[name]
    # DROP says nothing of rows.
    tamper(context, *((statements,) if isinstance(statements, str) else statements))
    return checks, {finding.check for finding in verify(context)}


def test_the_store_of_the_table_is_healthy_and_the_table_is_long(on_sqlite, on_postgres):
    assert list(verify(on_sqlite)) == []
    assert list(verify(on_postgres)) == []
    assert len(TAMPERINGS) >= 60


@pytest.mark.parametrize("name", TAMPERINGS)
def test_each_tampering_is_named_by_the_checks_that_are_about_it(on_sqlite, name):
    expected, found = done_to(on_sqlite, name)
    assert expected <= found


@pytest.mark.parametrize("name", ON_POSTGRES)
def test_each_tampering_is_named_on_postgresql_too(on_postgres, name):
    expected, found = done_to(on_postgres, name)
    assert expected <= found


def newest(context):
    verification = Verification(context, RECORD_FORMATS)
    assert list(verification.findings()) == []
    return verification.newest


def test_a_trail_whose_end_was_cut_is_named_by_who_kept_its_newest_entry(on_sqlite):
    kept = newest(on_sqlite)
    trail.record_refusal(on_sqlite, Action.PURGED, "run 9", "PURGE_UNKNOWN")
    assert list(verify(on_sqlite, since=kept)) == []
    later = newest(on_sqlite)
    tamper(on_sqlite, "DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)")
    assert list(verify(on_sqlite)) == []
    assert list(verify(on_sqlite, since=kept)) == []
    (finding,) = verify(on_sqlite, since=later)
    assert (finding.check, finding.subject) == ("audit trail", f"entry {later[0]}")
    assert "truncated" in finding.detail


def test_a_trail_that_was_written_anew_as_a_whole_is_named_by_who_kept_its_newest_entry(on_sqlite):
    kept = newest(on_sqlite)
    before, forged = FIRST_HASH, []
    for entry in trail.entries(on_sqlite):
        changed = replace(entry, actor="nobody", previous_hash=before, hash="")
        forged.append(replace(changed, hash=changed.right_hash))
        before = forged[-1].hash
    tamper(on_sqlite, "DELETE FROM audit")
    with on_sqlite.database.write() as transaction:
        transaction.execute(insert(audit_tables.audit), [asdict(each) for each in forged])
    assert list(verify(on_sqlite)) == []
    (finding,) = verify(on_sqlite, since=kept)
    assert "rewritten" in finding.detail


def test_of_runs_that_an_older_release_purged_as_many_cdrs_may_be_missing_as_it_left(on_sqlite):
    tamper(
        on_sqlite,
        "UPDATE cdr_purged SET request_id = NULL, row_id = NULL, volume_e4_kwh = NULL",
        "DELETE FROM audit WHERE action = 'purge'",
    )
    assert {finding.check for finding in verify(on_sqlite)} == {"audit trail", "purged"}
    tamper(on_sqlite, *delete_cdr("cdr_id = '50'"))
    missed = [finding.subject for finding in verify(on_sqlite) if finding.check == "contents"]
    assert f"upload {UPLOADS['E']}" in missed
