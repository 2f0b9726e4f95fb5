"""The noun of this room: one charge point, or one outlet of it (OCHP 0.2, 4.9)."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from echs.base.errors import Problem, Reason, shown
from echs.base.fields import Field, field_problems, rules_hold
from echs.base.rule import Prefilter, Rule, SetPrefilter, Severity
from echs.base.spool import Row
from echs.locations.coordinates import (
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
from echs.partners.partner import Partner
from echs.partners.standard_ids import USUAL_EVSE_ID, IdWarning, evse_id_problem, languages, languages_or_none


class ChargePointReason(Reason):
    """What can be wrong with a charge point beyond its fields as such."""

    CHARGEPOINT_TWICE = "CHARGEPOINT_TWICE"


class ChargePointWarning(Reason):
    """What is odd about a charge point."""

    LANGUAGE_UNKNOWN = "LANGUAGE_UNKNOWN"
    COORDINATE_FORMAT = "COORDINATE_FORMAT"
    COORDINATE_RANGE = "COORDINATE_RANGE"
    COORDINATES_SWAPPED = "COORDINATES_SWAPPED"


class ChargePoint(NamedTuple):
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


# Of which protocol these records are.
PROTOCOL = "ochp-0.2"


def typed(rows: Sequence[Row], _zone: str, _as_stored: Callable[[datetime], object]) -> Iterator[tuple[object, ...]]:
    """The typed columns of charge points: the EVSE id as it is compared, the position in 1e-6 degrees or None."""
    for row in rows:
        yield row[0].upper(), degrees_e6(row[7], MOST_LATITUDE), degrees_e6(row[8], MOST_LONGITUDE)


def label(record: ChargePoint) -> tuple[str, str] | None:
    """How a person finds this record again."""
    return ("evse_id", record.evse_id) if record.evse_id else None


def language_problem(record: ChargePoint, _scene: None) -> str | None:
    """OCHP 0.2 wants ISO 639-3; real lists have codes of two letters too."""
    language = record.location_name_language
    if not language or language.lower() in languages():
        return None
    return f"{shown(language)} is not a language of ISO 639-3, such as deu"


def coordinate_rules(field: str, most: int, prefilter: Prefilter) -> tuple[Rule[ChargePoint, None], ...]:
    """The rules of one coordinate, which is at most so many degrees."""

    def text(record: ChargePoint) -> str:
        return str(getattr(record, field))

    return (
        Rule(
            ChargePointWarning.COORDINATE_FORMAT,
            Severity.WARN,
            field,
            lambda record, _: format_problem(text(record)),
            "no decimal number of degrees",
            "OCHP 0.2, 4.9",
            prefilter=prefilter,
        ),
        Rule(
            ChargePointWarning.COORDINATE_RANGE,
            Severity.WARN,
            field,
            lambda record, _: range_problem(text(record), most),
            f"beyond {most} degrees",
            "OCHP 0.2, 4.9; WGS 84",
            prefilter=prefilter,
        ),
    )


WARNINGS: tuple[Rule[ChargePoint, None], ...] = (
    Rule(
        IdWarning.EVSE_ID_PATTERN,
        Severity.WARN,
        "evse_id",
        lambda record, _: evse_id_problem(record.evse_id),
        "no EVSE id of a known shape",
        "OCHP 0.2, 4.9; ISO 15118-2; DIN SPEC 91286",
        prefilter=USUAL_EVSE_ID,
    ),
    Rule(
        ChargePointWarning.LANGUAGE_UNKNOWN,
        Severity.WARN,
        "location_name_language",
        language_problem,
        "no language of ISO 639-3",
        "OCHP 0.2, 4.9",
        prefilter=SetPrefilter(languages_or_none),
    ),
    *coordinate_rules("latitude", MOST_LATITUDE, USUAL_LATITUDE),
    *coordinate_rules("longitude", MOST_LONGITUDE, USUAL_LONGITUDE),
    *coordinate_rules("entrance_latitude", MOST_LATITUDE, USUAL_ENTRANCE),
    *coordinate_rules("entrance_longitude", MOST_LONGITUDE, USUAL_ENTRANCE),
    Rule(
        ChargePointWarning.COORDINATES_SWAPPED,
        Severity.WARN,
        "latitude",
        lambda record, _: swapped_problem(record.evse_id, record.latitude, record.longitude),
        "latitude and longitude seem to have changed places",
        "OCHP 0.2, 4.9; the country of the EVSE id",
        prefilter=USUAL_LATITUDE,
    ),
)


def problems_of(record: ChargePoint, position: int, _owner: Partner | None = None) -> Iterator[Problem]:
    """What is wrong with a record, its fields in order."""
    return field_problems(FIELDS, record, position, label(record))


def batch_is_valid(columns: Sequence[Sequence[str]], _owner: Partner | None = None) -> bool:
    """Whether `problems_of` would find nothing in a run, by its columns."""
    return rules_hold(FIELDS, columns)


# What makes a charge point the same one inside a list.
KEY = ("evse_id",)


def duplicate_problem(record: ChargePoint, position: int, earlier: int) -> Problem:
    """The problem of a charge point that stands twice in one upload, and says different things."""
    return Problem(
        ChargePointReason.CHARGEPOINT_TWICE,
        f"this charge point stands at positions {earlier} and {position} with different content",
        position=position,
        field="evse_id",
        label=label(record),
    )
