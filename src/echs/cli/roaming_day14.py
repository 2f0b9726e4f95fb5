"""The part of the demo's day in which a company joins that speaks OCHP 1.4, the others staying as they are."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import zeep
from zeep.wsse.username import UsernameToken

from echs.base.clock import system_clock
from echs.cli.roaming_day import Partner, Story, cologne_cdr, expect, save_statement

EVSE = "NL*VOL*E0815*1"
CONTRACT = "NL-VOL-C00000001"


class NewPartner:
    """A company's back end that speaks OCHP 1.4: its name and password go with every call."""

    def __init__(self, wsdl: str, user_id: str, password: str) -> None:
        client: Any = zeep.Client(wsdl, wsse=UsernameToken(user_id, password))  # type: ignore[no-untyped-call]
        self.service = client.bind("e-clearing.net", "eCHS_P-System")
        self.live = client.bind("e-clearing.net", "eCHS_P-System-live")


def told(answer: Any, code: str = "ok") -> str:
    """The description of a result that went as it should.

    :raises RuntimeError: it did not
    """
    result = getattr(answer, "result", None) or answer
    if result.resultCode.resultCode != code:
        raise RuntimeError(f"{result.resultCode.resultCode} {result.resultDescription}")
    return str(result.resultDescription)


def play(story: Story, wsdl: str, password: str, cast: dict[str, Partner], directory: Path) -> None:
    """What the new company does, and what the others notice of it.

    :raises RuntimeError: an answer was not what the day needs
    """
    story.chapter("Voltway joins with OCHP 1.4; the others keep OCHP 0.2, and all roam with each other")
    volt = NewPartner(wsdl, "voltway", password)
    answer = volt.service.SetRoamingAuthorisationList(roamingAuthorisationInfoArray=[token()])
    story.told("voltway", "SetRoamingAuthorisationList", told(answer))
    answer = volt.service.SetChargepointList(chargePointInfoArray=[charge_point()])
    story.told("voltway", "SetChargePointList", told(answer))
    answer = volt.live.UpdateStatus(evse=[{"major": "not-available", "minor": "charging", "evseId": EVSE}])
    story.told("voltway", "UpdateStatus: a car is charging", told(answer))
    tokens = volt.service.GetRoamingAuthorisationList().roamingAuthorisationInfoArray
    points = volt.service.GetChargePointList().chargePointInfoArray
    story.told("voltway", f"downloads {len(tokens)} tokens and {len(points)} charge points, most of OCHP 0.2")
    points = cast["tnm"].call("GetChargePointList").chargepointInfoArray
    (seen,) = (point for point in points if point.evseId == EVSE)
    story.told("tnm", f"GetChargePointList: {EVSE} in {seen.city} is {seen.powerOutletStatus}")
    answer_about_cdrs(story, volt, cast)
    answer = volt.service.AddCDRs(cdrInfoArray=[cdr()])
    story.told("voltway", "AddCDRs, with prices, for a customer of ladenetz.de", told(answer))
    story.told("office", "ClearCDRs", expect(cast["office"].call("ClearCDRs")))
    answer = cast["ladenetz"].call("GetCDRs")
    story.told("ladenetz", f"GetCDRs: {', '.join(each.cdrId for each in answer.cdrInfoArray)}")
    save_statement(answer.docLink, directory, "ladenetz-prices")
    story.told("ladenetz", f"statement with prices saved as {directory}/statement-ladenetz-prices.pdf and .csv")


def answer_about_cdrs(story: Story, volt: NewPartner, cast: dict[str, Partner]) -> None:
    """The new company decides about each of its CDRs."""
    cdrs = [cologne_cdr(number, "NL-VOL", evcoId=CONTRACT) for number in (5, 6)]
    story.told("ladenetz", "AddCDRs for Voltway", expect(cast["ladenetz"].call("AddCDRs", cdrInfoArray=cdrs)))
    waiting = volt.service.GetCDRs().cdrInfoArray
    first, second = sorted(waiting, key=lambda each: str(each.startDateTime.LocalDateTime))
    story.told("voltway", f"GetCDRs: {first.CdrId}, {second.CdrId}")
    approved, declined = ({"cdrId": each.CdrId, "evseId": each.evseId} for each in (first, second))
    answer = volt.service.ConfirmCDRs(approved=[approved], declined=[declined])
    story.told("voltway", "ConfirmCDRs: the first is approved, the second declined", told(answer))
    answer = cast["ladenetz"].call("AddCDRs", cdrInfoArray=cdrs[:1])
    story.told("ladenetz", "AddCDRs again: it hears of the one that was declined", expect(answer))


def token() -> dict[str, Any]:
    """A driver's card."""
    return {
        "EmtId": {"instance": "04A1B2C3D4E5F6", "tokenType": "rfid", "tokenSubType": "mifareDes"},
        "contractId": CONTRACT,
        "expiryDate": {"DateTime": "2030-12-31T22:59:59Z"},
    }


def charge_point() -> dict[str, Any]:
    """Where its drivers and those of the others charge."""
    return {
        "evseId": EVSE,
        "locationId": "VOLT 815",
        "locationName": "Stationsplein",
        "locationNameLang": "NLD",
        "chargePointAddress": address(),
        "chargePointLocation": {"lat": "52.089400", "lon": "5.110200"},
        "openingTimes": {"twentyfourseven": True, "closedCharging": True},
        "status": {"ChargePointStatusType": "Operative"},
        "location": {"GeneralLocationType": "on-street"},
        "authMethods": [{"AuthMethodType": "RfidMifareDes"}],
        "connectors": [connector()],
        "chargePointType": "AC",
        "ratings": {"maximumPower": 22},
    }


def address() -> dict[str, str]:
    """Where that is."""
    return {"houseNumber": "1", "address": "Stationsplein", "city": "Utrecht", "zipCode": "3511 ED", "country": "NLD"}


def connector() -> dict[str, Any]:
    """Its plug."""
    return {
        "connectorStandard": {"ConnectorStandard": "IEC_62196_T2"},
        "connectorFormat": {"ConnectorFormat": "Socket"},
    }


def cdr() -> dict[str, Any]:
    """A session of yesterday with what it costs."""
    day = (system_clock() - timedelta(days=1)).date()
    start, end = ({"LocalDateTime": f"{day}T{time}+01:00"} for time in ("10:00:00", "11:30:00"))
    return {
        "CdrId": "NLVOL000001",
        "evseId": EVSE,
        "emtId": {"instance": "03000001", "tokenType": "rfid"},
        "contractId": "DE-LND-C00000001",
        "status": {"CdrStatusType": "new"},
        "startDateTime": start,
        "endDateTime": end,
        "duration": "001:30:00",
        "chargePointAddress": address(),
        "chargePointType": "AC",
        "connectorType": connector(),
        "chargingPeriods": [
            {
                "startDateTime": start,
                "endDateTime": end,
                "billingItem": {"BillingItemType": item},
                "billingValue": value,
                "itemPrice": price,
                "periodCost": cost,
                "taxrate": 21,
            }
            for item, value, price, cost in (("energy", 12.5, 0.4, 5), ("serviceFee", 1, 0.5, 0.5))
        ],
        "totalCost": 5.5,
        "currency": "EUR",
    }
