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
