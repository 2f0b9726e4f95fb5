"""Passwords that come with each request."""

import pytest

from cast import PASSWORDS
from echs.base.errors import Refused
from echs.partners import credentials, enrolment, login
from echs.partners.login import LoginReason
from echs.partners.market_ids import market_ids_of
from echs.partners.partner import PartyRole
from echs.partners.verified_passwords import MOST, SECONDS, VerifiedPasswords, partner_of_request


@pytest.fixture
def hashed(monkeypatch):
    """How many passwords were compared with a hash."""
    counted = []
    compare = login.matches
    monkeypatch.setattr(login, "matches", lambda *each: counted.append(each) or compare(*each))
    return counted


def refusal(*arguments) -> str:
    with pytest.raises(Refused) as caught:
        partner_of_request(*arguments, None)
    return caught.value.first.reason


def test_a_right_password_is_hashed_once_and_says_who_one_is(context, cast, hashed):
    verified = VerifiedPasswords()
    for user_id in ("tnm", "TNM", " tnm "):
        assert partner_of_request(context, verified, user_id, PASSWORDS["tnm"], None) == cast.tnm
    assert len(hashed) == 1


@pytest.mark.parametrize(
    ("user_id", "password"),
    [("tnm", "wrong"), ("nobody", "x"), ("tnm", ""), ("", ""), ("tnm\0", "x"), ("x" * 5000, "y")],
)
def test_a_wrong_one_is_hashed_each_time_and_gets_one_and_the_same_answer(context, cast, hashed, user_id, password):
    verified = VerifiedPasswords()
    partner_of_request(context, verified, "tnm", PASSWORDS["tnm"], None)
    for _ in range(2):
        assert refusal(context, verified, user_id, password) is LoginReason.LOGIN_REFUSED
    assert len(hashed) == 3


def test_a_changed_password_a_disabled_partner_and_a_removed_credential_end_at_once(context, cast):
    verified = VerifiedPasswords()
    credentials.add(context, "tnm", "tnm-second", "another password of tnm")
    partner_of_request(context, verified, "tnm", PASSWORDS["tnm"], None)
    partner_of_request(context, verified, "tnm-second", "another password of tnm", None)
    credentials.remove(context, "tnm", "tnm-second")
    assert refusal(context, verified, "tnm-second", "another password of tnm") is LoginReason.LOGIN_REFUSED
    enrolment.set_password(context, "tnm", "a new password of tnm")
    assert refusal(context, verified, "tnm", PASSWORDS["tnm"]) is LoginReason.LOGIN_REFUSED
    assert partner_of_request(context, verified, "tnm", "a new password of tnm", None).id == cast.tnm.id
    enrolment.disable(context, "tnm")
    assert refusal(context, verified, "tnm", "a new password of tnm") is LoginReason.LOGIN_REFUSED
    enrolment.enable(context, "tnm")
    assert partner_of_request(context, verified, "tnm", "a new password of tnm", None).id == cast.tnm.id


def test_what_was_verified_is_known_for_ten_minutes_and_of_so_many_only():
    now = [0.0]
    verified = VerifiedPasswords(lambda: now[0])
    verified.note("tnm", "a password", "hash")
    now[0] = SECONDS - 1
    assert verified.knows("tnm", "a password", "hash")
    assert not verified.knows("tnm", "a password", "another hash")
    assert not verified.knows("tn", "ma password", "hash")
    now[0] = SECONDS + 1
    assert not verified.knows("tnm", "a password", "hash")
    for each in range(MOST + 1):
        verified.note(str(each), "a password", "hash")
    assert not verified.knows("0", "a password", "hash")
    assert verified.knows("1", "a password", "hash")


def test_nothing_that_is_kept_holds_a_password(context, cast):
    verified = VerifiedPasswords()
    partner_of_request(context, verified, "tnm", PASSWORDS["tnm"], None)
    assert PASSWORDS["tnm"] not in str(vars(verified))


def test_wrong_ones_are_throttled_and_the_right_one_that_is_remembered_is_not(context, cast, hashed, monkeypatch):
    verified = VerifiedPasswords()
    throttle = context.throttle
    partner_of_request(context, verified, "tnm", PASSWORDS["tnm"], throttle)
    reasons = set()
    for _ in range(30):
        with pytest.raises(Refused) as caught:
            partner_of_request(context, verified, "tnm", "wrong", throttle)
        reasons.add(caught.value.first.reason)
    assert reasons == {LoginReason.LOGIN_REFUSED, LoginReason.LOGIN_THROTTLED}
    assert partner_of_request(context, verified, "tnm", PASSWORDS["tnm"], throttle) == cast.tnm


def test_a_partner_that_is_known_by_password_has_the_market_ids_that_were_entered(context, cast):
    entered = enrolment.set_market_id(context, "tnm", PartyRole.PROVIDER, "TheNewMotion", "NLTNM")
    known = partner_of_request(context, VerifiedPasswords(), "tnm", PASSWORDS["tnm"], None)
    assert known == entered
    assert market_ids_of(known, PartyRole.PROVIDER) == {"NLTNM"}
    assert market_ids_of(known, PartyRole.OPERATOR) == frozenset()
