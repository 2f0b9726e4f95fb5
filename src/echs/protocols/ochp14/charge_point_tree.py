"""What may stand in a charge point of OCHP 1.4 (ChargePointInfo), as a table, and what is beyond a table."""

import re
from collections.abc import Iterator

from echs.base.errors import Problem
from echs.base.fields import FieldReason
from echs.partners.standard_ids import languages
from echs.protocols.ochp14.leaf_rules import (
    ADDRESS,
    BOOLEAN,
    CONNECTOR_PARTS,
    CURRENTS,
    EVSE_ID,
    PARKING_ID,
    RATINGS,
    REGULAR_HOURS,
    Checked,
    Rule,
    leaf,
    listed,
    pattern,
    time_in,
    whole,
)
from echs.protocols.ochp14.tree_types import ANY_NUMBER, Node
from echs.protocols.ochp14.value_formats import ValueReason, one_of

STATUSES = ("Unknown", "Operative", "Inoperative", "Planned", "Closed")
LOCATIONS = ("on-street", "parking-garage", "underground-garage", "parking-lot", "other", "unknown", "private")
RESTRICTIONS = ("evonly", "plugged", "disabled", "customers", "motorcycles", "carsharing")
AUTH_METHODS = (
    "Public",
    "LocalKey",
    "DirectCash",
    "DirectCreditcard",
    "DirectDebitcard",
    "RfidMifareCls",
    "RfidMifareDes",
    "RfidCalypso",
    "Iec15118",
    "OchpDirectAuth",
    "OperatorAuth",
)
IMAGE_CLASSES = (
    *(f"{each}Logo" for each in ("network", "operator", "owner")),
    *(f"{each}Photo" for each in ("station", "location", "entrance", "other")),
    "otherLogo",
    "otherGraphic",
)
RESOURCE_CLASSES = (
    "operatorMap",
    "operatorPayment",
    "stationInfo",
    "surroundingInfo",
    "ownerHomepage",
    "feedbackForm",
)
# Of the prose alone: it is read, and not given out.
PROSE_CLASS = "openingTimes"
POINT_TYPES = ("entrance", "exit", "access", "ui", "other")
MOST_REGULAR_HOURS = 7
MOST_MINUTES = 1000


def degrees(most: int) -> Rule:
    """The rule of a coordinate of at most so many degrees: six decimals (OCHP 1.4, GeoPointType)."""
    form = re.compile(r"-?[0-9]{1,3}\.[0-9]{6}", re.ASCII)

    def rule(value: str) -> Checked:
        if form.fullmatch(value) and abs(float(value)) <= most:
            return None
        return ValueReason.VALUE_FORM, f"is not degrees to {most} with six decimals like 52.091200"

    return rule


def language_rule(value: str) -> Checked:
    """A language of ISO 639-3, in capitals."""
    if value.isascii() and value.isupper() and value.lower() in languages():
        return None
    return ValueReason.VALUE_FORM, "is no language of ISO 639-3 in capitals like NLD"


def period(name: str) -> Node:
    """A time that is an exception."""
    return Node(name, (time_in("periodBegin"), time_in("periodEnd")), least=0, most=ANY_NUMBER)


def minutes_rule(value: str) -> Checked:
    """Minutes from 1 to 1000; the prose has a fraction too."""
    if re.fullmatch(r"[0-9]{1,4}(?:\.[0-9]*)?", value, re.ASCII) and 1 <= float(value) < MOST_MINUTES + 1:
        return None
    return ValueReason.VALUE_FORM, f"is not a number of minutes from 1 to {MOST_MINUTES}"


URI = pattern(r"(?:http|https|ftp|file)://.+", "an address that begins with https://")
LINK = pattern(r"https?://.+", "an address that begins with https://")
SIZE = pattern("[1-9][0-9]{0,4}", "a number of pixels from 1 to 99999")
PLACE = (leaf("lat", degrees(90)), leaf("lon", degrees(180)))
RESTRICTION = listed("restriction", RESTRICTIONS, "RestrictionType", least=0, most=ANY_NUMBER)
CHARGE_POINT = Node(
    "chargePointInfoArray",
    (
        leaf("evseId", EVSE_ID),
        leaf("locationId", pattern("[A-Z0-9 ]{1,15}", "at most 15 capitals, digits and blanks")),
        time_in("timestamp", least=0),
        leaf("locationName", limit=100),
        leaf("locationNameLang", language_rule),
        Node(
            "images",
            (
                leaf("uri", URI, limit=255),
                leaf("thumbUri", URI, limit=255, least=0),
                leaf("class", one_of(IMAGE_CLASSES)),
                leaf("type", limit=4),
                leaf("width", SIZE, least=0),
                leaf("height", SIZE, least=0),
            ),
            least=0,
            most=ANY_NUMBER,
        ),
        Node(
            "relatedResource",
            (
                leaf("uri", LINK, limit=255),
                leaf("class", one_of((*RESOURCE_CLASSES, PROSE_CLASS)), most=len(RESOURCE_CLASSES) + 1),
            ),
            least=0,
            most=ANY_NUMBER,
        ),
        ADDRESS,
        Node("chargePointLocation", (), PLACE),
        Node(
            "relatedLocation",
            (),
            (*PLACE, leaf("name", limit=255, least=0), leaf("type", one_of(POINT_TYPES))),
            least=0,
            most=ANY_NUMBER,
        ),
        leaf("timeZone", limit=255, least=0),
        Node(
            "openingTimes",
            (
                REGULAR_HOURS,
                leaf("twentyfourseven", BOOLEAN, least=0),
                period("exceptionalOpenings"),
                period("exceptionalClosings"),
                leaf("closedCharging", BOOLEAN),
            ),
            least=0,
        ),
        listed("status", STATUSES, "ChargePointStatusType", least=0),
        Node(
            "statusSchedule",
            (
                time_in("startDate"),
                time_in("endDate", least=0),
                listed("status", STATUSES, "ChargePointStatusType"),
            ),
            least=0,
            most=ANY_NUMBER,
        ),
        leaf(
            "telephoneNumber",
            pattern(r"\+?[1-9]?[0-9 \-]{1,17}", "a telephone number like +31 20 1234567"),
            least=0,
        ),
        listed("location", LOCATIONS, "GeneralLocationType"),
        Node(
            "parkingSpot",
            (
                leaf("parkingId", PARKING_ID),
                RESTRICTION,
                leaf("floorLevel", pattern(r"[A-Z0-9\-+/]{1,4}", "a level like -1"), least=0),
                leaf("parkingSpotNumber", pattern(r"[A-Z0-9\-+/]{1,5}", "a number like 12A"), least=0),
            ),
            least=0,
            most=ANY_NUMBER,
        ),
        RESTRICTION,
        listed("authMethods", AUTH_METHODS, "AuthMethodType", most=ANY_NUMBER),
        Node("connectors", CONNECTOR_PARTS, most=ANY_NUMBER),
        leaf("chargePointType", one_of(CURRENTS)),
        RATINGS,
        leaf("userInterfaceLang", language_rule, least=0, most=ANY_NUMBER),
        leaf("maxReservation", minutes_rule, least=0, said=whole),
    ),
    dropped=("stateOfCharge", "liveAuthId", "maxSocketPower", "productType"),
)

_RESOURCE = re.compile("<relatedResource>(<uri>[^<]*</uri>)((?:<class>[^<]*</class>)+)</relatedResource>")
_CLASS = re.compile("<class>([^<]*)</class>")
_HOURS = re.compile("<openingTimes>(.*?)</openingTimes>", re.DOTALL)
_REGULAR = re.compile("<regularHours [^>]*?(?:/>|></regularHours>)")


def one_class_each(text: str) -> str:
    """Each related resource with one class, as the contract has it; a class of the prose alone is left out."""

    def parted(match: "re.Match[str]") -> str:
        classes = [each for each in _CLASS.findall(match[2]) if each != PROSE_CLASS]
        return "".join(f"<relatedResource>{match[1]}<class>{each}</class></relatedResource>" for each in classes)

    return _RESOURCE.sub(parted, text)


def choice_problems(text: str, position: int) -> Iterator[Problem]:
    """Opening times are regular hours, or say whether it is always open."""
    hours = _HOURS.search(text)
    if hours is None:
        return
    regular, always = "<regularHours " in hours[1], "<twentyfourseven>" in hours[1]
    if regular == always:
        reason = FieldReason.FIELD_REPEATED if regular else FieldReason.FIELD_MISSING
        detail = "holds either regularHours or twentyfourseven"
        yield Problem(reason, detail, position, "openingTimes", field_as_sent=True)


def has_many_hours(text: str) -> bool:
    """Whether more regular hours stand in a charge point than the contract has."""
    return text.count("<regularHours ") > MOST_REGULAR_HOURS


def with_few_hours(text: str) -> str:
    """A charge point as the contract has it: no more than seven regular hours."""
    if not has_many_hours(text):
        return text
    left = iter(range(text.count("<regularHours ")))
    return _REGULAR.sub(lambda match: match[0] if next(left) < MOST_REGULAR_HOURS else "", text)
