"""The roaming day that every client plays: the calls in their order, and what must come back for each."""

import re
from dataclasses import dataclass, field
from typing import Any

from cast import FIELD_CDR, PASSWORDS, cdr, charge_point, token
from echs.protocols.ochp02.contracts import Contract
from echs.protocols.ochp02.wire_schema import CDR_INFO, CHARGEPOINT_INFO, ROAMING_AUTHORISATION_INFO, WireRecord


def members(record: WireRecord, noun: tuple[Any, ...]) -> dict[str, Any]:
    """A noun by the names of the wire."""
    return {wire.name: value for wire, value in zip(record.fields, noun, strict=True)}


@dataclass(frozen=True)
class Like:
    """A text that matches a pattern."""

    pattern: str


@dataclass(frozen=True)
class Step:
    """A call of one partner. ``expected`` has every member of the answer; what is a `Like` matches, the rest is equal."""

    who: str
    operation: str
    members: dict[str, Any]
    expected: dict[str, Any]


@dataclass
class Day:
    """The steps under one contract."""

    contract: Contract
    steps: list[Step] = field(default_factory=list)

    def call(self, who: str, operation: str, request: dict[str, Any], expected: dict[str, Any]) -> None:
        operation = operation.replace("ChargePoint", self.contract.chargepoint)
        self.steps.append(Step(who, operation, request, expected))

    def log_in(self, who: str, password: str, *, right: bool = True) -> None:
        number = self.contract.login_code_is_number
        code = (0 if right else 101) if number else ("Accepted" if right else "Denied")
        text, login = ("logged in for 12 h", "[0-9a-f]{64}") if right else ("LOGIN_REFUSED", "")
        expected = {"resultCode": code, "resultDescription": Like(text), "authToken": Like(f"^{login}$")}
        self.call(who, "Authenticate", {"userId": who, "password": password}, expected)

    def upload(self, who: str, operation: str, record: WireRecord, nouns: list[Any], code: int, text: str) -> None:
        sent = {record.element: [members(record, noun) for noun in nouns]}
        self.call(who, operation, sent, {"result": result(code, text)})

    def download(self, who: str, operation: str, record: WireRecord, nouns: list[Any], code: int = 0) -> None:
        expected = {"result": result(code, ""), record.element: [members(record, noun) for noun in nouns]}
        self.call(who, operation, {}, expected)


def result(code: int, text: str) -> dict[str, Any]:
    """A result with this code and a description that matches."""
    return {"resultCode": code, "resultDescription": Like(text)}


def day(contract: Contract) -> Day:
    """Three companies and an office: lists, CDRs good and bad, clearing, statements."""
    day = Day(contract)
    day.log_in("tnm", "a wrong password", right=False)
    for who in ("tnm", "lnd", "anwb", "office"):
        day.log_in(who, PASSWORDS[who])

    # Lists: each publishes its own, each gets those of all.
    upload, tokens = "SetRoamingAuthorisationList", ROAMING_AUTHORISATION_INFO
    of_tnm = [token(1), token(2, printed_number="<&> \"Łódź\" 'é' 😀", pin="0042", expiry_date="", hub=0)]
    of_lnd = [
        token(3, hub=3, token_type=2, pin_mandatory=1, activated=0, token_hash="null"),
        token(5, hub=3, pin="", printed_number=""),
    ]
    day.upload("tnm", upload, tokens, of_tnm, 0, "2 received")
    day.upload("lnd", upload, tokens, of_lnd, 0, "2 received")
    day.upload("lnd", upload, tokens, [token(4, hub=5)], 203, "HUB_NOT_YOURS")
    points = [charge_point(1), charge_point(2, city="Łódź", opening_times="[(h0){d1}]", telephone_number="+49 221")]
    day.upload("lnd", "SetChargePointList", CHARGEPOINT_INFO, points, 0, "2 received")
    for who in ("tnm", "anwb"):
        day.download(who, "GetRoamingAuthorisationList", tokens, of_tnm + of_lnd)
        day.download(who, "GetChargePointList", CHARGEPOINT_INFO, points)

    # CDRs: accepted, sent twice, refused whole, somebody else's, held.
    sent = [
        FIELD_CDR,
        cdr("é-Ł-2", volume="0,0004", contract_id="<NL&ANW>", city="a  b"),
        cdr("3", provider_id="ladenetz.de"),
    ]
    day.upload("tnm", "AddCDRs", CDR_INFO, sent, 0, "3 received: 3 new, 0 already known")
    day.upload("tnm", "AddCDRs", CDR_INFO, sent[:1], 0, "1 received: 0 new, 1 already known")
    wrong = [cdr("4"), cdr("5", volume="1,23456")]
    day.upload("tnm", "AddCDRs", CDR_INFO, wrong, 314, r"^CDR_VOLUME_FORMAT at cdrInfoArray\[1\]\.volume \(cdrId 5\)")
    day.upload("lnd", "AddCDRs", CDR_INFO, sent[:1], 202, "CDR_OPERATOR_NOT_YOURS")
    held = [cdr("6", operator_id="ladenetz.de", provider_id="Nobody")]
    day.upload("lnd", "AddCDRs", CDR_INFO, held, 0, "1 held until a partner has")

    # Before and after clearing, twice each.
    nothing = {"result": result(0, "no clearing run"), "docLink": "", CDR_INFO.element: []}
    day.call("anwb", "GetCDRs", {}, nothing)
    day.call("anwb", "ClearCDRs", {}, {"result": result(201, "NOT_ADMINISTRATOR")})
    day.call("office", "ClearCDRs", {}, {"result": result(0, "run 1: 3 CDRs cleared")})
    day.call("office", "ClearCDRs", {}, {"result": result(0, "nothing was pending")})
    for who, records in (("anwb", sent[:2]), ("lnd", sent[2:]), ("tnm", [])):
        for _ in range(2):
            cleared = {
                "result": result(0, "^run 1"),
                "docLink": Like(r"^http://127\.0\.0\.1:[0-9]+/statements/.+\.pdf$"),
                CDR_INFO.element: [members(CDR_INFO, record) for record in records],
            }
            day.call(who, "GetCDRs", {}, cleared)
    return day


class Differs(Exception):
    """What came back is not what should."""


def compared(expected: Any, got: Any, place: str) -> int:
    """How many values were compared; an empty text and none at all are the same, as is a list that is absent.

    :raises Differs: at the first that is not equal, or that nobody expected
    """
    if isinstance(expected, Like):
        if re.search(expected.pattern, got or "") is None:
            raise Differs(f"{place}: {got!r} does not match {expected.pattern!r}")
        return 1
    if isinstance(expected, dict):
        if not isinstance(got, dict) or not set(got) <= set(expected):
            raise Differs(f"{place}: {got!r} has not the members {sorted(expected)}")
        return sum(compared(value, got.get(name), f"{place}.{name}") for name, value in expected.items())
    if isinstance(expected, list):
        given = [] if got is None else got
        if not isinstance(given, list) or len(given) != len(expected):
            raise Differs(f"{place}: not {len(expected)} records: {got!r}")
        return 1 + sum(
            compared(one, other, f"{place}[{at}]") for at, (one, other) in enumerate(zip(expected, given, strict=True))
        )
    if expected != ("" if got is None else got) or (isinstance(expected, int) and not isinstance(got, int)):
        raise Differs(f"{place}: {got!r} instead of {expected!r}")
    return 1
