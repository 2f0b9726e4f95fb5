"""CDRs of OCHP 1.4: sent, revised, given up, answered about, and what of them goes into a run; answers valid by the
contract.
"""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from cast import cdr, charge_point, verify
from cdrs14 import EVSE, ID, OTHER, add, cleared, confirm, fetched_and_confirmed, got, implausible, listed, states
from echs.audit import trail
from echs.cdrs import decisions, tables
from echs.cdrs.answers import approve_silent
from echs.cdrs.between_partners import Asked, sources
from echs.cdrs.status import Decided, Status
from echs.cdrs.transitions import Effect, Event, Stand, effect_of
from echs.clearing import open_items
from echs.clearing.retention import purge_run
from echs.clearing.statement_builder import open_statement
from echs.partners import connections, enrolment
from echs.partners.connection import ConnectionMode
from echs.partners.partner import Answers, PartyRole
from echs.partners.queries import partner_of_user
from echs.protocols.ochp02.wire_schema import CDR_INFO
from echs.statements.statement import Why
from echs.statements.statement_cache import StatementCache
from ochp14 import (
    END,
    START,
    O,
    cdr_xml,
    period_xml,
    sent_values,
    two_of_one_market_id,
    valid,
    values,
)
from wire import Caller


def test_a_cdr_comes_out_with_everything_that_was_sent_and_where_it_stands(tnm, anwb, context):
    sent = cdr_xml(
        representation="plain",
        periods=(period_xml(), period_xml("serviceFee", "1", "0.50", "0.50", tax="")),
        total="5.50",
    )
    answer = add(tnm, sent)
    assert answer.code == "ok", answer.text
    assert "1 new, 0 revised, 0 given up, 0 already known." in answer.text
    (found,) = got(anwb).values()
    expected = sent_values(sent)
    assert values(found) == [
        ("CdrStatusType", "accepted") if each == ("CdrStatusType", "new") else each for each in expected
    ]
    with context.database.read() as snapshot:
        row = snapshot.exec_driver_sql("SELECT cost_e6, currency, volume_e4_kwh, token_id, revision FROM cdr").one()
    assert tuple(row) == (5_500_000, "EUR", 125_000, "04A1B2C3D4E5F6", 1)
    assert list(verify(context)) == []


def test_it_is_the_providers_queue_until_it_answers_and_then_goes_into_a_run(tnm, anwb, context):
    add(tnm, *(cdr_xml(f"NLTNM{number:06d}") for number in range(1, 5)))
    assert states(anwb) == {f"NLTNM{number:06d}": "accepted" for number in range(1, 5)}
    answer = confirm(anwb, ("approved", "NLTNM000001"), ("approved", "NLTNM000002"), ("declined", "NLTNM000003"))
    assert answer.code == "ok", answer.text
    assert "2 approved, 1 declined, 0 as before." in answer.text
    # From the first answer on a run is no approval any more.
    assert partner_of_user(context, "anwb").answers is Answers.EXPLICIT
    assert states(anwb) == {"NLTNM000004": "accepted"}
    assert {*states(anwb, "approved")} == {*states(tnm, "approved", "CheckCDRs")} == {"NLTNM000001", "NLTNM000002"}
    assert states(tnm, operation="CheckCDRs") == {"NLTNM000003": "declined"}
    assert listed(context, "NLTNM000003") == [Status.DECLINED]
    assert listed(context, "NLTNM000004") == [Status.AWAITING]
    assert cleared(context) == 2
    assert {*states(anwb, "approved")} == {"NLTNM000001", "NLTNM000002"}
    assert cleared(context) == 0
    assert list(verify(context)) == []


def test_a_declined_cdr_is_revised_and_only_the_revision_that_was_fetched_can_be_answered_about(tnm, anwb, context):
    add(tnm, cdr_xml())
    fetched_and_confirmed(anwb, ("declined", ID))
    assert "0 new, 1 revised" in add(tnm, cdr_xml(status="revised", **OTHER)).text
    # Whoever answers now has seen another price.
    answer = confirm(anwb, ("approved", ID))
    assert answer.code == "invalid-id"
    assert "it was not given to you as it is now: fetch it before you answer" in answer.text
    assert cleared(context) == 0
    (found,) = got(anwb).values()
    assert found.findtext(f"{O}totalCost") == "6.00"
    assert found.findtext(f"{O}status/{O}CdrStatusType") == "revised"
    assert fetched_and_confirmed(anwb, ("approved", ID)).code == "ok"
    assert listed(context) == [Status.PENDING, Status.SUPERSEDED]
    assert cleared(context) == 1
    assert listed(context) == [Status.CLEARED, Status.SUPERSEDED]
    assert list(verify(context)) == []


def test_a_purged_cdr_takes_its_older_revisions_with_it_and_stays_known(tnm, anwb, context):
    add(tnm, cdr_xml())
    fetched_and_confirmed(anwb, ("declined", ID))
    add(tnm, cdr_xml(status="revised", **OTHER))
    got(anwb)
    fetched_and_confirmed(anwb, ("approved", ID))
    assert cleared(context) == 1
    assert sum(purge_run(context, 1)) == 1
    with context.database.read() as snapshot:
        for table in ("cdr", "cdr_answer", "cdr_given"):
            assert snapshot.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0
    assert list(verify(context)) == []
    assert "1 already known" in add(tnm, cdr_xml(status="revised", **OTHER)).text
    # As it was known before the purge, by the content of any revision.
    assert "1 already known" in add(tnm, cdr_xml()).text
    assert implausible(add(tnm, cdr_xml(total="7.00", periods=(period_xml(value="17.5", cost="7.00"),)))) == [ID]
    assert cleared(context) == 0


def test_a_cdr_that_its_operator_gives_up_is_never_cleared(tnm, anwb, context):
    add(tnm, cdr_xml())
    assert implausible(add(tnm, cdr_xml(status="rejected"))) == [ID]
    fetched_and_confirmed(anwb, ("declined", ID))
    answer = add(tnm, cdr_xml(status="rejected", **OTHER))
    assert answer.code == "ok"
    assert "1 given up" in answer.text
    assert states(anwb, "rejected") == states(tnm, "rejected", "CheckCDRs") == {ID: "rejected"}
    assert (states(anwb), states(tnm, operation="CheckCDRs")) == ({}, {})
    assert fetched_and_confirmed(anwb, ("approved", ID)).code == "invalid-id"
    assert (
        implausible(
            add(
                tnm,
                cdr_xml(status="revised"),
            )
        )
        == []
    )  # as it stands: nothing changes
    assert implausible(add(tnm, cdr_xml(status="revised", **OTHER))) == [ID]
    assert cleared(context) == 0
    assert listed(context) == [Status.WITHDRAWN]
    assert list(verify(context)) == []


def test_the_plausible_ones_are_taken_without_the_others(tnm, anwb, context):
    answer = add(
        tnm,
        cdr_xml("NLTNM000001"),
        cdr_xml("NLTNM000002", total="9.99"),
        cdr_xml("DELND000003"),
        cdr_xml("", total="5"),
        cdr_xml("NLTNM000005"),
        cdr_xml("NLTNM000001", **OTHER),
        cdr_xml("NLTNM000005"),
    )
    assert answer.code == "partly"
    assert implausible(answer) == ["NLTNM000002", "DELND000003", "NLTNM000001"]
    assert "4 CDRs refused" in answer.text
    assert {*states(anwb)} == {"NLTNM000001", "NLTNM000005"}
    assert list(verify(context)) == []


@pytest.mark.parametrize(
    ("changes", "told", "code"),
    [
        ({"cdr_id": "DELND1"}, "CDR_ID_FOREIGN", "invalid-id"),
        ({"evse_id": "DE*LND*E1"}, "CDR_ID_FOREIGN", "invalid-id"),
        ({"cdr_id": "nltnm1"}, "capitals and digits", "format"),
        ({"start": "2026-09-24T10:00:00-00:00"}, "local time", "format"),
        ({"end": "2026-09-24T09:00:00+02:00"}, "CDR_PERIOD", "format"),
        ({"periods": ()}, "chargingPeriods", "format"),
        ({"periods": (period_xml(cost="4.90"),)}, "not value times price", "format"),
        ({"total": "5.10"}, "not the sum of the periods", "format"),
        ({"periods": (period_xml(value="-1"),)}, "not negative", "format"),
        ({"periods": (period_xml(value="9e20", cost=""),)}, "is more than", "format"),
        ({"currency": "EURO"}, "ISO 4217", "format"),
        ({"status": "accepted"}, "send new, revised or rejected", "format"),
        ({"start": "2027-09-24T10:00:00+02:00", "end": "2027-09-24T11:00:00+02:00"}, "CDR_PERIOD", "format"),
        ({"more": "<o:colour>red</o:colour>"}, "colour", "format"),
    ],
)
def test_what_is_implausible_is_told_with_its_place(tnm, anwb, context, changes, told, code):
    answer = add(tnm, cdr_xml(**changes))
    assert answer.code == code, answer.text
    assert told in answer.text
    assert got(anwb) == {}
    assert "04A1B2C3D4E5F6" not in answer.response.body.decode()


def test_sums_agree_but_for_rounding(tnm):
    rounded = (period_xml(value="12.345", price="0.333", cost="4.11"), period_xml("usagetime", "1.5", "1.2", ""))
    assert add(tnm, cdr_xml(periods=rounded, total="5.92")).code == "ok"


def test_what_is_odd_is_taken_and_told(tnm, anwb, context):
    by_time = (period_xml("usagetime", "1.5", "2.00", "3.00"),)
    answer = add(tnm, cdr_xml(periods=by_time, total="3.00"), cdr_xml("NLTNM000002", status="revised"))
    assert answer.code == "ok"
    assert "2 new" in answer.text
    assert "ENERGY_UNKNOWN 1" in answer.text
    assert "REVISED_UNKNOWN 1" in answer.text
    assert {*states(anwb).values()} == {"accepted"}


def test_every_transition_is_as_the_table_says(house, context, tnm, anwb):
    """Each event, played against a CDR in each state, does what the table says, and does it once."""
    met = dict.fromkeys(Effect, 0)
    enrolment.change(context, "anwb", answers=Answers.EXPLICIT)

    def brought_to(stand: Stand | None, cdr_id: str) -> None:
        if stand is None:
            return
        assert implausible(add(tnm, cdr_xml(cdr_id))) == []
        if stand in (Stand.DECLINED, Stand.REJECTED):
            assert fetched_and_confirmed(anwb, ("declined", cdr_id)).code == "ok"
        if stand is Stand.REJECTED:
            assert implausible(add(tnm, cdr_xml(cdr_id, status="rejected"))) == []
        if stand is Stand.REVISED:
            first = {"total": "4.00", "periods": (period_xml(value="10", cost="4.00"),)}
            fetched_and_confirmed(anwb, ("declined", cdr_id))
            assert implausible(add(tnm, cdr_xml(cdr_id, status="revised", **first))) == []
            assert implausible(add(tnm, cdr_xml(cdr_id, status="revised"))) == []
            assert states(anwb)[cdr_id] == "revised"
        if stand is Stand.APPROVED:
            assert fetched_and_confirmed(anwb, ("approved", cdr_id)).code == "ok"

    for number, (stand, event, same) in enumerate(product([None, *Stand], Event, (False, True))):
        cdr_id = f"NLTNM{number:06d}"
        if same and (stand is None or event not in (Event.NEW, Event.REVISED)):
            continue
        brought_to(stand, cdr_id)
        expected = effect_of(stand, event, same_content=same)
        met[expected] += 1
        before = listed(context, cdr_id)
        if event in (Event.APPROVED, Event.DECLINED):
            answer = fetched_and_confirmed(anwb, (event.value, cdr_id))
            refused = answer.code != "ok"
        else:
            answer = add(tnm, cdr_xml(cdr_id, status=event.value, **({} if same else OTHER)))
            refused = bool(implausible(answer))
        assert refused == (expected is Effect.REFUSE), (stand, event, same, answer.text)
        after = listed(context, cdr_id)
        assert (after == before) == (expected in (Effect.REFUSE, Effect.UNCHANGED)), (stand, event, same, before, after)
        if expected in (Effect.STORE, Effect.REVISE):
            assert after == [Status.AWAITING, *[Status.SUPERSEDED] * len(before)]
    assert min(met.values()) > 0, met
    assert list(verify(context)) == []


def test_answers_to_what_is_not_the_callers_or_is_said_twice_change_nothing(tnm, anwb, lnd, context):
    add(tnm, cdr_xml(), cdr_xml("NLTNM000002"))
    assert confirm(lnd, ("approved", ID)).code == "invalid-id"
    assert fetched_and_confirmed(anwb, ("approved", ID, "NL*TNM*E2")).code == "invalid-id"
    answer = fetched_and_confirmed(
        anwb, ("approved", ID), ("declined", ID), ("approved", "NLTNM000002"), ("declined", "NLTNM999999")
    )
    assert answer.code == "partly"
    assert "NLTNM000001: it is both approved and declined" in answer.text
    assert "NLTNM999999: no such CDR is for you" in answer.text
    assert listed(context) == [Status.AWAITING]
    # Spelt otherwise it is the same EVSE.
    assert fetched_and_confirmed(anwb, ("approved", ID, "nltnme01000851")).code == "ok"
    assert got(lnd) == {}
    assert list(verify(context)) == []


def test_an_item_may_be_a_whole_cdr_as_in_older_versions(tnm, anwb, context):
    add(tnm, cdr_xml())
    got(anwb)
    whole = cdr_xml().replace("o:cdrInfoArray", "o:approved")
    assert valid(anwb.send("ConfirmCDRs", whole)).code == "ok"
    assert listed(context) == [Status.PENDING]


def test_each_side_may_ask_for_its_own_states_only(tnm, anwb):
    for caller, operation, status in (
        (anwb, "GetCDRs", "declined"),
        (anwb, "GetCDRs", "new"),
        (tnm, "CheckCDRs", "accepted"),
    ):
        member = f"<o:cdrStatus><o:CdrStatusType>{status}</o:CdrStatusType></o:cdrStatus>"
        answer = valid(caller.send(operation, member))
        assert answer.code == "format"
        assert f'"{status}" cannot be asked for here' in answer.text
    assert valid(anwb.send("AddCDRs", cdr_xml())).code == "not-authorized"


def test_what_the_office_rejects_is_over_for_both_and_what_it_holds_waits(tnm, anwb, context):
    add(tnm, cdr_xml(), cdr_xml("NLTNM000002"))
    decisions.decide(context, Decided.REJECT, ID, None, "a test", "office")
    decisions.decide(context, Decided.HOLD, "NLTNM000002", None, "a test", "office")
    assert states(anwb) == {"NLTNM000002": "accepted"}
    assert states(anwb, "rejected") == {ID: "rejected"}
    assert fetched_and_confirmed(anwb, ("approved", "NLTNM000002")).code == "ok"
    assert cleared(context) == 0
    decisions.decide(context, Decided.RELEASE, "NLTNM000002", None, "a test", "office")
    assert cleared(context) == 1
    assert list(verify(context)) == []


def test_a_hold_of_the_office_is_not_got_around_by_a_revision(house, tnm, anwb, context):
    add(tnm, cdr_xml())
    decisions.decide(context, Decided.HOLD, ID, None, "a test", "office")
    fetched_and_confirmed(anwb, ("declined", ID))
    for status in ("revised", "rejected"):
        answer = add(tnm, cdr_xml(status=status, **OTHER))
        assert implausible(answer) == [ID]
        assert "the clearing house has it on hold" in answer.text
    decisions.decide(context, Decided.RELEASE, ID, None, "a test", "office")
    assert implausible(add(tnm, cdr_xml(status="revised", **OTHER))) == []
    assert list(verify(context)) == []


def test_an_id_that_is_added_to_an_operator_does_not_make_its_cdrs_new(tnm, anwb, context, clock):
    add(tnm, cdr_xml())
    clock.now += timedelta(hours=1)
    enrolment.assign_ids(context, "tnm", enrolment.Ownership(operator_ids=("NLTNM",)))
    assert "0 new, 0 revised, 0 given up, 1 already known" in add(tnm, cdr_xml()).text
    assert len(got(anwb)) == 1


def test_a_market_id_of_two_partners_is_nobodys(tnm, anwb, lnd, context):
    two_of_one_market_id(context, "lnd", PartyRole.PROVIDER, "NL-ANW")
    answer = add(tnm, cdr_xml())
    assert implausible(answer) == [ID]
    assert "CDR_PROVIDER_AMBIGUOUS" in answer.text
    # Once the house has parted them, it is taken.
    enrolment.set_market_id(context, "lnd", PartyRole.PROVIDER, "NL-ANW", "NLAN2")
    assert "1 new" in add(tnm, cdr_xml()).text
    assert ({*got(anwb)}, got(lnd)) == ({ID}, {})


def test_the_evse_of_a_cdr_may_be_of_another_market_id_of_its_operator(tnm, anwb, context):
    enrolment.assign_ids(context, "tnm", enrolment.Ownership(operator_ids=("NL*TN2",)))
    assert add(tnm, cdr_xml(evse_id="NL*TN2*E1")).code == "ok"
    assert fetched_and_confirmed(anwb, ("approved", ID, "NL*TN2*E1")).code == "ok"


def test_silence_is_no_consent_unless_it_is_set(tnm, anwb, context, clock):
    add(tnm, cdr_xml(), cdr_xml("NLTNM000002"))
    fetched_and_confirmed(anwb, ("approved", ID))
    assert cleared(context) == 1
    clock.now += timedelta(days=31)
    assert cleared(context) == 0
    with context.database.write() as transaction:
        assert approve_silent(context, transaction, 32, "d" * 26) == {}
    object.__setattr__(context, "limits", replace(context.limits, cdr_silence_days=30))
    # One that was never fetched waits: its provider is not silent about it.
    add(tnm, cdr_xml("NLTNM000003"))
    clock.now += timedelta(days=31)
    assert cleared(context) == 1
    assert '"silent":1' in [entry.detail for entry in trail.entries(context)][-1].replace(" ", "")
    assert listed(context, "NLTNM000002") == [Status.CLEARED]
    assert list(verify(context)) == []


def test_a_cdr_for_nobody_is_held_and_one_without_a_connection_waits(tnm, anwb, context):
    answer = add(tnm, cdr_xml(contract_id="NL-NEW-C00000001"))
    assert "1 held until a partner has their provider id" in answer.text
    assert got(anwb) == {}
    enrolment.assign_ids(context, "anwb", enrolment.Ownership(provider_ids=("NLNEW",)))
    assert {*states(anwb)} == {ID}
    connections.set_mode(context, ConnectionMode.CLOSED)
    add(tnm, cdr_xml("NLTNM000002"))
    assert got(anwb) == {}
    assert list(verify(context)) == []


def test_only_sums_of_cdrs_and_no_card_numbers_are_in_the_trail(tnm, anwb, context):
    add(tnm, cdr_xml())
    fetched_and_confirmed(anwb, ("declined", ID))
    details = " ".join(entry.detail for entry in trail.entries(context))
    assert "04A1B2C3D4E5F6" not in details
    assert [entry.action for entry in trail.entries(context)][-1] == "cdrs.confirm"


# ---------------------------------------------------------------------- the mixed house


def old_cdrs(caller: Caller) -> list[dict[str, str]]:
    """What a partner of OCHP 0.2 fetches."""
    names = [wire.name for wire in CDR_INFO.fields]
    return [dict(zip(names, row, strict=True)) for row in caller.send("GetCDRs").records(CDR_INFO)]


def test_a_cdr_of_ochp_14_is_fetched_by_ochp_02_after_the_run(house, tnm, context):
    add(
        tnm,
        cdr_xml(contract_id="DE-LND-C00000001"),
        cdr_xml("NLTNM000002", contract_id="DE-LND-C00000001", representation="sha-256", instance="AB" * 32),
    )
    old = Caller(house, "lnd")
    assert old_cdrs(old) == []
    assert cleared(context) == 2
    first, second = old_cdrs(old)
    assert first["cdrId"] == ID
    assert (first["infraProviderId"], first["serviceProviderId"]) == ("TheNewMotion", "ladenetz.de")
    assert (first["startDatetime"], first["endDatetime"], first["duration"]) == (START, END, "1:30:00")
    assert first["volume"] == "12.5000"
    assert (first["evseId"], first["evcoId"]) == (EVSE, "DE-LND-C00000001")
    assert (first["authenticationId"], second["authenticationId"]) == ("04A1B2C3D4E5F6", "")
    assert (first["productType"], first["tariffType"], first["meterId"]) == ("0", "NL*TNM*T1", "M-1")
    # The run was its approval.
    assert {*states(tnm, "approved", "CheckCDRs")} == {ID, "NLTNM000002"}
    assert list(verify(context)) == []


def test_a_cdr_of_ochp_02_is_answered_about_by_ochp_14(house, tnm, anwb, context):
    old = Caller(house, "tnm")
    old.upload("SetChargePointList", charge_point(1, evse_id="01000851", receptacle_type="CHAdeMO"))
    sent = cdr(
        1,
        provider_id="ANWB",
        contract_id="NL-ANW-000001-5",
        evse_id="",
        chargepoint_id="01000851",
        token_id="04A1B2C3D4E5F6",
    )
    assert old.upload("AddCDRs", sent, sent._replace(cdr_id="2", token_id="no card")).code == 0
    found = got(anwb)
    assert len(found) == 2
    ours = {each.findtext(f"{O}evseId"): cdr_id for cdr_id, each in found.items()}
    assert {*ours} == {EVSE}
    made = sorted(found)
    assert all(each.startswith("NLTNM") and len(each) <= 36 for each in made)
    assert {
        each.findtext(f"{O}connectorType/{O}connectorStandard/{O}ConnectorStandard") for each in found.values()
    } == {"Chademo"}
    assert {each.findtext(f"{O}emtId/{O}tokenType") for each in found.values()} == {"rfid", "remote"}
    assert all(each.find(f"{O}totalCost") is None for each in found.values())
    by_own = {each.findtext(f"{O}emtId/{O}tokenType"): cdr_id for cdr_id, each in found.items()}
    assert fetched_and_confirmed(anwb, ("approved", by_own["rfid"]), ("declined", by_own["remote"])).code == "ok"
    assert cleared(context) == 1
    # Its operator hears of it with its next upload, and may send it again.
    answer = old.upload("AddCDRs", sent)
    assert '1 CDR declined by the provider: "2"' in answer.body.decode().replace("&quot;", '"')
    again = sent._replace(cdr_id="2", token_id="04A1B2C3D4E5F8")
    assert old.upload("AddCDRs", again).code == 0
    ((cdr_id, revised),) = got(anwb).items()
    assert cdr_id == by_own["remote"]
    assert revised.findtext(f"{O}status/{O}CdrStatusType") == "revised"
    # What was not declined still cannot change, and the same again changes nothing.
    assert old.upload("AddCDRs", again._replace(token_id="04A1B2C3D4E5F7")).code == 401
    assert old.upload("AddCDRs", sent._replace(cdr_id="2", token_id="no card")).code == 0
    assert old.upload("AddCDRs", again).code == 0
    assert fetched_and_confirmed(anwb, ("approved", cdr_id)).code == "ok"
    assert cleared(context) == 1
    assert list(verify(context)) == []


def test_a_cdr_of_ochp_02_whose_contract_has_no_form_is_withheld_and_told(house, anwb, context):
    old = Caller(house, "tnm")
    old.upload("AddCDRs", cdr(1, provider_id="ANWB", contract_id="a customer"))
    answer = valid(anwb.send("GetCDRs"))
    assert "1 cannot be said in OCHP 1.4: contract_form 1" in answer.text
    assert answer.elements("cdrInfoArray") == []


# ---------------------------------------------------------------------- statements


def statement(context, user_id: str, form: str) -> bytes:
    cache = StatementCache(context.data_dir / "statements")
    with open_statement(context, cache, partner_of_user(context, user_id).id, [1], form) as file:
        return file.read()


def test_prices_stand_on_every_statement_where_there_are_any(house, tnm, anwb, context):
    old = Caller(house, "tnm")
    old.upload("AddCDRs", cdr(1, provider_id="ladenetz.de", contract_id="DE-LND-C00000001"))
    priced = (period_xml(value="0.5", price="0.3333", cost=""),)
    add(
        tnm,
        cdr_xml(contract_id="DE-LND-C00000001"),
        cdr_xml("NLTNM000002", contract_id="DE-LND-C00000001", periods=priced, total=""),
        cdr_xml("NLTNM000003", contract_id="DE-LND-C00000001", currency="CHF"),
    )
    assert cleared(context) == 4
    rows = list(csv.DictReader(io.StringIO(statement(context, "lnd", "csv").decode("utf-8-sig"))))
    told = {row["cdr_id"]: (row["cost_net"], row["currency"]) for row in rows}
    assert told == {
        "1": ("", ""),
        "NLTNM000001": ("5.00", "EUR"),
        "NLTNM000002": ("0.16665", "EUR"),
        "NLTNM000003": ("5.00", "CHF"),
    }
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(statement(context, "tnm", "pdf"))).pages)
    assert "Net cost" in text
    assert "5.00 CHF; 5.16665 EUR" in " ".join(text.split())
    assert {row["chargepoint_id"] for row in rows if row["cdr_id"] != "1"} == {EVSE}
    assert list(verify(context)) == []


def test_what_a_run_left_is_told_on_its_last_page(tnm, anwb, context):
    add(tnm, cdr_xml(), *(cdr_xml(f"NLTNM00000{number}") for number in (2, 3, 4)))
    fetched_and_confirmed(anwb, ("approved", ID), ("declined", "NLTNM000002"), ("declined", "NLTNM000003"))
    add(tnm, cdr_xml("NLTNM000003", status="rejected"))
    assert cleared(context) == 1
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(statement(context, "anwb", "pdf"))).pages)
    for told in ("declined by the provider", "given up by the operator", "the provider has not answered yet"):
        assert told in " ".join(text.split())
    assert list(verify(context)) == []


def test_of_very_many_declined_cdrs_the_rest_is_told_by_pair(tnm, anwb, context, monkeypatch):
    monkeypatch.setattr(open_items, "NAMED", 2)
    add(tnm, *(cdr_xml(f"NLTNM00000{number}") for number in range(1, 7)))
    declined = [("declined", f"NLTNM00000{number}") for number in range(1, 6)]
    fetched_and_confirmed(anwb, ("approved", "NLTNM000006"), *declined)
    assert cleared(context) == 1
    with context.database.read() as snapshot:
        left = open_items.open_items_of(snapshot, [1], partner_of_user(context, "tnm").id)
    assert [(each.cdr_id, each.cdr_count, each.volume_e4_kwh) for each in left] == [
        ("NLTNM000001", 1, 125_000),
        ("NLTNM000002", 1, 125_000),
        ("", 3, 375_000),
    ]
    assert {each.why for each in left} == {Why.DECLINED}


def test_an_operator_asks_for_its_own_by_what_was_answered_however_much_it_sent(tnm, lnd, anwb, context):
    """Else the whole history of an operator is walked, each time that it asks."""
    for stand in (Stand.DECLINED, Stand.APPROVED, Stand.REJECTED):
        asked = Asked(partner_of_user(context, "tnm").id, PartyRole.OPERATOR, context.clock(), 1)
        rows, conditions = next(iter(sources(asked, stand)))
        query = select(tables.cdr.c.id).select_from(rows).where(*conditions)
        text = str(query.compile(context.database.engine, compile_kwargs={"literal_binds": True}))
        if context.database.is_sqlite:
            with context.database.read() as snapshot:
                plan = " ".join(row[3] for row in snapshot.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))
            assert "ix_cdr_answer_operator_partner_id_kind_answered_at (operator_partner_id=? AND kind=?)" in plan
            assert "SEARCH cdr USING INTEGER PRIMARY KEY" in plan, plan
