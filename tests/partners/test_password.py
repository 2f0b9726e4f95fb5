"""Passwords as they are typed: accents in either form, and those that anybody would try."""

import pytest

from cast import PASSWORDS
from echs.base.errors import Refused
from echs.partners import enrolment
from echs.partners.login import log_in
from echs.partners.partner import password_problem
from echs.partners.password import hash_password, hashing, matches

COMPOSED, APART = "pässwörter né", "pa\u0308sswo\u0308rter ne\u0301"


@pytest.mark.parametrize("given", [COMPOSED, APART])
@pytest.mark.parametrize("typed", [COMPOSED, APART])
def test_an_accent_may_be_one_sign_or_two_at_enrolment_and_at_login(context, cast, given, typed):
    enrolment.set_password(context, "tnm", given)
    assert len(log_in(context, "tnm", typed)) == 64


@pytest.mark.parametrize("typed", [COMPOSED, APART])
def test_a_hash_of_an_earlier_version_still_opens_with_what_was_typed_then(typed):
    assert matches(typed, hashing().hash(typed))
    assert not matches(typed + "x", hashing().hash(typed))


def test_a_password_that_would_grow_beyond_measure_is_taken_as_it_is():
    long = "\ufdfa" * 256
    assert matches(long, hash_password(long))


@pytest.mark.parametrize("weak", ["password", "PassWord", "aaaaaaaa", "12345678", "abababab", "changeme"])
def test_a_password_that_anybody_would_try_is_refused_and_not_repeated(context, cast, weak):
    with pytest.raises(Refused) as refused:
        enrolment.set_password(context, "tnm", weak)
    assert weak not in str(refused.value)
    assert len(log_in(context, "tnm", PASSWORDS["tnm"])) == 64


def test_a_sentence_is_no_weak_password():
    assert password_problem("password of tnm") is None
