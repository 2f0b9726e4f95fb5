"""How real CDRs write instants, durations and volumes, and what they mean.

Pure functions from text to value. Each answers with the value or raises `WrongFormat` with a sentence for the sender.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from echs.base.energy import UNITS_PER_KWH
from echs.base.rule import UnreadableValue

DURATION_MAXIMUM_S = 366 * 24 * 3600
YEARS = (2000, 2100)

_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,6})?"
    r"(?:(Z)|([+-])([0-9]{2}):?([0-9]{2}))?"
)
_UTC_INSTANTS = re.compile(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\n)*+").fullmatch
_CLOCK_DURATION = re.compile(r"([0-9]{1,4}):([0-5][0-9]):([0-5][0-9])")
_SECONDS = re.compile(r"[0-9]{1,9}")
# Six digits: no sum of volumes comes near what a store can count.
_VOLUME = re.compile(r"([0-9]{1,6})(?:[.,]([0-9]{1,4}))?")
_TOO_FINE = re.compile(r"[0-9]+[.,]([0-9]{5,})")


class WrongFormat(UnreadableValue):
    """The text is not of a form that is read; the message goes on where the quoted value ends."""


def instant(text: str, zone: ZoneInfo, not_before: datetime | None = None) -> datetime:
    """The instant of `local_time`, in UTC.

    :raises WrongFormat:
    """
    return local_time(text, zone, not_before).astimezone(UTC)


def local_time(text: str, zone: ZoneInfo, not_before: datetime | None = None) -> datetime:
    """A time with its offset from ISO 8601, with ``T`` or a blank between date and time (OCHP 0.2, 4.2, and the field).

    Without an offset the time is a local one in ``zone``. Where the clocks go back such a time is ambiguous: it is
    the earlier instant, unless that lies before ``not_before`` (a session does not end before it started).

    :raises WrongFormat:
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise WrongFormat("is not a time like 2014-01-22T10:16:38+01:00 or 2014-01-22 10:16:38")
    day, time, fraction, zulu, sign, hours, minutes = match.groups()
    try:
        local = datetime.fromisoformat(f"{day}T{time}{fraction or ''}")
    except ValueError:
        raise WrongFormat("is not a valid date and time") from None
    if not YEARS[0] <= local.year <= YEARS[1]:
        raise WrongFormat(f"is not between the years {YEARS[0]} and {YEARS[1]}")
    if zulu:
        return local.replace(tzinfo=UTC)
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if int(minutes) > 59 or offset > timedelta(hours=14):
            raise WrongFormat("has a UTC offset beyond ±14:00")
        return local.replace(tzinfo=timezone(-offset if sign == "-" else offset))
    earlier = local.replace(tzinfo=zone)
    if earlier.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
        raise WrongFormat(f"does not exist in {zone.key}, where the clocks go forward then; send it with its offset")
    if not_before is not None and earlier < not_before:
        return local.replace(tzinfo=zone, fold=1)
    return earlier


def utc_instants(texts: Sequence[str]) -> list[datetime] | None:
    """What `instant` makes of many texts of the form 2014-01-22T10:16:38Z; None where one is not such an instant."""
    if not _UTC_INSTANTS("\n".join([*texts, ""])):
        return None
    try:
        found = list(map(datetime.fromisoformat, texts))
    except ValueError:
        return None
    return found if min(found).year >= YEARS[0] and max(found).year <= YEARS[1] else None


def duration_s(text: str) -> int | None:
    """Seconds from ``h:mm:ss``, with any number of hours, or from a plain count of seconds; None where empty.

    :raises WrongFormat:
    """
    if not text:
        return None
    if _SECONDS.fullmatch(text):
        seconds = int(text)
    else:
        match = _CLOCK_DURATION.fullmatch(text)
        if match is None:
            raise WrongFormat("is neither a duration like 1:57:54 (h:mm:ss) nor a number of seconds nor empty")
        seconds = int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])
    if seconds > DURATION_MAXIMUM_S:
        raise WrongFormat("is longer than a year")
    return seconds


def volume_e4_kwh(text: str) -> int:
    """Units of 0.0001 kWh from a decimal number with ``,`` or ``.`` and at most four decimals (N4,N4 in OCHP 0.2).

    :raises WrongFormat:
    """
    match = _VOLUME.fullmatch(text)
    if match is None:
        fine = _TOO_FINE.fullmatch(text)
        if fine is not None:
            raise WrongFormat(f"has {len(fine[1])} decimals, at most 4 are allowed")
        raise WrongFormat("is not a number of kWh like 4.6400 or 4,64 (up to 6 digits, up to 4 decimals, no sign)")
    return int(match[1]) * UNITS_PER_KWH + int((match[2] or "").ljust(4, "0"))
