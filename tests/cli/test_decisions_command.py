"""``echs cdr hold``, ``release`` and ``reject``, and how the gauges count what they did."""

import io
import json

import pytest

from cast import add_cdrs, cdr
from echs import cli
from echs.base.ids import new_request_id
from echs.cdrs.decisions import decide
from echs.cdrs.status import Decided
from echs.serving import store_metrics


def parsed(run, *arguments):
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def add(context, sender, *records):
    return add_cdrs(context, sender, iter(records), new_request_id(), context.lists)


def read(context):
    with context.database.read() as snapshot:
        return {gauge.name: value for gauge, _, value in store_metrics.store_samples(snapshot, context.clock())}


def test_a_cdr_is_held_released_and_rejected_and_shown_with_each_decision(echs, context, cast):
    add(context, cast.tnm, cdr(1))
    code, _, err = echs("cdr", "hold", "1", "--reason", "asked the operator")
    assert (code, err) == (0, "CDR 1 is now on-hold\n")
    assert [each["cdr_id"] for each in parsed(echs, "cdr", "list", "--status", "on-hold")] == ["1"]
    assert parsed(echs, "cdr", "release", "1", "--reason", "confirmed")["status"] == "pending"
    assert echs("cdr", "reject", "1", "--reason", "a double", "--yes")[0] == 0
    shown = parsed(echs, "cdr", "show", "1")
    assert [(each["number"], each["kind"], each["reason"]) for each in shown["decisions"]] == [
        (1, "hold", "asked the operator"),
        (2, "release", "confirmed"),
        (3, "reject", "a double"),
    ]
    assert shown["decisions"][0]["decided_by"] == cli.system_user()
    code, out, _ = echs("cdr", "show", "1")
    assert all(each in out for each in ("Decisions", "asked the operator", "rejected"))


def test_a_decision_that_cannot_be_made_has_an_exit_code_that_says_why(echs, context, cast):
    add(context, cast.tnm, cdr(1))
    assert echs("cdr", "hold", "2", "--reason", "x")[0] == 3
    assert echs("cdr", "hold", "1")[0] == 2
    assert echs("cdr", "hold", "1", "--reason", " ")[0] == 2
    assert echs("cdr", "release", "1", "--reason", "x")[0] == 4
    assert echs("cdr", "hold", "1", "--operator", "nobody", "--reason", "x")[0] == 3


@pytest.mark.parametrize(("answer", "status"), [("n\n", "pending"), ("y\n", "rejected")])
def test_to_reject_is_asked_first(echs, context, cast, monkeypatch, answer, status):
    add(context, cast.tnm, cdr(1))
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    echs("cdr", "reject", "1", "--reason", "a double")
    assert parsed(echs, "cdr", "show", "1")["listed"]["status"] == status


def test_gauges_count_what_is_on_hold_and_rejected_apart_and_a_rejected_cdr_waits_for_nothing(context, cast, clock):
    add(context, cast.tnm, cdr(1))
    clock.turn(hours=1)
    add(context, cast.tnm, cdr(2), cdr(3, provider_id="Nobody"), cdr(4))
    clock.turn(hours=1)
    decide(context, Decided.REJECT, "1", None, "a double", "office")
    decide(context, Decided.HOLD, "2", None, "asked", "office")
    found = read(context)
    counts = [found[name] for name in ("cdrs_pending", "cdrs_held", "cdrs_on_hold", "cdrs_rejected")]
    assert counts == [1, 1, 1, 1]
    assert found["cdrs_uncleared_oldest_seconds"] == 3600
