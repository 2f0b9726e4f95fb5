"""The bytes of a card's uid: turned where an administrator said so, looked at both ways where nothing hangs on it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cast import cdr, downloaded_tokens, token, verify
from echs.partners import connections, enrolment
from echs.partners.connection import ConnectionMode
from echs.partners.partner import UidOrder
from echs.tokens.byte_order import LENGTHS, card_uid, other_orders, turned
from ochp14 import Caller14, token14, valid, with_market_ids
from wire import Caller

LIST = "roamingAuthorisationInfoArray"
BIG, LITTLE = "04A1B2C3D4E5F6", "F6E5D4C3B2A104"

UIDS = st.sampled_from(LENGTHS).flatmap(
    lambda digits: st.binary(min_size=digits // 2, max_size=digits // 2).map(lambda found: found.hex().upper())
)


@given(uid=UIDS)
def test_a_uid_that_is_turned_twice_is_itself_and_turned_it_is_found(uid):
    assert turned(turned(uid)) == uid
    assert bytes.fromhex(turned(uid)) == bytes.fromhex(uid)[::-1]
    assert turned(uid) == uid or turned(uid) in other_orders(uid)
    assert uid not in other_orders(uid)


@given(uid=UIDS, zeros=st.integers(1, 6), back=st.booleans())
def test_a_uid_that_was_filled_up_and_turned_is_found(uid, zeros, back):
    filled = "00" * zeros + uid
    read = "".join(reversed([filled[place : place + 2] for place in range(0, len(filled), 2)])) if back else filled
    assert {uid, turned(uid)} & other_orders(read)
    assert uid in other_orders(read)


@pytest.mark.parametrize(
    "text", ["", "ab", "4711", "not a card", "04A1B2C3D4E5F", "\N{FULLWIDTH DIGIT ONE}" * 8, "x" * 512]
)
def test_what_is_no_uid_stays_as_it_is(text):
    assert (card_uid(text), turned(text), other_orders(text)) == ("", text, set())


def test_separators_are_no_part_of_a_uid():
    assert turned("04:a1:b2:c3") == "C3B2A104"
    assert other_orders("04-a1-b2-c3") == {"C3B2A104"}


@pytest.fixture
def house(app, context, cast):
    with_market_ids(context)
    return app


def sent(*records):
    return [record._replace(pin_mandatory=0, activated=1) for record in records]


def test_tokens_of_a_provider_that_writes_the_lowest_byte_first_are_turned_as_they_come_in(house, context):
    enrolment.change(context, "tnm", uid_order=UidOrder.LITTLE)
    records = sent(
        token(1, token_id=LITTLE),
        token(2, token_id="04:A1:B2:C3"),
        token(3, token_id="12345678", token_type=3),
        token(4, token_id="no card"),
    )
    answer = Caller(house, "tnm").upload("SetRoamingAuthorisationList", *records)
    assert "the bytes of card numbers were turned" in answer.text("resultDescription")
    assert [each.token_id for each in downloaded_tokens(context)] == [BIG, "C3B2A104", "12345678", "no card"]
    reader = Caller14(house, "lnd")
    assert [each.instance for each in valid(reader.get()).tokens(LIST)] == [BIG, "C3B2A104"]
    assert reader.single(token14(1, instance=BIG)).code == "ok"
    # Another's card may be called as this one is the other way round.
    assert reader.single(token14(1, instance=LITTLE)).code == "invalid-id"
    assert list(verify(context)) == []


def test_a_change_of_the_order_takes_effect_with_the_next_upload_and_ends_what_was_known(house, context, clock):
    old, reader = Caller(house, "tnm"), Caller14(house, "lnd")
    old.upload("SetRoamingAuthorisationList", *sent(token(1, token_id=LITTLE)))
    enrolment.change(context, "tnm", uid_order=UidOrder.LITTLE)
    assert [each.instance for each in reader.get().tokens(LIST)] == [LITTLE]
    assert list(verify(context)) == []
    answer = old.upload("SetRoamingAuthorisationList", *sent(token(1, token_id=LITTLE)))
    assert answer.code == 0
    assert [each.instance for each in reader.get().tokens(LIST)] == [BIG]
    changed = {each.instance: each.expiry_date for each in reader.updates("2020-01-01T00:00:00Z").tokens(LIST[:-5])}
    assert changed[LITTLE] < changed[BIG]
    # The same again changes nothing.
    again = old.upload("SetRoamingAuthorisationList", *sent(token(1, token_id=LITTLE)))
    assert "your list now has 1" in again.text("resultDescription")


def test_a_wrong_token_of_such_a_provider_is_told_as_it_was_sent(house, context):
    enrolment.change(context, "tnm", uid_order=UidOrder.LITTLE)
    answer = Caller(house, "tnm").upload(
        "SetRoamingAuthorisationList", *sent(token(1, token_id=LITTLE)), token(2, token_type=7)
    )
    assert answer.reason == "TOKEN_TYPE_UNKNOWN"
    assert list(downloaded_tokens(context)) == []


@pytest.mark.parametrize("uid", [LITTLE, "000000" + BIG, "00" + BIG, LITTLE + "00"])
def test_a_cdr_by_a_card_that_is_published_the_other_way_round_is_warned_of_as_such(house, context, uid):
    Caller(house, "lnd").upload("SetRoamingAuthorisationList", *sent(token(1, token_id=BIG, hub=0)))
    told = Caller(house, "tnm").upload("AddCDRs", cdr(1, provider_id="ladenetz.de", token_id=uid))
    assert told.code == 0
    assert "TOKEN_BYTE_ORDER 1" in told.text("resultDescription")
    assert "CARD_UNKNOWN" not in told.text("resultDescription")
    other = Caller(house, "tnm").upload("AddCDRs", cdr(2, provider_id="ladenetz.de", token_id="A0" + uid[2:]))
    assert "TOKEN_BYTE_ORDER" not in other.text("resultDescription")
    assert "CARD_UNKNOWN 1" in other.text("resultDescription")


def test_whose_list_the_sender_does_not_see_is_not_looked_at_either_way(house, context):
    Caller(house, "lnd").upload("SetRoamingAuthorisationList", *sent(token(1, token_id=BIG, hub=0)))
    connections.set_mode(context, ConnectionMode.CLOSED)
    told = Caller(house, "tnm").upload("AddCDRs", cdr(1, provider_id="ladenetz.de", token_id=LITTLE))
    assert "TOKEN_BYTE_ORDER" not in told.text("resultDescription")
