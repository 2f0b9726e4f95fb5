"""Connections: in a closed house a partner sees only whom it is connected with, and what it may not see it cannot infer."""

import json

import pytest
from sqlalchemy import text

from cast import (
    add_cdrs,
    cdr,
    charge_point,
    fetched,
    set_charge_points,
    set_tokens,
    token,
    verify,
)
from echs.audit import trail
from echs.base.errors import Refused
from echs.cdrs.pending import held, preview, unconnected
from echs.cdrs.queries import find
from echs.cdrs.status import Status
from echs.clearing import run
from echs.clearing.statement_builder import open_statement
from echs.lists.changes import changes_for, newest_number
from echs.locations.charge_point_list import CHARGE_POINTS
from echs.partners import connections, departure, enrolment
from echs.partners.connection import ConnectionKind, ConnectionMode, ConnectionReason
from echs.partners.connections import connect, disconnect, set_mode
from echs.protocols.ochp02 import charge_point_format, token_format
from echs.protocols.rows.payload import row_of
from echs.tokens.token_list import TOKENS
from wire import Caller

ALL = list(ConnectionKind)
_requests = iter(f"{number:026d}" for number in range(10**6))


@pytest.fixture(autouse=True)
def in_2014(clock):
    clock.now = clock.now.replace(year=2014, month=1, day=23)


def close(context, *pairs):
    set_mode(context, ConnectionMode.CLOSED)
    for provider, operator in pairs:
        connect(context, provider, operator, ALL)


def add(context, sender, *records):
    return add_cdrs(context, sender, iter(records), next(_requests), context.lists)


def seen(context, reader):
    with context.database.read() as snapshot:
        return {state.owner_id for state in TOKENS.keyed.present(snapshot, TOKENS.seen_by(reader.id))}


def statuses(context):
    return {each.cdr_id: each.status for each in find(context, None, None, 100)}


def refusal(reason, verb, *arguments):
    with pytest.raises(Refused) as refused:
        verb(*arguments)
    assert refused.value.first.reason is reason
    return refused.value.first.detail


# ---------------------------------------------------------------------- entering and ending


def test_a_connection_is_entered_kind_by_kind_ended_and_entered_again(context, cast, clock):
    done = connect(context, "anwb", "tnm", [ConnectionKind.TOKENS])
    assert (done.provider.user_id, done.operator.user_id, done.changed) == ("anwb", "tnm", (ConnectionKind.TOKENS,))
    done = connect(context, "ANWB", "tnm", ALL)
    assert done.changed == (ConnectionKind.LOCATIONS, ConnectionKind.CDRS)
    assert done.unchanged == (ConnectionKind.TOKENS,)
    refusal(ConnectionReason.CONNECTION_EXISTS, connect, context, "anwb", "tnm", ALL)
    clock.turn(hours=1)
    assert disconnect(context, "anwb", "tnm", [ConnectionKind.CDRS]).changed == (ConnectionKind.CDRS,)
    refusal(ConnectionReason.CONNECTION_UNKNOWN, disconnect, context, "anwb", "tnm", [ConnectionKind.CDRS])
    clock.turn(hours=1)
    connect(context, "anwb", "tnm", ALL)
    assert [(each.kind.value, each.until is None) for each in connections.all_connections(context)] == [
        ("cdrs", True),
        ("locations", True),
        ("tokens", True),
    ]
    assert len(connections.all_connections(context, ended_too=True)) == 4
    assert list(verify(context)) == []
    actions = [entry.action for entry in trail.entries(context)]
    assert actions[-4:] == ["connection.add", "connection.add", "connection.end", "connection.add"]


def test_nobody_is_connected_with_itself_with_nobody_or_with_who_left(context, cast):
    refusal(ConnectionReason.CONNECTION_VALUE, connect, context, "tnm", "tnm", ALL)
    with pytest.raises(Refused, match="PARTNER_UNKNOWN"):
        connect(context, "tnm", "nobody", ALL)
    departure.retire(context, "lnd")
    assert "retired" in refusal(ConnectionReason.CONNECTION_VALUE, connect, context, "tnm", "lnd", ALL)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE house SET value = 'open'",
        "UPDATE roaming_connection SET kind = 'tokens' WHERE kind = 'cdrs'",
        "UPDATE roaming_connection SET since = '2013-01-01 00:00:00+00'",
        "DELETE FROM roaming_connection",
        "INSERT INTO roaming_connection (provider_partner_id, operator_partner_id, kind, since) "
        "SELECT operator_partner_id, provider_partner_id, kind, since FROM roaming_connection",
    ],
)
def test_verify_names_connections_that_were_changed_behind_our_back(context, cast, statement):
    close(context)
    connect(context, "anwb", "tnm", [ConnectionKind.CDRS])
    assert list(verify(context)) == []
    with context.database.write() as transaction:
        assert transaction.execute(text(statement)).rowcount > 0
    assert {finding.check for finding in verify(context)} == {"connections"}


def test_connections_that_nobody_entered_are_named_too(context, cast):
    with context.database.write() as transaction:
        transaction.execute(text("UPDATE house SET value = 'closed'"))
    assert [finding.check for finding in verify(context)] == ["connections"]


# ---------------------------------------------------------------------- lists


def test_in_an_open_house_connections_change_nothing(app, context, cast):
    set_tokens(context, cast.lnd, [token(1, hub=3)])
    connect(context, "anwb", "tnm", ALL)
    assert b"C0FFEE" in Caller(app, "anwb").send("GetRoamingAuthorisationList").body
    assert add(context, cast.tnm, cdr(1)).count("pending") == 1


def test_in_a_closed_house_lists_go_along_connections_and_to_their_owner(app, context, cast):
    set_tokens(context, cast.tnm, [token(1)])
    set_tokens(context, cast.lnd, [token(2, hub=3)])
    set_charge_points(context, cast.lnd, [charge_point(7)])
    set_charge_points(context, cast.tnm, [charge_point(8)])
    close(context)
    connect(context, "lnd", "tnm", [ConnectionKind.TOKENS])
    connect(context, "anwb", "lnd", [ConnectionKind.LOCATIONS])

    def tokens_of(user_id):
        body = Caller(app, user_id).send("GetRoamingAuthorisationList").body
        return sorted(number for number in (1, 2) if token(number).token_id.encode() in body)

    def points_of(user_id):
        body = Caller(app, user_id).send("GetChargePointList").body
        return sorted(number for number in (7, 8) if charge_point(number).evse_id.encode() in body)

    assert {user: tokens_of(user) for user in ("tnm", "lnd", "anwb", "office")} == {
        "tnm": [1, 2],
        "lnd": [2],
        "anwb": [],
        "office": [],
    }
    assert {user: points_of(user) for user in ("tnm", "lnd", "anwb")} == {"tnm": [8], "lnd": [7], "anwb": [7]}
    disconnect(context, "lnd", "tnm", ALL)
    assert tokens_of("tnm") == [1]
    set_mode(context, ConnectionMode.OPEN)
    assert tokens_of("anwb") == [1, 2]


def test_a_disabled_partner_is_seen_by_nobody_whatever_the_connections(context, cast):
    set_tokens(context, cast.lnd, [token(2, hub=3)])
    close(context, ("lnd", "tnm"))
    assert seen(context, cast.tnm) == {cast.lnd.id}
    enrolment.disable(context, "lnd")
    assert seen(context, cast.tnm) == set()


def test_warnings_tell_nothing_of_lists_that_the_sender_does_not_see(app, context, cast):
    set_tokens(context, cast.anwb, [token(1, hub=0, token_id="04AABB", contract_id="NL-ANW-133094")])
    close(context)
    unknown = add(context, cast.tnm, cdr(1, token_id="04FFFF", evse_id="S1"))
    assert "CARD_UNKNOWN" not in unknown.warnings
    connect(context, "anwb", "tnm", ALL)
    assert "CARD_UNKNOWN" in add(context, cast.tnm, cdr(2, token_id="04FFFF", evse_id="S2")).warnings
    # A card that a list has which the sender does not see.
    answer = Caller(app, "lnd").upload("SetRoamingAuthorisationList", token(1, hub=0, token_id="04AABB"))
    assert answer.code == 0
    assert "OF_ANOTHER" not in answer.text("resultDescription")
    newest = [entry for entry in trail.entries(context) if entry.action == "list.replace"][-1]
    assert json.loads(newest.detail)["foreign"] == {"TOKEN_OF_ANOTHER": 1}


# ---------------------------------------------------------------------- CDRs and statements


def test_a_cdr_without_a_connection_is_held_like_one_of_nobody_and_pending_when_the_two_are_connected(context, cast):
    close(context)
    added = add(context, cast.tnm, cdr(1), cdr(2, provider_id="nobody at all"), cdr(3, provider_id="TheNewMotion"))
    assert [str(outcome) for outcome in added.outcomes] == ["held", "held", "pending"]
    # Nothing tells a provider that is not connected from one that does not exist.
    assert added.unowned_provider_ids == ("ANWB", "nobody at all")
    assert statuses(context) == {"1": Status.HELD, "2": Status.HELD, "3": Status.PENDING}
    assert [(each.operator, each.provider, each.cdr_count) for each in unconnected(context)] == [("tnm", "anwb", 1)]
    assert [each.provider_id for each in held(context)] == ["nobody at all"]
    assert [total.provider_key for total in preview(context)] == ["thenewmotion"]
    connect(context, "anwb", "tnm", ALL)
    assert statuses(context)["1"] is Status.PENDING
    assert unconnected(context) == []
    done = run.clear(context, "office", next(_requests))
    assert done.cdr_count == 2
    assert list(verify(context)) == []


def test_the_answer_to_an_upload_is_the_same_for_who_is_not_connected_and_for_who_is_not_there(app, context, cast):
    close(context)

    def told(number, provider_id):
        record = cdr(number, provider_id=provider_id, evse_id=f"S{number}", contract_id=f"NL-ANW-13309{number}")
        answer = Caller(app, "tnm").upload("AddCDRs", record)
        return answer.text("resultDescription").replace(provider_id, "X").partition(" request ")[0]

    assert told(1, "ANWB") == told(2, "NOBO")


def test_a_session_that_began_while_the_two_were_connected_is_cleared_after_the_end(context, cast, clock):
    clock.now = clock.now.replace(day=22, hour=8)
    close(context, ("anwb", "tnm"))
    clock.now = clock.now.replace(hour=10)
    disconnect(context, "anwb", "tnm", ALL)
    clock.now = clock.now.replace(day=23)

    def at(number, start, end):
        times = {"start_datetime": f"2014-01-22T{start}:00Z", "end_datetime": f"2014-01-22T{end}:00Z"}
        return cdr(number, duration="", evse_id=f"S{number}", **times)

    records = [at(1, "07:59", "09:30"), at(2, "08:00", "11:00"), at(3, "09:59", "10:30"), at(4, "10:00", "11:00")]
    added = add(context, cast.tnm, *records)
    expected = {"1": "held", "2": "pending", "3": "pending", "4": "held"}
    assert [str(outcome) for outcome in added.outcomes] == list(expected.values())
    assert {name: status.value for name, status in statuses(context).items()} == expected
    assert run.clear(context, "office", next(_requests)).cdr_count == 2
    assert sorted(fetched(context, cast.anwb)[1]) == ["2", "3"]


def test_what_was_cleared_stays_with_both_after_the_end_of_the_connection(context, cast, clock):
    close(context, ("anwb", "tnm"))
    clock.turn(hours=1)
    add(context, cast.tnm, cdr(1))
    run.clear(context, "office", next(_requests))
    clock.turn(hours=1)
    disconnect(context, "anwb", "tnm", ALL)
    assert fetched(context, cast.anwb)[1] == ["1"]
    with open_statement(context, context.statement_cache, cast.anwb.id, [1], "csv") as file:
        assert b"TheNewMotion" in file.read()
    assert list(verify(context)) == []


def test_a_statement_of_a_provider_says_nothing_of_cdrs_that_wait_for_a_connection(context, cast, clock):
    close(context, ("anwb", "tnm"))
    clock.turn(hours=1)
    add(context, cast.tnm, cdr(1))
    add(context, cast.lnd, cdr(2, operator_id="ladenetz.de"))
    run.clear(context, "office", next(_requests))
    with context.database.read() as snapshot:
        rows = snapshot.execute(
            text("SELECT operator_partner_id, provider_partner_id, cdr_count FROM clearing_run_open_item")
        ).all()
    assert [tuple(row) for row in rows] == [(cast.lnd.id, None, 1)]


# ---------------------------------------------------------------------- the sequence of changes


def since(context, reader, number, lists=TOKENS, form=token_format.FORMAT):
    place = form.place("token_id" if lists is TOKENS else "evse_id")
    return [
        (each.seq, row_of(each.payload)[place], each.gone) for each in changes_for(context, lists, reader.id, number)
    ]


def newest(context, lists=TOKENS):
    with context.database.read() as snapshot:
        return newest_number(snapshot, lists.keyed)


def uid(number):
    return token(number).token_id


def test_a_connection_that_is_entered_makes_the_list_new_and_one_that_ends_makes_it_gone_for_that_reader(context, cast):
    set_tokens(context, cast.lnd, [token(1, hub=3), token(2, hub=3)])
    close(context)
    for number in (0, 1):
        told = {(key, is_gone) for _, key, is_gone in since(context, cast.tnm, number)}
        assert told == {(uid(1), True), (uid(2), True)}
    start = newest(context)
    assert since(context, cast.tnm, start) == []
    connect(context, "lnd", "tnm", ALL)
    assert since(context, cast.tnm, start) == [(start + 1, uid(1), False), (start + 1, uid(2), False)]
    assert since(context, cast.anwb, start) == []
    seen_to = newest(context)
    set_tokens(context, cast.lnd, [token(2, hub=3), token(3, hub=3)])
    assert since(context, cast.tnm, seen_to) == [(seen_to + 1, uid(3), False), (seen_to + 1, uid(1), True)]
    assert since(context, cast.anwb, seen_to) == []
    disconnect(context, "lnd", "tnm", ALL)
    # Whoever last asked before the upload is told of what it removed, too.
    assert {(key, is_gone) for _, key, is_gone in since(context, cast.tnm, seen_to)} == {
        (uid(1), True),
        (uid(2), True),
        (uid(3), True),
    }
    assert {(key, is_gone) for _, key, is_gone in since(context, cast.tnm, seen_to + 1)} == {
        (uid(2), True),
        (uid(3), True),
    }
    assert since(context, cast.tnm, newest(context)) == []


def test_locations_go_the_other_way(context, cast):
    set_charge_points(context, cast.lnd, [charge_point(1)])
    close(context)
    start = newest(context, CHARGE_POINTS)
    connect(context, "anwb", "lnd", [ConnectionKind.LOCATIONS])
    form = charge_point_format.FORMAT
    assert [key for _, key, _ in since(context, cast.anwb, start, CHARGE_POINTS, form)] == ["DE*LND*E00001"]
    assert since(context, cast.tnm, start, CHARGE_POINTS, form) == []


def test_a_partner_that_is_disabled_is_gone_for_everybody_and_new_when_it_comes_back(context, cast):
    set_tokens(context, cast.lnd, [token(1, hub=3)])
    start = newest(context)
    enrolment.disable(context, "lnd")
    assert [(key, is_gone) for _, key, is_gone in since(context, cast.tnm, start)] == [(uid(1), True)]
    enrolment.enable(context, "lnd")
    assert [(key, is_gone) for _, key, is_gone in since(context, cast.tnm, start)] == [(uid(1), False)]
    assert [(key, is_gone) for _, key, is_gone in since(context, cast.anwb, start)] == [(uid(1), False)]


def test_the_mode_of_the_house_is_a_change_for_everybody(context, cast):
    set_tokens(context, cast.lnd, [token(1, hub=3)])
    set_tokens(context, cast.tnm, [token(2)])
    connect(context, "lnd", "tnm", ALL)
    start = newest(context)
    set_mode(context, ConnectionMode.CLOSED)
    assert {(key, is_gone) for _, key, is_gone in since(context, cast.anwb, start)} == {(uid(1), True), (uid(2), True)}
    assert since(context, cast.tnm, start) == []  # it is connected with the one, and its own list it always saw


def test_a_list_that_a_reader_never_saw_is_never_told_of_not_even_as_gone(context, cast):
    set_tokens(context, cast.anwb, [token(9, hub=0)])
    close(context)
    seen_to = newest(context)
    set_tokens(context, cast.lnd, [token(1, hub=3), token(2, hub=3)])
    set_tokens(context, cast.lnd, [token(2, hub=3)])
    connect(context, "lnd", "tnm", ALL)
    enrolment.disable(context, "lnd")
    enrolment.enable(context, "lnd")
    disconnect(context, "lnd", "tnm", ALL)
    for number in range(seen_to + 1):
        told = {key for _, key, _ in since(context, cast.anwb, number)}
        assert told & {uid(1), uid(2)} == set(), number
    set_mode(context, ConnectionMode.OPEN)
    set_mode(context, ConnectionMode.CLOSED)
    # Now it may have seen what stood while the house was open.
    assert (uid(2), True) in {(key, is_gone) for _, key, is_gone in since(context, cast.anwb, seen_to)}


def test_what_was_removed_while_a_list_was_hidden_is_gone_when_it_is_seen_again(context, cast):
    set_tokens(context, cast.lnd, [token(1, hub=3), token(2, hub=3)])
    start = newest(context)
    set_tokens(context, cast.lnd, [token(1, hub=3)])
    enrolment.disable(context, "lnd")
    enrolment.enable(context, "lnd")
    told = [(key, is_gone) for _, key, is_gone in since(context, cast.tnm, start)]
    assert sorted(told) == [(uid(1), False), (uid(2), True)]


def test_a_record_that_changed_while_it_was_hidden_is_gone_for_who_saw_it_and_a_new_one_is_told_to_nobody(
    context, cast
):
    """Whoever asks next, and when: the numbers are of the changes themselves."""
    set_tokens(context, cast.lnd, [token(1, hub=3), token(2, hub=3), token(3, hub=3)])
    close(context)
    connect(context, "lnd", "tnm", ALL)
    seen_to = newest(context)
    disconnect(context, "lnd", "tnm", ALL)
    changed = [token(number, hub=3, printed_number="new") for number in (1, 2, 77)]
    for uploads in (
        [changed],  # as a difference, or written anew as a whole
        [[token(8, hub=3)], changed],  # gone and back again
        [[changed[0], token(9, hub=3)], [token(9, hub=3)]],  # changed, then gone
    ):
        for upload in uploads:
            set_tokens(context, cast.lnd, upload)
        told = {(key, is_gone) for _, key, is_gone in since(context, cast.tnm, seen_to)}
        assert told == {(uid(1), True), (uid(2), True), (uid(3), True)}
        assert since(context, cast.anwb, seen_to) == []


def test_what_is_removed_before_the_house_is_opened_is_gone_for_who_was_connected_and_no_news_for_others(context, cast):
    set_tokens(context, cast.lnd, [token(1, hub=3), token(2, hub=3)])
    close(context)
    connect(context, "lnd", "tnm", ALL)
    seen_to = newest(context)
    set_tokens(context, cast.lnd, [token(2, hub=3), token(3, hub=3)])
    set_tokens(context, cast.lnd, [token(2, hub=3)])
    set_mode(context, ConnectionMode.OPEN)
    assert (uid(1), True) in {(key, is_gone) for _, key, is_gone in since(context, cast.tnm, seen_to)}
    assert {(key, is_gone) for _, key, is_gone in since(context, cast.anwb, seen_to)} == {(uid(2), False)}


def test_in_an_open_house_entering_and_ending_connections_is_no_change_for_anybody(context, cast):
    set_tokens(context, cast.lnd, [token(1, hub=3)])
    start = newest(context)
    connect(context, "lnd", "tnm", ALL)
    disconnect(context, "lnd", "tnm", ALL)
    assert since(context, cast.tnm, start) == []


def test_numbers_of_visibility_and_of_lists_are_one_sequence(context, cast):
    close(context)
    for number in range(3):
        set_tokens(context, cast.lnd, [token(number, hub=3)])
        connect(context, "lnd", "tnm", ALL)
        newest(context)
        disconnect(context, "lnd", "tnm", ALL)
    newest(context)
    with context.database.read() as snapshot:
        of_lists = list(snapshot.execute(text("SELECT seq FROM list_change WHERE list = 'tokens'")).scalars())
        of_notes = list(snapshot.execute(text("SELECT seq FROM visibility_change WHERE kind = 'tokens'")).scalars())
    assert sorted([*of_lists, *of_notes]) == list(range(1, len(of_lists) + len(of_notes) + 1))


def test_a_connection_of_no_duration_leaves_no_trace_but_its_notes(context, cast):
    close(context)
    connect(context, "lnd", "tnm", ALL)
    disconnect(context, "lnd", "tnm", ALL)
    assert connections.all_connections(context, ended_too=True) == []
    assert list(verify(context)) == []
