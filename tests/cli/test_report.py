"""``echs report``: the months, the totals, and that no CDR is read for them."""

import csv
import io
import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from cast import add_cdrs, cdr
from echs.base.ids import new_request_id
from echs.clearing import report, run

# The clock of the tests stands in November 2026.
BEFORE, MONTH = (2026, 10), (2026, 11)


def cleared(context, sender, *records):
    add_cdrs(context, sender, iter(records), new_request_id(), context.lists)
    return run.clear(context, "test", new_request_id())


def parsed(run_command, *arguments):
    code, out, err = run_command(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_month_begins_where_the_clocks_of_the_zone_say_so():
    assert report.month_span(2026, 12, ZoneInfo("Europe/Amsterdam")) == (
        datetime(2026, 11, 30, 23, tzinfo=UTC),
        datetime(2026, 12, 31, 23, tzinfo=UTC),
    )


def test_the_runs_of_a_month_add_up_by_pair_and_by_partner(echs, context, cast, clock):
    cleared(context, cast.tnm, cdr(1), cdr(2, provider_id="ladenetz.de"))
    cleared(context, cast.tnm, cdr(3))
    clock.turn(days=30)
    cleared(context, cast.tnm, cdr(4))
    found = parsed(echs, "report", "--month", "2026-11")
    assert (found["runs"], found["cdr_count"]) == (2, 3)
    assert {pair["provider_id"]: (pair["runs"], pair["cdr_count"]) for pair in found["pairs"]} == {
        cdr(1).provider_id: (2, 2),
        "ladenetz.de": (1, 1),
    }
    assert float(found["kwh"]) * 10_000 == found["volume_e4_kwh"]
    partners = {each["user_id"]: each for each in found["partners"]}
    assert partners[cast.tnm.user_id]["sent_cdr_count"] == 3
    assert partners[cast.lnd.user_id]["received_cdr_count"] == 1
    assert parsed(echs, "report", "--month", "2026-12")["cdr_count"] == 1
    assert parsed(echs, "report", "--month", "2026-10")["pairs"] == []


def test_a_run_on_the_edge_belongs_to_the_month_of_the_zone(echs, context, cast, clock):
    clock.now = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    cleared(context, cast.tnm, cdr(1))
    assert parsed(echs, "report", "--month", "2026-11")["cdr_count"] == 1
    assert parsed(echs, "report", "--month", "2026-12", "--timezone", "Europe/Amsterdam")["cdr_count"] == 1
    assert parsed(echs, "report", "--month", "2026-11", "--timezone", "Europe/Amsterdam")["cdr_count"] == 0


def test_the_csv_has_a_total_and_no_formula(echs, context, cast):
    cleared(context, cast.tnm, cdr(1), cdr(2))
    code, out, _ = echs("report", "--month", "2026-11", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [(row["row"], row["cdr_count"]) for row in rows] == [("pair", "2"), ("total", "2")]
    found = report.Report(
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 12, 1, tzinfo=UTC),
        1,
        1,
        5,
        (report.PairLine("a", "=1+1", "b", "@x", 1, 1, 5),),
        (),
    )
    from echs.cli.report import drawn

    assert "pair,a,'=1+1,b,'@x,1,1,0.0005" in drawn(found)


def test_the_table_shows_pairs_and_totals(echs, context, cast):
    cleared(context, cast.tnm, cdr(1))
    code, out, _ = echs("report", "--month", "2026-11")
    assert code == 0
    assert all(each in out for each in ("Cleared in 2026-11", "Partners in 2026-11", "total"))


@pytest.mark.parametrize(
    "arguments",
    [["--month", "2026-13"], ["--month", "0001-01"], ["--month", "2026-11", "--timezone", "../x"], []],
)
def test_a_month_or_a_zone_that_there_is_not_is_wrong_usage(echs, context, arguments):
    assert echs("report", *arguments)[0] == 2


def test_no_cdr_is_read_for_a_report(context, cast):
    cleared(context, cast.tnm, cdr(1))
    asked = []
    event.listen(context.database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    assert report.report(context, *report.month_span(*MONTH, UTC)).cdr_count == 1
    assert report.report(context, *report.month_span(*BEFORE, UTC)).cdr_count == 0
    assert asked
    assert not any("cdr " in each or "cdr_cleared" in each for each in asked)


def test_json_has_the_energy_in_kwh_beside_the_integer(echs, context, cast):
    cleared(context, cast.tnm, cdr(1))
    for found in (
        *parsed(echs, "cdr", "list"),
        *parsed(echs, "run", "list"),
        parsed(echs, "cdr", "show", "1")["listed"],
    ):
        whole, part = found["kwh"].split(".")
        assert int(whole) * 10_000 + int(part) == found["volume_e4_kwh"]
