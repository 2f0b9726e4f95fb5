"""The roaming authorisation list."""

import threading

import pytest
from sqlalchemy import func, select

from cast import downloaded_tokens, set_tokens, token
from echs.base.errors import Refused
from echs.base.fields import FieldReason, UploadReason
from echs.partners import enrolment
from echs.partners.enrolment import Ownership
from echs.protocols.ochp02.token_format import FIELDS, TokenFormatReason
from echs.tokens import tables
from echs.tokens.token import TokenReason
from echs.tokens.token_list import TOKENS


def refusal(context, owner, records) -> Refused:
    with pytest.raises(Refused) as caught:
        set_tokens(context, owner, iter(records))
    return caught.value


def test_everybody_gets_the_lists_of_all_in_a_stable_order(context, cast):
    set_tokens(context, cast.lnd, [token(3, hub=3), token(1, hub=0)])
    set_tokens(context, cast.tnm, [token(9), token(8)])
    expected = [token(9), token(8), token(3, hub=3), token(1, hub=0)]
    assert list(downloaded_tokens(context)) == expected
    assert list(downloaded_tokens(context)) == expected


def test_an_upload_replaces_the_whole_list_of_its_sender_and_no_other(context, cast):
    set_tokens(context, cast.lnd, [token(1, hub=0)])
    set_tokens(context, cast.tnm, [token(2), token(3)])
    set_tokens(context, cast.tnm, [token(4)])
    assert list(downloaded_tokens(context)) == [token(4), token(1, hub=0)]
    with context.database.read() as snapshot:
        standing = tables.token.join(tables.token_list, TOKENS.keyed.all_standing)
        assert snapshot.execute(select(func.count()).select_from(standing)).scalar() == 2


def test_identical_repetitions_collapse_into_the_first(context, cast):
    done = set_tokens(context, cast.tnm, [token(1), token(2), token(1), token(1)])
    assert (done.stored, done.repeated) == (2, 2)
    assert list(downloaded_tokens(context)) == [token(1), token(2)]


def test_one_token_with_two_contents_is_refused_and_both_positions_are_named(context, cast):
    refused = refusal(context, cast.tnm, [token(1), token(2), token(1, pin_mandatory=1)])
    assert refused.first.reason is TokenReason.TOKEN_TWICE
    assert refused.first.position == 2
    assert "positions 0 and 2" in refused.first.detail


def test_the_same_number_under_another_type_is_another_token(context, cast):
    done = set_tokens(context, cast.tnm, [token(1), token(1, token_type=2)])
    assert done.stored == 2


def test_a_refused_upload_leaves_the_old_list(context, cast):
    set_tokens(context, cast.tnm, [token(1)])
    refusal(context, cast.tnm, [token(2), token(3), token(4, expiry_date="31.12.2027")])
    assert list(downloaded_tokens(context)) == [token(1)]


def test_an_empty_upload_is_refused_because_it_once_wiped_lists(context, cast):
    set_tokens(context, cast.tnm, [token(1)])
    assert refusal(context, cast.tnm, []).first.reason is UploadReason.UPLOAD_EMPTY
    assert list(downloaded_tokens(context)) == [token(1)]


def test_an_upload_that_breaks_off_leaves_the_old_list(context, cast):
    set_tokens(context, cast.tnm, [token(1)])

    def broken():
        yield token(2)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        set_tokens(context, cast.tnm, broken())
    assert list(downloaded_tokens(context)) == [token(1)]


def test_a_hub_that_is_taken_away_during_an_upload_is_gone(context, cast):
    def taken_away():
        yield token(1)
        enrolment.revoke_ids(context, "tnm", Ownership([], [], [5]))

    with pytest.raises(Refused) as caught:
        set_tokens(context, cast.tnm, taken_away())
    assert caught.value.first.reason is TokenReason.HUB_NOT_YOURS
    assert list(downloaded_tokens(context)) == []


def test_a_number_in_the_wrong_column_is_not_repeated(context, cast):
    for change in ({"pin_mandatory": 4711}, {"token_type": 4711}, {"hub": 4711}, {"expiry_date": "4711"}):
        assert "4711" not in refusal(context, cast.tnm, [token(1, **change)]).first.detail


@pytest.mark.parametrize("value", ["2027-12-31", "31/02/2027", "31.12.27"])
def test_a_wrong_date_is_repeated(context, cast, value):
    assert refusal(context, cast.tnm, [token(1, expiry_date=value)]).first.detail.startswith(f'"{value}" is not a d')


def test_the_list_of_a_disabled_partner_is_not_given_out_and_comes_back_with_it(context, cast):
    set_tokens(context, cast.tnm, [token(1)])
    enrolment.disable(context, "tnm")
    assert list(downloaded_tokens(context)) == []
    enrolment.enable(context, "tnm")
    assert list(downloaded_tokens(context)) == [token(1)]


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"hub": 3}, TokenReason.HUB_NOT_YOURS, "hub"),
        ({"hub": -1}, TokenReason.HUB_NOT_YOURS, "hub"),
        ({"token_type": 4}, TokenFormatReason.TOKEN_TYPE_UNKNOWN, "token_type"),
        ({"pin_mandatory": 2}, TokenFormatReason.TOKEN_FLAG_VALUE, "pin_mandatory"),
        ({"activated": -1}, TokenFormatReason.TOKEN_FLAG_VALUE, "activated"),
        ({"expiry_date": "2027-12-31"}, TokenFormatReason.TOKEN_EXPIRY_FORMAT, "expiry_date"),
        ({"expiry_date": "31/02/2027"}, TokenFormatReason.TOKEN_EXPIRY_FORMAT, "expiry_date"),
        ({"contract_id": ""}, FieldReason.FIELD_MISSING, "contract_id"),
        ({"token_id": " "}, FieldReason.FIELD_MISSING, "token_id"),
        ({"token_hash": "a\nb"}, FieldReason.FIELD_CONTROL_CHARACTER, "token_hash"),
    ],
)
def test_what_is_wrong_with_a_token_is_named(context, cast, change, reason, field):
    problem = refusal(context, cast.tnm, [token(0), token(1, **change)]).first
    assert (problem.reason, problem.field, problem.position) == (reason, field, 1)


def test_the_empty_values_of_real_lists_are_accepted(context, cast):
    bare = token(1, printed_number="", expiry_date="", pin="", token_hash="", hub=0)
    old = token(2, expiry_date="01/01/1970", token_hash="null")
    assert set_tokens(context, cast.tnm, [bare, old]).stored == 2


@pytest.mark.parametrize("field", [field for field in FIELDS if field.limit > 10], ids=lambda field: field.name)
def test_each_text_may_be_as_long_as_its_limit(context, cast, field):
    longest = token(1, **{field.name: "Ł" * field.limit})
    set_tokens(context, cast.tnm, [longest])
    assert list(downloaded_tokens(context)) == [longest]
    problem = refusal(context, cast.tnm, [token(1, **{field.name: "Ł" * (field.limit + 1)})]).first
    assert (problem.reason, problem.field) == (FieldReason.FIELD_TOO_LONG, field.name)


def test_no_pin_and_no_card_number_is_in_a_refusal(context, cast):
    canary = "CANARY\x01"
    for field in ("pin", "token_id", "printed_number", "token_hash"):
        refused = refusal(context, cast.tnm, [token(1, **{field: canary})])
        assert "CANARY" not in repr(refused.problems)


def test_downloads_during_replacements_are_never_a_mixture(context, cast):
    generations = [[token(i, printed_number=str(g)) for i in range(60)] for g in range(8)]
    set_tokens(context, cast.tnm, generations[0])
    seen, stop = [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append({(record.printed_number) for record in downloaded_tokens(context)})

    reader = threading.Thread(target=read)
    reader.start()
    for generation in generations[1:]:
        set_tokens(context, cast.tnm, generation)
    stop.set()
    reader.join(30)
    assert seen
    assert all(len(generation) == 1 for generation in seen)


def test_the_state_of_a_list_says_how_many_and_since_when(context, cast, clock):
    assert TOKENS.states(context) == {}
    set_tokens(context, cast.tnm, [token(1), token(2)])
    clock.turn(hours=1)
    set_tokens(context, cast.tnm, [token(1)])
    state = TOKENS.states(context)[cast.tnm.id]
    assert (state.record_count, state.generation, state.replaced_at) == (1, 2, clock.now)
