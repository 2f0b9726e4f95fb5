"""CDRs of OCHP 1.4 while ids move: no CDR is cleared twice, none is approved by who has not seen it, and each stays
answerable under the ids that it went out with.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from alembic import command

from cast import cdr, charge_point, verify
from cdrs14 import EVSE, ID, OTHER, add, cleared, confirm, fetched_and_confirmed, got, implausible, listed, states
from echs.cdrs import decisions, queries
from echs.cdrs.status import Decided, Status
from echs.clearing.retention import purge_run
from echs.maintenance import schema
from echs.partners import enrolment
from echs.partners.enrolment import Ownership, set_market_id
from echs.partners.partner import Answers, PartyRole
from echs.partners.queries import partner_of_user
from ochp14 import O, cdr_xml, period_xml, two_of_one_market_id
from wire import Caller

OPERATOR, PROVIDER = PartyRole.OPERATOR, PartyRole.PROVIDER
PROVIDER_ID, OPERATOR_ID = "ANWB", "TheNewMotion"
SECOND = "NLTNM"


def loses_its_older_id(context, clock) -> None:
    """The operator gets a second id with the same market id, and loses the first."""
    clock.now += timedelta(hours=1)
    enrolment.assign_ids(context, "tnm", Ownership([SECOND]))
    enrolment.revoke_ids(context, "tnm", Ownership([OPERATOR_ID]))


def moves(context, party_id: str = PROVIDER_ID, to: str = "lnd") -> None:
    """A provider id moves to another partner, with its market id."""
    enrolment.revoke_ids(context, "anwb", Ownership(provider_ids=[party_id]))
    enrolment.assign_ids(context, to, Ownership(provider_ids=[party_id]))
    set_market_id(context, to, PROVIDER, party_id, "NLANW")


# ---------------------------------------------------------------------- operators


@pytest.mark.parametrize("purged", [False, True])
def test_a_cleared_cdr_stays_cleared_when_its_operator_loses_the_id_that_it_was_sent_as(
    tnm, anwb, context, clock, purged
):
    add(tnm, cdr_xml())
    assert cleared(context) == 1
    if purged:
        assert sum(purge_run(context, 1)) == 1
    loses_its_older_id(context, clock)
    for status in ("new", "revised"):
        assert "0 new, 0 revised, 0 given up, 1 already known" in add(tnm, cdr_xml(status=status)).text
        assert implausible(add(tnm, cdr_xml(status=status, **OTHER))) == [ID]
    assert implausible(add(tnm, cdr_xml(status="rejected"))) == [ID]
    assert cleared(context) == 0
    assert list(verify(context)) == []


def test_a_declined_cdr_is_revised_as_the_operator_that_it_was_sent_as(tnm, anwb, context, clock):
    add(tnm, cdr_xml())
    fetched_and_confirmed(anwb, ("declined", ID))
    loses_its_older_id(context, clock)
    assert "0 new, 1 revised" in add(tnm, cdr_xml(status="revised", **OTHER)).text
    assert listed(context) == [Status.AWAITING, Status.SUPERSEDED]
    assert {each.operator_id for each in queries.find(context, None, None, 10)} == {OPERATOR_ID}
    assert confirm(anwb, ("approved", ID)).code == "invalid-id"  # of the one before
    assert fetched_and_confirmed(anwb, ("approved", ID)).code == "ok"
    assert cleared(context) == 1
    assert "1 already known" in add(tnm, cdr_xml(status="revised", **OTHER)).text
    assert cleared(context) == 0
    assert list(verify(context)) == []


def test_what_one_of_several_ids_sent_is_not_sent_again_by_another_partner_with_its_market_id(tnm, lnd, anwb, context):
    add(tnm, cdr_xml())
    assert cleared(context) == 1
    set_market_id(context, "tnm", OPERATOR, OPERATOR_ID, None)
    set_market_id(context, "lnd", OPERATOR, "ladenetz.de", "NLTNM")
    assert "0 new, 0 revised, 0 given up, 1 already known" in add(lnd, cdr_xml()).text
    answer = add(lnd, cdr_xml(status="revised", **OTHER), cdr_xml("NLTNM000002"))
    assert implausible(answer) == [ID]
    assert "another partner sent a CDR of this id" in answer.text
    assert cleared(context) == 1
    assert list(verify(context)) == []


def test_a_cdr_that_came_by_ochp_02_under_another_id_of_its_operator_is_not_new(house, tnm, anwb, context, clock):
    old = Caller(house, "tnm")
    assert old.upload("AddCDRs", cdr(ID, provider_id="ANWB", evse_id=EVSE, contract_id="NL-ANW-C00000001")).code == 0
    assert cleared(context) == 1
    loses_its_older_id(context, clock)
    assert implausible(add(tnm, cdr_xml())) == [ID]
    assert cleared(context) == 0


def test_verify_names_a_cdr_id_that_two_operators_have(tnm, lnd, anwb, context):
    add(tnm, cdr_xml())
    with context.database.write() as transaction:
        names = [column.name for column in queries.tables.cdr.c if column.name not in ("id", "operator_key")]
        text = ", ".join(names)
        transaction.exec_driver_sql(f"INSERT INTO cdr (operator_key, {text}) SELECT 'twice', {text} FROM cdr")
    assert any("under 2 operators: it would be cleared twice" in found.detail for found in verify(context))


def test_the_new_owner_of_an_operator_id_revises_nothing_that_the_former_one_sent(house, anwb, context):
    old, sent = Caller(house, "tnm"), cdr(1, provider_id="ANWB", contract_id="NL-ANW-000001-5")
    old.upload("AddCDRs", sent)
    ((cdr_id, found),) = got(anwb).items()
    confirm(anwb, ("declined", cdr_id, found.findtext(f"{O}evseId")))
    enrolment.revoke_ids(context, "tnm", Ownership([OPERATOR_ID]))
    enrolment.assign_ids(context, "lnd", Ownership([OPERATOR_ID]))
    answer = Caller(house, "lnd").upload("AddCDRs", sent._replace(volume="1"))
    assert answer.code == 401
    assert listed(context, "1") == [Status.DECLINED]


def test_of_one_market_id_of_two_operators_a_provider_answers_about_its_own_cdr(house, tnm, anwb, context):
    """Both CDRs went out with the same ids; each provider means its own, and one that has both is asked which."""
    two_of_one_market_id(context, "lnd", OPERATOR, "NL-TNM")
    old, other = Caller(house, "tnm"), Caller(house, "lnd")
    sent = cdr(ID, provider_id="ANWB", evse_id=EVSE, contract_id="NL-ANW-000001-5")
    old.upload("AddCDRs", sent)
    other.upload("AddCDRs", sent._replace(operator_id="NL-TNM", provider_id="ladenetz.de"))
    assert fetched_and_confirmed(anwb, ("declined", ID)).code == "ok"
    assert sorted(listed(context)) == [Status.DECLINED, Status.PENDING]
    other.upload("AddCDRs", sent._replace(cdr_id="NLTNM2", operator_id="NL-TNM"))
    old.upload("AddCDRs", sent._replace(cdr_id="NLTNM2"))
    answer = confirm(anwb, ("approved", "NLTNM2"))
    assert answer.code == "invalid-id"
    assert "several CDRs for you have these ids" in answer.text


@pytest.mark.parametrize("purged", [False, True])
def test_a_cdr_of_ochp_02_is_not_billed_again_under_the_id_that_was_made_for_it(house, tnm, anwb, context, purged):
    """An operator that speaks both is given its declined CDR of OCHP 0.2 by CheckCDRs, and may take it for one of 1.4."""
    old = Caller(house, "tnm")
    sent = cdr("0-1", provider_id="ANWB", contract_id="NL-ANW-000001-5", evse_id=EVSE)
    old.upload("AddCDRs", sent, sent._replace(cdr_id="0-2"))
    one, other = got(anwb)
    confirm(anwb, ("declined", one), ("declined", other))
    assert {*got(tnm, operation="CheckCDRs")} == {one, other}
    for status in ("new", "revised"):
        answer = add(tnm, cdr_xml(one, status=status))
        assert implausible(answer) == [one]
        assert "which came by another protocol" in answer.text
    # OCHP 0.2 has no word for giving a CDR up.
    assert "1 given up" in add(tnm, cdr_xml(one, status="rejected")).text
    assert listed(context, "0-1") == [Status.WITHDRAWN]
    assert old.upload("AddCDRs", sent._replace(cdr_id="0-2", volume="7")).code == 0
    assert fetched_and_confirmed(anwb, ("approved", other)).code == "ok"
    assert cleared(context) == 1
    if purged:
        assert sum(purge_run(context, 1)) == 1
    for status in ("new", "revised", "rejected"):
        assert implausible(add(tnm, cdr_xml(other, status=status))) == [other]
    # Of another operator, and of nobody: ids that only look so.
    assert "2 new" in add(tnm, cdr_xml("NLTNM03X0000000001"), cdr_xml("NLTNM01X000000ZZZZ")).text
    assert list(verify(context)) == []


# ---------------------------------------------------------------------- providers


def test_what_the_former_owner_of_a_provider_id_approved_is_not_approved_by_the_next(tnm, anwb, lnd, context):
    enrolment.change(context, "lnd", answers=Answers.EXPLICIT)
    add(tnm, cdr_xml(), cdr_xml("NLTNM000002"))
    assert fetched_and_confirmed(anwb, ("approved", ID)).code == "ok"
    moves(context)
    assert listed(context) == [Status.AWAITING]
    assert cleared(context) == 0
    # Nor is what its predecessor was given.
    assert confirm(lnd, ("approved", "NLTNM000002")).code == "invalid-id"
    assert states(lnd) == {ID: "accepted", "NLTNM000002": "accepted"}
    assert confirm(anwb, ("declined", ID)).code == "not-authorized"
    # It is not approved for good, so that its operator may revise it.
    assert "1 revised" in add(tnm, cdr_xml("NLTNM000002", status="revised", **OTHER)).text
    assert confirm(lnd, ("approved", ID), ("approved", "NLTNM000002")).code == "partly"
    assert cleared(context) == 1
    assert list(verify(context)) == []


def test_an_approval_counts_again_when_a_provider_id_comes_back(tnm, anwb, context):
    add(tnm, cdr_xml())
    fetched_and_confirmed(anwb, ("approved", ID))
    enrolment.disable(context, "anwb")
    assert (listed(context), cleared(context)) == ([Status.HELD], 0)
    enrolment.enable(context, "anwb")
    assert (listed(context), cleared(context)) == ([Status.PENDING], 1)
    assert list(verify(context)) == []


def test_what_was_declined_stays_declined_when_its_provider_id_moves(tnm, anwb, lnd, context):
    add(tnm, cdr_xml())
    fetched_and_confirmed(anwb, ("declined", ID))
    moves(context)
    assert listed(context) == [Status.DECLINED]
    assert cleared(context) == 0
    assert "1 revised" in add(tnm, cdr_xml(status="revised", **OTHER)).text
    assert cleared(context) == 1
    assert list(verify(context)) == []


def test_silence_counts_from_when_its_provider_was_given_a_cdr(tnm, anwb, lnd, context, clock):
    object.__setattr__(context, "limits", replace(context.limits, cdr_silence_days=10))
    for user_id in ("anwb", "lnd"):
        enrolment.change(context, user_id, answers=Answers.EXPLICIT)
    add(tnm, cdr_xml(contract_id="NL-NEW-C00000001"), cdr_xml("NLTNM000002"))
    assert {*got(anwb)} == {"NLTNM000002"}
    clock.now += timedelta(days=11)
    # One was held all the time, the other is somebody else's now.
    enrolment.assign_ids(context, "anwb", Ownership(provider_ids=["NLNEW"]))
    moves(context)
    assert cleared(context) == 0
    assert ({*got(anwb)}, {*got(lnd)}) == ({ID}, {"NLTNM000002"})
    clock.now += timedelta(days=9)
    assert cleared(context) == 0
    clock.now += timedelta(days=2)
    assert cleared(context) == 2
    assert list(verify(context)) == []


def test_a_cdr_is_answered_about_under_the_ids_that_it_went_out_with(house, tnm, anwb, context):
    old = Caller(house, "tnm")
    old.upload("SetChargePointList", charge_point(1, evse_id="01000851"))
    sent = cdr(1, provider_id="ANWB", contract_id="NL-ANW-000001-5", evse_id="", chargepoint_id="01000851")
    old.upload("AddCDRs", sent, sent._replace(cdr_id="NLTNM000002", chargepoint_id=EVSE))
    add(tnm, cdr_xml())
    went_out = {cdr_id: each.findtext(f"{O}evseId") for cdr_id, each in got(anwb).items()}
    assert len(went_out) == 3
    set_market_id(context, "tnm", OPERATOR, OPERATOR_ID, "NLXYZ")
    assert confirm(anwb, *(("approved", cdr_id, evse_id) for cdr_id, evse_id in went_out.items())).code == "ok"
    set_market_id(context, "tnm", OPERATOR, OPERATOR_ID, None)
    assert cleared(context) == 3
    assert list(verify(context)) == []


def test_a_cdr_of_ochp_02_that_is_revised_with_another_evse_is_answered_about_under_that(house, anwb, context):
    old = Caller(house, "tnm")
    sent = cdr(1, provider_id="ANWB", contract_id="NL-ANW-000001-5", evse_id=EVSE)
    old.upload("AddCDRs", sent)
    ((cdr_id, _),) = got(anwb).items()
    assert confirm(anwb, ("declined", cdr_id)).code == "ok"
    assert old.upload("AddCDRs", sent._replace(evse_id="NL*TNM*E2")).code == 0
    ((again, found),) = got(anwb).items()
    assert (again, found.findtext(f"{O}evseId")) == (cdr_id, "NL*TNM*E2")
    assert confirm(anwb, ("approved", cdr_id)).code == "invalid-id"
    assert confirm(anwb, ("approved", cdr_id, "NL*TNM*E2")).code == "ok"
    # What was declined may be sent with its first content again, too, but not what was approved.
    assert old.upload("AddCDRs", sent).code == 0
    assert listed(context, "1") == [Status.PENDING, Status.SUPERSEDED]


def test_a_cdr_of_ochp_02_goes_back_to_its_first_content_when_the_second_is_declined(house, anwb, context):
    old = Caller(house, "tnm")
    sent = cdr(1, provider_id="ANWB", contract_id="NL-ANW-000001-5", evse_id=EVSE)
    for number, volume in enumerate(("8.0000", "9.0000", "8.0000"), 1):
        assert old.upload("AddCDRs", sent._replace(volume=volume)).code == 0
        assert old.upload("AddCDRs", sent._replace(volume=volume)).code == 0
        assert len(listed(context, "1")) == number
        ((cdr_id, _),) = got(anwb).items()
        assert confirm(anwb, ("declined", cdr_id)).code == "ok"
    assert list(verify(context)) == []


# ---------------------------------------------------------------------- one item among others


def test_who_only_names_cdrs_still_takes_runs_for_approval(tnm, anwb, lnd, context):
    add(tnm, cdr_xml(), cdr_xml("NLTNM000002"))
    for caller, items in ((lnd, [("approved", ID)]), (anwb, [("approved", ID), ("declined", "NLTNM000009")])):
        assert confirm(caller, *items).code == "invalid-id"
        assert partner_of_user(context, caller.user_id).answers is Answers.RUN
    assert fetched_and_confirmed(anwb, ("declined", ID)).code == "ok"
    assert partner_of_user(context, "anwb").answers is Answers.EXPLICIT
    assert cleared(context) == 0
    assert list(verify(context)) == []


def test_one_item_that_cannot_be_spoils_no_other(tnm, anwb, context):
    huge = (period_xml(value="999999999", price="999999999", cost=""),)
    answer = add(tnm, cdr_xml("NLTNM000002", periods=huge, total=""), cdr_xml())
    assert implausible(answer) == ["NLTNM000002"]
    assert "comes to more than 1,000,000,000" in answer.text
    got(anwb)
    made = "NLTNM1X000000000/"
    both = [("approved", ID), ("declined", ID, "nltnme01000851")]
    answer = confirm(anwb, *both, ("approved", made), ("approved", "NLTNM1X000000000Ä"))
    assert answer.code == "invalid-id"
    assert "it is both approved and declined" in answer.text
    assert "no such CDR is for you" in answer.text
    assert confirm(anwb, ("approved", ID), ("approved", ID, "nltnme01000851")).code == "ok"
    assert cleared(context) == 1
    assert list(verify(context)) == []


def test_a_cdr_that_is_sent_and_given_up_in_one_request_is_one_of_both(tnm, anwb, context):
    add(tnm, cdr_xml())
    fetched_and_confirmed(anwb, ("declined", ID))
    answer = add(tnm, cdr_xml(status="revised"), cdr_xml(status="rejected"), cdr_xml(status="revised"))
    assert implausible(answer) == [ID]
    assert "0 new, 0 revised, 0 given up, 2 already known." in answer.text
    assert "1 CDR refused" in answer.text
    assert listed(context) == [Status.DECLINED]


def test_what_the_office_holds_is_still_held_when_the_operator_id_is_another(tnm, anwb, context, clock):
    add(tnm, cdr_xml())
    decisions.decide(context, Decided.HOLD, ID, None, "a test", "office")
    loses_its_older_id(context, clock)
    assert implausible(add(tnm, cdr_xml(status="revised", **OTHER))) == [ID]
    assert cleared(context) == 0


def test_a_run_is_purged_although_its_rows_have_the_numbers_of_others(tnm, anwb, context):
    """SQLite gives the numbers of deleted rows again."""
    for number in (1, 2):
        cdr_id = f"NLTNM00000{number}"
        add(tnm, cdr_xml(cdr_id))
        fetched_and_confirmed(anwb, ("declined", cdr_id))
        add(tnm, cdr_xml(cdr_id, status="revised", **OTHER))
        assert fetched_and_confirmed(anwb, ("approved", cdr_id)).code == "ok"
        assert cleared(context) == 1
        assert sum(purge_run(context, number)) == 1
    with context.database.read() as snapshot:
        rows = snapshot.exec_driver_sql("SELECT row_id FROM cdr_purged_revision").scalars().all()
    assert len(rows) == 2
    assert not context.database.is_sqlite or rows == [1, 1]
    assert list(verify(context)) == []
    # The release before can keep one of them only, and has what it can.
    config = schema.alembic_config(context.database)
    command.downgrade(config, "0020")
    command.upgrade(config, "head")


def test_answers_and_what_was_purged_come_through_the_change_of_their_keys_and_back(tnm, anwb, context):
    add(tnm, *(cdr_xml(f"NLTNM00000{number}") for number in (1, 2, 3)))
    fetched_and_confirmed(anwb, ("declined", ID), ("declined", "NLTNM000002"))
    add(tnm, cdr_xml(status="revised", **OTHER))
    fetched_and_confirmed(anwb, ("approved", ID))
    assert cleared(context) == 1
    assert sum(purge_run(context, 1)) == 1
    config = schema.alembic_config(context.database)
    command.downgrade(config, "0020")
    command.upgrade(config, "head")
    assert list(verify(context)) == []
    assert states(tnm, operation="CheckCDRs") == {"NLTNM000002": "declined"}
    # What was given is given again.
    assert confirm(anwb, ("approved", "NLTNM000003")).code == "invalid-id"
    assert fetched_and_confirmed(anwb, ("approved", "NLTNM000003")).code == "ok"
    assert "1 already known" in add(tnm, cdr_xml()).text
