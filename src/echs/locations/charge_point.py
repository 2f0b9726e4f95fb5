"""The charge point: where one can charge, whatever protocol told of it, and the rules of the house for it."""

from enum import StrEnum
from typing import Any, NamedTuple

from echs.base.errors import Problem, Reason, shown
from echs.base.rule import Rule, SetPrefilter, Severity
from echs.lists.withheld import Withheld
from echs.partners.standard_ids import USUAL_EVSE_ID, IdWarning, evse_id_problem, languages, languages_or_none


class ChargePointReason(Reason):
    """What can be wrong with a charge point beyond the form of its fields."""

    CHARGEPOINT_TWICE = "CHARGEPOINT_TWICE"
    EVSE_NOT_YOURS = "EVSE_NOT_YOURS"


class ChargePointWarning(Reason):
    """What is odd about a charge point."""

    LANGUAGE_UNKNOWN = "LANGUAGE_UNKNOWN"


class ChargePointWithheld(Withheld):
    """Why a charge point is not given to who speaks another protocol."""

    POSITION = "position"
    PLUG = "plug"
    EVSE_FORM = "evse_form"


class StaticStatus(StrEnum):
    """What an EVSE is for days: not whether it is free now."""

    UNKNOWN = "unknown"
    OPERATIVE = "operative"
    INOPERATIVE = "inoperative"
    PLANNED = "planned"
    CLOSED = "closed"


class Current(StrEnum):
    """What an EVSE gives."""

    AC = "AC"
    DC = "DC"


class Connector(NamedTuple):
    """A plug or socket: its standard and its form, by the names of OCHP 1.4 (ConnectorStandard, ConnectorFormat)."""

    standard: str
    format: str


class Hours(NamedTuple):
    """When one can charge. ``regular`` are day of the week (1 is Monday), begin and end as hh:mm in local time;
    ``openings`` and ``closings`` begin and end as instants of ISO 8601 in UTC. ``when_closed`` says whether one can
    charge outside of them.
    """

    always: bool
    regular: tuple[tuple[int, str, str], ...] = ()
    openings: tuple[tuple[str, str], ...] = ()
    closings: tuple[tuple[str, str], ...] = ()
    when_closed: bool = False


class Position(NamedTuple):
    """A place on the earth, WGS 84, in millionths of a degree."""

    latitude_e6: int
    longitude_e6: int


class ChargePoint(NamedTuple):
    """One EVSE with what belongs to its location, as every protocol means it.

    A position is None where there is none that can be read. Empty texts were not sent, and no connectors, ways to
    identify or current are known where there are none. ``country`` is of ISO 3166-1, three letters;
    ``auth_methods`` are named as in OCHP 1.4 (AuthMethodType). ``payload`` is the record as it was sent, in the form
    of its ``protocol``.
    """

    evse_id: str
    location_name: str
    location_name_language: str
    house_number: str
    street_name: str
    city: str
    postal_code: str
    country: str
    position: Position | None
    entrance: Position | None
    telephone_number: str
    floor_level: str
    hours: Hours | None
    status: StaticStatus
    auth_methods: tuple[str, ...]
    connectors: tuple[Connector, ...]
    current: Current | None
    protocol: str
    payload: str


def degrees_text(value_e6: int) -> str:
    """A number of 1e-6 degrees as its text: six decimals, a point."""
    sign, size = ("-" if value_e6 < 0 else ""), abs(value_e6)
    return f"{sign}{size // 1_000_000}.{size % 1_000_000:06d}"


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
