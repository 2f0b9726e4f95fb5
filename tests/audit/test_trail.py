"""The trail says who did what, is written with the work itself, and shows when it was tampered with."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import exc, text

from cast import add_cdrs, cdr, fetched, set_tokens, token
from echs.audit import trail
from echs.audit.entry import DONE, FIRST_HASH, Action, Entry, as_detail, breaks
from echs.base import request_context
from echs.base.errors import Refused
from echs.base.request_context import RequestContext
from echs.clearing import run
from echs.cli import execute
from echs.partners import enrolment
from echs.partners.enrolment import Ownership
from wire import Caller

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def told(context):
    return [(each.actor, each.action, each.subject, each.result) for each in trail.entries(context)]


def test_every_change_leaves_an_entry_with_who_what_and_from_where(context, cast):
    request_context.begin(RequestContext(channel="soap-1.2", actor="tnm", origin="192.0.2.7"))
    set_tokens(context, cast.tnm, [token(1)])
    add_cdrs(context, cast.tnm, iter([cdr(1), cdr(2)]), request_context.current().request_id, context.lists)
    request_context.begin(RequestContext(channel="command", actor="root", origin="host"))
    run.clear(context, "command", request_context.current().request_id)
    for _ in range(2):
        fetched(context, cast.anwb)
    enrolment.disable(context, "lnd")
    found = list(trail.entries(context))[-5:]
    assert [(each.action, each.subject) for each in found] == [
        ("list.replace", "roaming list of tnm"),
        ("cdrs.add", "CDRs of tnm"),
        ("clearing.run", "run 1"),
        ("cdrs.fetch", "anwb"),
        ("partner.disable", "partner lnd"),
    ]
    assert [(each.channel, each.actor, each.origin) for each in found[:3]] == [
        ("soap-1.2", "tnm", "192.0.2.7"),
        ("soap-1.2", "tnm", "192.0.2.7"),
        ("command", "root", "host"),
    ]
    assert json.loads(found[1].detail)["new"] == 2
    assert json.loads(found[2].detail)["cdrs"] == 2
    assert {each.result for each in found} == {DONE}


def test_what_is_refused_leaves_no_entry_of_the_room_and_the_store_stays_as_it_was(context, cast):
    before = told(context)
    with pytest.raises(Refused):
        add_cdrs(context, cast.tnm, iter([cdr(1), cdr(2)._replace(volume="x")]), "a" * 26, context.lists)
    with pytest.raises(Refused):
        enrolment.assign_ids(context, "lnd", Ownership(["TheNewMotion"]))
    assert run.clear(context, "nobody", "b" * 26) is None
    assert told(context) == before


def test_a_refusal_to_somebody_known_is_entered_and_one_to_somebody_unknown_is_not(app, context, cast):
    tnm = Caller(app, "tnm")
    before = len(told(context))
    assert tnm.send("ClearCDRs").code != 0
    assert told(context)[before:] == [("tnm", "clearing.run", "", "NOT_ADMINISTRATOR")]
    tnm.token = "0" * 64
    assert tnm.send("ClearCDRs").code != 0
    assert len(told(context)) == before + 1


REWRITTEN = "(number, at, channel, actor, origin, action, subject, result, request_id, detail, previous_hash, hash) "
REWRITTEN += (
    "SELECT number, at, door, 'nobody', origin, action, subject, result, request_id, detail, previous_hash, hash "
)
REWRITTEN += "FROM audit WHERE number = 1"
ON_CONFLICT = "ON CONFLICT (number) DO UPDATE SET actor = 'nobody'"
ONLY_SQLITE = ("INSERT OR REPLACE", "REPLACE", "UPDATE OR REPLACE")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit WHERE number = 1",
        f"INSERT OR REPLACE INTO audit {REWRITTEN}",
        f"REPLACE INTO audit {REWRITTEN}",
        "UPDATE OR REPLACE audit SET number = 1 WHERE number = 2",
        f"INSERT INTO audit {REWRITTEN} {ON_CONFLICT}",
        "INSERT OR REPLACE INTO audit_baseline (id, cdr_id, run_number) VALUES (1, 1000, 1000)",
        "UPDATE audit_baseline SET cdr_id = 1000",
        "DELETE FROM audit_baseline",
    ],
)
def test_the_store_itself_refuses_to_rewrite_the_trail(context, cast, statement):
    if statement.startswith(ONLY_SQLITE) and not context.database.is_sqlite:
        return  # PostgreSQL does not know it
    before = told(context)
    assert before
    with pytest.raises((Refused, exc.DBAPIError)), context.database.write() as transaction:
        transaction.execute(text(statement))
    assert told(context) == before


def chain(length):
    found, before = [], FIRST_HASH
    for number in range(1, length + 1):
        entry = Entry(
            number, NOON, "command", "root", "host", Action.PURGED, f"run {number}", DONE, "r", "{}", before, ""
        )
        found.append(replace(entry, hash=entry.right_hash))
        before = found[-1].hash
    return found


@given(st.integers(2, 12), st.data())
def test_any_change_removal_or_insertion_breaks_the_chain(length, data):
    entries = chain(length)
    assert list(breaks(entries)) == []
    place = data.draw(st.integers(0, length - 2))
    changed = data.draw(st.sampled_from(["actor", "subject", "detail", "origin", "result", "request_id"]))
    forged = replace(entries[place], **{changed: "forged"})
    assert list(breaks([*entries[:place], forged, *entries[place + 1 :]]))
    assert list(breaks([*entries[:place], *entries[place + 1 :]]))
    # Who computes the hash anew breaks the link to the next.
    resealed = replace(forged, hash=forged.right_hash)
    assert list(breaks([*entries[:place], resealed, *entries[place + 1 :]]))
    assert list(breaks([*entries[: place + 1], entries[place], *entries[place + 1 :]]))


def test_the_hash_of_an_entry_covers_the_hash_before_it_so_that_the_newest_stands_for_all():
    one, other = chain(2), chain(2)
    other[0] = replace(other[0], subject="run 9")
    other[0] = replace(other[0], hash=other[0].right_hash)
    other[1] = replace(other[1], previous_hash=other[0].hash)
    assert other[1].right_hash != one[1].hash
    other[1] = replace(other[1], hash=other[1].right_hash)
    assert list(breaks(other)) == []


def test_a_detail_is_whole_and_sorted_so_that_equal_facts_are_equal_texts():
    assert as_detail({"b": 1, "a": [2]}) == '{"a": [2], "b": 1}'
    assert json.loads(as_detail({"ids": ["x" * 64] * 1000}))["ids"][999] == "x" * 64


def test_entries_are_found_by_who_by_what_by_request_and_the_newest_first_so_many(context, cast):
    everything = list(trail.entries(context))
    assert [each.number for each in everything] == list(range(1, len(everything) + 1))
    assert list(trail.entries(context, newest=2)) == everything[-2:]
    assert list(trail.entries(context, action=Action.CLEARED)) == []
    assert [each.subject for each in trail.entries(context, subject="partner tnm")] == ["partner tnm"]
    assert list(trail.entries(context, since=context.clock())) == everything
    context.clock.turn(seconds=1)
    assert list(trail.entries(context, since=context.clock())) == []


def test_the_log_names_an_entry_only_when_its_transaction_is_committed(context, cast):
    present = request_context.begin(RequestContext(actor="tnm"))
    with pytest.raises(ZeroDivisionError), context.database.write() as transaction:
        trail.record(context, transaction, Action.PURGED, "run 1")
        raise ZeroDivisionError
    assert present.audited == ""
    with context.database.write() as transaction:
        entry = trail.record(context, transaction, Action.PURGED, "run 1")
        assert present.audited == ""
    assert present.audited == f"{entry.number}:{entry.hash}"


def test_the_same_refusal_again_and_again_is_one_entry_a_minute(app, context, cast, clock):
    tnm = Caller(app, "tnm")
    before = len(told(context))
    for _ in range(5):
        tnm.send("ClearCDRs")
    assert len(told(context)) == before + 1
    Caller(app, "anwb").send("ClearCDRs")
    clock.turn(seconds=61)
    tnm.send("ClearCDRs")
    assert [each[0] for each in told(context)[before:]] == ["tnm", "anwb", "tnm"]


def test_the_command_lists_what_was_done_narrow_wide_and_as_json(context, cast, environment, monkeypatch, capsys):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "100")
    assert execute(["audit", "list", "--subject", "partner tnm"]) == 0
    narrow = capsys.readouterr().out
    assert "partner.add" in narrow
    assert max(map(len, narrow.splitlines())) <= 100
    assert execute(["audit", "list", "--wide", "--last", "1"]) == 0
    assert "detail" in capsys.readouterr().out
    assert execute(["audit", "list", "--all", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(told(context))
    assert execute(["audit", "begin"]) == 2
    assert execute(["audit", "begin", "--yes"]) == 0
    assert told(context)[-1][1] == "trail.begin"
