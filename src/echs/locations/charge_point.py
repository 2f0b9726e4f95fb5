"""The charge point: where one can charge, whatever protocol told of it, and the rules of the house for it."""

from typing import Any, NamedTuple

from echs.base.errors import Problem, Reason, shown
from echs.base.rule import Rule, SetPrefilter, Severity
from echs.lists.withheld import Withheld
from echs.partners.standard_ids import USUAL_EVSE_ID, IdWarning, evse_id_problem, languages, languages_or_none


class ChargePointReason(Reason):
    """What can be wrong with a charge point beyond the form of its fields."""

    CHARGEPOINT_TWICE = "CHARGEPOINT_TWICE"


class ChargePointWarning(Reason):
    """What is odd about a charge point."""

    LANGUAGE_UNKNOWN = "LANGUAGE_UNKNOWN"


class ChargePointWithheld(Withheld):
    """Why a charge point is not given to who speaks another protocol."""

    POSITION = "position"


class Position(NamedTuple):
    """A place on the earth, WGS 84, in millionths of a degree."""

    latitude_e6: int
    longitude_e6: int


class ChargePoint(NamedTuple):
    """One EVSE with what belongs to its location, as every protocol means it.

    A position is None where there is none that can be read. Empty texts were not sent. ``payload`` is the record as it
    was sent, in the form of its ``protocol``.
    """

    evse_id: str
    location_name: str
    location_name_language: str
    house_number: str
    street_name: str
    city: str
    postal_code: str
    position: Position | None
    entrance: Position | None
    telephone_number: str
    floor_level: str
    protocol: str
    payload: str


def evse_key(evse_id: str) -> str:
    """The form in which EVSE ids are compared: without regard to case."""
    return evse_id.upper()


def language_problem(record: Any, _context: None) -> str | None:
    """OCHP 0.2 wants ISO 639-3; real lists have codes of two letters too."""
    language = record.location_name_language
    if not language or language.lower() in languages():
        return None
    return f"{shown(language)} is not a language of ISO 639-3, such as deu"


# The rules ask for attributes that the noun has, and the record of whatever protocol: each reads what it names.
WARNINGS: tuple[Rule[Any, None], ...] = (
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
)


def twice(label: tuple[str, str] | None, position: int, earlier: int) -> Problem:
    """The problem of a charge point that stands twice in one upload, and says different things."""
    return Problem(
        ChargePointReason.CHARGEPOINT_TWICE,
        f"this charge point stands at positions {earlier} and {position} with different content",
        position=position,
        field="evse_id",
        label=label,
    )
