"""The locks of PostgreSQL, each with two connections that want the same: one waits for the other.

SQLite has one writer from the start and needs none. Each race is run once more with the locks taken away, where it must
come out otherwise: so that the test is known to see them.
"""

import threading
import time
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from cast import add_cdrs, cdr, downloaded_tokens, set_tokens, token
from echs.base.database import Database
from echs.base.errors import Refused
from echs.lists import published_list
from echs.partners import credentials, enrolment, login
from echs.partners.login import lock_active_partner
from echs.tokens.token_list import TOKENS

pytestmark = [pytest.mark.parametrize("store_url", ["postgresql"], indirect=True), pytest.mark.timeout(60)]

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
WAITING_SECONDS = 20


@dataclass
class Other(threading.Thread):
    """Somebody else who does something at the same time."""

    do: object
    daemon: bool = True
    failed: list[BaseException] = field(default_factory=list)

    def __post_init__(self):
        super().__init__()
        self.start()

    def run(self):
        try:
            self.do()
        except BaseException as error:
            self.failed.append(error)

    __hash__ = threading.Thread.__hash__

    def waits(self, context):
        """Whether it comes to wait for a lock; False where it is through without."""
        end = time.monotonic() + WAITING_SECONDS
        while self.is_alive() and time.monotonic() < end:
            with context.database.read() as snapshot:  # each time anew: one transaction sees one state of the activity
                if snapshot.execute(WAITING).scalar():
                    return True
            time.sleep(0.01)
        return False


def disabled_during_an_upload(context, cast):
    """Whether to disable a partner waits for an upload that has seen that it is active."""
    with context.database.write() as transaction:
        lock_active_partner(context, transaction, cast.tnm)
        other = Other(lambda: enrolment.disable(context, "tnm"))
        waited = other.waits(context)
    other.join(WAITING_SECONDS)
    assert not other.failed
    return waited


def uploaded_while_disabled(context, cast, monkeypatch):
    """What becomes of an upload that comes to its end while its partner is being disabled."""
    told = []

    def noted_late(*arguments):
        told.append(Other(lambda: add_cdrs(context, cast.tnm, iter([cdr(1)]), "a" * 26, context.lists)))
        told[0].waits(context)
        return noted(*arguments)

    noted = enrolment.audited
    monkeypatch.setattr(enrolment, "audited", noted_late)
    enrolment.disable(context, "tnm")
    told[0].join(WAITING_SECONDS)
    return told[0].failed


def replaced_twice_at_once(context, cast, monkeypatch):
    """What becomes of the second of two lists of one partner that are stored at the same time."""
    set_tokens(context, cast.tnm, [token(1)])
    note, others = published_list.trail.record, []

    def note_late(*arguments, **named):
        if not others:
            others.append(Other(lambda: set_tokens(context, cast.tnm, [token(4), token(5), token(6)])))
            others[0].waits(context)
        return note(*arguments, **named)

    monkeypatch.setattr(published_list.trail, "record", note_late)
    set_tokens(context, cast.tnm, [token(2), token(3)])
    others[0].join(WAITING_SECONDS)
    return others[0].failed


@pytest.fixture
def without_locks(context, cast, monkeypatch):
    monkeypatch.setattr(Database, "lock", lambda *_, **__: None)


def test_to_disable_a_partner_waits_for_its_upload_that_is_being_stored(context, cast):
    assert disabled_during_an_upload(context, cast)


def test_without_the_lock_it_would_not_wait(context, cast, without_locks):
    assert not disabled_during_an_upload(context, cast)


def test_an_upload_waits_for_its_partner_to_be_disabled_and_is_refused(context, cast, monkeypatch):
    (error,) = uploaded_while_disabled(context, cast, monkeypatch)
    assert isinstance(error, Refused)
    assert error.first.reason == "LOGIN_TOKEN_UNKNOWN"


def test_without_the_lock_an_upload_of_a_disabled_partner_would_be_accepted(context, cast, monkeypatch, without_locks):
    assert uploaded_while_disabled(context, cast, monkeypatch) == []


def test_of_two_lists_at_once_the_second_waits_and_stands(context, cast, monkeypatch):
    assert replaced_twice_at_once(context, cast, monkeypatch) == []
    assert [record.token_id for record in downloaded_tokens(context)] == [token(n).token_id for n in (4, 5, 6)]
    assert TOKENS.states(context)[cast.tnm.id].generation == 3


def test_without_the_lock_the_second_of_two_lists_would_fail(context, cast, monkeypatch, without_locks):
    (error,) = replaced_twice_at_once(context, cast, monkeypatch)
    assert not isinstance(error, AssertionError)


@pytest.mark.parametrize("change", ["remove", "set_password"])
def test_a_login_that_is_being_made_with_a_credential_ends_when_that_is_taken_away_or_changed(
    context, cast, monkeypatch, change
):
    credentials.add(context, "tnm", "second", "password of the second")
    begun, go_on, tokens = threading.Event(), threading.Event(), []
    hashed = login.token_hash

    def slowly(token):  # inside the transaction, when the credential was looked at
        begun.set()
        assert go_on.wait(WAITING_SECONDS)
        return hashed(token)

    with monkeypatch.context() as slow:
        slow.setattr(login, "token_hash", slowly)
        who = Other(lambda: tokens.append(login.log_in(context, "second", "password of the second")))
        assert begun.wait(WAITING_SECONDS)
        verb, more = getattr(credentials, change), ["another password"] * (change == "set_password")
        office = Other(lambda: verb(context, "tnm", "second", *more))
        assert office.waits(context)
        go_on.set()
        for each in (who, office):
            each.join(WAITING_SECONDS)
    assert (who.failed, office.failed, len(tokens)) == ([], [], 1)
    with pytest.raises(Refused) as refused:
        login.partner_of_token(context, tokens[0])
    assert refused.value.first.reason is login.LoginReason.LOGIN_TOKEN_UNKNOWN
