"""Charge points of OCHP 0.2 (4.9): the 19 texts, what is odd about them, and the way from texts to the noun and back.

What of a record has no place in the noun stays in its payload alone: `PAYLOAD_ONLY`. Opening times, status, ways to
pay and plugs are whatever an operator calls them; `echs.protocols.ochp02.charge_point_words` knows some of the words.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from echs.base.errors import Reason
from echs.base.fields import Field
from echs.base.rule import Prefilter, Rule, Severity
from echs.base.spool import Row
from echs.lists.list_format import AsStored, ListOwner
from echs.lists.withheld import Withheld
from echs.locations.charge_point import WARNINGS, ChargePoint, ChargePointWithheld, Position, degrees_text, twice
from echs.partners.standard_ids import evse_key
from echs.protocols.ochp02.charge_point_words import (
    SAID_STATUS,
    auth_methods_of,
    connectors_of,
    current_of,
    hours_of,
    hours_text,
    payment_text,
    plugs_text,
    status_of,
)
from echs.protocols.ochp02.contracts import PROTOCOL
from echs.protocols.ochp02.coordinates import (
    MOST_LATITUDE,
    MOST_LONGITUDE,
    USUAL_ENTRANCE,
    USUAL_LATITUDE,
    USUAL_LONGITUDE,
    degrees_e6,
    format_problem,
    range_problem,
    swapped_problem,
)
from echs.protocols.rows.payload import payload_of, row_of
from echs.protocols.rows.row_format import RowFormat

# What stands in a mandatory field of a charge point that another protocol brought.
UNKNOWN, NONE = "unknown", "-"


class CoordinateWarning(Reason):
    """What is odd about a coordinate."""

    COORDINATE_FORMAT = "COORDINATE_FORMAT"
    COORDINATE_RANGE = "COORDINATE_RANGE"
    COORDINATES_SWAPPED = "COORDINATES_SWAPPED"


class ChargePointRecord(NamedTuple):
    """One charge point as its operator published it, texts as received. Order: OCHP 0.2, 4.9.

    ``hub_name`` is the company name of a national roaming hub, unlike the number of the same name on a token.
    """

    evse_id: str
    location_name: str
    location_name_language: str
    house_number: str
    street_name: str
    city: str
    postal_code: str
    latitude: str
    longitude: str
    entrance_latitude: str
    entrance_longitude: str
    opening_times: str
    outlet_status: str
    energy_provider: str
    hub_name: str
    telephone_number: str
    floor_level: str
    payment_method: str
    receptacle_type: str


FIELDS = (
    Field("evse_id", 64, mandatory=True),
    Field("location_name", 255),
    Field("location_name_language", 16),
    Field("house_number", 32),
    Field("street_name", 255),
    Field("city", 255),
    Field("postal_code", 32),
    Field("latitude", 32, mandatory=True),
    Field("longitude", 32, mandatory=True),
    Field("entrance_latitude", 32),
    Field("entrance_longitude", 32),
    Field("opening_times", 4000),
    Field("outlet_status", 64, mandatory=True),
    Field("energy_provider", 255, mandatory=True),
    Field("hub_name", 255, mandatory=True),
    Field("telephone_number", 64),
    Field("floor_level", 32),
    Field("payment_method", 255),
    Field("receptacle_type", 255, mandatory=True),
)
# Fields of the noun that hold the same text.
SAME_TEXT = (
    "evse_id",
    "location_name",
    "location_name_language",
    "house_number",
    "street_name",
    "city",
    "postal_code",
    "telephone_number",
    "floor_level",
)
# Fields that the noun has no place for.
PAYLOAD_ONLY = ("energy_provider", "hub_name")


def coordinate_rules(field: str, most: int, prefilter: Prefilter) -> tuple[Rule[ChargePointRecord, None], ...]:
    """The rules of one coordinate, which is at most so many degrees."""

    def text(record: ChargePointRecord) -> str:
        return str(getattr(record, field))

    return (
        Rule(
            CoordinateWarning.COORDINATE_FORMAT,
            Severity.WARN,
            field,
            lambda record, _: format_problem(text(record)),
            "no decimal number of degrees",
            "OCHP 0.2, 4.9",
            prefilter=prefilter,
        ),
        Rule(
            CoordinateWarning.COORDINATE_RANGE,
            Severity.WARN,
            field,
            lambda record, _: range_problem(text(record), most),
            f"beyond {most} degrees",
            "OCHP 0.2, 4.9; WGS 84",
            prefilter=prefilter,
        ),
    )


RULES: tuple[Rule[ChargePointRecord, None], ...] = (
    *WARNINGS,
    *coordinate_rules("latitude", MOST_LATITUDE, USUAL_LATITUDE),
    *coordinate_rules("longitude", MOST_LONGITUDE, USUAL_LONGITUDE),
    *coordinate_rules("entrance_latitude", MOST_LATITUDE, USUAL_ENTRANCE),
    *coordinate_rules("entrance_longitude", MOST_LONGITUDE, USUAL_ENTRANCE),
    Rule(
        CoordinateWarning.COORDINATES_SWAPPED,
        Severity.WARN,
        "latitude",
        lambda record, _: swapped_problem(record.evse_id, record.latitude, record.longitude),
        "latitude and longitude seem to have changed places",
        "OCHP 0.2, 4.9; the country of the EVSE id",
        prefilter=USUAL_LATITUDE,
    ),
)


# ---------------------------------------------------------------------- from texts to the noun


def charge_point_of(record: ChargePointRecord) -> ChargePoint:
    """What a record means."""
    connectors = connectors_of(record.receptacle_type)
    return ChargePoint(
        **{name: getattr(record, name) for name in SAME_TEXT},
        position=position_of(record.latitude, record.longitude),
        entrance=position_of(record.entrance_latitude, record.entrance_longitude),
        country="",
        hours=hours_of(record.opening_times),
        status=status_of(record.outlet_status),
        auth_methods=auth_methods_of(record.payment_method),
        connectors=connectors,
        current=current_of(connectors),
        protocol=PROTOCOL,
        payload=payload_of(record),
    )


def position_of(latitude: str, longitude: str) -> Position | None:
    """The place; None where one of the coordinates cannot be read."""
    north, east = degrees_e6(latitude, MOST_LATITUDE), degrees_e6(longitude, MOST_LONGITUDE)
    return None if north is None or east is None else Position(north, east)


def typed(rows: Sequence[Row], _zone: str, _as_stored: AsStored) -> Iterator[tuple[object, ...]]:
    """The typed columns of `echs.locations.tables`: of many records what the keys and coordinates make of each."""
    for row in rows:
        yield evse_key(row[0]), degrees_e6(row[7], MOST_LATITUDE), degrees_e6(row[8], MOST_LONGITUDE)


def claimed(row: Row) -> tuple[str, str]:
    """What makes an EVSE the same one in the lists of two partners, and its id."""
    return evse_key(row[0]), row[0]


# ---------------------------------------------------------------------- from the noun to texts


def noun_of(record: ChargePointRecord, _owner: ListOwner) -> ChargePoint:
    """As `charge_point_of`; no value depends on the owner."""
    return charge_point_of(record)


def record_of(point: ChargePoint, _owner: ListOwner | None = None) -> ChargePointRecord | Withheld:
    """A charge point as OCHP 0.2 says it: as it was sent, where it was sent so; else its values. Withheld where it has
    no position, which is mandatory.
    """
    if point.protocol == PROTOCOL:
        return ChargePointRecord._make(row_of(point.payload))
    if point.position is None:
        return ChargePointWithheld.POSITION
    return ChargePointRecord(
        **{name: getattr(point, name) for name in SAME_TEXT},
        latitude=degrees_text(point.position.latitude_e6),
        longitude=degrees_text(point.position.longitude_e6),
        entrance_latitude="" if point.entrance is None else degrees_text(point.entrance.latitude_e6),
        entrance_longitude="" if point.entrance is None else degrees_text(point.entrance.longitude_e6),
        opening_times=hours_text(point.hours)[:4000],
        outlet_status=SAID_STATUS[point.status],
        energy_provider=NONE,
        hub_name=NONE,
        payment_method=payment_text(point.auth_methods)[:255],
        receptacle_type=plugs_text(point.connectors)[:255] or UNKNOWN,
    )


FORMAT = RowFormat(
    PROTOCOL,
    FIELDS,
    ChargePointRecord._make,
    ("evse_id",),
    "evse_id",
    (),
    RULES,
    twice,
    typed,
    claimed,
    noun_of,
    record_of,
)
