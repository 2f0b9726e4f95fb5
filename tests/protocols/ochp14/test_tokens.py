"""The token operations of OCHP 1.4, each through the whole application; every answer is valid by the contract."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from echs.lists import published_list, refused_records
from echs.partners import connections, enrolment
from echs.partners.connection import ConnectionKind, ConnectionMode
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.value_formats import as_date_time
from ochp14 import FAR, Caller14, drawn, token14, token_xml, valid

LONG_AGO = "2020-01-01T00:00:00Z"
LIST = "roamingAuthorisationInfoArray"
CHANGES = "roamingAuthorisationInfo"
REFUSED = "refusedRoamingAuthorisationInfo"


def test_what_is_set_comes_out_as_it_was_sent(tnm, lnd):
    sent = [
        token14(1),
        token14(2, token_sub_type="", printed_number=""),
        token14(3, representation="plain", token_sub_type="calypso", printed_number="<&> \N{EURO SIGN} 'q' \"d\""),
        token14(4, representation="sha-256", instance="AB" * 32),
        token14(5, token_type="15118", token_sub_type="", instance="NLTNMC00000005"),
        token14(6, contract_id="nltnmc00000006"),
    ]
    answer = valid(tnm.set(*sent))
    assert answer.code == "ok"
    assert "6 tokens: 6 new" in answer.text
    assert valid(lnd.get()).tokens(LIST) == list(map(drawn, sent))
    assert valid(lnd.updates(LONG_AGO)).tokens(CHANGES) == list(map(drawn, sent))


def test_a_regular_list_goes_past_the_parser_and_comes_out_the_same(tnm, lnd, context):
    sent = [token14(number, representation="plain") for number in range(2500)]
    assert valid(tnm.set(*sent)).code == "ok"
    assert lnd.get().tokens(LIST) == sent
    assert lnd.send("GetRoamingAuthorisationList", HTTP_ACCEPT_ENCODING="gzip").tokens(LIST) == sent


def test_the_same_list_every_day_changes_nothing_for_anybody(tnm, lnd, clock):
    assert tnm.set(token14(1), token14(2)).code == "ok"
    clock.now += timedelta(days=1)
    again = tnm.set(token14(2), token14(1))
    assert "0 new, 0 changed, 0 removed" in again.text
    assert valid(lnd.updates(as_date_time(clock() - timedelta(hours=1)))).tokens(CHANGES) == []


def test_only_what_changed_is_given_since_a_time_with_some_minutes_before_it(tnm, lnd, clock):
    tnm.set(token14(1), token14(2))
    clock.now += timedelta(hours=1)
    tnm.update(token14(3))
    clock.now += timedelta(minutes=4)
    assert lnd.updates(as_date_time(clock())).tokens(CHANGES) == [drawn(token14(3))]
    clock.now += timedelta(minutes=10)
    answer = valid(lnd.updates(as_date_time(clock())))
    assert (answer.code, answer.tokens(CHANGES)) == ("ok", [])
    assert f"State of {as_date_time(clock())}" in answer.text


def test_who_asks_from_the_future_is_told_what_changed_until_now(tnm, lnd, clock):
    tnm.set(token14(1))
    answer = lnd.updates(as_date_time(clock() + timedelta(days=300)))
    assert answer.tokens(CHANGES) == [drawn(token14(1))]


def test_who_asks_from_before_everything_is_told_to_replace_its_copy(tnm, lnd):
    tnm.set(token14(1))
    assert "replace your copy" in lnd.updates(LONG_AGO).text


def test_a_token_that_is_gone_is_given_once_more_as_one_that_has_ended(tnm, lnd, clock):
    tnm.set(token14(1), token14(2))
    clock.now += timedelta(hours=1)
    assert "1 removed" in tnm.set(token14(1)).text
    assert valid(lnd.updates(LONG_AGO)).tokens(CHANGES) == [
        drawn(token14(2, expiry_date=as_date_time(clock()))),
        drawn(token14(1)),
    ]
    assert lnd.get().tokens(LIST) == [drawn(token14(1))]
    assert lnd.single(token14(2)).code == "invalid-id"


def test_a_token_that_had_ended_before_it_went_keeps_its_end(tnm, lnd, clock):
    past = as_date_time(clock() - timedelta(days=3))
    tnm.set(token14(1), token14(2, expiry_date=past))
    tnm.set(token14(1))
    assert drawn(token14(2, expiry_date=past)) in lnd.updates(LONG_AGO).tokens(CHANGES)


def test_an_update_adds_and_changes_and_never_removes(tnm, lnd):
    tnm.set(token14(1), token14(2))
    answer = valid(tnm.update(token14(2, printed_number="new"), token14(3)))
    assert answer.code == "ok"
    assert "1 new, 1 changed" in answer.text
    assert lnd.get().tokens(LIST) == [drawn(token14(1)), drawn(token14(2, printed_number="new")), drawn(token14(3))]
    assert "0 new, 0 changed" in tnm.update(token14(3)).text


@pytest.mark.parametrize(
    ("wrong", "reason", "place"),
    [
        (token14(2, contract_id="DE-LND-C00000002-1"), "CONTRACT_NOT_YOURS", "contractId"),
        (token14(2, contract_id="somebody"), "VALUE_FORM", "contractId"),
        (token14(2, contract_id=""), "FIELD_MISSING", "contractId"),
        (token14(2, instance=""), "FIELD_MISSING", "EmtId/instance"),
        (token14(2, instance="7" * 513), "FIELD_TOO_LONG", "EmtId/instance"),
        (token14(2, token_type="card"), "VALUE_NOT_LISTED", "EmtId/tokenType"),
        (token14(2, token_type="remote"), "VALUE_NOT_LISTED", "EmtId/tokenType"),
        (token14(2, token_sub_type="felica"), "VALUE_NOT_LISTED", "EmtId/tokenSubType"),
        (token14(2, representation="md5"), "VALUE_NOT_LISTED", "EmtId/@representation"),
        (token14(2, expiry_date="2027-02-30T00:00:00Z"), "VALUE_FORM", "expiryDate/DateTime"),
        (token14(2, expiry_date="2027-12-31"), "VALUE_FORM", "expiryDate/DateTime"),
        (token14(2, printed_number="x" * 151), "FIELD_TOO_LONG", "printedNumber"),
    ],
)
def test_a_wrong_token_is_refused_as_it_was_sent_and_the_others_are_taken(tnm, lnd, wrong, reason, place):
    answer = tnm.set(token14(1), wrong, token14(3), token14(4))
    assert answer.code == "partly"
    assert f"{reason} at {LIST}[1]/{place}" in answer.text
    assert answer.tokens(REFUSED) == [wrong]
    assert lnd.get().tokens(LIST) == [drawn(token14(number)) for number in (1, 3, 4)]


def test_where_nothing_is_right_nothing_changes_and_the_code_says_why(tnm, lnd):
    tnm.set(token14(1))
    foreign = tnm.set(token14(2, contract_id="DE-LND-C00000002"))
    assert (foreign.code, len(foreign.tokens(REFUSED))) == ("invalid-id", 1)
    assert foreign.text.startswith("One or more ID (EVSE/Contract) were not valid for this user. CONTRACT_NOT_YOURS")
    unreadable = tnm.update(token14(2, expiry_date="soon"), token14(3, contract_id="DE-LND-C00000002"))
    assert (unreadable.code, len(unreadable.tokens(REFUSED))) == ("format", 2)
    assert lnd.get().tokens(LIST) == [drawn(token14(1))]


def test_a_set_of_which_more_than_a_third_is_wrong_leaves_the_list_as_it_was(tnm, lnd):
    tnm.set(token14(1))
    wrong = [token14(number, expiry_date="soon") for number in (7, 8)]
    assert tnm.set(token14(2), token14(3), *wrong).code == "format"
    assert lnd.get().tokens(LIST) == [drawn(token14(1))]
    answer = tnm.set(*(token14(number) for number in range(2, 8)), *wrong)
    assert answer.code == "partly"
    # An update has no such share: what is right is right.
    assert tnm.update(token14(20), *wrong).code == "partly"


def test_of_a_refused_token_the_version_that_stands_stays(tnm, lnd):
    tnm.set(token14(1), token14(2), token14(3))
    answer = tnm.set(token14(1), token14(2, expiry_date="soon"), token14(4), token14(5))
    assert answer.code == "partly"
    assert sorted(lnd.get().tokens(LIST)) == sorted(drawn(token14(number)) for number in (1, 2, 4, 5))


def test_the_same_token_twice_collapses_where_it_is_equal_and_the_later_is_refused_where_not(tnm, lnd):
    assert tnm.set(token14(1), token14(1), token14(2)).code == "ok"
    later = token14(2, printed_number="other")
    answer = tnm.set(token14(1), token14(2), token14(3), later)
    assert (answer.code, answer.tokens(REFUSED)) == ("partly", [drawn(later)])
    assert "TOKEN_TWICE" in answer.text
    assert drawn(token14(2)) in lnd.get().tokens(LIST)


def test_too_many_refused_records_refuse_the_whole(tnm, lnd, monkeypatch):
    monkeypatch.setattr(refused_records.RefusedRecords.__init__, "__defaults__", (3,))
    tnm.set(token14(1))
    wrong = [token14(number, expiry_date="soon") for number in range(10, 14)]
    answer = tnm.update(*(token14(number) for number in range(2, 20)), *wrong)
    assert "TOO_MANY_REFUSED" in answer.text
    assert lnd.get().tokens(LIST) == [drawn(token14(1))]


def test_what_is_no_record_is_refused_with_its_place_and_nothing_else_is_lost(tnm, lnd):
    strange = '<x:roamingAuthorisationInfoArray xmlns:x="urn:x"><x:pin>4711</x:pin></x:roamingAuthorisationInfoArray>'
    twice = token_xml(token14(5)).replace(
        "</o:contractId>", "</o:contractId><o:contractId>NLTNMC00000009</o:contractId>", 1
    )
    more = token_xml(token14(6)).replace("<o:expiryDate>", "<o:stateOfCharge>7</o:stateOfCharge><o:expiryDate>", 1)
    good = "".join(token_xml(token14(number)) for number in range(1, 5))
    answer = tnm.send("UpdateRoamingAuthorisationList", good + strange + twice + more)
    assert answer.code == "partly"
    assert "FIELD_UNKNOWN at roamingAuthorisationInfoArray[4]/roamingAuthorisationInfoArray" in answer.text
    assert "FIELD_REPEATED at roamingAuthorisationInfoArray[5]/contractId" in answer.text
    assert "FIELD_UNKNOWN at roamingAuthorisationInfoArray[6]/stateOfCharge" in answer.text
    assert len(answer.elements(REFUSED)) == 3
    assert len(lnd.get().tokens(LIST)) == 4


def test_elements_in_any_order_and_blanks_around_values_with_a_form_are_read(tnm, lnd):
    text = token_xml(token14(1))
    printed = "<o:printedNumber>000001</o:printedNumber>"
    moved = text.replace(printed, "").replace("<o:contractId>", f"{printed}<o:contractId>\n ", 1)
    assert tnm.send("SetRoamingAuthorisationList", moved).code == "ok"
    assert lnd.get().tokens(LIST) == [drawn(token14(1))]


def test_a_single_token_is_found_whether_asked_or_published_plain_or_hashed(tnm, lnd):
    uid = "04A1B2C3D4E5F6"
    hashes = {
        "sha-160": hashlib.sha1(uid.encode(), usedforsecurity=False).hexdigest(),
        "sha-256": hashlib.sha256(bytes.fromhex(uid)).hexdigest().upper(),
    }
    plain = token14(1, instance=uid)
    for published in (plain, *(token14(1, instance=text, representation=how) for how, text in hashes.items())):
        assert tnm.set(published).code == "ok"
        assert valid(lnd.single(plain._replace(instance=uid.lower()))).tokens(CHANGES) == [drawn(published)]
        if not published.representation:
            for how, text in hashes.items():
                asked = plain._replace(instance=text, representation=how)
                assert lnd.single(asked).tokens(CHANGES) == [drawn(published)]
        assert lnd.single(plain._replace(instance="04A1B2C3D4E5F7")).code == "invalid-id"
        assert lnd.single(plain._replace(token_type="15118")).code == "invalid-id"


def test_of_two_who_publish_one_token_the_one_that_is_valid_longest_is_answered(tnm, lnd, house):
    tnm.set(token14(1, expiry_date="2027-01-01T00:00:00Z"))
    mine = token14(1, contract_id="DE-LND-C00000001", expiry_date=FAR)
    lnd.set(mine)
    assert lnd.single(token14(1)).tokens(CHANGES) == [drawn(mine)]


def test_a_token_that_has_ended_is_in_no_list_and_not_found(tnm, lnd, clock):
    tnm.set(token14(1, expiry_date=as_date_time(clock())), token14(2))
    assert len(lnd.get().tokens(LIST)) == 2
    clock.now += timedelta(seconds=1)
    assert lnd.get().tokens(LIST) == [drawn(token14(2))]
    assert lnd.single(token14(1)).code == "invalid-id"
    assert lnd.single(token14(2)).code == "ok"


def test_where_nobody_ever_published_anything_that_is_said(lnd):
    for answer in (lnd.get(), lnd.updates(LONG_AGO)):
        assert valid(answer).code == "roaming"


def test_a_connection_that_ends_is_an_end_of_all_its_tokens_for_that_reader_alone(context, house, tnm, lnd, clock):
    connections.set_mode(context, ConnectionMode.CLOSED)
    connections.connect(context, "tnm", "lnd", [ConnectionKind.TOKENS])
    tnm.set(token14(1))
    assert lnd.get().tokens(LIST) == [drawn(token14(1))]
    clock.now += timedelta(hours=1)
    connections.disconnect(context, "tnm", "lnd", [ConnectionKind.TOKENS])
    assert lnd.get().code == "roaming"
    assert lnd.single(token14(1)).code == "invalid-id"
    ended = valid(lnd.updates(as_date_time(clock() - timedelta(minutes=1)))).tokens(CHANGES)
    assert ended == [drawn(token14(1, expiry_date=as_date_time(clock())))]
    clock.now += timedelta(hours=1)
    connections.connect(context, "tnm", "lnd", [ConnectionKind.TOKENS])
    assert lnd.updates(as_date_time(clock())).tokens(CHANGES) == [drawn(token14(1))]


def test_a_disabled_partner_ends_all_its_tokens(context, tnm, lnd, clock):
    tnm.set(token14(1))
    clock.now += timedelta(hours=1)
    enrolment.disable(context, "tnm")
    ended = lnd.updates(as_date_time(clock())).tokens(CHANGES)
    assert ended == [drawn(token14(1, expiry_date=as_date_time(clock())))]


def test_a_market_id_that_is_taken_away_while_the_upload_comes_refuses_it(context, tnm, house, monkeypatch):
    tnm.set(token14(1))
    original = published_list.lock_active_partner

    def meanwhile(context, transaction, partner):
        return replace(original(context, transaction, partner), market_ids=())

    monkeypatch.setattr(published_list, "lock_active_partner", meanwhile)
    answer = tnm.set(token14(2))
    assert answer.code == "invalid-id"
    assert "CONTRACT_NOT_YOURS" in answer.text


def test_a_partner_without_a_market_id_is_told_what_to_ask_for(app, cast):
    answer = Caller14(app, "tnm").set(token14(1))
    assert answer.code == "invalid-id"
    assert "ask the clearing house to enter it" in answer.text


def test_an_attribute_that_the_contract_does_not_have_is_refused_and_one_of_ours_with_its_prefix_is_read(tnm, lnd):
    hashed = token14(1, representation="sha-256", instance="AB" * 32)
    qualified = token_xml(hashed).replace(" representation=", " o:representation=")
    assert tnm.send("SetRoamingAuthorisationList", qualified).code == "ok"
    assert lnd.get().tokens(LIST) == [hashed]
    other = token_xml(token14(2)).replace("<o:EmtId>", '<o:EmtId Representation="sha-256">')
    answer = tnm.send("UpdateRoamingAuthorisationList", other)
    assert answer.code == "format"
    assert "FIELD_UNKNOWN at roamingAuthorisationInfoArray[0]/EmtId/@Representation" in answer.text


def test_a_uid_that_is_none_is_refused_and_a_long_one_is_kept_on_either_store(tnm, lnd):
    long = token14(1, instance="7" * 512)
    answer = tnm.set(long, token14(2), token14(3, instance="4711 0815"), token14(4))
    assert answer.code == "partly"
    assert "VALUE_FORM" in answer.text
    assert drawn(long) in lnd.get().tokens(LIST)
    assert lnd.single(long).code == "ok"


@pytest.mark.parametrize("path", PUBLISHED.paths)
def test_every_operation_is_understood_at_every_path(tnm, lnd, path):
    tnm.set(token14(1))
    assert lnd.send("GetRoamingAuthorisationList", path=path).tokens(LIST) == [drawn(token14(1))]
    assert lnd.send("GetRoamingAuthorisationList", path=f"{path}/").code == "ok"


def test_a_request_with_a_time_that_is_none_is_told_so(lnd):
    for since in ("", "yesterday", "2026-13-01T00:00:00Z"):
        answer = lnd.updates(since)
        assert answer.code == "format"
        assert "lastUpdate/DateTime" in answer.text
    assert lnd.send("GetRoamingAuthorisationListUpdates").code == "format"
    assert "FIELD_UNKNOWN" in lnd.send("GetRoamingAuthorisationList", "<o:limit>1</o:limit>").text


def test_no_secret_of_a_refused_token_stands_in_a_description(tnm):
    secret = "04DEADBEEF1234"
    for wrong in (token14(2, instance=secret, contract_id="x"), token14(2, printed_number=secret * 20)):
        assert secret not in tnm.set(token14(1), token14(5), wrong).text


def test_an_operation_that_there_is_not_is_a_fault_that_names_those_that_there_are(tnm):
    answer = tnm.send("RequestLiveRoamingAuthorisation")
    assert answer.fault == "UnknownOperation"
    assert "SetRoamingAuthorisationListRequest" in answer.response.body.decode()
