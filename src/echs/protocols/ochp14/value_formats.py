"""How OCHP 1.4 writes ids and times, and what they mean: pure functions from text to value and back."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from echs.base.errors import Reason

YEARS = (2000, 9998)
# The last instant that a token without an end is given out with; a date is mandatory.
NO_END = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)

CONTRACT_ID = re.compile(
    "[A-Z]{2}-[A-Z0-9]{3}-[A-Z0-9]{9}(?:-[A-Z0-9])?|[A-Z]{2}[A-Z0-9]{3}[A-Z0-9]{9}[A-Z0-9]?", re.IGNORECASE | re.ASCII
)
_INSTANCE = re.compile("[!-~]+")
_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


class ValueReason(Reason):
    """What can be wrong with a value of OCHP 1.4."""

    VALUE_NOT_LISTED = "VALUE_NOT_LISTED"
    VALUE_FORM = "VALUE_FORM"


Checked = tuple[Reason, str] | None


def one_of(values: Sequence[str]) -> Callable[[str], Checked]:
    """The rule of a field that holds one of these."""
    known, told = frozenset(values), ", ".join(values)

    def rule(value: str) -> Checked:
        return None if value in known else (ValueReason.VALUE_NOT_LISTED, f"is none of {told}")

    return rule


def contract_id_rule(value: str) -> Checked:
    """A contract id with all hyphens or none, with its check sign or without."""
    if CONTRACT_ID.fullmatch(value):
        return None
    return ValueReason.VALUE_FORM, "is no contract id like NL-TNM-C00122045-K or NLTNMC00122045K"


def instance_rule(value: str) -> Checked:
    """The uid of a token: digits and letters of ASCII, as hexadecimal digits and contract ids are."""
    if _INSTANCE.fullmatch(value):
        return None
    return ValueReason.VALUE_FORM, "is no uid: printable signs of ASCII without a blank are"


def date_time_rule(value: str) -> Checked:
    """An instant of the calendar in UTC, to the second."""
    if date_time(value) is not None:
        return None
    return ValueReason.VALUE_FORM, "is no time like 2027-12-31T22:59:59Z"


@lru_cache(maxsize=8192)
def date_time(value: str) -> datetime | None:
    """The instant, in UTC; None where it is none."""
    if _DATE_TIME.fullmatch(value) is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if YEARS[0] <= found.year <= YEARS[1] else None


def as_date_time(instant: datetime) -> str:
    """An instant as OCHP 1.4 writes it; parts of a second are dropped."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
