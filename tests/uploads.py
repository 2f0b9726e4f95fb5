"""Uploads with one sample record, as XML, right or with one thing wrong."""

from cast import FIELD_CDR, charge_point, token
from wire import UPLOADS, record_xml

SAMPLES = {"AddCDRs": FIELD_CDR, "SetRoamingAuthorisationList": token(1), "SetChargePointList": charge_point(1)}


def members(operation: str) -> str:
    return record_xml(UPLOADS[operation], SAMPLES[operation]) if operation in UPLOADS else ""


def changed(operation: str, old: str, new: str) -> str:
    xml = members(operation)
    assert old in xml
    return xml.replace(old, new)


def wrong(field: str, value: str, operation: str = "AddCDRs") -> tuple[str, str]:
    wire = next(wire for wire in UPLOADS[operation].fields if wire.name == field)
    sample = SAMPLES[operation][UPLOADS[operation].fields.index(wire)]
    return operation, changed(operation, f"<n:{field}>{sample}<", f"<n:{field}>{value}<")


TOKENS, POINTS = "SetRoamingAuthorisationList", "SetChargePointList"
# By result code, what an upload of the partner tnm gets it for.
WRONG_DATA = {
    201: ("ClearCDRs", ""),
    202: wrong("infraProviderId", "ladenetz.de"),
    203: wrong("roamingHubId", "3", TOKENS),
    301: ("AddCDRs", ""),
    302: ("AddCDRs", changed("AddCDRs", "n:evseId>", "n:colour>")),
    303: ("AddCDRs", changed("AddCDRs", "<n:evseId>", "<n:cdrId>2</n:cdrId><n:evseId>")),
    304: wrong("startDatetime", ""),
    305: wrong("chargePointCity", "Apel&#10;doorn"),
    306: wrong("chargePointCity", "<n:b>x</n:b>"),
    307: wrong("tokenType", "one", TOKENS),
    311: wrong("startDatetime", "22-01-2014 10:16"),
    312: wrong("endDatetime", "2014-01-22"),
    313: wrong("duration", "two hours"),
    314: wrong("volume", "1,23456"),
    315: wrong("endDatetime", "2014-01-22 10:00:00"),
    316: ("AddCDRs", members("AddCDRs") + wrong("volume", "5")[1]),
    317: wrong("endDatetime", "2041-01-22 12:14:33"),
    318: wrong("volume", "4640.0"),
    321: wrong("tokenType", "7", TOKENS),
    322: wrong("tokenActivated", "2", TOKENS),
    323: wrong("expiryDate", "2027-12-31", TOKENS),
    324: (TOKENS, members(TOKENS) + wrong("printedNumber", "other", TOKENS)[1]),
    331: (POINTS, members(POINTS) + wrong("city", "Bonn", POINTS)[1]),
    603: wrong("chargePointCity", "x" * 256),
}
