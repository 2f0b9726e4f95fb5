"""Uploads of OCHP 1.4 checked without a server: what the server refuses is refused, all of it, and nothing else."""

import gzip
import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from cdrs14 import OTHER, implausible
from echs.base.rule import Severity
from echs.cli import validate as command
from echs.config.app_context import limits
from echs.config.settings import read_settings
from echs.protocols.ochp14 import validate
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.validate import UPLOADS, check_body
from echs.protocols.upload_report import Checker
from ochp14 import cdr_xml, envelope14, period_xml, point_xml, security, token14, token_xml, valid

CHECKER = Checker(limits(read_settings({})), datetime(2026, 11, 21, 12, tzinfo=UTC), market_ids=("NLTNM",))
STRANGER = Checker(CHECKER.limits, CHECKER.now)
TOKENS = "SetRoamingAuthorisationList"
POINTS = "UpdateChargePointList"
TARIFF = (
    "<o:TariffInfoArray><o:tariffId>NL*TNM*T1</o:tariffId><o:individualTariff><o:tariffElement><o:priceComponent>"
    "<o:billingItem><o:BillingItemType>energy</o:BillingItemType></o:billingItem><o:itemPrice>0.4</o:itemPrice>"
    "<o:stepSize>1</o:stepSize></o:priceComponent><o:tariffRestriction/></o:tariffElement>"
    "<o:recipient>NLANW</o:recipient><o:currency>EUR</o:currency></o:individualTariff></o:TariffInfoArray>"
)
ENDPOINT = (
    "<o:operatorEndpointArray><o:url>https://tnm.example/direct</o:url><o:namespaceUrl>{namespace}"
    "</o:namespaceUrl><o:accessToken>0123456789abcdef0123456789abcdef</o:accessToken><o:validDate>2026-11-22"
    "</o:validDate><o:whitelist>{pattern}</o:whitelist></o:operatorEndpointArray>"
)
STATUS = '<o:evse major="{major}"><o:evseId>{evse_id}</o:evseId></o:evse>'
ANSWER = "<o:approved><o:cdrId>NLTNM1</o:cdrId><o:evseId>{evse_id}</o:evseId></o:approved>"


def body(operation: str, *records: str) -> bytes:
    return envelope14(f"<o:{operation}Request>{''.join(records)}</o:{operation}Request>", security("tnm", "secret"))


def report(operation: str, *records: str, checker: Checker = CHECKER):
    return check_body(checker, io.BytesIO(body(operation, *records)).read, gzipped=False)


def remarks(found, severity: Severity = Severity.REJECT) -> list[tuple[int | None, str, str]]:
    return [(each.position, each.name, each.place) for each in found.remarks if each.severity is severity]


# Of each upload a right record, a wrong one, and what is wrong with that.
CASES = {
    "AddCDRs": (cdr_xml(), cdr_xml("NLTNM2", total="9"), ("CDR_COST", "totalCost")),
    "ConfirmCDRs": (
        ANSWER.format(evse_id="NL*TNM*E1"),
        ANSWER.format(evse_id=""),
        ("FIELD_MISSING", "approved/evseId"),
    ),
    TOKENS: (token_xml(token14(1)), token_xml(token14(2, expiry_date="soon")), ("VALUE_FORM", "expiryDate/DateTime")),
    "UpdateRoamingAuthorisationList": (
        token_xml(token14(1)),
        token_xml(token14(2, instance="no card")),
        ("VALUE_FORM", "EmtId/instance"),
    ),
    "SetChargePointList": (
        point_xml(),
        point_xml("NL*TNM*E2", lat="91.000000"),
        ("VALUE_FORM", "chargePointLocation/@lat"),
    ),
    POINTS: (point_xml(), point_xml("DE*LND*E2"), ("EVSE_NOT_YOURS", "evseId")),
    "UpdateTariffs": (
        TARIFF,
        TARIFF.replace(">EUR<", ">EURO<").replace("*T1", "*T2"),
        ("CURRENCY_UNKNOWN", "individualTariff/currency"),
    ),
    "UpdateStatus": (
        STATUS.format(major="available", evse_id="NL*TNM*E1"),
        STATUS.format(major="free", evse_id="NL*TNM*E2"),
        ("STATUS_COMBINATION", "evse"),
    ),
    "AddServiceEndpoints": (
        ENDPOINT.format(pattern="NLTNME%", namespace=PUBLISHED.direct_namespaces[0]),
        ENDPOINT.format(pattern="%", namespace=PUBLISHED.direct_namespaces[0]),
        ("ENDPOINT_VALUE", "whitelist"),
    ),
}


def test_every_upload_is_looked_at():
    assert {f"{operation}Request" for operation in CASES} == set(UPLOADS)


@pytest.mark.parametrize("operation", CASES)
def test_a_right_record_is_not_refused_and_a_wrong_one_with_its_place(operation):
    right, wrong, (name, place) = CASES[operation]
    found = report(operation, right)
    assert (found.what, found.records, found.refused) == (f"{operation}Request", 1, 0), found.remarks
    found = report(operation, right, wrong)
    assert (found.records, len(found.remarks) > 0) == (2, True)
    refused = remarks(found)
    assert [each[0] for each in refused] == [1], refused
    assert (refused[0][1], refused[0][2]) == (name, place)
    assert "0123456789abcdef" not in str(found)
    empty = report(operation)
    assert [each.name for each in empty.remarks] == ["UPLOAD_EMPTY"]


@pytest.mark.parametrize("operation", sorted(set(CASES) - {"ConfirmCDRs"}))
def test_whose_ids_they_are_is_looked_at_only_where_market_ids_are_said(operation):
    other = Checker(CHECKER.limits, CHECKER.now, market_ids=("DELND",))
    right = CASES[operation][0]
    found = report(operation, right, checker=other)
    assert found.refused == 1, found.remarks
    assert "NOT_YOURS" in found.remarks[0].name or "FOREIGN" in found.remarks[0].name
    stranger = report(operation, right, checker=STRANGER)
    assert stranger.refused == 0, stranger.remarks
    assert "--market-id" in stranger.unchecked
    assert found.unchecked == ""


def test_every_problem_of_every_record_is_told_and_what_is_odd():
    by_time = (period_xml("usagetime", "1.5", "2.00", "3.00"),)
    found = report(
        "AddCDRs",
        cdr_xml("NLTNM1", total="9", end="2026-09-24T09:00:00+02:00"),
        cdr_xml("nltnm2", currency="EURO"),
        cdr_xml("NLTNM3", periods=by_time, total="3.00"),
        cdr_xml("NLTNM3", periods=by_time, total="3.00"),
        cdr_xml("NLTNM3", **OTHER),
        "<o:cdr/>",
    )
    refused = remarks(found)
    assert sorted({each[0] for each in refused}) == [0, 1, 4, 5]
    assert [each[1:] for each in refused if each[0] == 1] == [("VALUE_FORM", "CdrId"), ("VALUE_FORM", "currency")]
    assert {each[1] for each in refused if each[0] == 0} == {"CDR_PERIOD", "CDR_COST"}
    assert (4, "CDR_TWICE", "") in refused
    assert (2, "ENERGY_UNKNOWN") in [each[:2] for each in remarks(found, Severity.WARN)]
    assert not [each for each in found.remarks if each.position == 3]
    assert found.records == 6
    # As the server has it: one of them is new, or revised, and not both.
    both = report("AddCDRs", cdr_xml("NLTNM4"), cdr_xml("NLTNM4", status="revised"))
    assert remarks(both) == [(1, "CDR_TWICE", "")]


def test_a_repetition_of_what_is_refused_is_refused_too():
    much = cdr_xml("NLTNM1", periods=(period_xml(value="2000", cost="800.00"),), total="800.00")
    found = remarks(report("AddCDRs", much, much, cdr_xml("NLTNM2"), cdr_xml("NLTNM2")))
    assert {each[:2] for each in found} == {(0, "CDR_VOLUME_LIMIT"), (1, "CDR_TWICE")}


@pytest.mark.parametrize(
    ("operation", "limit", "record"),
    [
        ("AddCDRs", "", cdr_xml("NLTNM1")),
        ("SetChargePointList", "", point_xml()),
        (TOKENS, "", token_xml(token14(1))),
        ("UpdateTariffs", "MOST_TARIFFS", TARIFF),
        ("UpdateStatus", "MOST_STATUSES", STATUS.format(major="available", evse_id="NL*TNM*E1")),
        ("ConfirmCDRs", "MOST_ANSWERS", ANSWER.format(evse_id="NL*TNM*E1")),
    ],
)
def test_an_upload_with_more_records_than_the_server_takes_is_told_so(monkeypatch, operation, limit, record):
    if limit:
        monkeypatch.setattr(validate, limit, 2)
    few = CHECKER if limit else replace(CHECKER, limits=replace(CHECKER.limits, records_per_upload=2))
    assert "TOO_MANY_RECORDS" not in [each[1] for each in remarks(report(operation, record, record, checker=few))]
    assert "TOO_MANY_RECORDS" in [each[1] for each in remarks(report(operation, *[record] * 3, checker=few))]


def test_what_is_odd_about_charge_points_is_told():
    found = report("SetChargePointList", point_xml("NL*TNM*E1"), point_xml("NL*TNM*E2", number="99"))
    assert [each[:2] for each in remarks(found, Severity.WARN)] == [(1, "LOCATION_DIFFERS")]
    assert remarks(found) == []


def test_lists_have_no_record_twice_and_a_tariff_without_a_default_is_odd():
    token = token_xml(token14(1))
    other = token_xml(token14(1, printed_number="999999"))
    assert remarks(report(TOKENS, token, token)) == []
    (twice,) = remarks(report(TOKENS, token, other))
    assert twice[:2] == (1, "TOKEN_TWICE")
    assert remarks(report("UpdateTariffs", TARIFF), Severity.WARN) == [(0, "NO_DEFAULT", "")]
    assert "TARIFF_TWICE" in remarks(report("UpdateTariffs", TARIFF, TARIFF))[0]


def test_the_server_refuses_the_same_records(tnm, context):
    """What is wrong by itself, of all that is tried on the server elsewhere."""
    wrong = [
        cdr_xml("NLTNM000002", total="9.99"),
        cdr_xml("DELND000003"),
        cdr_xml("NLTNM000004", periods=()),
        cdr_xml("NLTNM000005", currency="EURO"),
        cdr_xml("NLTNM000006", periods=(period_xml(cost="4.90"),)),
    ]
    checker = Checker(context.limits, context.clock(), market_ids=("NLTNM",))
    found = report("AddCDRs", cdr_xml(), *wrong, checker=checker)
    answer = valid(tnm.send("AddCDRs", "".join([cdr_xml(), *wrong])))
    assert len(implausible(answer)) == len({each[0] for each in remarks(found)}) == len(wrong)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (body("GetCDRs"), "NotAnUpload"),
        (body("AddCDRs", cdr_xml())[:-30], "NotWellFormed"),
        (body("AddCDRs", cdr_xml()).replace(b"AddCDRsRequest", b"addCDRsRequest"), "NotAnUpload"),
    ],
)
def test_what_is_no_upload_is_told_as_the_server_would(data, name):
    found = check_body(CHECKER, io.BytesIO(data).read, gzipped=False)
    assert name in [each.name for each in found.remarks]


@pytest.mark.parametrize("encode", [bytes, gzip.compress, lambda data: data.decode().encode("utf-16")])
def test_the_command_tells_the_protocols_apart(tmp_path, encode):
    file = tmp_path / "upload.xml"
    data = b'<?xml version="1.0"?>' + body("AddCDRs", cdr_xml(), cdr_xml("NLTNM2", total="9"))
    file.write_bytes(encode(data))
    done = CliRunner().invoke(command.command, [str(file), "--json", "--market-id", "nl-tnm"], standalone_mode=False)
    (told,) = json.loads(done.stdout)
    assert (told["what"], told["records"], told["problems"]) == ("AddCDRsRequest", 2, 1)
    assert done.return_value == 1
    wrong = CliRunner().invoke(command.command, [str(file), "--market-id", "TNM"])
    assert wrong.exit_code == 2
    assert "is no market id" in wrong.output
