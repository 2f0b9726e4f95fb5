"""A user id can change, and a partner can go for good; what happens to CDRs then is said."""

import json

import pytest

from cast import PASSWORDS, add_cdrs, cdr, verify
from echs import cli
from echs.base.errors import Refused
from echs.base.ids import new_request_id
from echs.clearing import run
from echs.partners import departure, enrolment
from echs.partners.login import log_in, partner_of_token
from echs.partners.queries import partner_of_user
from echs.serving import store_metrics


@pytest.fixture
def echs(environment, monkeypatch, capsys, tmp_path):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = cli.execute(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def add(context, sender, *records):
    return add_cdrs(context, sender, iter(records), new_request_id(), context.lists)


def test_a_renamed_partner_logs_in_with_the_new_user_id_and_its_past_keeps_the_old_one(context, cast):
    add(context, cast.tnm, cdr(1))
    run.clear(context, "test", new_request_id())
    token = log_in(context, "anwb", PASSWORDS["anwb"])
    assert departure.rename(context, "ANWB", "anwb-roaming").id == cast.anwb.id
    assert partner_of_token(context, token).user_id == "anwb-roaming"
    assert log_in(context, "anwb-roaming", PASSWORDS["anwb"])
    with pytest.raises(Refused):
        log_in(context, "anwb", PASSWORDS["anwb"])
    assert {party.user_id for party in run.run_of_number(context, 1)[2]} == {"tnm", "anwb"}
    assert list(verify(context)) == []
    for new, reason in (("TNM", "PARTNER_EXISTS"), (" x", "PARTNER_VALUE")):
        with pytest.raises(Refused) as refused:
            departure.rename(context, "anwb-roaming", new)
        assert refused.value.first.reason == reason
    assert departure.rename(context, "anwb-roaming", "ANWB-Roaming").user_id == "ANWB-Roaming"


def test_a_retired_partner_is_gone_for_good_and_its_ids_are_free(context, cast):
    token = log_in(context, "anwb", PASSWORDS["anwb"])
    gone = departure.retire(context, "anwb")
    assert (gone.active, gone.provider_ids, gone.retired_at) == (False, (), context.clock())
    for use in (
        lambda: partner_of_token(context, token),
        lambda: log_in(context, "anwb", PASSWORDS["anwb"]),
        lambda: enrolment.enable(context, "anwb"),
        lambda: departure.retire(context, "anwb"),
    ):
        with pytest.raises(Refused):
            use()
    enrolment.assign_ids(context, "lnd", enrolment.Ownership([], ["ANWB"], []))
    assert "ANWB" in partner_of_user(context, "lnd").provider_ids
    assert list(verify(context)) == []


def test_the_command_says_what_waits_and_what_was_not_fetched_and_asks(echs, context, cast):
    add(context, cast.tnm, cdr(1))
    run.clear(context, "test", new_request_id())
    add(context, cast.tnm, cdr(2), cdr(3))
    code, _, err = echs("partner", "retire", "anwb", "--yes")
    assert code == 0
    assert "2 CDRs would be held" in err
    assert "has not fetched 1 run" in err
    assert "2 CDRs for ANWB are now held" in err
    listed = [each["user_id"] for each in json.loads(echs("partner", "list", "--json")[1])]
    assert "anwb" not in listed
    assert "anwb" in [each["user_id"] for each in json.loads(echs("partner", "list", "--all", "--json")[1])]
    assert echs("partner", "enable", "anwb")[0] == 4
    code, _, err = echs("partner", "own", "lnd", "--provider", "ANWB")
    assert (code, "2 CDRs for ANWB are now pending" in err) == (0, True)


def test_disable_and_enable_say_how_many_cdrs_moved_and_remove_says_what_there_is_instead(echs, context, cast):
    add(context, cast.tnm, cdr(1))
    assert "1 CDR for ANWB is now held" in echs("partner", "disable", "anwb")[2]
    assert "echs partner enable anwb" in echs("partner", "show", "anwb")[2]
    assert "1 CDR for ANWB is now pending" in echs("partner", "enable", "anwb")[2]
    for name in ("remove", "delete"):
        code, _, err = echs("partner", name, "anwb")
        assert (code, "echs partner retire anwb" in err) == (2, True)


def test_a_shared_hub_number_is_said(echs, context, cast):
    code, _, err = echs("partner", "own", "lnd", "--hub", "5")
    assert (code, "hub 5 is shared with tnm" in err) == (0, True)
    assert "hub 5 is shared with lnd" in echs("partner", "show", "tnm")[2]
    assert "hub 5 is shared with tnm, lnd" in echs("partner", "add", "new", "--name", "New", "--hub", "5")[2]


def unfetched(context):
    with context.database.read() as snapshot:
        return {gauge.name: value for gauge, _, value in store_metrics.store_samples(snapshot, context.clock())}[
            "statements_unfetched"
        ]


def test_who_only_sends_cdrs_has_nothing_to_fetch_and_what_is_handed_over_counts_as_fetched(echs, context, cast):
    enrolment.revoke_ids(context, "tnm", enrolment.Ownership([], ["TheNewMotion"], []))
    add(context, cast.tnm, cdr(1))
    run.clear(context, "test", new_request_id())
    assert unfetched(context) == 1  # anwb's
    code, _, err = echs("statement", "draw", "1", "anwb", "--delivered")
    assert (code, "now counts as fetched by anwb" in err) == (0, True)
    assert unfetched(context) == 0
    assert "already" in echs("statement", "draw", "1", "anwb", "--delivered")[2]
    assert list(verify(context)) == []
