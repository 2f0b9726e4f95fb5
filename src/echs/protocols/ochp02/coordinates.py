"""What a coordinate of OCHP 0.2 looks like: degrees as a decimal number with a point, WGS 84 (4.9: taLat, taLon)."""

import re

from echs.base.errors import shown
from echs.base.rule import PatternPrefilter

_DEGREES = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]*)?")
_COMMA = re.compile(r"[+-]?[0-9]{1,3},[0-9]+")
MOST_LATITUDE, MOST_LONGITUDE = 90, 180
# Of places in Europe, by far the most, nothing has to be looked at closely.
USUAL_LATITUDE = PatternPrefilter(r"(?:3[5-9]|[4-6][0-9]|7[01])(?:\.[0-9]{1,20})?")
USUAL_LONGITUDE = PatternPrefilter(r"-?[0-9]{1,2}(?:\.[0-9]{1,20})?")
USUAL_ENTRANCE = PatternPrefilter(r"(?:-?[0-8]?[0-9](?:\.[0-9]{1,20})?)?")
_EUROPE = re.compile(
    "A[DLT]|B[AEGY]|C[HYZ]|D[EK]|E[ES]|F[IR]|G[BR]|H[RU]|I[EST]|L[ITUV]|M[CDEKT]|N[LO]|P[LT]|R[OS]|S[EIKM]|U[AK]|XK",
    re.IGNORECASE,
)
# Where Europe is, without its islands far out: degrees of longitude from west to east, of latitude from south to north.
_WEST, _EAST, _SOUTH, _NORTH = -11, 34, 34, 72


def degrees(text: str) -> float | None:
    """The number; None where it is none."""
    return float(text) if _DEGREES.fullmatch(text) else None


def degrees_e6(text: str, most: int) -> int | None:
    """The number in 1e-6 degrees, rounded; None where it is none, or no place on the earth."""
    value = degrees(text)
    return None if value is None or abs(value) > most else round(value * 1_000_000)


def format_problem(text: str) -> str | None:
    """A sentence where a text is no coordinate; an empty one is none of this rule's."""
    if not text or _DEGREES.fullmatch(text):
        return None
    if _COMMA.fullmatch(text):
        return f"{shown(text)} has a comma; write {shown(text.replace(',', '.'))}"
    return f"{shown(text)} is no number of degrees, such as 52.0912"


def range_problem(text: str, most: int) -> str | None:
    """A sentence where a coordinate is no place on the earth."""
    value = degrees(text)
    return None if value is None or abs(value) <= most else f"{shown(text)} is beyond {most} degrees"


def swapped_problem(evse_id: str, latitude: str, longitude: str) -> str | None:
    """A sentence where latitude and longitude seem to have changed places.

    That is sure where the other order alone is a place. Else it is likely for an EVSE of a country in Europe that would
    be in Europe the other way round, and is not in Europe as it stands.
    """
    north, east = degrees(latitude), degrees(longitude)
    if north is None or east is None:
        return None
    alone = MOST_LATITUDE < abs(north) <= MOST_LONGITUDE and abs(east) <= MOST_LATITUDE
    european = _EUROPE.match(evse_id) is not None and _WEST <= north < _EAST and _SOUTH <= east <= _NORTH
    return f"latitude {latitude} and longitude {longitude} seem to have changed places" if alone or european else None
