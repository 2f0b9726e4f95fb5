"""Charge points of OCHP 1.4 (ChargePointInfo) as a list has them: the way from elements to the noun and back.

A payload is the canonical text of what stands in the element; see `echs.protocols.ochp14.tree_types`.
"""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr, unescape

import pycountry

from echs.base.errors import Problem, Reason, Unreadable
from echs.base.fields import FieldText
from echs.base.upload_validation import RecordValidator
from echs.lists.list_format import AsStored, ListOwner, Rivals, Taken
from echs.lists.withheld import Withheld
from echs.locations.charge_point import (
    ChargePoint,
    ChargePointReason,
    ChargePointWithheld,
    Connector,
    Current,
    Hours,
    Position,
    StaticStatus,
    degrees_text,
    twice,
)
from echs.partners.market_ids import market_id_of, market_ids_of
from echs.partners.partner import Partner, PartyRole
from echs.partners.standard_ids import evse_key, languages
from echs.protocols.ochp14.charge_point_tree import (
    AUTH_METHODS,
    CHARGE_POINT,
    STATUSES,
    choice_problems,
    has_many_hours,
    one_class_each,
)
from echs.protocols.ochp14.contracts import PROTOCOL, PUBLISHED
from echs.protocols.ochp14.evse_ids import keys_of, said_evse_id
from echs.protocols.ochp14.leaf_rules import CONNECTOR_STANDARDS, country_codes
from echs.protocols.ochp14.shared_locations import SharedLocations
from echs.protocols.ochp14.tree_types import TreeReading, element_of, labelled, parsed, tag, texts_below
from echs.protocols.soap.element import Element

EVSE_ID = re.compile("<evseId>([^<]*)</evseId>")
_POSITION = re.compile('<chargePointLocation lat="([^"]*)" lon="([^"]*)">')
_STATUS = {each: StaticStatus(each.lower()) for each in STATUSES}
SAID_STATUS = {status: name for name, status in _STATUS.items()}
# The languages that are taken for those of a country, where a charge point does not say.
LANGUAGES = {
    **dict.fromkeys(("AUT", "CHE", "DEU", "LIE"), "DEU"),
    **dict.fromkeys(("FRA", "LUX", "MCO"), "FRA"),
    **dict.fromkeys(("BEL", "NLD"), "NLD"),
    "CZE": "CES",
    "DNK": "DAN",
    "ESP": "SPA",
    "FIN": "FIN",
    "GRC": "ELL",
    "HUN": "HUN",
    "ITA": "ITA",
    "NOR": "NOR",
    "POL": "POL",
    "PRT": "POR",
    "SVK": "SLK",
    "SVN": "SLV",
    "SWE": "SWE",
}
USUAL_LANGUAGE = "ENG"
# Of user assigned codes: there is no such country.
NO_COUNTRY = "ZZZ"
USUAL_AUTH_METHODS = ("RfidMifareCls", "RfidMifareDes")
NOT_SAID, NO_ZIP_CODE, NO_CITY = "unknown", "0", "-"
_PHONE = re.compile(r"\+?[1-9]?[0-9 \-]{1,17}", re.ASCII)
_LEVEL = re.compile(r"[A-Z0-9\-+/]{1,4}", re.ASCII)
_HOUSE = re.compile(r"[A-Z0-9 \-]{1,6}", re.ASCII)
_NO_ZIP = re.compile(r"[^A-Z0-9 \-]")


class ChargePointOddity(Reason):
    """What is odd about a charge point of OCHP 1.4."""

    OLD_ELEMENT = "OLD_ELEMENT"
    MANY_REGULAR_HOURS = "MANY_REGULAR_HOURS"
    LOCATION_DIFFERS = "LOCATION_DIFFERS"


ODDITIES = {
    ChargePointOddity.OLD_ELEMENT: "elements of older versions of the protocol are left out",
    ChargePointOddity.MANY_REGULAR_HOURS: "has more than seven regular hours; partners are given the first seven",
    ChargePointOddity.LOCATION_DIFFERS: "has another address or position than the first EVSE with its locationId",
}


class Judged(NamedTuple):
    """A valid charge point: its payload, whether elements of older versions were left out of it, and whether it is
    elsewhere than others of its location.
    """

    payload: str
    shortened: bool
    elsewhere: bool = False

    def oddities(self) -> Iterator[ChargePointOddity]:
        """What is odd about it."""
        if self.shortened:
            yield ChargePointOddity.OLD_ELEMENT
        if has_many_hours(self.payload):
            yield ChargePointOddity.MANY_REGULAR_HOURS
        if self.elsewhere:
            yield ChargePointOddity.LOCATION_DIFFERS


def read_charge_point(element: Element, position: int, namespace: str, owner: Partner | None) -> Judged | Unreadable:
    """A charge point of a request that ``owner`` sends, or what is wrong with it; of nobody, ids may be anybody's."""
    reading = TreeReading(namespace, position)
    if element.name != f"{namespace} {CHARGE_POINT.name}":
        return reading.stray(element, CHARGE_POINT.name)
    text = one_class_each(reading.record(element, CHARGE_POINT))
    evse_id = evse_id_of(text)
    if not reading.problems:
        reading.problems += choice_problems(text, position)
        reading.problems += ownership(evse_id, owner, position) if owner is not None else ()
    if not reading.problems:
        return Judged(text, reading.dropped > 0)
    return labelled(reading.problems, ("evseId", evse_id) if evse_id else None)


def ownership(evse_id: str, owner: Partner, position: int | None = None) -> Iterator[Problem]:
    """An EVSE id begins with a market id of its operator."""
    yours, begins = market_ids_of(owner, PartyRole.OPERATOR), market_id_of(evse_id)
    if begins not in yours:
        told = f"yours: {', '.join(sorted(yours))}" if yours else "you have none as an operator: ask the clearing house"
        detail = f'"{begins}" is not your market id; {told}'
        yield Problem(ChargePointReason.EVSE_NOT_YOURS, detail, position, "evseId", field_as_sent=True)


def evse_id_of(payload: str) -> str:
    """The EVSE id of a payload; empty where it has none."""
    match = EVSE_ID.match(payload)
    return "" if match is None else unescape(match[1])


# ---------------------------------------------------------------------- from texts to the noun


def charge_point_of(payload: str) -> ChargePoint:
    """What a payload means."""
    point = parsed(payload)

    def text(way: str) -> str:
        return point.findtext(way) or ""

    entrance = {each.get("type"): each for each in reversed(point.findall("relatedLocation"))}
    way_in = next((entrance[each] for each in ("access", "entrance", "exit") if each in entrance), None)
    place = point.find("chargePointLocation")
    return ChargePoint(
        evse_id=text("evseId"),
        location_name=text("locationName"),
        location_name_language=text("locationNameLang"),
        house_number=text("chargePointAddress/houseNumber"),
        street_name=text("chargePointAddress/address"),
        city=text("chargePointAddress/city"),
        postal_code=text("chargePointAddress/zipCode"),
        country=text("chargePointAddress/country"),
        position=None if place is None else position_of(place),
        entrance=None if way_in is None else position_of(way_in),
        telephone_number=text("telephoneNumber"),
        floor_level=text("parkingSpot/floorLevel"),
        hours=hours_of(point.find("openingTimes")),
        status=_STATUS.get(text("status/ChargePointStatusType"), StaticStatus.UNKNOWN),
        auth_methods=tuple(each.text or "" for each in point.iterfind("authMethods/AuthMethodType")),
        connectors=tuple(
            Connector(
                each.findtext("connectorStandard/ConnectorStandard") or "",
                each.findtext("connectorFormat/ConnectorFormat") or "",
            )
            for each in point.iterfind("connectors")
        ),
        current=Current(text("chargePointType")),
        protocol=PROTOCOL,
        payload=payload,
    )


def position_of(place: Any) -> Position:
    """The place of a GeoPointType."""
    return Position(millionths(place.get("lat")), millionths(place.get("lon")))


def millionths(text: str) -> int:
    """A number with six decimals in millionths."""
    return int(text.replace(".", ""))


def hours_of(element: Any) -> Hours | None:
    """What an HoursType says."""
    if element is None:
        return None

    def periods(name: str) -> tuple[tuple[str, str], ...]:
        return tuple(
            (each.findtext("periodBegin/DateTime") or "", each.findtext("periodEnd/DateTime") or "")
            for each in element.iterfind(name)
        )

    return Hours(
        always=element.findtext("twentyfourseven") in ("true", "1"),
        regular=tuple(
            (int(each.get("weekday")), each.get("periodBegin"), each.get("periodEnd"))
            for each in element.iterfind("regularHours")
        ),
        openings=periods("exceptionalOpenings"),
        closings=periods("exceptionalClosings"),
        when_closed=element.findtext("closedCharging") in ("true", "1"),
    )


# ---------------------------------------------------------------------- from the noun to texts


def payload_of_point(point: ChargePoint, owner: ListOwner) -> str | Withheld:
    """A charge point as OCHP 1.4 says it: as it was sent, where it was sent so; else its values. Withheld where nobody
    could find it or plug in: without a position, without a plug that is known, with an EVSE id of no form.
    """
    if point.protocol == PROTOCOL:
        return point.payload
    evse_id = said_evse_id(point.evse_id, owner.market_id)
    if evse_id is None:
        return ChargePointWithheld.EVSE_FORM
    if point.position is None:
        return ChargePointWithheld.POSITION
    connectors = [each for each in point.connectors if each.standard in CONNECTOR_STANDARDS]
    if not connectors:
        return ChargePointWithheld.PLUG
    market_id = market_id_of(evse_id) or owner.market_id
    country = point.country if point.country in country_codes() else country_of(market_id[:2])
    street, number = said_street(point.street_name or point.city or NOT_SAID, point.house_number)
    name = point.location_name or point.street_name or point.city or evse_id
    texts = [
        tag("evseId", evse_id),
        tag("locationId", location_id(market_id, point)),
        tag("locationName", name[:100]),
        tag("locationNameLang", said_language(point.location_name_language, country)),
        "<chargePointAddress>",
        tag("houseNumber", number),
        tag("address", street),
        tag("city", point.city[:45] or NO_CITY),
        tag("zipCode", said_zip_code(point.postal_code) or NO_ZIP_CODE),
        tag("country", country),
        "</chargePointAddress>",
        f"<chargePointLocation {said_place(point.position)}></chargePointLocation>",
    ]
    if point.entrance is not None:
        texts.append(f'<relatedLocation {said_place(point.entrance)} type="access"></relatedLocation>')
    if point.hours is not None and point.hours.always:
        texts.append("<openingTimes><twentyfourseven>true</twentyfourseven><closedCharging>true</closedCharging>")
        texts.append("</openingTimes>")
    texts.append(f"<status>{tag('ChargePointStatusType', SAID_STATUS[point.status])}</status>")
    if _PHONE.fullmatch(point.telephone_number):
        texts.append(tag("telephoneNumber", point.telephone_number))
    texts.append("<location><GeneralLocationType>unknown</GeneralLocationType></location>")
    if _LEVEL.fullmatch(point.floor_level.upper()):
        spot = re.sub("E", "P", evse_id[5:], count=1, flags=re.IGNORECASE)
        texts.append(
            f"<parkingSpot>{tag('parkingId', evse_id[:5] + spot)}{tag('floorLevel', point.floor_level.upper())}"
            "</parkingSpot>"
        )
    known = [each for each in point.auth_methods if each in AUTH_METHODS] or USUAL_AUTH_METHODS
    texts += [f"<authMethods>{tag('AuthMethodType', each)}</authMethods>" for each in known]
    texts += [
        f"<connectors><connectorStandard>{tag('ConnectorStandard', each.standard)}</connectorStandard>"
        f"<connectorFormat>{tag('ConnectorFormat', each.format)}</connectorFormat></connectors>"
        for each in connectors
    ]
    texts.append(tag("chargePointType", point.current or Current.AC))
    return "".join(texts)


def said_zip_code(text: str) -> str:
    """A postal code in the signs of OCHP 1.4."""
    return _NO_ZIP.sub("", text.upper())[:10].strip()


def said_place(position: Position) -> str:
    """The attributes of a GeoPointType."""
    return f"lat={quoteattr(degrees_text(position.latitude_e6))} lon={quoteattr(degrees_text(position.longitude_e6))}"


def said_street(street: str, number: str) -> tuple[str, str]:
    """Street and house number as OCHP 1.4 has them: a number that does not fit goes behind the street."""
    number = number.strip()
    if _HOUSE.fullmatch(number.upper()):
        return street[:45].ljust(2, "-"), number.upper()
    behind = f" {number}"[:20] if number else ""
    return f"{street[: 45 - len(behind)]}{behind}".ljust(2, "-"), ""


@lru_cache(maxsize=512)
def country_of(alpha_2: str) -> str:
    """The three letters of a country."""
    found = pycountry.countries.get(alpha_2=alpha_2)
    return found.alpha_3 if found else NO_COUNTRY


@lru_cache(maxsize=512)
def said_language(language: str, country: str) -> str:
    """A language of ISO 639-3 in capitals; where none is said, one of the country."""
    code = language.strip().lower()
    if code in languages():
        return code.upper()
    found = pycountry.languages.get(alpha_2=code[:2]) if len(code[:2]) == 2 else None
    return found.alpha_3.upper() if found else LANGUAGES.get(country, USUAL_LANGUAGE)


def location_id(market_id: str, point: ChargePoint) -> str:
    """A location id for what has none: the same for all EVSEs of an operator at one place and address."""
    if point.position is None:
        raise ValueError("a charge point without a position has no location")
    place = (round(each / 10) for each in point.position)
    of = "\0".join([market_id, *map(str, place), point.street_name, point.house_number])
    digest = hashlib.blake2b(of.encode("utf-8", "surrogatepass"), digest_size=10).digest()
    return base64.b32encode(digest).decode()[:15]


# ---------------------------------------------------------------------- the list


class ChargePointFormat:
    """The charge points of OCHP 1.4; see `echs.lists.list_format.ListFormat`."""

    protocol = PROTOCOL

    def validator(self, owner: Partner) -> RecordValidator[Element, Judged]:
        """The rules for what ``owner`` sends."""
        return RecordValidator(self.judge(owner))

    def judge(self, owner: Partner | None) -> Callable[[Element, int], Judged | Unreadable]:
        """What judges the charge points of one upload; without an owner, EVSE ids may be anybody's."""
        locations = SharedLocations()

        def record(element: Element, position: int) -> Judged | Unreadable:
            judged = read_charge_point(element, position, PUBLISHED.namespace, owner)
            if isinstance(judged, Judged) and locations.differs(judged.payload):
                return judged._replace(elsewhere=True)
            return judged

        return record

    def taken(self, kept: Sequence[Judged]) -> Taken:
        """What was judged, as the list takes it."""
        payloads = [each.payload for each in kept]
        odd = Counter(str(oddity) for each in kept for oddity in each.oddities())
        return Taken(payloads, self.keys(payloads), odd)

    def warned(self, payloads: Sequence[str]) -> Counter[str]:
        """How many of these are odd."""
        many = sum(map(has_many_hours, payloads))
        return Counter({str(ChargePointOddity.MANY_REGULAR_HOURS): many} if many else {})

    def keys(self, payloads: Sequence[str]) -> list[str]:
        """The keys of payloads."""
        return [evse_key(evse_id_of(payload)) for payload in payloads]

    def typed(self, payloads: Sequence[str], zone: str, as_stored: AsStored) -> Iterator[tuple[object, ...]]:
        """The typed columns of `echs.locations.tables`.

        :raises ValueError: a payload is none of a charge point
        """
        for payload in payloads:
            place = _POSITION.search(payload)
            if place is None or EVSE_ID.match(payload) is None:
                raise ValueError("a payload is no charge point")
            yield evse_key(evse_id_of(payload)), millionths(place[1]), millionths(place[2])

    def claimed(self, payloads: Sequence[str]) -> Iterator[tuple[str, str]]:
        """What makes an EVSE the same one in the lists of two partners, and its id."""
        for payload in payloads:
            evse_id = evse_id_of(payload)
            yield evse_key(evse_id), evse_id

    def record_of_payload(self, payload: str) -> Element:
        """The element of a payload."""
        return element_of(payload, CHARGE_POINT.name, PUBLISHED.namespace)

    def nouns(self, payloads: Sequence[str], owner: ListOwner) -> Iterator[ChargePoint]:
        """What payloads mean."""
        return map(charge_point_of, payloads)

    def payload_of(self, noun: ChargePoint, owner: ListOwner) -> str | Withheld:
        """What OCHP 1.4 says of a charge point of this owner, or why it cannot be said."""
        return payload_of_point(noun, owner)

    def rivals(self, payloads: Sequence[str]) -> Rivals | None:
        """EVSEs that came by another protocol under an id that is given out as one of these."""
        return Rivals("evse_key", sorted({key for payload in payloads for key in keys_of(evse_id_of(payload))}))

    def duplicate(self, payload: str, position: int, earlier: int) -> Problem:
        """The problem of an EVSE that stands twice, and says different things."""
        return twice(self.label(payload), position, earlier)

    def lost(self, before: Partner, now: Partner, payloads: Iterable[str]) -> Iterator[Problem]:
        """EVSEs that were the owner's when the upload began, and are no more."""
        if market_ids_of(now, PartyRole.OPERATOR) != market_ids_of(before, PartyRole.OPERATOR):
            for payload in payloads:
                yield from ownership(evse_id_of(payload), now)

    def label(self, payload: str) -> tuple[str, str] | None:
        """How a person finds this charge point again."""
        evse_id = evse_id_of(payload)
        return ("evseId", evse_id) if evse_id else None

    def texts(self, payload: str) -> list[FieldText]:
        """The values of a charge point for people, each with the way to it."""
        return list(texts_below(parsed(payload), ""))


FORMAT = ChargePointFormat()
