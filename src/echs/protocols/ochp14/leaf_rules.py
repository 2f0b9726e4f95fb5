"""What a value of OCHP 1.4 must look like in a record with parts, and the elements that several types have."""

import re
from collections.abc import Callable, Sequence
from functools import cache

import pycountry

from echs.base.errors import Reason
from echs.base.fields import Field
from echs.protocols.ochp14.tree_types import Leaf, Node, wrapped
from echs.protocols.ochp14.value_formats import ValueReason, date_time, date_time_rule, one_of

Checked = tuple[Reason, str] | None
Rule = Callable[[str], Checked]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def pattern(text: str, wanted: str) -> Rule:
    """The rule of a value of this form."""
    form = re.compile(text, re.ASCII)

    def rule(value: str) -> Checked:
        return None if form.fullmatch(value) else (ValueReason.VALUE_FORM, f"is not {wanted}")

    return rule


def time_or_day(value: str) -> Checked:
    """A time, or a day, which is read as its midnight: one client writes days."""
    if date_time(as_time(value)) is not None:
        return None
    return ValueReason.VALUE_FORM, "is no time like 2027-12-31T22:59:59Z"


def as_time(value: str) -> str:
    """A day as its midnight UTC; a time as it is."""
    return f"{value}T00:00:00Z" if _DAY.fullmatch(value) else value


def whole(value: str) -> str:
    """A whole number without the fraction, with which some write it: rounded down."""
    return value.partition(".")[0] or "0"


@cache
def currencies() -> frozenset[str]:
    """The codes of ISO 4217."""
    return frozenset(currency.alpha_3 for currency in pycountry.currencies)


@cache
def country_codes() -> frozenset[str]:
    """The codes of ISO 3166-1, of three letters."""
    return frozenset(country.alpha_3 for country in pycountry.countries)


def country_rule(value: str) -> Checked:
    """A country of ISO 3166-1, in three letters."""
    return None if value in country_codes() else (ValueReason.VALUE_FORM, "is no country of ISO 3166-1 like NLD")


NOT_NEGATIVE = pattern(r"\+?[0-9]{1,12}(?:\.[0-9]{1,12})?(?:[eE][+-]?[0-9]{1,2})?", "a number that is not negative")
COUNT = pattern(r"[0-9]{1,9}(?:\.0*)?", "a whole number that is not negative")
HOUR = pattern("[0-2][0-9]:[0-5][0-9]", "a time of day like 08:00")
BOOLEAN = one_of(("true", "false", "1", "0"))
EVSE_ID_FORM = (
    r"[A-Za-z]{2}\*[A-Za-z0-9]{3}\*[Ee][A-Za-z0-9][A-Za-z0-9*]{0,30}"
    r"|[A-Za-z]{2}[A-Za-z0-9]{3}[Ee][A-Za-z0-9][A-Za-z0-9*]{0,30}"
)
EVSE_ID = pattern(EVSE_ID_FORM, "an EVSE id like NL*TNM*E01000851")
PARKING_ID = pattern(EVSE_ID_FORM.replace("[Ee]", "[Pp]"), "a parking id like NL*TNM*P1")
TARIFF_ID = pattern(
    r"[A-Za-z]{2}(?:\*[A-Za-z0-9]{3}\*|[A-Za-z0-9]{3})[Tt][A-Za-z0-9][A-Za-z0-9*]{0,9}", "a tariff id like NL*TNM*T1"
)


def leaf(
    name: str,
    rule: Rule | None = None,
    *,
    limit: int = 40,
    least: int = 1,
    most: int = 1,
    said: Callable[[str], str] = str,
) -> Leaf:
    """An element or attribute with a value of this form, or with any text that is not too long."""
    return Leaf(name, Field(name, limit, mandatory=True, rule=rule), least, most, said)


def listed(name: str, values: Sequence[str], inner: str, *, least: int = 1, most: int = 1) -> Node:
    """An element around one of some values."""
    return wrapped(name, leaf(inner, one_of(values)), least, most)


def time_in(name: str, *, least: int = 1) -> Node:
    """An element around an instant (DateTimeType)."""
    return wrapped(name, leaf("DateTime", date_time_rule), least)


CONNECTOR_STANDARDS = (
    "Chademo",
    *(f"IEC_62196_{each}" for each in ("T1", "T1_COMBO", "T2", "T2_COMBO", "T3A", "T3C")),
    *(f"DOMESTIC_{letter}" for letter in "ABCDEFGHIJKL"),
    "TESLA_R",
    "TESLA_S",
    *(f"IEC_60309_2_{each}" for each in ("single_16", "three_16", "three_32", "three_64")),
)
CONNECTOR_PARTS = (
    listed("connectorStandard", CONNECTOR_STANDARDS, "ConnectorStandard"),
    listed("connectorFormat", ("Socket", "Cable"), "ConnectorFormat"),
    leaf("tariffId", TARIFF_ID, least=0),
)
RATINGS = Node(
    "ratings",
    (
        leaf("maximumPower", NOT_NEGATIVE),
        leaf("guaranteedPower", NOT_NEGATIVE, least=0),
        leaf("nominalVoltage", pattern(r"[1-9][0-9]{0,2}|1000", "a voltage from 1 to 1000 V"), least=0),
    ),
    least=0,
)
ADDRESS = Node(
    "chargePointAddress",
    (
        leaf("houseNumber", pattern(r"[A-Z0-9 \-]{1,6}", "at most six capitals and digits like 10A"), least=0),
        leaf("address", pattern(r".{2,45}", "a text of 2 to 45 characters"), limit=45),
        leaf("city", limit=45),
        leaf("zipCode", pattern(r"[A-Z0-9 \-]{1,10}", "at most ten capitals and digits like 1234 AB")),
        leaf("country", country_rule),
    ),
)
CURRENTS = ("AC", "DC")
REGULAR_HOURS = Node(
    "regularHours",
    (),
    (
        leaf("weekday", pattern("[1-7]", "a day from 1, Monday, to 7, Sunday")),
        leaf("periodBegin", HOUR),
        leaf("periodEnd", HOUR),
    ),
    least=0,
    most=14,
)
BILLING_ITEMS = ("parkingtime", "usagetime", "energy", "power", "serviceFee", "reservation", "reservationtime")
