"""How long it is told that records are gone; who asks for changes since before that gets everything."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from cast import verify
from echs.lists import history, tombstones
from echs.protocols.ochp14.value_formats import as_date_time
from echs.protocols.record_formats import RECORD_FORMATS
from echs.tokens import tables
from echs.tokens.token_list import TOKENS
from ochp14 import drawn, token14, valid

CHANGES, LIST = "roamingAuthorisationInfo", "roamingAuthorisationInfoArray"
EVERYTHING = "replace your copy"
KEPT = timedelta(days=400)


def kept(context) -> int:
    with context.database.read() as snapshot:
        return snapshot.execute(select(func.count()).select_from(tables.token_former)).scalar()


@pytest.fixture
def gone(tnm, lnd, clock):
    """Tokens 1 to 3, of which the second one went; since before it went."""
    tnm.set(token14(1), token14(2), token14(3))
    clock.now += timedelta(days=1)
    since = clock.now
    tnm.set(token14(1), token14(3))
    return since


def test_within_the_days_changes_tell_what_is_gone(tnm, lnd, clock, context, gone):
    clock.now = gone + KEPT
    tnm.update(token14(4))
    answer = valid(lnd.updates(as_date_time(gone)))
    ended = drawn(token14(2, expiry_date=as_date_time(gone)))
    assert answer.tokens(CHANGES)[0] == ended
    assert EVERYTHING not in answer.text


def test_who_asks_since_before_gets_everything_and_is_told_so(tnm, lnd, clock, gone):
    clock.now = gone + KEPT + timedelta(seconds=1)
    answer = valid(lnd.updates(as_date_time(gone)))
    assert EVERYTHING in answer.text
    # It is kept a little longer than it must be told.
    assert drawn(token14(2, expiry_date=as_date_time(gone))) in answer.tokens(CHANGES)
    assert len(answer.tokens(CHANGES)) == 3


def test_an_upload_forgets_what_is_older_but_for_the_change_before(tnm, lnd, clock, context, gone):
    clock.now = gone + KEPT + timedelta(days=2)
    # Nothing changed: nothing is written.
    tnm.set(token14(1), token14(3))
    assert kept(context) == 1
    tnm.set(token14(1))
    assert kept(context) == 1
    answer = valid(lnd.updates(as_date_time(gone)))
    assert EVERYTHING in answer.text
    assert sorted(answer.tokens(CHANGES)) == sorted(
        [drawn(token14(1)), drawn(token14(3, expiry_date=as_date_time(clock())))]
    )
    since = as_date_time(clock() - KEPT + timedelta(days=1))
    assert EVERYTHING not in lnd.updates(since).text
    assert list(verify(context)) == []


def test_the_days_may_grow_again_and_what_was_forgotten_is_known(tnm, lnd, clock, context, gone):
    object.__setattr__(context.limits, "tombstone_days", 31)
    clock.now = gone + timedelta(days=33)
    tnm.set(token14(1))
    assert kept(context) == 1
    object.__setattr__(context.limits, "tombstone_days", 400)
    assert EVERYTHING in lnd.updates(as_date_time(gone)).text
    # A later, smaller step does not bring it back.
    clock.now += timedelta(days=1)
    tnm.set(token14(1), token14(5))
    assert EVERYTHING in lnd.updates(as_date_time(gone)).text
    assert EVERYTHING not in lnd.updates(as_date_time(gone + timedelta(days=3))).text


def test_the_last_change_can_be_taken_back_however_old_it_is(tnm, lnd, clock, context, gone, cast):
    clock.now = gone + KEPT + timedelta(days=700)
    assert TOKENS.forget_tombstones(context) == 0
    with context.database.write() as transaction:
        history.undo(
            context, transaction, TOKENS.keyed, RECORD_FORMATS.tokens, cast.tnm.id, cast.tnm.timezone, "the tokens"
        )
    assert sorted(lnd.get().tokens(LIST)) == sorted(drawn(token14(number)) for number in (1, 2, 3))


def test_a_purge_forgets_those_of_owners_that_send_nothing_more(tnm, lnd, clock, context, gone, monkeypatch):
    clock.now += timedelta(hours=1)
    tnm.set(token14(1))
    clock.now += timedelta(hours=1)
    tnm.update(token14(6))
    assert kept(context) == 2
    clock.now += timedelta(days=100)
    assert TOKENS.forget_tombstones(context) == 0
    clock.now += KEPT
    monkeypatch.setattr(tombstones, "MOST_AT_ONCE", 1)
    steps = []
    monkeypatch.setattr(
        tombstones, "horizon", lambda context, found=tombstones.horizon: steps.append(1) or found(context)
    )
    assert TOKENS.forget_tombstones(context) == 2
    assert (kept(context), len(steps)) == (0, 3)
    assert TOKENS.forget_tombstones(context) == 0
    assert list(verify(context)) == []


def test_a_token_that_came_back_is_gone_no_more_and_ends_anew(tnm, lnd, clock, gone):
    clock.now = gone + KEPT + timedelta(days=2)
    tnm.set(token14(1))
    since = as_date_time(clock.now)
    clock.now += timedelta(days=1)
    tnm.set(token14(1), token14(2))
    clock.now += timedelta(days=1)
    tnm.set(token14(1))
    ended = drawn(token14(2, expiry_date=as_date_time(clock.now)))
    assert ended in valid(lnd.updates(since)).tokens(CHANGES)
