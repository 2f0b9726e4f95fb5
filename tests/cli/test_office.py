"""What the clearing office does and exports: decisions, listings by any filter, the report of a month."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from cast import add_cdrs, cdr
from echs.base.ids import new_request_id
from echs.cdrs import queries
from echs.cdrs.queries import Filter
from echs.cdrs.status import Status
from echs.clearing import run


def add(context, sender, *records):
    return add_cdrs(context, sender, iter(records), new_request_id(), context.lists)


@pytest.fixture
def month(context, cast):
    """Two runs in November, one in December; a partner's own session among them."""
    add(context, cast.tnm, cdr(1), cdr(2, volume="1"), cdr(3, provider_id="TheNewMotion"))
    run.clear(context, "test", new_request_id())
    context.clock.now = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    add(context, cast.lnd, cdr(4, operator_id="ladenetz.de", volume="2"))
    run.clear(context, "test", new_request_id())
    context.clock.now = datetime(2026, 12, 2, tzinfo=UTC)
    add(context, cast.tnm, cdr(5), cdr(6, provider_id="nobody yet"), cdr(7))
    run.clear(context, "test", new_request_id())
    return context


def test_a_cdr_is_held_released_and_rejected_by_commands_that_need_a_reason(echs, context, cast):
    add(context, cast.tnm, cdr(1), cdr(2))
    assert echs("cdr", "hold", "1")[0] == 2
    code, _, err = echs("cdr", "hold", "1", "--reason", "999 kWh: asked")
    assert (code, "on-hold" in err) == (0, True)
    assert echs("cdr", "hold", "1", "--reason", "again")[0] == 4
    assert echs("cdr", "hold", "77", "--reason", "which?")[0] == 3
    assert json.loads(echs("clear", "--dry-run", "--json")[1])["on_hold"] == 1
    assert echs("cdr", "reject", "1", "--operator", "TheNewMotion", "--reason", "a double", "--yes")[0] == 0
    _, _out, err = echs("clear", "--dry-run")
    assert "rejected: 1 CDR" in err
    shown = json.loads(echs("cdr", "show", "1", "--json")[1])
    assert [(each["kind"], each["reason"]) for each in shown["decisions"]] == [
        ("hold", "999 kWh: asked"),
        ("reject", "a double"),
    ]
    assert echs("clear", "--yes")[0] == 0
    assert echs("cdr", "reject", "2", "--reason", "too late", "--yes")[0] == 4
    listed = json.loads(echs("cdr", "list", "--json")[1])
    assert {each["cdr_id"]: each["status"] for each in listed} == {"1": "rejected", "2": "cleared"}


def ids(echs, *arguments):
    code, out, err = echs("cdr", "list", "--json", *arguments)
    assert code == 0, err
    return [each["cdr_id"] for each in json.loads(out)]


def test_cdrs_are_listed_by_partner_operator_provider_run_and_day(echs, month):
    assert ids(echs) == ["7", "6", "5", "4", "3", "2", "1"]
    assert ids(echs, "--partner", "lnd") == ["4"]
    assert ids(echs, "--partner", "anwb") == ["7", "5", "4", "2", "1"]
    assert ids(echs, "--partner", "TNM", "--run", "1") == ["3", "2", "1"]
    assert ids(echs, "--operator", "LADENETZ.de") == ["4"]
    assert ids(echs, "--provider", "thenewmotion") == ["3"]
    assert ids(echs, "--status", "held") == ["6"]
    assert ids(echs, "--since", "2014-01-22", "--until", "2014-01-23") == ["7", "6", "5", "4", "3", "2", "1"]
    assert ids(echs, "--since", "2014-01-23") == []
    assert "3" in ids(echs, "--warnings")
    assert echs("cdr", "list", "--since", "yesterday")[0] == 2
    assert echs("cdr", "list", "--partner", "nobody")[0] == 3


def test_a_page_says_where_the_next_one_begins_and_none_is_missed(echs, month):
    code, _out, err = echs("cdr", "list", "--limit", "3")
    assert code == 0
    after = err.rsplit("--after ", 1)[1].strip()
    assert ids(echs, "--after", after) == ["4", "3", "2", "1"]
    assert ids(echs, "--after", after, "--limit", "1") == ["4"]


def test_csv_and_json_have_all_of_a_filter_with_energy_in_kwh_and_no_card(echs, context, cast, monkeypatch):
    monkeypatch.setattr(queries, "ROWS_AT_ONCE", 7)
    add(context, cast.tnm, *(cdr(number, token_id=f"CANARY{number}", city="=1+1") for number in range(60)))
    _, out, _ = echs("cdr", "list", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["cdrId"] for row in rows] == [str(number) for number in reversed(range(60))]
    assert (rows[0]["kWh"], rows[0]["city"], rows[0]["status"]) == ("4.6400", "'=1+1", "pending")
    _, told, _ = echs("cdr", "list", "--json")
    assert len(json.loads(told)) == 60
    assert json.loads(told)[0]["kwh"] == "4.6400"
    assert "CANARY" not in out + told
    assert json.loads(echs("cdr", "list", "--json", "--operator", "nobody")[1]) == []


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(),
        Filter(Status.PENDING),
        Filter(Status.HELD),
        Filter(Status.ON_HOLD),
        Filter(operator_id="TheNewMotion"),
        Filter(provider_id="ANWB"),
        Filter(partner_id=1),
    ],
    ids=repr,
)
def test_no_page_sorts_what_it_could_show(context, month, wanted):
    if not context.database.is_sqlite:
        pytest.skip("its planner decides by statistics")
    query = queries.page_query(wanted, 1000, 50)
    compiled = query.compile(context.database.engine, compile_kwargs={"literal_binds": True})
    with context.database.read() as snapshot:
        plan = [row[3] for row in snapshot.execute(text(f"EXPLAIN QUERY PLAN {compiled}"))]
    assert plan
    assert not [step for step in plan if "ORDER BY" in step], plan


def test_runs_are_listed_by_day_with_energy_in_kwh(echs, month):
    found = json.loads(echs("run", "list", "--since", "2026-11-30", "--until", "2026-12-01", "--json")[1])
    assert [(each["number"], each["kwh"]) for each in found] == [(2, "2.0000")]
    assert "6 CDRs" in echs("run", "list")[1]


def test_a_dry_run_has_a_total_row(echs, context, cast):
    add(context, cast.tnm, cdr(1), cdr(2, provider_id="ladenetz.de", volume="1"))
    _, out, _ = echs("clear", "--dry-run")
    assert any("total" in line and "5.6400" in line for line in out.splitlines())
    found = json.loads(echs("clear", "--dry-run", "--json")[1])
    assert (found["cdr_count"], found["kwh"], len(found["pairs"])) == (2, "5.6400", 2)
