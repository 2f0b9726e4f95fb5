"""Every upload of a partner leaves a receipt, also where it was refused; none is a reason to refuse one."""

import json

import pytest

from cast import cdr, charge_point, token
from echs import cli
from echs.audit import receipts
from echs.audit.receipts import PROBLEMS_KEPT
from echs.base.errors import Refused, StoreReason, refuse
from wire import CDR_INFO, Caller, envelope, identity, record_xml, request


def the_newest(context, count=1):
    return receipts.newest(context, limit=count)


def test_an_accepted_upload_leaves_what_became_of_its_records(app, context, cast):
    caller = Caller(app, "tnm")
    caller.upload("AddCDRs", cdr(1))
    answer = caller.upload("AddCDRs", cdr(1), cdr(2, volume="0"), cdr(2, volume="0"))
    (found,) = the_newest(context)
    assert found.request_id in answer.text("resultDescription")
    assert (found.partner_id, found.operation, found.outcome) == (cast.tnm.id, "add_cdrs", "ok")
    assert (found.records, found.new, found.known, found.warned) == (3, 1, 2, 1)
    assert found.received_bytes > 1000
    assert (found.problem_count, found.problems) == (0, [])


def test_lists_leave_receipts_too_and_downloads_and_logins_leave_none(app, context, cast):
    caller = Caller(app, "lnd")
    assert caller.upload("SetRoamingAuthorisationList", token(1, hub=3), token(1, hub=3), token(2, hub=3)).code == 0
    assert caller.upload("SetChargePointList", charge_point(1)).code == 0
    caller.send("GetCDRs")
    found = the_newest(context, 10)
    assert sorted((each.operation, each.records, each.new, each.known) for each in found) == [
        ("set_chargepoint_list", 1, 1, 0),
        ("set_roaming_authorisation_list", 3, 2, 1),
    ]


def test_a_refused_upload_leaves_a_hundred_of_its_problems_and_no_secret(app, context, cast):
    wrong = [cdr(number, volume="x", token_id="CANARY") for number in range(150)]
    answer = Caller(app, "tnm").upload("AddCDRs", *wrong)
    assert answer.code == 314
    assert "+149 more problems" in answer.text("resultDescription")
    (found,) = the_newest(context)
    assert (found.outcome, found.records, found.new, found.problem_count) == ("CDR_VOLUME_FORMAT", 150, 0, 150)
    assert len(found.problems) == PROBLEMS_KEPT
    last = found.problems[-1]
    assert (last.position, last.field, last.reason) == (99, "volume", "CDR_VOLUME_FORMAT")
    assert '"x" is not a number of kWh' in last.detail
    assert "CANARY" not in str(found)


def test_an_upload_that_is_no_xml_to_its_end_leaves_the_fault(app, context, cast):
    caller = Caller(app, "tnm")
    body = envelope(f"<n:AddCDRsRequest>{record_xml(CDR_INFO, cdr(1))}", identity(caller.token))
    assert request(app, body.replace(b"</e:Body>", b"</wrong>")).fault
    (found,) = the_newest(context)
    assert found.outcome == "fault NotWellFormed"


def test_who_is_not_known_leaves_no_receipt(app, context, cast):
    request(app, envelope(f"<n:AddCDRsRequest>{record_xml(CDR_INFO, cdr(1))}</n:AddCDRsRequest>", identity("nobody")))
    assert the_newest(context) == []


def test_a_store_that_takes_no_receipt_refuses_no_upload(app, context, cast, monkeypatch):
    def full(*_):
        raise refuse(StoreReason.STORE_FULL, "the store has no space left")

    monkeypatch.setattr(receipts, "write", full)
    assert Caller(app, "tnm").upload("AddCDRs", cdr(1)).code == 0


def test_receipts_are_kept_for_their_days_and_then_deleted(app, context, cast, monkeypatch):
    monkeypatch.setattr(receipts, "ROWS_AT_ONCE", 2)
    caller = Caller(app, "tnm")
    for number in range(5):
        caller.upload("AddCDRs", cdr(number))
    context.clock.turn(days=91)
    context.receipts._next = 0.0
    Caller(app, "tnm").upload("AddCDRs", cdr(9))
    assert len(the_newest(context, 10)) == 1


@pytest.fixture
def echs(environment, monkeypatch, capsys):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def call(*arguments):
        code = cli.execute(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_the_office_finds_uploads_by_partner_outcome_and_request_id(echs, app, context, cast):
    Caller(app, "tnm").upload("AddCDRs", cdr(1))
    Caller(app, "tnm").upload("AddCDRs", cdr(2, volume="4,64000"))
    Caller(app, "lnd").upload("SetChargePointList", charge_point(1))
    found = json.loads(echs("upload", "list", "--json", "--partner", "tnm")[1])
    assert sorted(each["outcome"] for each in found) == ["CDR_VOLUME_FORMAT", "ok"]
    assert len(json.loads(echs("upload", "list", "--json", "--outcome", "refused")[1])) == 1
    (refused,) = json.loads(echs("upload", "list", "--json", "--outcome", "CDR_VOLUME_FORMAT")[1])
    code, out, _ = echs("upload", "show", refused["request_id"].lower())
    assert code == 0
    for said in ("CDR_VOLUME_FORMAT", "volume", "5 decimals"):
        assert said in out
    shown = json.loads(echs("upload", "show", refused["request_id"], "--json")[1])
    assert (shown["partner"], shown["problems"][0]["position"]) == ("tnm", 0)
    assert echs("upload", "show", "0" * 26)[0] == 3
    with pytest.raises(Refused):
        receipts.of_request(context, "nothing")
