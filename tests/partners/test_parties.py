"""Party ids: their market ids, and who had which when."""

import pytest
from sqlalchemy import select

from cast import charge_point, token, verify
from echs.base.errors import Refused
from echs.partners import departure, enrolment, tables
from echs.partners.enrolment import Ownership, set_market_id
from echs.partners.market_ids import market_ids
from echs.partners.partner import PartnerReason, PartyRole
from ochp14 import two_of_one_market_id
from wire import Caller

OPERATOR, PROVIDER = PartyRole.OPERATOR, PartyRole.PROVIDER


def refusal(verb, *arguments):
    with pytest.raises(Refused) as refused:
        verb(*arguments)
    return refused.value.first.reason


def known(context, role):
    with context.database.read() as snapshot:
        return dict(market_ids(snapshot, role))


def former(context):
    table = tables.party_id_former.c
    with context.database.read() as snapshot:
        rows = snapshot.execute(select(table.role, table.party_id, table.market_id, table.since, table.until))
        return [tuple(row) for row in rows]


def test_a_market_id_makes_ids_that_begin_with_it_the_partners(app, context, cast):
    before = Caller(app, "lnd").upload("SetChargePointList", charge_point(1, evse_id="NL*TNM*E1"))
    assert "OF_ANOTHER" not in before.text("resultDescription")
    set_market_id(context, "tnm", OPERATOR, "thenewmotion", "nl*tnm")
    assert known(context, OPERATOR) == {"NLTNM": {cast.tnm.id}}
    after = Caller(app, "lnd").upload("SetChargePointList", charge_point(1, evse_id="NL*TNM*E1"))
    assert "EVSE_OF_ANOTHER 1" in after.text("resultDescription")
    # In the other role it says nothing.
    tokens = Caller(app, "lnd").upload("SetRoamingAuthorisationList", token(1, hub=3, contract_id="NL-TNM-000001-1"))
    assert "OF_ANOTHER" not in tokens.text("resultDescription")
    set_market_id(context, "tnm", OPERATOR, "TheNewMotion", None)
    assert known(context, OPERATOR) == {}
    assert list(verify(context)) == []


@pytest.mark.parametrize("text", ["NL", "NLTNMX", "12TNM", "NL TNM", "N1TNM", "NL*TN*M1"])
def test_what_is_no_market_id_is_refused(context, cast, text):
    assert refusal(set_market_id, context, "tnm", OPERATOR, "TheNewMotion", text) is PartnerReason.PARTNER_VALUE


def test_a_market_id_is_one_partners_in_each_role(context, cast):
    set_market_id(context, "tnm", OPERATOR, "TheNewMotion", "NL-TNM")
    taken = (context, "lnd", OPERATOR, "ladenetz.de", "NL*TNM")
    assert refusal(set_market_id, *taken) is PartnerReason.PARTY_ID_TAKEN
    set_market_id(context, "lnd", PROVIDER, "ladenetz.de", "NL*TNM")
    enrolment.assign_ids(context, "tnm", Ownership(["TNM two"]))
    set_market_id(context, "tnm", OPERATOR, "TNM two", "NLTNM")
    assert refusal(set_market_id, context, "anwb", OPERATOR, "ANWB", "NLANW") is PartnerReason.PARTY_ID_NOT_OWNED
    # An id that is spelt as a market id is one already.
    enrolment.assign_ids(context, "lnd", Ownership(["DE*LND"]))
    assert refusal(set_market_id, context, "tnm", OPERATOR, "TNM two", "DELND") is PartnerReason.PARTY_ID_TAKEN
    # And nobody gets an id that is spelt as the market id of somebody else, nor comes back with one.
    for role in ("operator_ids", "provider_ids"):
        taken = Ownership(**{role: ["NL-TNM"]})
        assert refusal(enrolment.assign_ids, context, "anwb", taken) is PartnerReason.PARTY_ID_TAKEN
    enrolment.disable(context, "tnm")
    enrolment.assign_ids(context, "anwb", Ownership(["NL*TNM"]))
    assert refusal(enrolment.enable, context, "tnm") is PartnerReason.PARTY_ID_TAKEN
    assert list(verify(context)) == []


def test_a_market_id_that_two_partners_have_in_different_spellings_is_foreign_to_neither(app, context, cast):
    enrolment.assign_ids(context, "tnm", Ownership([], ["NL-TNM"]))
    two_of_one_market_id(context, "lnd", PROVIDER, "NLTNM")
    for user, hub in (("tnm", 5), ("lnd", 3)):
        record = token(hub, hub=hub, contract_id="NL-TNM-000001-1")
        answer = Caller(app, user).upload("SetRoamingAuthorisationList", record)
        assert "OF_ANOTHER" not in answer.text("resultDescription")
    third = Caller(app, "anwb").upload("SetRoamingAuthorisationList", token(9, hub=0, contract_id="NL-TNM-000001-1"))
    assert "CONTRACT_OF_ANOTHER 1" in third.text("resultDescription")


def test_an_id_that_is_spelt_anew_keeps_its_market_id_and_its_beginning(context, cast, clock):
    set_market_id(context, "tnm", OPERATOR, "TheNewMotion", "NLTNM")
    clock.turn(days=1)
    enrolment.assign_ids(context, "tnm", Ownership(["THENEWMOTION"]))
    assert known(context, OPERATOR) == {"NLTNM": {cast.tnm.id}}
    assert former(context) == []
    with context.database.read() as snapshot:
        table = tables.party_id.c
        mine = select(table.party_id, table.since).where(table.role == OPERATOR, table.partner_id == cast.tnm.id)
        (row,) = snapshot.execute(mine).all()
    assert (row.party_id, (clock.now - row.since).days) == ("THENEWMOTION", 1)


def test_who_had_an_id_when_is_kept(context, cast, clock):
    began = clock.now
    set_market_id(context, "tnm", OPERATOR, "TheNewMotion", "NLTNM")
    clock.turn(days=2)
    enrolment.revoke_ids(context, "tnm", Ownership(["thenewmotion"]))
    assert former(context) == [("operator", "TheNewMotion", "NLTNM", began, clock.now)]
    assert known(context, OPERATOR) == {}
    clock.turn(days=1)
    departure.retire(context, "lnd")
    assert sorted((role, party_id) for role, party_id, *_ in former(context)) == [
        ("operator", "TheNewMotion"),
        ("operator", "ladenetz.de"),
        ("provider", "ladenetz.de"),
    ]
    assert list(verify(context)) == []
