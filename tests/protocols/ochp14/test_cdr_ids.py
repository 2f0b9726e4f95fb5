"""Ids of CDRs of OCHP 1.4 between partners: nobody blocks, bills or answers what is another's, whatever it sends."""

import pytest
from sqlalchemy import text

from cast import PASSWORDS, cdr, verify
from cdrs14 import EVSE, ID, OTHER, add, cleared, confirm, fetched_and_confirmed, got, implausible, listed, states
from echs.cdrs import decisions, part_intake, pending
from echs.cdrs.status import Decided, Status
from echs.clearing.retention import purge_run
from echs.partners import enrolment
from echs.partners.enrolment import Ownership, set_market_id
from echs.partners.partner import Answers, PartyRole
from echs.protocols.ochp14 import cdr_operations
from ochp14 import O, cdr_xml, optional, period_xml, two_of_one_market_id, valid
from wire import Caller

OPERATOR, PROVIDER = PartyRole.OPERATOR, PartyRole.PROVIDER
OLD = {"provider_id": "ANWB", "evse_id": EVSE, "contract_id": "NL-ANW-C00000001"}


@pytest.fixture
def evil(house, context, monkeypatch):
    """An operator of OCHP 0.2 without a market id."""
    monkeypatch.setitem(PASSWORDS, "evil", "a password of evil")
    enrolment.add_partner(context, "evil", "Evil", "a password of evil", Ownership(["evil.com"], ["evil.com"]))
    return Caller(house, "evil")


@pytest.mark.parametrize("renamed", [False, True])
def test_what_an_operator_without_a_market_id_sends_keeps_no_cdr_of_others_from_an_answer(
    house, tnm, anwb, evil, context, renamed
):
    enrolment.change(context, "anwb", answers=Answers.EXPLICIT)
    Caller(house, "tnm").upload("AddCDRs", cdr(ID, **OLD)) if renamed else add(tnm, cdr_xml())
    assert evil.upload("AddCDRs", cdr(ID, operator_id="evil.com", **OLD)).code == 0
    got(anwb)
    if renamed:
        set_market_id(context, "tnm", OPERATOR, "TheNewMotion", "NLXYZ")
    assert confirm(anwb, ("approved", ID)).code == "ok"
    assert cleared(context) == 1


@pytest.mark.parametrize("purged", [False, True])
def test_a_cdr_of_ochp_14_is_not_billed_again_by_ochp_02_as_another_operator_of_its_sender(
    house, tnm, anwb, context, clock, purged
):
    clock.turn(hours=1)
    enrolment.assign_ids(context, "tnm", Ownership(["NLTNM"]))
    add(tnm, cdr_xml())
    assert cleared(context) == 1
    if purged:
        assert sum(purge_run(context, 1)) == 1
    old = Caller(house, "tnm")
    answer = old.upload("AddCDRs", cdr(ID, operator_id="NLTNM", **OLD))
    assert answer.code == 401
    assert "sent by another protocol, as another operator of yours" in answer.text("resultDescription")
    # A number that begins with nobody's market id is each operator's own.
    for operator_id in ("NLTNM", "TheNewMotion"):
        assert old.upload("AddCDRs", cdr(17, operator_id=operator_id, **OLD)).code == 0
    assert cleared(context) == 2
    assert list(verify(context)) == []


def test_verify_names_what_was_sent_by_two_protocols_as_two_operators(tnm, anwb, context):
    add(tnm, cdr_xml())
    names = "cdr_id, revision, kind, operator_id, provider_key, provider_id, operator_partner_id, started_at"
    names += ", started_offset_s, ended_at, ended_offset_s, volume_e4_kwh, token_id, contract_id, evse_id"
    names += ", chargepoint_id, city, product, tariff_id, payload, content_hash, received_at, request_id"
    with context.database.write() as transaction:
        transaction.execute(
            text(f"INSERT INTO cdr (operator_key, protocol, {names}) SELECT 'twice', 'ochp-0.2', {names} FROM cdr")
        )
    assert any("by two protocols as two operators" in found.detail for found in verify(context))


def test_a_purged_cdr_is_not_billed_again_by_who_got_its_market_id(tnm, lnd, anwb, context):
    add(tnm, cdr_xml())
    assert cleared(context) == 1
    assert sum(purge_run(context, 1)) == 1
    set_market_id(context, "tnm", OPERATOR, "TheNewMotion", None)
    set_market_id(context, "lnd", OPERATOR, "ladenetz.de", "NLTNM")
    assert implausible(add(lnd, cdr_xml(**OTHER))) == [ID]
    assert "1 already known" in add(lnd, cdr_xml()).text
    assert cleared(context) == 0


def test_a_market_id_is_not_taken_by_taking_away_the_one_that_was_entered(tnm, lnd, context):
    enrolment.assign_ids(context, "tnm", Ownership(["NLXYZ"]))
    set_market_id(context, "tnm", OPERATOR, "NLXYZ", "NLABC")
    set_market_id(context, "lnd", OPERATOR, "ladenetz.de", "NLXYZ")
    with pytest.raises(enrolment.Refused, match="PARTY_ID_TAKEN"):
        set_market_id(context, "tnm", OPERATOR, "NLXYZ", None)


def test_a_market_id_of_two_operators_is_neithers(tnm, lnd, context):
    two_of_one_market_id(context, "lnd", OPERATOR, "NL-TNM")
    for caller in (tnm, lnd):
        answer = add(caller, cdr_xml())
        assert implausible(answer) == [ID]
        assert "CDR_ID_FOREIGN" in answer.text


def test_a_market_id_that_moves_while_an_upload_is_on_its_way_is_the_senders_no_more(
    tnm, lnd, anwb, context, monkeypatch
):
    def moved_meanwhile(*arguments):
        set_market_id(context, "tnm", OPERATOR, "TheNewMotion", None)
        set_market_id(context, "lnd", OPERATOR, "ladenetz.de", "NLTNM")
        monkeypatch.undo()
        return part_intake.add_in_part(*arguments)

    monkeypatch.setattr(cdr_operations.part_intake, "add_in_part", moved_meanwhile)
    answer = add(tnm, cdr_xml())
    assert "were changed while this was on its way" in answer.text
    assert "1 new" in add(lnd, cdr_xml()).text
    assert cleared(context) == 1
    assert list(verify(context)) == []


def test_an_approval_that_comes_back_counts_although_somebody_else_approved_meanwhile(tnm, anwb, lnd, context):
    for user_id in ("anwb", "lnd"):
        enrolment.change(context, user_id, answers=Answers.EXPLICIT)
    add(tnm, cdr_xml(), cdr_xml("NLTNM000002"))
    fetched_and_confirmed(anwb, ("approved", ID), ("declined", "NLTNM000002"))
    for at, to in (("anwb", "lnd"), ("lnd", "anwb")):
        enrolment.revoke_ids(context, at, Ownership(provider_ids=["ANWB"]))
        enrolment.assign_ids(context, to, Ownership(provider_ids=["ANWB"]))
        set_market_id(context, to, PROVIDER, "ANWB", "NLANW")
        if to == "lnd":
            assert fetched_and_confirmed(lnd, ("approved", ID)).code == "ok"
            assert listed(context) == [Status.PENDING]
    assert listed(context) == [Status.PENDING]
    assert listed(context, "NLTNM000002") == [Status.DECLINED]
    assert implausible(add(tnm, cdr_xml(status="revised", **OTHER))) == [ID]
    assert cleared(context) == 1
    assert list(verify(context)) == []


@pytest.mark.parametrize("whose", ["(SELECT id FROM partner WHERE user_id = 'lnd')", "NULL"])
def test_verify_sees_whose_an_answer_is(tnm, anwb, context, whose):
    add(tnm, cdr_xml())
    fetched_and_confirmed(anwb, ("approved", ID))
    assert list(verify(context)) == []
    with context.database.write() as transaction:
        transaction.execute(text(f"UPDATE cdr_answer SET partner_id = {whose}"))
    assert any("of another partner" in found.detail for found in verify(context))


def test_what_came_while_its_provider_was_disabled_is_there_when_it_is_back(tnm, anwb, context):
    enrolment.disable(context, "anwb")
    assert "1 held" in add(tnm, cdr_xml()).text
    (held,) = pending.held(context)
    assert (held.provider_id, held.disabled_owner) == ("ANWB", "anwb")
    enrolment.enable(context, "anwb")
    assert {*got(anwb)} == {ID}


def test_a_cdr_of_ochp_02_can_be_fetched_and_answered_about_after_its_operator_id_is_gone(house, tnm, anwb, context):
    enrolment.change(context, "anwb", answers=Answers.EXPLICIT)
    Caller(house, "tnm").upload("AddCDRs", cdr(1, **OLD))
    enrolment.revoke_ids(context, "tnm", Ownership(["TheNewMotion"]))
    ((cdr_id, found),) = got(anwb).items()
    assert confirm(anwb, ("approved", cdr_id, found.findtext(f"{O}evseId"))).code == "ok"
    assert cleared(context) == 1


def test_who_gets_a_market_id_blocks_no_ids_of_the_one_before(house, tnm, lnd, anwb, context):
    enrolment.assign_ids(context, "tnm", Ownership(["NLNEW"]))
    enrolment.revoke_ids(context, "tnm", Ownership(["TheNewMotion"]))
    set_market_id(context, "lnd", OPERATOR, "ladenetz.de", "NLTNM")
    Caller(house, "lnd").upload("AddCDRs", cdr("NLNEW000001", operator_id="ladenetz.de", **OLD))
    assert "1 new" in add(tnm, cdr_xml("NLNEW000001", evse_id="NL*NEW*E1")).text


def test_a_repetition_of_what_is_refused_is_refused_and_hides_no_revision(tnm, anwb, context):
    add(tnm, cdr_xml())
    answer = add(tnm, cdr_xml(**OTHER), cdr_xml(**OTHER), cdr_xml("NLTNM000002"), cdr_xml("NLTNM000002"))
    assert "1 new, 0 revised, 0 given up, 1 already known" in answer.text
    assert "2 CDRs refused" in answer.text
    assert implausible(answer) == [ID, ID]
    fetched_and_confirmed(anwb, ("declined", ID))
    answer = add(tnm, cdr_xml(**OTHER), cdr_xml(status="revised", **OTHER))
    assert implausible(answer) == [ID, ID]
    assert states(tnm, operation="CheckCDRs") == {ID: "declined"}


def test_declined_cdrs_wait_for_no_connection_and_no_departure(tnm, anwb, context):
    add(tnm, cdr_xml(), cdr_xml("NLTNM000002"))
    assert pending.waiting_for(context, ["ANWB"]) == 2
    fetched_and_confirmed(anwb, ("declined", ID))
    assert pending.waiting_for(context, ["ANWB"]) == 1


def test_an_item_without_an_id_spoils_no_other(tnm, anwb, context):
    add(tnm, cdr_xml())
    got(anwb)
    items = "".join(
        f"<o:approved>{optional('cdrId', ID)}{optional('evseId', evse_id)}</o:approved>" for evse_id in ("", EVSE)
    )
    answer = valid(anwb.send("ConfirmCDRs", items))
    assert answer.code == "partly"
    assert "[0] approved/evseId: is missing or empty" in answer.text
    assert listed(context) == [Status.PENDING]


def test_a_revision_over_the_limits_is_refused_as_a_new_one_is(tnm, anwb, context):
    add(tnm, cdr_xml())
    fetched_and_confirmed(anwb, ("declined", ID))
    huge = {"periods": (period_xml(value="999999", price="0.0001", cost="100"),), "total": "100"}
    answer = add(tnm, cdr_xml(status="revised", **huge))
    assert implausible(answer) == [ID]
    assert "CDR_VOLUME_LIMIT" in answer.text


def test_ochp_02_gets_around_no_hold_by_sending_a_declined_cdr_again(house, tnm, anwb, context):
    old = Caller(house, "tnm")
    old.upload("AddCDRs", cdr(1, **OLD))
    ((cdr_id, _),) = got(anwb).items()
    decisions.decide(context, Decided.HOLD, "1", None, "a test", "office")
    assert confirm(anwb, ("declined", cdr_id)).code == "ok"
    assert old.upload("AddCDRs", cdr(1, **OLD)._replace(volume="7")).code == 401
