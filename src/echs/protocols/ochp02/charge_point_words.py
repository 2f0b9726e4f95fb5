"""What operators write into the free texts of a charge point of OCHP 0.2, and what is written there of others: opening
times, status, ways to pay, plugs (4.9). Nothing of it is laid down; these are words that lists in use have.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import groupby

from echs.locations.charge_point import Connector, Current, Hours, StaticStatus

# ---------------------------------------------------------------------- opening times

_ALWAYS = re.compile(
    r"(?:24\s*/\s*7|24\s*h(?:ours|rs)?(?:\s*/\s*7)?|0?0:00\s*-\s*24:00|always(?: open)?|altijd|immer)", re.I
)
DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


def hours_of(text: str) -> Hours | None:
    """The opening times, where the text says that there are none."""
    return Hours(always=True) if _ALWAYS.fullmatch(text.strip()) else None


def hours_text(hours: Hours | None) -> str:
    """Opening times as a sentence: days that follow each other and are alike together."""
    if hours is None:
        return ""
    told = ["24/7"] if hours.always else list(regular_texts(hours))
    told += [f"open {period(each)}" for each in hours.openings]
    told += [f"closed {period(each)}" for each in hours.closings]
    if hours.when_closed:
        told.append("charging also when closed")
    return "; ".join(told)


def regular_texts(hours: Hours) -> Iterable[str]:
    """The regular hours: of each run of days that are alike one text."""
    of_day = {
        day: ",".join(f"{begin}-{end}" for of, begin, end in sorted(hours.regular) if of == day) for day in range(1, 8)
    }
    for (_, text), days in groupby(of_day.items(), lambda each: (bool(each[1]), each[1])):
        numbers = [day for day, _ in days]
        if text:
            first, last = DAYS[numbers[0] - 1], DAYS[numbers[-1] - 1]
            yield f"{first if first == last else f'{first}-{last}'} {text}"


def period(times: tuple[str, str]) -> str:
    """A time from an instant to another."""
    return " to ".join(times)


# ---------------------------------------------------------------------- status

STATUS_WORDS: Mapping[str, StaticStatus] = {
    **dict.fromkeys(
        ("available", "free", "operative", "operational", "in service", "occupied", "charging", "reserved", "in use"),
        StaticStatus.OPERATIVE,
    ),
    **dict.fromkeys(("planned", "under construction"), StaticStatus.PLANNED),
    **dict.fromkeys(
        ("out of order", "outoforder", "defect", "defective", "inoperative", "unavailable", "out of service"),
        StaticStatus.INOPERATIVE,
    ),
    **dict.fromkeys(("closed", "removed"), StaticStatus.CLOSED),
}
SAID_STATUS = {
    StaticStatus.UNKNOWN: "unknown",
    StaticStatus.OPERATIVE: "available",
    StaticStatus.INOPERATIVE: "unavailable",
    StaticStatus.PLANNED: "planned",
    StaticStatus.CLOSED: "closed",
}


def status_of(text: str) -> StaticStatus:
    """What a status says for days."""
    return STATUS_WORDS.get(" ".join(text.lower().split()), StaticStatus.UNKNOWN)


# ---------------------------------------------------------------------- ways to pay

# In each part of the text the first of these words that stands in it tells.
PAYMENT_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("mifare classic", ("RfidMifareCls",)),
    ("desfire", ("RfidMifareDes",)),
    ("calypso", ("RfidCalypso",)),
    ("15118", ("Iec15118",)),
    ("ochpdirect", ("OchpDirectAuth",)),
    ("operator", ("OperatorAuth",)),
    ("rfid", ("RfidMifareCls", "RfidMifareDes")),
    ("credit", ("DirectCreditcard",)),
    ("debit", ("DirectDebitcard",)),
    ("cash", ("DirectCash",)),
    ("coin", ("DirectCash",)),
    ("key", ("LocalKey",)),
    ("free", ("Public",)),
    ("none", ("Public",)),
)
SAID_PAYMENT = {
    "Public": "free",
    "LocalKey": "key",
    "DirectCash": "cash",
    "DirectCreditcard": "credit card",
    "DirectDebitcard": "debit card",
    "RfidMifareCls": "RFID (Mifare Classic)",
    "RfidMifareDes": "RFID (Mifare DESFire)",
    "RfidCalypso": "RFID (Calypso)",
    "Iec15118": "ISO 15118",
    "OchpDirectAuth": "OCHPdirect",
    "OperatorAuth": "operator",
}
_PARTS = re.compile(r"\s*(?:[,;/+|]|\band\b|\bor\b)\s*")


def auth_methods_of(text: str) -> tuple[str, ...]:
    """The ways to identify or pay that a text names."""
    return named(text, PAYMENT_WORDS)


def named(text: str, words: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    """What the parts of a text name, each once, in order."""
    found: dict[str, None] = {}
    for part in _PARTS.split(text.lower()):
        told = next((values for word, values in words if word in part), ())
        found |= dict.fromkeys(told)
    return tuple(found)


def payment_text(auth_methods: Iterable[str]) -> str:
    """The ways to identify or pay."""
    return ", ".join(SAID_PAYMENT.get(each, each) for each in auth_methods)


# ---------------------------------------------------------------------- plugs

# As `PAYMENT_WORDS`. A "type 2" plug with the two contacts for direct current below is the Combo.
PLUG_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("chademo", ("Chademo",)),
    ("combo 1", ("IEC_62196_T1_COMBO",)),
    ("ccs 1", ("IEC_62196_T1_COMBO",)),
    ("combo", ("IEC_62196_T2_COMBO",)),
    ("ccs", ("IEC_62196_T2_COMBO",)),
    ("mennekes", ("IEC_62196_T2",)),
    ("type 3a", ("IEC_62196_T3A",)),
    ("type3a", ("IEC_62196_T3A",)),
    ("type 3", ("IEC_62196_T3C",)),
    ("type3", ("IEC_62196_T3C",)),
    ("scame", ("IEC_62196_T3C",)),
    ("type 2", ("IEC_62196_T2",)),
    ("type2", ("IEC_62196_T2",)),
    ("type ii", ("IEC_62196_T2",)),
    ("type 1", ("IEC_62196_T1",)),
    ("type1", ("IEC_62196_T1",)),
    ("yazaki", ("IEC_62196_T1",)),
    ("j1772", ("IEC_62196_T1",)),
    ("tesla roadster", ("TESLA_R",)),
    ("tesla", ("TESLA_S",)),
    ("schuko", ("DOMESTIC_F",)),
    *((f"domestic {letter}", (f"DOMESTIC_{letter.upper()}",)) for letter in "abcdefghijkl"),
    ("64 a", ("IEC_60309_2_three_64",)),
    ("32 a", ("IEC_60309_2_three_32",)),
    ("three 16", ("IEC_60309_2_three_16",)),
    ("cee blue", ("IEC_60309_2_single_16",)),
    ("cee", ("IEC_60309_2_three_32",)),
)
SAID_PLUGS = {
    "Chademo": "CHAdeMO",
    "IEC_62196_T1": "Type 1",
    "IEC_62196_T1_COMBO": "CCS 1",
    "IEC_62196_T2": "Type 2",
    "IEC_62196_T2_COMBO": "CCS",
    "IEC_62196_T3A": "Type 3A",
    "IEC_62196_T3C": "Type 3",
    "DOMESTIC_F": "Schuko",
    **{f"DOMESTIC_{letter}": f"domestic {letter}" for letter in "ABCDEGHIJKL"},
    "TESLA_R": "Tesla Roadster",
    "TESLA_S": "Tesla",
    "IEC_60309_2_single_16": "CEE blue",
    "IEC_60309_2_three_16": "CEE three 16 A",
    "IEC_60309_2_three_32": "CEE 32 A",
    "IEC_60309_2_three_64": "CEE 64 A",
}
DIRECT_CURRENT = frozenset({"Chademo", "IEC_62196_T1_COMBO", "IEC_62196_T2_COMBO"})
CABLES = DIRECT_CURRENT | {"TESLA_S", "TESLA_R"}


def connectors_of(text: str) -> tuple[Connector, ...]:
    """The plugs that a text names; none where nothing of it is known."""
    return tuple(Connector(each, "Cable" if each in CABLES else "Socket") for each in named(text, PLUG_WORDS))


def current_of(connectors: Iterable[Connector]) -> Current | None:
    """What such plugs are for: direct current where one of them is."""
    standards = {each.standard for each in connectors}
    if not standards:
        return None
    return Current.DC if standards & DIRECT_CURRENT else Current.AC


def plugs_text(connectors: Iterable[Connector]) -> str:
    """Plugs by the names that people call them, each once."""
    return " / ".join(dict.fromkeys(SAID_PLUGS.get(each.standard, each.standard) for each in connectors))
