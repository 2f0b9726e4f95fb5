"""Uploads checked without a server: the same problems that the server tells of, and all of them."""

import csv
import gzip
import io
from datetime import UTC, datetime

import pytest

from cast import FIELD_CDR, cdr, charge_point, token
from echs.base.rule import Severity
from echs.config.app_context import limits
from echs.config.settings import read_settings
from echs.protocols.ochp02.codes import CODES
from echs.protocols.ochp02.contracts import CONTRACTS
from echs.protocols.ochp02.validate import check_body
from echs.protocols.ochp02.validate_csv import check_csv
from echs.protocols.ochp02.wire_schema import CDR_INFO, RECORDS, ROAMING_AUTHORISATION_INFO
from echs.protocols.upload_report import Checker
from uploads import SAMPLES, WRONG_DATA, members
from wire import SOAP_11, SOAP_12, UPLOADS, envelope, identity, record_xml

CHECKER = Checker(
    limits(read_settings({})), datetime(2026, 11, 21, 12, tzinfo=UTC), "Europe/Amsterdam", ("TheNewMotion",), (5,)
)
STRANGER = Checker(CHECKER.limits, CHECKER.now)
EXAMPLES = {code.number: code for code in CODES}


def body(operation: str, xml: str, namespace: str = SOAP_12) -> bytes:
    return envelope(f"<n:{operation}Request>{xml}</n:{operation}Request>", identity("x"), namespace)


def report(data: bytes, checker: Checker = CHECKER, *, gzipped: bool = False):
    return check_body(checker, io.BytesIO(data).read, gzipped=gzipped)


def table(record, rows, delimiter: str = ",", header=None) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(header or [wire.name for wire in record.fields])
    writer.writerows(rows)
    return out.getvalue()


def csv_report(text: str, checker: Checker = CHECKER):
    return check_csv(checker, io.StringIO(text, newline=""))


@pytest.mark.parametrize("number", sorted(set(WRONG_DATA) - {201}))
def test_what_the_server_refuses_is_refused_in_the_same_words(number):
    found = report(body(*WRONG_DATA[number]))
    first = next(remark for remark in found.remarks if remark.severity is Severity.REJECT)
    assert first.name == EXAMPLES[number].reason
    assert first.detail in EXAMPLES[number].example
    assert (first.place or ":") in EXAMPLES[number].example
    if first.position is not None:
        assert f"[{first.position}]" in EXAMPLES[number].example
    assert first.record in EXAMPLES[number].example


@pytest.mark.parametrize("namespace", [SOAP_11, SOAP_12])
@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("operation", UPLOADS)
def test_what_is_right_is_not_refused_in_any_form(operation, namespace, gzipped):
    for contract in CONTRACTS:
        data = body(operation.replace("ChargePoint", contract.chargepoint), members(operation), namespace)
        found = report(gzip.compress(data) if gzipped else data, gzipped=gzipped)
        assert (found.records, found.refused) == (1, 0)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.type_name)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_an_upload_too(record, delimiter):
    (operation,) = [name for name, each in UPLOADS.items() if each is record]
    found = csv_report(table(record, [SAMPLES[operation]] * 2, delimiter))
    assert (found.what, found.records, found.refused) == (record.type_name, 2, 0)


def test_every_problem_of_every_record_is_in_the_report():
    wrong = [cdr(number, volume="x", start_datetime="y", city="z" * 300, operator_id="a") for number in range(30)]
    found = report(body("AddCDRs", "".join(record_xml(CDR_INFO, record) for record in wrong)))
    assert (found.records, found.refused) == (30, 120)
    assert [remark.position for remark in found.remarks] == sorted(list(range(30)) * 4)
    assert [remark.place for remark in found.remarks[:4]] == [
        "chargePointCity",
        "startDatetime",
        "volume",
        "infraProviderId",
    ]


def test_everything_wrong_in_the_form_of_a_record_is_in_the_report():
    fields = "<n:evcoId>a</n:evcoId><n:evcoId>b</n:evcoId><n:colour/><n:pin><n:x/></n:pin><n:tokenType>x</n:tokenType>y"
    found = report(
        body(
            "SetRoamingAuthorisationList",
            f"<n:x/><n:roamingAuthorisationInfoArray>{fields}</n:roamingAuthorisationInfoArray>",
        )
    )
    assert [(remark.position, remark.name, remark.place) for remark in found.remarks] == [
        (0, "FIELD_UNKNOWN", "x"),
        (1, "FIELD_REPEATED", "evcoId"),
        (1, "FIELD_UNKNOWN", "colour"),
        (1, "FIELD_NOT_TEXT", "pin"),
        (1, "FIELD_NOT_TEXT", ""),
        (1, "FIELD_MISSING", "roamingHubId"),
        (1, "FIELD_NOT_INTEGER", "tokenType"),
        (1, "FIELD_MISSING", "pinMandatory"),
        (1, "FIELD_MISSING", "tokenActivated"),
        (1, "FIELD_MISSING", "tokenId"),
        (1, "CONTRACT_ID_PATTERN", "evcoId"),
    ]


def test_a_number_that_is_none_does_not_hide_what_else_is_wrong_in_its_record():
    text = table(
        ROAMING_AUTHORISATION_INFO,
        [token(1, contract_id="bla", hub=9, token_type=7, expiry_date="2027", activated="yes")],
    )
    assert [(remark.name, remark.place) for remark in csv_report(text).remarks] == [
        ("FIELD_NOT_INTEGER", "tokenActivated"),
        ("TOKEN_EXPIRY_FORMAT", "expiryDate"),
        ("TOKEN_TYPE_UNKNOWN", "tokenType"),
        ("HUB_NOT_YOURS", "roamingHubId"),
        ("CONTRACT_ID_PATTERN", "evcoId"),
    ]


def test_what_is_odd_is_told_beside_what_is_wrong():
    records = [cdr(1, country="Holland"), cdr(2, volume="x"), cdr(3, contract_id="-")]
    found = report(body("AddCDRs", "".join(record_xml(CDR_INFO, record) for record in records)))
    names = [(remark.position, remark.name) for remark in found.remarks]
    assert names == [
        (0, "CDR_OLD"),
        (0, "COUNTRY_UNKNOWN"),
        (1, "CDR_VOLUME_FORMAT"),
        (2, "CDR_OLD"),
        (2, "CONTRACT_ID_PATTERN"),
    ]
    found = csv_report(table(ROAMING_AUTHORISATION_INFO, [token(1, contract_id="Jan")]))
    assert [remark.name for remark in found.remarks] == ["CONTRACT_ID_PATTERN"]
    xml = record_xml(UPLOADS["SetChargePointList"], charge_point(1, location_name_language="xx"))
    assert [remark.name for remark in report(body("SetChargePointList", xml)).remarks] == ["LANGUAGE_UNKNOWN"]


def test_whose_ids_they_are_is_looked_at_only_where_ids_are_said():
    xml = record_xml(CDR_INFO, cdr(1, operator_id="somebody"))
    assert report(body("AddCDRs", xml)).refused == 1
    assert report(body("AddCDRs", xml), STRANGER).refused == 0
    hub = table(ROAMING_AUTHORISATION_INFO, [token(1, hub=3)])
    assert csv_report(hub).refused == 1
    assert csv_report(hub, STRANGER).refused == 0


CUT = body("AddCDRs", members("AddCDRs"))[:-9]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "NotWellFormed"),
        (b"hello", "NotWellFormed"),
        (b"<x/>", "NotAnEnvelope"),
        (CUT, "NotWellFormed"),
        (b"<!DOCTYPE x>" + body("AddCDRs", "")[38:], "DtdForbidden"),
        (envelope("<n:GetCDRsRequest/>"), "NotAnUpload"),
        (envelope("<AddCDRsRequest/>"), "NotAnUpload"),
        (envelope("<n:AddCDRsRequest/>", '<n:x e:mustUnderstand="1"/>'), "HeaderNotUnderstood"),
        (body("AddCDRs", ""), "UPLOAD_EMPTY"),
    ],
)
def test_what_is_no_upload_is_told_as_the_server_would(data, name):
    remark, *others = report(data).remarks
    assert (remark.name, remark.severity, remark.position) == (name, Severity.REJECT, None)
    assert not others or data == CUT


def test_a_file_that_ends_badly_still_tells_what_is_wrong_before_its_end():
    wrong = "".join(record_xml(CDR_INFO, cdr(number, volume="x", country="Holland")) for number in range(300))
    right = record_xml(CDR_INFO, cdr("right", country="Holland"))
    names = [remark.name for remark in report(body("AddCDRs", wrong + right)[:-9]).remarks]
    assert (names.count("CDR_VOLUME_FORMAT"), names.count("NotWellFormed"), names.count("COUNTRY_UNKNOWN")) == (
        300,
        1,
        1,
    )
    rows = table(ROAMING_AUTHORISATION_INFO, [token(1, expiry_date="never")]) + '"unclosed'
    assert [remark.name for remark in csv_report(rows).remarks] == ["CsvFormat", "TOKEN_EXPIRY_FORMAT"]


def test_more_than_one_identity_is_told_as_the_server_would():
    data = envelope(
        f"<n:AddCDRsRequest>{members('AddCDRs')}</n:AddCDRsRequest>", identity("x") + identity("y", "token")
    )
    assert report(data).remarks[0].name == "LOGIN_TOKEN_REPEATED"


def test_the_path_is_named_that_alone_knows_a_request():
    for contract in CONTRACTS:
        found = report(body(f"Set{contract.chargepoint}List", members("SetChargePointList")))
        assert contract.path in found.what


def test_limits_hold_here_too():
    import dataclasses

    few = dataclasses.replace(CHECKER, limits=dataclasses.replace(CHECKER.limits, records_per_upload=2))
    three = "".join(record_xml(CDR_INFO, cdr(number)) for number in range(3))
    assert "TOO_MANY_RECORDS" in [remark.name for remark in report(body("AddCDRs", three), few).remarks]
    small = dataclasses.replace(CHECKER, limits=dataclasses.replace(CHECKER.limits, bulk_body_bytes=70_000))
    large = body("AddCDRs", three + " " * 80_000)
    assert "UPLOAD_TOO_LARGE" in [remark.name for remark in report(large, small).remarks]


# ---------------------------------------------------------------------- tables


def test_columns_may_stand_in_any_order_and_under_either_name_and_lines_are_named():
    header = ["meterid", *[wire.name for wire in CDR_INFO.fields if wire.name != "meterId"]]
    row = [FIELD_CDR.meter_id, *[value for name, value in FIELD_CDR._asdict().items() if name != "meter_id"]]
    wrong = ["x" if name == "volume" else value for name, value in zip(header, row, strict=True)]
    found = csv_report(
        table(CDR_INFO, [row, [], ["2" if value == row[1] else value for value in wrong]], header=header)
    )
    refused = [remark for remark in found.remarks if remark.severity is Severity.REJECT]
    assert [(remark.position, remark.line, remark.place) for remark in refused] == [(1, 4, "volume")]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "CsvHeader"),
        ("a,b\n1,2\n", "CsvHeader"),
        ("evcoId\nx\n", "CsvHeader"),
        ("evcoId,tokenId,colour\nx,y,z\n", "FIELD_UNKNOWN"),
        ("evcoId,tokenId,tokenId\nx,y,z\n", "FIELD_REPEATED"),
        ("evcoId,tokenId\nx,y,z\n", "CsvFormat"),
        ('evcoId,tokenId\n"x,y\n', "CsvFormat"),
        ("evcoId,tokenId\n", "UPLOAD_EMPTY"),
    ],
)
def test_a_table_that_is_none_is_told(text, name):
    assert name in [remark.name for remark in csv_report(text).remarks]


def test_no_secret_is_in_a_report():
    rows = [token(1, pin="CANARY" * 9, token_id="CANARY" * 20, printed_number="CANARY\n", expiry_date="CANARY")]
    found = csv_report(table(ROAMING_AUTHORISATION_INFO, rows))
    assert found.refused == 4
    assert "CANARY" not in repr(found)


@pytest.mark.parametrize("name", [wire.name for wire in ROAMING_AUTHORISATION_INFO.fields if wire.field.integer])
@pytest.mark.parametrize("value", ["", " ", "x", "<n:b/>", "9999999999", None])
def test_whatever_stands_for_a_number_is_told_and_stops_nothing(name, value):
    xml = members("SetRoamingAuthorisationList")
    start, end = f"<n:{name}>", f"</n:{name}>"
    before, _, rest = xml.partition(start)
    after = rest.partition(end)[2]
    data = body("SetRoamingAuthorisationList", before + (f"{start}{value}{end}" if value is not None else "") + after)
    found = report(data)
    assert {remark.place for remark in found.remarks} == {name}
    assert found.refused >= 1
    if value is not None and "<" not in value:
        place = [wire.name for wire in ROAMING_AUTHORISATION_INFO.fields].index(name)
        row = [*token(1)]
        row[place] = value
        assert {remark.place for remark in csv_report(table(ROAMING_AUTHORISATION_INFO, [row])).remarks} == {name}


def test_a_record_in_the_place_of_the_header_is_not_repeated():
    (remark,) = csv_report("NL-TNM-000001,5,1,CANARY04,prn 1,31/12/2027,4711,0,1,\n").remarks
    assert (remark.name, "has 10 values" in remark.detail) == ("CsvHeader", True)
    assert "CANARY" not in remark.detail
    assert '"colour", "size"' in csv_report("colour,size\nred,1\n").remarks[0].detail
    assert "is empty" in csv_report("").remarks[0].detail


def test_a_repetition_is_not_warned_of_again():
    cdrs = record_xml(CDR_INFO, cdr(1, volume="0")) * 2
    assert [remark.name for remark in report(body("AddCDRs", cdrs)).remarks].count("VOLUME_ZERO") == 1
    rows = table(ROAMING_AUTHORISATION_INFO, [token(1, contract_id="Jan")] * 2)
    assert [remark.name for remark in csv_report(rows).remarks] == ["CONTRACT_ID_PATTERN"]
    points = table(UPLOADS["SetChargePointList"], [charge_point(1, location_name_language="xx")] * 2)
    assert [remark.name for remark in csv_report(points).remarks] == ["LANGUAGE_UNKNOWN"]


def test_a_foreign_element_hides_nothing_of_the_same_name():
    xml = members("AddCDRs").replace("<n:volume>4.6400</n:volume>", "<volume>4.6400</volume>")
    assert [remark.name for remark in report(body("AddCDRs", xml)).remarks] == ["FIELD_UNKNOWN", "FIELD_MISSING"]
