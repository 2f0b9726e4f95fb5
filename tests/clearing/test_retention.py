"""Old CDRs can be deleted, and are never billed a second time."""

import json
import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from cast import add_cdrs, cdr, fetched, verify
from echs.base.errors import Refused
from echs.clearing import run, statement_builder
from echs.clearing.retention import due, purge_run
from echs.cli import execute
from echs.config.app_context import open_app_context
from echs.config.settings import read_settings
from echs.delivery.cleared_cdrs import deliver
from echs.maintenance.doctor import examine
from echs.protocols.ochp02.contracts import PROTOCOL

FORM = "%s|" * 20


def request_id(number):
    return f"{number:026d}"


@pytest.fixture
def years(context, cast):
    """Three runs, a year apart; the provider fetched all but the second."""
    for number in range(3):
        context.clock.turn(days=366)
        mine = [cdr(10 * number + each) for each in range(5)]
        add_cdrs(context, cast.tnm, iter(mine), request_id(number), context.lists)
        run.clear(context, "test", request_id(number))
        if number != 1:
            for partner in (cast.anwb, cast.tnm):
                with context.database.read() as snapshot:
                    snapshot.execute(text("SELECT 1"))
                fetched(context, partner)
        list(statement_builder.draw_run(context, context.statement_cache, number + 1))
    return context


def numbers(found):
    return [each.number for each in found.runs], [each.number for each in found.unfetched]


def fetched_all(context):
    with context.database.write() as transaction:
        transaction.execute(text("UPDATE clearing_run_party SET first_served_at = NULL WHERE run_number = 2"))


def test_what_is_due_is_old_and_fetched_and_never_the_newest_run(years):
    fetched_all(years)
    now = years.clock()
    assert numbers(due(years, now - timedelta(days=800))) == ([], [])
    assert numbers(due(years, now - timedelta(days=500))) == ([1], [])
    assert numbers(due(years, now + timedelta(days=1))) == ([1], [2])
    assert numbers(due(years, now + timedelta(days=1), unfetched_too=True)) == ([1, 2], [])


def test_the_cdrs_of_a_purged_run_are_gone_and_its_totals_stay(years):
    before = run.run_of_number(years, 1)
    assert sum(purge_run(years, 1)) == 5
    assert sum(purge_run(years, 1)) == 0
    after = run.run_of_number(years, 1)
    assert after[1:] == before[1:]
    assert after[0].purged_at == years.clock()
    with years.database.read() as snapshot:
        assert snapshot.execute(text("SELECT count(*) FROM cdr")).scalar() == 10
        left = snapshot.execute(text("SELECT * FROM cdr_purged")).all()
    assert len(left) == 5
    assert list(verify(years)) == []


def test_a_purged_cdr_sent_again_is_known_and_with_other_content_refused(years, cast):
    assert sum(purge_run(years, 1)) == 5
    again = add_cdrs(years, cast.tnm, iter([cdr(1), cdr(101)]), request_id(50), years.lists)
    assert [outcome.value for outcome in again.outcomes] == ["known", "pending"]
    with pytest.raises(Refused) as refused:
        add_cdrs(years, cast.tnm, iter([cdr(2)._replace(volume="9,9")]), request_id(51), years.lists)
    assert refused.value.first.reason == "CDR_DIFFERS"
    assert list(verify(years)) == []


def test_the_statement_of_a_purged_run_is_refused_with_what_remains(years, cast):
    assert sum(purge_run(years, 1)) == 5
    with pytest.raises(Refused, match="STATEMENT_UNKNOWN") as refused:
        statement_builder.open_statement(years, years.statement_cache, cast.anwb.id, [1], "csv")
    assert "were deleted on" in refused.value.first.detail
    statement_builder.open_statement(years, years.statement_cache, cast.anwb.id, [3], "csv").close()


def test_a_purge_that_is_stopped_is_taken_up_by_the_next_and_harms_nobody_meanwhile(years, cast, monkeypatch):
    monkeypatch.setattr("echs.cdrs.purge.ROWS_AT_ONCE", 2)
    deleting = purge_run(years, 1)
    assert next(deleting) == 2
    deleting.close()
    assert list(verify(years)) == []
    assert [each.number for each in due(years, years.clock() - timedelta(days=5000)).begun] == [1]
    again = add_cdrs(years, cast.tnm, iter([cdr(number) for number in range(5)]), request_id(60), years.lists)
    assert {outcome.value for outcome in again.outcomes} == {"known"}
    assert sum(purge_run(years, 1)) == 3
    assert due(years, years.clock() - timedelta(days=5000)).begun == []
    assert list(verify(years)) == []


def test_a_partner_is_not_given_a_purged_run_nor_a_link_that_opens_nothing(years, cast):
    with years.database.write() as transaction:
        transaction.execute(text("DELETE FROM clearing_run_party WHERE run_number = 3 AND partner_id = 3"))
    assert deliver(years, cast.anwb, PROTOCOL, lambda row: row.payload).runs == (2,)
    fetched_all(years)
    for number in (1, 2):
        assert sum(purge_run(years, number)) == 5
    assert deliver(years, cast.anwb, PROTOCOL, lambda row: row.payload).runs == ()
    assert deliver(years, cast.tnm, PROTOCOL, lambda row: row.payload).runs == (3,)


def test_uploads_go_on_while_a_large_run_is_purged(context, cast):
    context.clock.turn(days=1)
    add_cdrs(context, cast.tnm, iter([cdr(number) for number in range(20_000)]), request_id(1), context.lists)
    run.clear(context, "test", request_id(2))
    add_cdrs(context, cast.tnm, iter([cdr("newer")]), request_id(3), context.lists)
    run.clear(context, "test", request_id(4))
    longest, began = 0.0, time.monotonic()
    for number, _ in enumerate(purge_run(context, 1)):
        add_cdrs(context, cast.tnm, iter([cdr(f"during {number}")]), request_id(100 + number), context.lists)
        longest, began = max(longest, time.monotonic() - began), time.monotonic()
    assert number == 19
    assert longest < 5


def test_the_command_shows_first_and_asks_and_deletes_then(years, environment, monkeypatch, capsys):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("echs.config.app_context.system_clock", years.clock)
    monkeypatch.setattr(open_app_context, "__defaults__", (years.clock, *open_app_context.__defaults__[1:]))
    fetched_all(years)
    assert execute(["purge", "--older-than", "31d", "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert ([each["number"] for each in planned["runs"]], planned["cdrs"], planned["deleted"]) == ([1], 5, 0)
    assert execute(["purge", "--older-than", "31d"]) == 2
    assert "pass --yes" in capsys.readouterr().err
    assert execute(["purge", "--older-than", "31d", "--yes"]) == 0
    assert "5 CDRs deleted" in capsys.readouterr().err
    assert list(years.statement_cache.directory.glob("*")) == []
    assert execute(["purge", "--older-than", "31d", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["deleted"] == 0


def test_a_run_that_counts_as_purged_without_a_purge_in_the_trail_is_not_taken_up(
    years, environment, monkeypatch, capsys
):
    """One wrong UPDATE would become a loss for ever by a purge of what is older than ten years."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(open_app_context, "__defaults__", (years.clock, *open_app_context.__defaults__[1:]))
    with years.database.write() as transaction:
        transaction.execute(text("UPDATE clearing_run SET purged_at = cleared_at WHERE number = 2"))
    assert due(years, years.clock() - timedelta(days=5000)).begun == []
    with pytest.raises(Refused) as refused:
        list(purge_run(years, 2))
    assert refused.value.first.reason == "PURGE_UNKNOWN"
    assert execute(["purge", "--older-than", "10y", "--yes"]) == 0
    with years.database.read() as snapshot:
        assert snapshot.execute(text("SELECT count(*) FROM cdr")).scalar() == 15
    assert "purged" in {finding.check for finding in verify(years)}
    symptoms = {each.subject: each for each in examine(years, read_settings(environment))}
    assert (symptoms["purged runs"].status, '"2"' in symptoms["purged runs"].found) == ("fail", True)


@pytest.mark.parametrize("age", ["0d", "30d", "1x", "", "-5d", "1.5y", "ever"])
def test_an_age_that_cannot_be_is_refused(age, capsys):
    assert execute(["purge", "--older-than", age]) == 2
    assert "days" in capsys.readouterr().err
