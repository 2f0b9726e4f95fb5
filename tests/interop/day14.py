"""Charge points, tariffs, CDRs, live statuses and the address book of OCHPdirect by clients that were generated from the served WSDL: every value that
comes back is compared with what was sent.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from day import Differs

from echs.protocols.ochp14.contracts import PUBLISHED

LIVE, DIRECT, ENDPOINTS = "eCHS_P-System-live", "eCHS_P-System-direct", "operatorEndpointArray"
LONG_AGO = {"DateTime": "2020-01-01T00:00:00Z"}
EVSE = "NL*TNM*E01000851"
TIME, LOCAL = "DateTime", "LocalDateTime"
POINT = {
    "evseId": EVSE,
    "locationId": "UTRECHT 1",
    "timestamp": {TIME: "2026-11-20T08:00:00Z"},
    "locationName": "Oudegracht & Kade",
    "locationNameLang": "NLD",
    "images": [
        {
            "uri": "https://example.org/a?b=1&c=2",
            "class": "stationPhoto",
            "type": "jpeg",
            "width": 640,
            "height": 480,
        }
    ],
    "relatedResource": [{"uri": "https://example.org/map", "class": "operatorMap"}],
    "chargePointAddress": {
        "houseNumber": "10A",
        "address": "Kade",
        "city": "Utrecht",
        "zipCode": "3511 AB",
        "country": "NLD",
    },
    "chargePointLocation": {"@lat": "52.091200", "@lon": "5.122100"},
    "relatedLocation": [{"@lat": "52.100001", "@lon": "5.200001", "@name": "Gate", "@type": "entrance"}],
    "timeZone": "Europe/Amsterdam",
    "openingTimes": {
        "regularHours": [{"@weekday": 1, "@periodBegin": "08:00", "@periodEnd": "24:00"}],
        "exceptionalClosings": [
            {"periodBegin": {TIME: "2026-12-25T00:00:00Z"}, "periodEnd": {TIME: "2026-12-26T00:00:00Z"}}
        ],
        "closedCharging": True,
    },
    "status": {"ChargePointStatusType": "Operative"},
    "telephoneNumber": "+31 20 1234567",
    "location": {"GeneralLocationType": "on-street"},
    "parkingSpot": [
        {"parkingId": "NL*TNM*P1", "restriction": [{"RestrictionType": "evonly"}], "floorLevel": "-1"},
        {"parkingId": "NL*TNM*P2"},
    ],
    "authMethods": [{"AuthMethodType": "RfidMifareDes"}, {"AuthMethodType": "Iec15118"}],
    "connectors": [
        {
            "connectorStandard": {"ConnectorStandard": "IEC_62196_T2"},
            "connectorFormat": {"ConnectorFormat": "Cable"},
            "tariffId": "NL*TNM*T1",
        }
    ],
    "chargePointType": "AC",
    "ratings": {"maximumPower": 22.5, "nominalVoltage": 400},
    "userInterfaceLang": ["NLD", "DEU"],
    "maxReservation": 60,
}
FOREIGN = {**POINT, "evseId": "DE*LND*E1"}
TARIFF = {
    "tariffId": "NL*TNM*T1",
    "individualTariff": [
        {
            "tariffElement": [
                {
                    "priceComponent": {
                        "billingItem": {"BillingItemType": "energy"},
                        "itemPrice": 0.25,
                        "stepSize": 0.5,
                    },
                    "tariffRestriction": {
                        "regularHours": [{"@weekday": 7, "@periodBegin": "00:00", "@periodEnd": "12:00"}],
                        "maxPower": 22.5,
                    },
                }
            ],
            "currency": "EUR",
        }
    ],
}
CDR = {
    "CdrId": "NLTNM000001",
    "evseId": EVSE,
    "emtId": {"@representation": "plain", "instance": "04A1B2C3D4E5F6", "tokenType": "rfid"},
    "contractId": "NL-ANW-C00000001",
    "status": {"CdrStatusType": "new"},
    "startDateTime": {LOCAL: "2026-09-24T10:00:00+02:00"},
    "endDateTime": {LOCAL: "2026-09-24T11:30:00+02:00"},
    "duration": "001:30:00",
    "chargePointAddress": POINT["chargePointAddress"],
    "chargePointType": "AC",
    "connectorType": {
        "connectorStandard": {"ConnectorStandard": "IEC_62196_T2"},
        "connectorFormat": {"ConnectorFormat": "Cable"},
        "tariffId": "NL*TNM*T1",
    },
    "ratings": {"maximumPower": 22.5},
    "meterId": "M-1",
    "chargingPeriods": [
        {
            "startDateTime": {LOCAL: "2026-09-24T10:00:00+02:00"},
            "endDateTime": {LOCAL: "2026-09-24T11:30:00+02:00"},
            "billingItem": {"BillingItemType": "energy"},
            "billingValue": 12.5,
            "itemPrice": 0.5,
            "periodCost": 6.25,
            "taxrate": 21,
        }
    ],
    "totalCost": 6.25,
    "currency": "EUR",
}


def cdr(number: int, status: str, **changed: Any) -> dict[str, Any]:
    """A CDR, as it stands so."""
    return {**CDR, "CdrId": f"NLTNM{number:06d}", "status": {"CdrStatusType": status}, **changed}


DEARER = {"chargingPeriods": [{**CDR["chargingPeriods"][0], "billingValue": 13, "periodCost": 6.5}], "totalCost": 6.5}


UNTIL = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
CHARGING = {"evseId": EVSE, "@major": "not-available", "@minor": "charging", "@ttl": UNTIL}
FREE = {"evseId": "NL*TNM*E2", "@major": "available", "@ttl": UNTIL}
SPOT = {"parkingId": "NL*TNM*P1", "@status": "not-available", "@ttl": UNTIL}
ENDPOINT = {
    "url": "https://tnm.example/direct?a=1&b=2",
    "namespaceUrl": PUBLISHED.direct_namespaces[0],
    "accessToken": "0123456789abcdef-0123456789abcdef",
    "validDate": f"{datetime.now(UTC):%Y-%m-%d}",
    "whitelist": ["NLTNME%"],
    "blacklist": ["NLTNME01%"],
}


@dataclass
class Step:
    """A call, and what is expected of its answer: the code, None where it has none, and the records under a name. The
    port is a part of the contract's WSDL, or of that of OCHPdirect.
    """

    who: str
    operation: str
    members: dict[str, Any]
    code: str | None
    name: str
    records: list[Any] = field(default_factory=list)
    port: str = "eCHS_P-System"


def steps() -> Iterator[Step]:
    """The calls, in order."""
    points, cdrs = "chargePointInfoArray", "cdrInfoArray"
    others = [{**POINT, "evseId": f"NL*TNM*E{number}"} for number in (2, 3)]
    sent = {points: [POINT, FOREIGN, *others]}
    yield Step("tnm", "SetChargepointList", sent, "partly", "refusedChargePointInfo", [FOREIGN])
    yield Step("tnm", "UpdateChargePointList", {points: [POINT]}, "ok", "refusedChargePointInfo")
    yield Step("anwb", "GetChargePointList", {}, "ok", points, [POINT, *others])
    yield Step("anwb", "GetChargePointListUpdates", {"lastUpdate": LONG_AGO}, "ok", points, [POINT, *others])
    yield Step("tnm", "UpdateTariffs", {"TariffInfoArray": [TARIFF]}, "ok", "refusedTariffInfo")
    yield Step("anwb", "GetTariffUpdates", {}, "ok", "TariffInfoArray", [TARIFF])
    wrong = cdr(9, "new", totalCost=9.5)
    sent = {cdrs: [cdr(1, "new"), cdr(2, "new"), wrong]}
    yield Step("tnm", "AddCDRs", sent, "partly", "implausibleCdrsArray", ["NLTNM000009"])
    yield Step("anwb", "GetCDRs", {}, "ok", cdrs, [cdr(1, "accepted"), cdr(2, "accepted")])
    answers = {
        "approved": [{"cdrId": "NLTNM000001", "evseId": EVSE}],
        "declined": [{"cdrId": "NLTNM000002", "evseId": EVSE}],
    }
    yield Step("anwb", "ConfirmCDRs", answers, "ok", "nothing")
    yield Step("tnm", "CheckCDRs", {}, "ok", cdrs, [cdr(2, "declined")])
    yield Step("tnm", "AddCDRs", {cdrs: [cdr(2, "revised", **DEARER)]}, "ok", "implausibleCdrsArray")
    revised = {"cdrStatus": {"CdrStatusType": "revised"}}
    yield Step("anwb", "GetCDRs", revised, "ok", cdrs, [cdr(2, "revised", **DEARER)])
    yield Step("anwb", "ConfirmCDRs", {"approved": [{"cdrId": "NLTNM000002", "evseId": EVSE}]}, "ok", "nothing")
    approved = {"cdrStatus": {"CdrStatusType": "approved"}}
    both = [cdr(1, "approved"), cdr(2, "approved", **DEARER)]
    yield Step("tnm", "CheckCDRs", approved, "ok", cdrs, both)
    sent = {"evse": [CHARGING, FREE], "parking": [SPOT]}
    yield Step("tnm", "UpdateStatus", sent, "ok", "nothing", port=LIVE)
    yield Step("anwb", "GetStatus", {}, None, "evse", [CHARGING, FREE], port=LIVE)
    yield Step("anwb", "GetStatus", {"statusType": "parking"}, None, "parking", [SPOT], port=LIVE)
    # Whose every spot is taken is not available, whatever its own status.
    taken = {"@major": "not-available", "@ttl": UNTIL}
    combined = [CHARGING, {**taken, "evseId": "NL*TNM*E2", "@minor": "blocked"}, {**taken, "evseId": "NL*TNM*E3"}]
    yield Step("anwb", "GetStatus", {"statusType": "combined"}, None, "combined", combined, port=LIVE)
    yield Step("tnm", "AddServiceEndpoints", {ENDPOINTS: [ENDPOINT]}, "ok", "nothing", port=DIRECT)
    yield Step("anwb", "GetServiceEndpoints", {}, "ok", ENDPOINTS, [ENDPOINT], port=DIRECT)


def compared(step: Step, answer: dict[str, Any]) -> int:
    """How many values of an answer are right.

    :raises Differs: one is not
    """
    if step.code is not None:
        result = answer.get("result", answer)
        code, text = result["resultCode"]["resultCode"], result["resultDescription"]
        if code != step.code or not text:
            raise Differs(f"{step.operation} of {step.who}: {code} instead of {step.code}: {text}")
    found, expected = as_list(plain(answer.get(step.name))), as_list(plain(step.records))
    if found != expected:
        raise Differs(f"{step.operation} of {step.who}: {found} instead of {expected}")
    return 2 + sum(map(leaves, found))


def as_list(value: Any) -> list[Any]:
    """What may be none, one or several."""
    return [] if value is None else value if isinstance(value, list) else [value]


def plain(value: Any) -> Any:
    """What a toolkit gives, without what toolkits differ in: attributes, lists of one, numbers and their texts."""
    if isinstance(value, list):
        found = [plain(each) for each in value]
        return None if not found else found[0] if len(found) == 1 else found
    if isinstance(value, dict):
        members = {**value, **(value.get("attributes") or {})}
        named = {
            name.removeprefix("@").rstrip("_"): plain(each) for name, each in members.items() if name != "attributes"
        }
        return {name: each for name, each in sorted(named.items()) if each is not None} or None
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else as_number(as_time(str(value)))


def as_time(text: str) -> str:
    """A time of UTC in one spelling; any other text as it is."""
    found = _TIME.fullmatch(text)
    return text if found is None else f"{found[1]}T{found[2]}Z"


def as_number(text: str) -> str:
    """A number in one spelling; any other text as it is."""
    try:
        return f"{float(text):g}" if text.replace(".", "").isdigit() and "." in text else text
    except ValueError:
        return text


_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.0+)?(?:Z|\+00:00)")


def leaves(value: Any) -> int:
    """How many values there are."""
    if isinstance(value, dict):
        return sum(map(leaves, value.values()))
    return sum(map(leaves, value)) if isinstance(value, list) else 1
