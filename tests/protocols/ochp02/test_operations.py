"""What the operations answer: ownership, the matrix of administrators, round trip, and every result code."""

import errno
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cast import FIELD_CDR, cdr, charge_point, token
from conftest import IN_CI
from echs.partners import enrolment
from echs.protocols.ochp02.cdr_format import FIELDS as CDR_FIELDS
from echs.protocols.ochp02.charge_point_format import FIELDS as POINT_FIELDS
from echs.protocols.ochp02.token_format import FIELDS as TOKEN_FIELDS
from echs.protocols.ochp02.wire_schema import CDR_INFO, CHARGEPOINT_INFO, NAMESPACE, ROAMING_AUTHORISATION_INFO
from uploads import members, wrong
from wire import OPERATIONS, SOAP_11, SOAP_12, Caller, envelope, identity, record_xml, request

# ---------------------------------------------------------------------- who may


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "LOGIN_TOKEN_MISSING"),
        (identity(""), "LOGIN_TOKEN_MISSING"),
        (identity("  "), "LOGIN_TOKEN_MISSING"),
        (identity("0" * 64), "LOGIN_TOKEN_UNKNOWN"),
        (identity("0" * 64) + identity("0" * 64), "LOGIN_TOKEN_UNKNOWN"),
        (identity("a") + identity("b", "token"), "LOGIN_TOKEN_REPEATED"),
        ("<UserIdentityHeader>x</UserIdentityHeader>", "LOGIN_TOKEN_MISSING"),
    ],
)
def test_without_a_login_every_operation_answers_in_its_own_response(app, cast, operation, header, reason):
    body = envelope(f"<n:{operation}Request>{members(operation)}</n:{operation}Request>", header)
    answer = request(app, body)
    assert (answer.status, answer.reason) == (200, reason)
    assert 100 < answer.code < 200
    assert answer.document[-1][0].tag.endswith(f"{operation}Response")


@pytest.mark.parametrize("name", ["UserIdentityHeader", "token"])
def test_the_login_token_is_read_under_both_names_and_with_blanks_around(app, cast, name):
    caller = Caller(app, "tnm")
    assert caller.send("GetCDRs", header=identity(f"\n {caller.token} \n", name)).code == 0


def test_the_login_token_in_the_body_is_not_one(app, cast):
    caller = Caller(app, "tnm")
    answer = caller.send("GetCDRs", f"<n:UserIdentityHeader>{caller.token}</n:UserIdentityHeader>", header="")
    assert answer.reason == "LOGIN_TOKEN_MISSING"


@pytest.mark.parametrize("user_id", ["tnm", "lnd", "anwb", "office"])
def test_only_the_administrator_may_clear_and_everybody_may_read(app, cast, user_id):
    caller = Caller(app, user_id)
    codes = {operation: caller.send(operation, members(operation)).code for operation in OPERATIONS}
    readable = ("GetCDRs", "GetRoamingAuthorisationList", "GetChargePointList")
    assert [codes[operation] for operation in readable] == [0, 0, 0]
    assert codes["ClearCDRs"] == (0 if user_id == "office" else 201)
    assert codes["AddCDRs"] == (0 if user_id == "tnm" else 202)
    assert codes["SetRoamingAuthorisationList"] == (0 if user_id == "tnm" else 203)
    assert codes["SetChargePointList"] == 0


def test_a_partner_neither_reads_nor_sends_as_another(app, cast):
    tnm, lnd, anwb, office = (Caller(app, user_id) for user_id in ("tnm", "lnd", "anwb", "office"))
    tnm.upload("AddCDRs", cdr("for-anwb"), cdr("for-lnd", provider_id="ladenetz.de"))
    tnm.upload("SetRoamingAuthorisationList", token(1))
    office.send("ClearCDRs")
    # Reading: GetCDRs knows the caller only by its login; each sees what is addressed to it.
    for caller, expected in ((anwb, ["for-anwb"]), (lnd, ["for-lnd"]), (tnm, []), (office, [])):
        assert [record[0] for record in caller.send("GetCDRs").records(CDR_INFO)] == expected
    # Sending as tnm: a CDR, a token with its hub.
    assert lnd.upload("AddCDRs", cdr("forged")).reason == "CDR_OPERATOR_NOT_YOURS"
    assert lnd.upload("SetRoamingAuthorisationList", token(2)).reason == "HUB_NOT_YOURS"
    # Replacing: an upload of lnd touches the list of lnd alone.
    assert lnd.upload("SetRoamingAuthorisationList", token(3, hub=3)).code == 0
    assert len(anwb.send("GetRoamingAuthorisationList").records(ROAMING_AUTHORISATION_INFO)) == 2
    # The statement's link of one opens nothing of another.
    links = {caller.send("GetCDRs").text("docLink") for caller in (anwb, lnd, tnm)}
    assert len(links) == 3
    assert office.send("GetCDRs").text("docLink") == ""


def test_authenticate_has_two_answers(app, cast):
    ask = "<n:AuthenticateRequest><n:userId>tnm</n:userId><n:password>%s</n:password></n:AuthenticateRequest>"
    right = request(app, envelope(ask % "password of tnm"))
    wrong = request(app, envelope(ask % "password of lnd"))
    assert (right.code, len(right.text("authToken"))) == ("Accepted", 64)
    assert (wrong.code, wrong.text("authToken"), wrong.reason) == ("Denied", "", "LOGIN_REFUSED")
    printed = request(app, envelope((ask % "password of tnm").replace("password>", "Password>")))
    assert printed.code == "Accepted"


def test_a_password_is_read_as_it_stands(app, context, cast):
    enrolment.set_password(context, "tnm", " <pass> & wörd ")
    ask = "<n:AuthenticateRequest><n:userId>tnm</n:userId><n:password> &lt;pass&gt; &amp; wörd </n:password></n:AuthenticateRequest>"
    assert request(app, envelope(ask)).code == "Accepted"


@pytest.mark.parametrize("namespace", [SOAP_11, SOAP_12])
def test_the_answer_comes_in_the_version_of_the_request(app, cast, namespace):
    answer = Caller(app, "tnm", namespace).upload("AddCDRs", FIELD_CDR)
    assert answer.code == 0
    assert answer.document.tag == f"{{{namespace}}}Envelope"


# ---------------------------------------------------------------------- what goes in comes out

INNER = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029")
KEY_COUNTER = itertools.count()


def values(fields, fixed):
    """Records whose free texts are anything that a field may hold."""

    def text(field):
        minimum = st.text(INNER, min_size=1, max_size=min(field.limit, 12)).filter(str.strip)
        return minimum if field.mandatory else st.text(INNER, max_size=min(field.limit, 12))

    return st.fixed_dictionaries({field.name: text(field) for field in fields if field.name not in fixed})


IN_SESSION = settings(
    max_examples=40 if IN_CI else 15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(
    st.lists(
        values(TOKEN_FIELDS, {"hub", "token_type", "expiry_date", "pin_mandatory", "activated"}), min_size=1, max_size=4
    )
)
@IN_SESSION
def test_every_value_of_a_token_comes_out_as_it_went_in(app, cast, changes):
    caller = _caller(app, "tnm")
    records = [token(1)._replace(**change) for change in changes]
    unique = list({(record.token_type, record.token_id): record for record in records}.values())
    assert caller.upload("SetRoamingAuthorisationList", *unique).code == 0
    downloaded = caller.send("GetRoamingAuthorisationList").records(ROAMING_AUTHORISATION_INFO)
    assert downloaded == [tuple(map(str, record)) for record in unique]


@given(st.lists(values(POINT_FIELDS, set()), min_size=1, max_size=4))
@IN_SESSION
def test_every_value_of_a_charge_point_comes_out_as_it_went_in(app, cast, changes):
    caller = _caller(app, "lnd")
    records = [charge_point(1)._replace(**change) for change in changes]
    unique = list({record.evse_id: record for record in records}.values())
    assert caller.upload("SetChargePointList", *unique).code == 0
    assert caller.send("GetChargePointList").records(CHARGEPOINT_INFO) == [tuple(record) for record in unique]


PARSED = {"cdr_id", "start_datetime", "end_datetime", "duration", "volume", "operator_id", "provider_id"}


@given(values(CDR_FIELDS, PARSED))
@IN_SESSION
def test_every_value_of_a_cdr_comes_out_as_it_went_in(app, cast, change):
    record = cdr(f"0{next(KEY_COUNTER)}", volume="0004,6400")._replace(**change)
    answer = _caller(app, "tnm").upload("AddCDRs", record)
    assert answer.code == 0, answer.body
    _caller(app, "office").send("ClearCDRs")
    assert tuple(record) in _caller(app, "anwb").send("GetCDRs").records(CDR_INFO)


_callers: dict[tuple[int, str], Caller] = {}


def _caller(app, user_id: str) -> Caller:
    """Logged in once per application: hundreds of examples share it."""
    return _callers.setdefault((id(app), user_id), Caller(app, user_id))


@pytest.fixture(autouse=True)
def forget_callers():
    yield
    _callers.clear()


def test_absent_and_empty_are_the_same_and_the_order_does_not_matter(app, cast):
    caller = Caller(app, "tnm")
    full = record_xml(CDR_INFO, FIELD_CDR)
    fields = (
        full.removeprefix("<n:cdrInfoArray>").removesuffix("</n:cdrInfoArray>").replace("><n:", ">\n<n:").split("\n")
    )
    filled = [field for field in fields if "></n:" not in field]
    assert len(filled) < len(fields)
    for arrangement in (full, "<n:cdrInfoArray>" + "".join(reversed(filled)) + "</n:cdrInfoArray>"):
        assert caller.send("AddCDRs", arrangement).code == 0
    assert "0 new, 1 already known" in caller.send("AddCDRs", full).text("resultDescription")


@pytest.mark.parametrize(
    ("operation", "printed", "deployed"),
    [
        ("AddCDRs", "meterid", "meterId"),
        ("SetChargePointList", "esveId", "evseId"),
        ("SetChargePointList", "openingTime", "openingTimes"),
    ],
)
def test_the_names_that_the_specification_misprints_are_read(app, cast, operation, printed, deployed):
    xml = members(operation).replace(f"n:{deployed}>", f"n:{printed}>")
    assert f"n:{printed}>" in xml
    assert Caller(app, "tnm").send(operation, xml).code == 0


def test_whole_numbers_are_read_as_numbers_and_go_out_plain(app, cast):
    caller = Caller(app, "tnm")
    xml = members("SetRoamingAuthorisationList").replace("<n:roamingHubId>5<", "<n:roamingHubId> +05\n<")
    assert caller.send("SetRoamingAuthorisationList", xml).code == 0
    assert caller.send("GetRoamingAuthorisationList").records(ROAMING_AUTHORISATION_INFO)[0][1] == "5"


# ---------------------------------------------------------------------- refusals


def test_a_disk_that_is_full_while_an_upload_is_put_aside_is_told(app, cast, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("echs.base.spool.Spool.add", full)
    answer = Caller(app, "tnm").upload("SetRoamingAuthorisationList", token(1))
    assert (answer.status, answer.code) == (200, 503)


def test_a_store_that_is_gone_is_an_answer_and_not_an_exception(app, context, cast):
    caller = Caller(app, "tnm")
    if context.database.is_sqlite:
        with context.database.write() as transaction:
            transaction.exec_driver_sql("PRAGMA max_page_count = 1")
        limits = []
        for _ in range(3):
            answer = caller.upload("SetRoamingAuthorisationList", *[token(number) for number in range(3000)])
            limits.append(answer.code)
        assert set(limits) <= {0, 503}
    context.database.close()
    context.database.engine = type(context.database)("postgresql://echs@127.0.0.1:1/gone").engine
    context.database.url = type(context.database)("postgresql://echs@127.0.0.1:1/gone").url
    assert caller.send("GetCDRs").code == 502


def test_no_secret_is_in_any_refusal(app, cast):
    caller = Caller(app, "tnm")
    for field in ("pin", "tokenId", "printedNumber", "hash"):
        operation, xml = wrong(field, "CANARY" + "x" * 200, "SetRoamingAuthorisationList")
        assert b"CANARY" not in caller.send(operation, xml).body
    operation, xml = wrong("authenticationId", "CANARY&#10;")
    assert b"CANARY" not in caller.send(operation, xml).body
    ask = "<n:userId>tnm</n:userId><n:password>CANARY</n:password>"
    assert b"CANARY" not in caller.send("Authenticate", ask).body
    assert b"CANARY" not in caller.send("GetCDRs", header=identity("CANARY")).body


def test_a_refusal_says_position_field_value_and_what_is_allowed(app, cast):
    records = [cdr(number) for number in range(17)] + [cdr("NL-1042", volume="12,34567")]
    description = Caller(app, "tnm").upload("AddCDRs", *records).text("resultDescription")
    assert description.startswith(
        'CDR_VOLUME_FORMAT at cdrInfoArray[17].volume (cdrId NL-1042): "12,34567" has 5 decimals, at most 4 are '
        "allowed. Nothing was stored. Of each record the first problem is told; `echs validate` tells all. request "
    )


def test_the_first_ten_problems_are_named_and_all_are_counted(app, cast):
    records = [cdr(number, **({"volume": "x"} if number % 2 else {"duration": "x"})) for number in range(24)]
    description = Caller(app, "tnm").upload("AddCDRs", *records).text("resultDescription")
    assert "+23 more problems" in description
    for position in range(1, 10):
        assert f"[{position}].{'volume' if position % 2 else 'duration'}" in description


def test_unknown_elements_are_named_with_their_namespace(app, cast):
    caller = Caller(app, "tnm")
    answer = caller.send("AddCDRs", "<cdrInfoArray/>")
    assert "FIELD_UNKNOWN at cdrInfoArray[0].cdrInfoArray" in answer.text("resultDescription")
    assert f"must be in the namespace {NAMESPACE}; it has no namespace" in answer.text("resultDescription")
    answer = caller.send("AddCDRs", '<n:cdrInfoArray><x:cdrId xmlns:x="urn:y">1</x:cdrId></n:cdrInfoArray>')
    assert f'must be in the namespace {NAMESPACE}; its namespace is "urn:y"' in answer.text("resultDescription")
    answer = caller.send("AddCDRs", '<n:cdrInfoArray><x:colour xmlns:x="urn:y">1</x:colour></n:cdrInfoArray>')
    assert 'is not a field of CDRInfo; its namespace is "urn:y"' in answer.text("resultDescription")
    assert caller.send("GetCDRs", "<n:everything/>").code == 302
