"""What partners log in with: several names may be one partner, each with a password and logins of its own."""

import pytest

from cast import PASSWORDS, verify
from echs.audit import trail
from echs.base.errors import Refused
from echs.partners import credentials, departure, enrolment
from echs.partners.credential import CredentialReason
from echs.partners.login import LoginReason, log_in, partner_of_token
from echs.partners.partner import PartnerReason
from wire import Caller

SECOND = "password of the second"


def refusal(verb, *arguments):
    with pytest.raises(Refused) as refused:
        verb(*arguments)
    return refused.value.first.reason


def test_a_second_name_logs_in_as_the_same_partner(app, context, cast, monkeypatch):
    monkeypatch.setitem(PASSWORDS, "tnm-roaming", SECOND)
    credentials.add(context, "tnm", "tnm-roaming", SECOND)
    token = log_in(context, "TNM-Roaming", SECOND)
    assert partner_of_token(context, token).id == cast.tnm.id
    assert Caller(app, "tnm-roaming").send("GetRoamingAuthorisationList").code == 0
    for name, password in (("tnm", SECOND), ("tnm-roaming", PASSWORDS["tnm"])):
        assert refusal(log_in, context, name, password) is LoginReason.LOGIN_REFUSED
    assert [(each.name, each.own) for each in credentials.all_of(context, "tnm")] == [
        ("tnm", True),
        ("tnm-roaming", False),
    ]
    assert list(verify(context)) == []


def test_a_name_is_one_partners_alone(context, cast):
    credentials.add(context, "tnm", "second", SECOND)
    for user_id, name in (("lnd", "Second"), ("lnd", "tnm"), ("lnd", "lnd"), ("tnm", "second")):
        assert refusal(credentials.add, context, user_id, name, SECOND) is CredentialReason.CREDENTIAL_EXISTS
    with pytest.raises(Refused) as refused:
        enrolment.add_partner(context, "second", "Second", "a password of 20 signs", enrolment.Ownership())
    assert refused.value.first.reason is PartnerReason.PARTNER_EXISTS
    assert refusal(departure.rename, context, "lnd", "second") is PartnerReason.PARTNER_EXISTS
    assert refusal(credentials.add, context, "tnm", " x", SECOND) is PartnerReason.PARTNER_VALUE
    assert refusal(credentials.add, context, "tnm", "third", "short") is PartnerReason.PARTNER_VALUE
    assert refusal(credentials.add, context, "nobody", "third", SECOND) is PartnerReason.PARTNER_UNKNOWN


def test_a_new_password_of_one_name_ends_its_logins_and_no_others(context, cast):
    credentials.add(context, "tnm", "second", SECOND)
    own, other = log_in(context, "tnm", PASSWORDS["tnm"]), log_in(context, "second", SECOND)
    credentials.set_password(context, "tnm", "second", "another password")
    assert refusal(partner_of_token, context, other) is LoginReason.LOGIN_TOKEN_UNKNOWN
    assert partner_of_token(context, own).user_id == "tnm"
    assert refusal(log_in, context, "second", SECOND) is LoginReason.LOGIN_REFUSED
    other = log_in(context, "second", "another password")
    # That of the user id is the partner's: all logins end, as they always did.
    enrolment.set_password(context, "tnm", "a third password")
    for token in (own, other):
        assert refusal(partner_of_token, context, token) is LoginReason.LOGIN_TOKEN_UNKNOWN
    assert log_in(context, "second", "another password")
    assert list(verify(context)) == []


def test_a_name_that_is_taken_away_ends_with_its_logins(context, cast):
    credentials.add(context, "tnm", "second", SECOND)
    own, other = log_in(context, "tnm", PASSWORDS["tnm"]), log_in(context, "second", SECOND)
    credentials.remove(context, "tnm", "SECOND")
    assert refusal(partner_of_token, context, other) is LoginReason.LOGIN_TOKEN_UNKNOWN
    assert partner_of_token(context, own).user_id == "tnm"
    assert refusal(log_in, context, "second", SECOND) is LoginReason.LOGIN_REFUSED
    assert refusal(credentials.remove, context, "tnm", "second") is CredentialReason.CREDENTIAL_UNKNOWN
    assert refusal(credentials.remove, context, "lnd", "tnm") is CredentialReason.CREDENTIAL_UNKNOWN
    assert refusal(credentials.remove, context, "tnm", "tnm") is CredentialReason.CREDENTIAL_OWN
    assert list(verify(context)) == []


def test_a_disabled_partner_logs_in_with_none_of_its_names(context, cast):
    credentials.add(context, "tnm", "second", SECOND)
    enrolment.disable(context, "tnm")
    assert refusal(log_in, context, "second", SECOND) is LoginReason.LOGIN_REFUSED


def test_a_partner_that_is_renamed_keeps_its_other_names(context, cast):
    credentials.add(context, "tnm", "second", SECOND)
    departure.rename(context, "tnm", "newmotion")
    assert log_in(context, "newmotion", PASSWORDS["tnm"])
    assert log_in(context, "second", SECOND)
    assert refusal(log_in, context, "tnm", PASSWORDS["tnm"]) is LoginReason.LOGIN_REFUSED
    # A name of its own may become its user id.
    credentials.remove(context, "newmotion", "second")
    assert [each.name for each in credentials.all_of(context, "newmotion")] == ["newmotion"]
    assert list(verify(context)) == []


def test_a_partner_does_not_take_the_name_of_another_credential_of_its_own_for_a_user_id(context, cast):
    credentials.add(context, "tnm", "second", SECOND)
    assert refusal(departure.rename, context, "tnm", "second") is PartnerReason.PARTNER_EXISTS
    assert departure.rename(context, "tnm", "TNM").user_id == "TNM"


def test_no_password_and_no_hash_is_in_the_trail(context, cast):
    credentials.add(context, "tnm", "second", SECOND)
    credentials.set_password(context, "tnm", "second", "another password")
    told = "".join(entry.detail for entry in trail.entries(context))
    assert SECOND not in told
    assert "argon2" not in told
