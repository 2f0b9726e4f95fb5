"""``echs connection`` as the clearing office uses it."""

import json

import pytest

from cast import add_cdrs, cdr
from echs.partners import connections
from echs.partners.connection import ConnectionMode


@pytest.fixture(autouse=True)
def in_2014(clock):
    clock.now = clock.now.replace(year=2014, month=1, day=23)


def test_a_house_is_closed_with_its_first_connection_and_says_what_waits(echs, context, cast):
    add_cdrs(context, cast.tnm, iter([cdr(1), cdr(2)]), "a" * 26, context.lists)
    add_cdrs(context, cast.lnd, iter([cdr(3, operator_id="ladenetz.de")]), "b" * 26, context.lists)
    code, out, err = echs("connection", "add", "anwb", "lnd", "--close")
    assert code == 0
    said = out + err
    assert "provider anwb and operator lnd are connected: tokens, locations, cdrs" in said
    assert "the house is closed now" in said
    assert "held: 2 CDRs of tnm for anwb" in said
    assert connections.mode(context) is ConnectionMode.CLOSED
    _, out, err = echs("clear", "--dry-run")
    assert "echs connection add anwb tnm" in out + err
    assert json.loads(echs("clear", "--dry-run", "--json")[1])["unconnected"] == [
        {"operator": "tnm", "provider": "anwb", "cdr_count": 2}
    ]
    assert "2 of" in echs("doctor")[1]


def test_without_a_word_the_house_stays_open_and_that_is_said(echs, context, cast):
    code, out, err = echs("connection", "add", "anwb", "tnm", "--kind", "cdrs")
    assert code == 0
    assert "have no effect yet" in out + err
    assert connections.mode(context) is ConnectionMode.OPEN
    shown = json.loads(echs("connection", "list", "--json")[1])
    assert shown["mode"] == "open"
    assert [(each["provider"], each["operator"], each["kind"]) for each in shown["connections"]] == [
        ("anwb", "tnm", "cdrs")
    ]


def test_a_connection_ends_and_is_listed_with_all(echs, context, cast, clock):
    echs("connection", "add", "anwb", "tnm", "--stay-open")
    clock.turn(hours=1)
    code, out, err = echs("connection", "end", "anwb", "tnm", "--kind", "cdrs", "--kind", "tokens")
    assert (code, "no longer connected: cdrs, tokens" in out + err) == (0, True)
    assert "cdrs" not in echs("connection", "list")[1]
    assert "cdrs" in echs("connection", "list", "--all")[1]
    assert echs("connection", "end", "anwb", "tnm", "--kind", "cdrs")[0] == 3
    assert echs("connection", "add", "anwb", "tnm", "--kind", "locations")[0] == 4
    assert echs("connection", "add", "tnm", "tnm")[0] == 2
    assert echs("connection", "add", "nobody", "tnm")[0] == 3


def test_the_mode_is_shown_and_changed_only_when_it_was_confirmed(echs, context, cast):
    assert "the house is open" in "".join(echs("connection", "mode")[1:])
    assert echs("connection", "mode", "closed")[0] == 2
    assert connections.mode(context) is ConnectionMode.OPEN
    assert echs("connection", "mode", "closed", "--yes")[0] == 0
    assert json.loads(echs("connection", "mode", "--json")[1]) == {"mode": "closed"}
    assert "the house is closed" in "".join(echs("connection", "mode", "closed")[1:])
    assert echs("connection", "mode", "ajar")[0] == 2
