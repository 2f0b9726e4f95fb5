"""Partners of OCHP 0.2 and of OCHP 1.4 roam with each other; what a protocol cannot say is withheld and told."""

import hashlib
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cast import cdr, token, verify
from echs.base.errors import Refused
from echs.lists.withheld_counts import all_withheld
from echs.partners import connections, enrolment
from echs.partners.connection import ConnectionMode
from echs.protocols.ochp02.wire_schema import ROAMING_AUTHORISATION_INFO
from echs.protocols.ochp14.value_formats import as_date_time
from echs.protocols.record_formats import RECORD_FORMATS
from echs.serving.store_metrics import WITHHELD, store_samples
from echs.tokens.token import TokenWithheld
from echs.tokens.token_list import TOKENS
from ochp14 import Caller14, token14
from wire import Caller

LIST, CHANGES = "roamingAuthorisationInfoArray", "roamingAuthorisationInfo"
LONG_AGO = "2020-01-01T00:00:00Z"
CARD = "04A1B2C3D4E5F6"


def old_tokens(caller: Caller) -> list[tuple[str, ...]]:
    """What a partner of OCHP 0.2 downloads."""
    return caller.send("GetRoamingAuthorisationList").records(ROAMING_AUTHORISATION_INFO)


def test_a_token_of_ochp_02_is_given_to_ochp_14_with_the_same_meaning(house):
    old, new = Caller(house, "tnm"), Caller14(house, "lnd")
    record = token(1, token_id="04:a1:b2:c3:d4:e5:f6", contract_id="NL-TNM-122045-0", pin_mandatory=0, activated=1)
    assert old.upload("SetRoamingAuthorisationList", record).code == 0
    (found,) = new.get().tokens(LIST)
    assert found.instance == CARD
    assert (found.token_type, found.representation) == ("rfid", "plain")
    # The old check digit goes inside, a new one behind.
    assert found.contract_id.startswith("NL-TNM-001220450-")
    day, month, year = map(int, record.expiry_date.split("/"))
    last = datetime(year, month, day, 23, 59, 59, tzinfo=ZoneInfo("Europe/Amsterdam"))
    assert found.expiry_date == as_date_time(last)
    assert new.single(found).tokens(CHANGES) == [found]
    assert new.updates(LONG_AGO).tokens(CHANGES) == [found]


def test_a_token_of_ochp_14_is_given_to_ochp_02_with_the_same_meaning(house):
    old, new = Caller(house, "lnd"), Caller14(house, "tnm")
    assert new.set(token14(1, instance=CARD, expiry_date="2027-12-31T22:59:59Z")).code == "ok"
    (row,) = old_tokens(old)
    found = dict(zip((wire.name for wire in ROAMING_AUTHORISATION_INFO.fields), row, strict=True))
    assert found["tokenId"] == CARD
    assert found["tokenType"] == "2"
    assert found["evcoId"] == "NL-TNM-C00000001"
    assert (found["tokenActivated"], found["pinMandatory"], found["pin"]) == ("1", "0", "")
    assert found["expiryDate"] == "31/12/2027"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"pin_mandatory": 1}, TokenWithheld.PIN),
        ({"token_type": 3}, TokenWithheld.TYPE),
        ({"token_id": "not a card"}, TokenWithheld.UID_FORM),
        ({"token_id": "04A1B2C3D4"}, TokenWithheld.UID_FORM),
        ({"contract_id": "a customer"}, TokenWithheld.CONTRACT_FORM),
    ],
)
def test_what_ochp_14_cannot_say_is_withheld_counted_and_told_to_its_sender(house, context, changed, why):
    old, new = Caller(house, "tnm"), Caller14(house, "lnd")
    good = token(1, token_id=CARD, pin_mandatory=0, activated=1)
    odd = good._replace(**{"token_id": "04A1B2C3D4E5F7", **changed})
    quiet = old.upload("SetRoamingAuthorisationList", good, odd)
    assert "not given" not in quiet.body.decode()
    assert new.get().code == "ok"  # from now on somebody speaks OCHP 1.4
    told = old.upload("SetRoamingAuthorisationList", good, odd)
    assert f"1 of your 2 records are not given to OCHP 1.4 partners: {why}" in told.body.decode()
    assert [each.instance for each in new.get().tokens(LIST)] == [CARD]
    assert [each.instance for each in new.updates(LONG_AGO).tokens(CHANGES) if each.expiry_date > "2027"] == [CARD]
    (counted,) = all_withheld(context, TOKENS, RECORD_FORMATS.tokens)
    assert (counted.protocol, counted.reason, counted.records, counted.of) == ("ochp-1.4", why, 1, 2)
    assert withheld_gauges(context) == {("roaming", str(why)): 1}
    assert "not given" not in old.upload("SetRoamingAuthorisationList", good).body.decode()
    assert withheld_gauges(context) == {}


def withheld_gauges(context):
    with context.database.read() as snapshot:
        samples = list(store_samples(snapshot, context.clock()))
    return {labels: value for gauge, labels, value in samples if gauge is WITHHELD}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"representation": "sha-256", "instance": "AB" * 32}, TokenWithheld.HASHED),
        ({"token_type": "15118", "token_sub_type": ""}, TokenWithheld.TYPE),
    ],
)
def test_what_ochp_02_cannot_say_is_withheld_counted_and_told_to_its_sender(house, changed, why):
    old, new = Caller(house, "lnd"), Caller14(house, "tnm")
    assert old_tokens(old) == []
    told = new.set(token14(1, instance=CARD), token14(2, **changed))
    assert told.code == "ok"
    assert f"1 of your 2 records are not given to OCHP 0.2 partners: {why} 1." in told.text
    assert len(old_tokens(old)) == 1


def test_a_token_that_is_blocked_or_needs_a_pin_now_has_ended_for_ochp_14(house, clock):
    old, new = Caller(house, "tnm"), Caller14(house, "lnd")
    good = token(1, token_id=CARD, pin_mandatory=0, activated=1)
    for change in ({"activated": 0}, {"pin_mandatory": 1, "pin": "4711"}):
        old.upload("SetRoamingAuthorisationList", good)
        assert len(new.get().tokens(LIST)) == 1
        clock.now += timedelta(minutes=30)
        old.upload("SetRoamingAuthorisationList", good._replace(**change))
        assert new.get().tokens(LIST) == []
        (ended,) = new.updates(as_date_time(clock.now)).tokens(CHANGES)
        assert (ended.instance, ended.expiry_date) == (CARD, as_date_time(clock.now))
        assert "4711" not in str(ended)
        assert new.single(ended).code == "invalid-id"


def test_a_list_may_have_records_of_both_protocols_and_both_readers_get_all(house):
    old, new = Caller(house, "tnm"), Caller14(house, "tnm")
    old.upload("SetRoamingAuthorisationList", token(1, token_id=CARD, pin_mandatory=0, activated=1))
    assert new.update(token14(2)).code == "ok"
    for reader in ("lnd", "tnm"):
        assert {each.instance for each in Caller14(house, reader).get().tokens(LIST)} == {CARD, token14(2).instance}
        assert {row[3] for row in old_tokens(Caller(house, reader))} == {CARD, token14(2).instance}


def test_a_closed_house_is_closed_between_protocols_too(house, context):
    Caller(house, "tnm").upload("SetRoamingAuthorisationList", token(1, token_id=CARD, pin_mandatory=0, activated=1))
    Caller14(house, "lnd").set(token14(1, contract_id="DE-LND-C00000001"))
    connections.set_mode(context, ConnectionMode.CLOSED)
    assert [each.contract_id[:2] for each in Caller14(house, "lnd").get().tokens(LIST)] == ["DE"]
    assert [row[0][:2] for row in old_tokens(Caller(house, "tnm"))] == ["NL"]


def test_a_cdr_by_a_card_that_is_published_hashed_is_not_warned_of(house, context):
    provider, operator = Caller14(house, "anwb"), Caller(house, "tnm")
    hashed = hashlib.sha256(CARD.encode()).hexdigest()
    sent = token14(1, instance=hashed, representation="sha-256", contract_id="NL-ANW-C00000001")
    assert provider.set(sent).code == "ok"
    by_card = cdr(1, provider_id="ANWB", token_id=CARD)
    other = cdr(2, provider_id="ANWB", token_id="04A1B2C3D4E5F7")
    first, second = (operator.upload("AddCDRs", each).body.decode() for each in (by_card, other))
    assert "CARD_UNKNOWN" not in first
    assert "CARD_UNKNOWN" in second


def ends_of(caller: Caller14, since: str) -> dict[str, str]:
    """What a reader that stores each token by its number, in the order received, has after a download of changes."""
    return {each.instance: each.expiry_date for each in caller.updates(since).tokens(CHANGES)}


def test_a_partner_that_moves_to_ochp_14_keeps_its_cards_valid_for_every_reader(house, clock):
    old, new, reader = Caller(house, "tnm"), Caller14(house, "tnm"), Caller14(house, "lnd")
    old.upload("SetRoamingAuthorisationList", token(1, token_id="04:A1:B2:C3:D4:E5:F6"), token(2, token_id="04112233"))
    now = as_date_time(clock.now)
    clock.now += timedelta(hours=1)
    assert new.set(token14(1, instance=CARD)).code == "ok"
    for since in (now, as_date_time(clock.now)):
        assert ends_of(reader, since) == {CARD: token14(1).expiry_date, "04112233": as_date_time(clock.now)}
    clock.now += timedelta(hours=1)
    again = Caller(house, "tnm")
    again.upload("SetRoamingAuthorisationList", token(1, token_id=CARD))
    assert ends_of(reader, as_date_time(clock.now))[CARD] > "2027"


def test_a_card_whose_type_is_corrected_stays_valid(house, clock):
    old, reader = Caller(house, "tnm"), Caller14(house, "lnd")
    old.upload("SetRoamingAuthorisationList", token(1, token_id=CARD, token_type=1))
    old.upload("SetRoamingAuthorisationList", token(1, token_id=CARD, token_type=2))
    assert ends_of(reader, LONG_AGO)[CARD] > "2027"


def test_a_card_that_one_of_two_providers_removes_stays_valid_by_the_other(house, clock):
    one, other, reader = Caller14(house, "tnm"), Caller14(house, "anwb"), Caller14(house, "lnd")
    other.set(token14(1, instance=CARD, contract_id="NL-ANW-C00000001"))
    one.set(token14(1, instance=CARD), token14(2))
    clock.now += timedelta(hours=1)
    one.set(token14(2))
    told = reader.updates(as_date_time(clock.now)).tokens(CHANGES)
    assert [(each.contract_id, each.expiry_date > "2027") for each in told] == [
        ("NL-TNM-C00000001", False),
        ("NL-ANW-C00000001", True),
    ]


def test_an_update_ends_a_card_that_came_by_ochp_02(house, clock):
    old, new, reader = Caller(house, "tnm"), Caller14(house, "tnm"), Caller14(house, "lnd")
    old.upload("SetRoamingAuthorisationList", token(1, token_id="04 A1 B2 C3 D4 E5 F6"), token(2, token_id="04112233"))
    clock.now += timedelta(hours=1)
    ended = as_date_time(clock.now - timedelta(minutes=1))
    answer = new.update(token14(1, instance=CARD, expiry_date=ended))
    assert "1 new, 0 changed, 1 of OCHP 0.2 replaced" in answer.text
    assert [each.instance for each in reader.get().tokens(LIST)] == ["04112233"]
    assert reader.single(token14(1, instance=CARD)).code == "invalid-id"
    assert ends_of(reader, as_date_time(clock.now)) == {CARD: ended}
    assert len(old_tokens(Caller(house, "tnm"))) == 2


@pytest.mark.parametrize("change", [{"activated": 0}, {}])
def test_a_card_whose_contract_can_be_said_no_more_has_ended(house, clock, change):
    old, reader = Caller(house, "tnm"), Caller14(house, "lnd")
    good = token(1, token_id=CARD)
    old.upload("SetRoamingAuthorisationList", good)
    clock.now += timedelta(minutes=30)
    old.upload("SetRoamingAuthorisationList", good._replace(contract_id="cancelled", **change))
    assert ends_of(reader, as_date_time(clock.now)) == {CARD: as_date_time(clock.now)}
    clock.now += timedelta(minutes=30)
    old.upload("SetRoamingAuthorisationList", token(2, token_id="04112233"))
    assert ends_of(reader, as_date_time(clock.now))[CARD] < as_date_time(clock.now + timedelta(seconds=1))


def test_an_upload_that_is_put_aside_does_not_outlive_an_update(house, context):
    enrolment.change(context, "tnm", shrink_guard=True)
    new, reader = Caller14(house, "tnm"), Caller14(house, "lnd")
    new.set(*map(token14, range(10)))
    assert "LIST_SET_ASIDE" in new.set(token14(0), token14(1)).text
    new.update(token14(1, expiry_date="2020-01-01T00:00:00Z"))
    with pytest.raises(Refused):
        TOKENS.release(context, "tnm", RECORD_FORMATS.tokens)
    assert reader.single(token14(1)).code == "invalid-id"


def test_the_store_agrees_with_the_trail_after_uploads_of_both_protocols(house, context):
    old, new = Caller(house, "tnm"), Caller14(house, "tnm")
    old.upload("SetRoamingAuthorisationList", token(1, token_id=CARD), token(2, token_id="04112233"))
    new.update(token14(1, instance=CARD), token14(3))
    new.update(token14(3))
    new.set(token14(3), token14(4), token14(5), token14(3, printed_number="twice"))
    assert not list(verify(context))
