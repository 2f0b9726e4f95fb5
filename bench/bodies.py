"""The requests of `make bench`: lists and CDRs as partners send them, from a fixed seed, so the same at every run.

Markup is what a generated client writes: one prefix, every field, nothing between the elements. Values look like the
field's: contract ids, card numbers, addresses with signs beyond ASCII and with an ``&`` here and there. Sessions are of
the last month before ``until``, plausible in every way, so that only warnings that rest on lists can come up.
"""

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from echs.partners.standard_ids import check_digit
from echs.protocols.ochp02.wire_schema import (
    CDR_INFO,
    CHARGEPOINT_INFO,
    NAMESPACE,
    ROAMING_AUTHORISATION_INFO,
    WireRecord,
)

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SEED = 2012
HUB = 5
COUNTRIES = ("DE", "NL", "BE", "AT", "LU")
CITIES = (
    ("44227", "Dortmund", "DEU"),
    ("50667", "Köln", "DEU"),
    ("80331", "München", "DEU"),
    ("6811 KS", "Arnhem", "NLD"),
    ("1012 JS", "Amsterdam", "NLD"),
    ("4000", "Liège", "BEL"),
    ("1010", "Wien", "AUT"),
)
STREETS = ("Hauptstraße", "Utrechtseweg", "Rue de l'Hôpital", "Stationsplein", "Park & Ride Nord", "Ringstraße")
BATCH = 1000

Row = Sequence[object]
Identity = Callable[[], str]


def tokens(count: int, provider: str = "TNM") -> Iterator[Row]:
    """Records of a roaming list."""
    chance = random.Random(SEED)
    for number in range(count):
        body = f"{chance.choice(COUNTRIES)}{provider}C{number:08d}"
        card = (
            f"{number * 0x9E3779B97F4A7D % (1 << 56):014X}" if number % 3 else f"{number * 0x9E3779B1 % (1 << 32):08X}"
        )
        pin = f"{chance.randrange(10_000):04d}" if number % 4 == 0 else ""
        yield (
            f"{body[:2]}-{body[2:5]}-{body[5:]}-{check_digit(body)}",
            HUB,
            number % 3,
            card,
            f"{provider} {number // 10_000:04d} {number % 10_000:04d}",
            f"{chance.randrange(1, 29):02d}/{chance.randrange(1, 13):02d}/{chance.randrange(2027, 2032)}",
            pin,
            1 if pin else 0,
            0 if chance.random() < 0.03 else 1,
            hashlib.sha1(card.encode(), usedforsecurity=False).hexdigest(),
        )


def charge_points(count: int, operator: str = "TNM") -> Iterator[Row]:
    """Records of a charge point list."""
    chance = random.Random(SEED + 1)
    for number in range(count):
        postal_code, city, _ = chance.choice(CITIES)
        yield (
            f"NL*{operator}*E{number:08d}*{number % 4 + 1}",
            f"{city} {chance.choice(STREETS)}",
            "nld",
            number % 200 + 1,
            chance.choice(STREETS),
            city,
            postal_code,
            f"{50 + chance.random() * 3:.6f}",
            f"{4 + chance.random() * 3:.6f}",
            "",
            "",
            "Mo-Su 00:00-24:00",
            "operative",
            "Eneco",
            "e-laad",
            "+31 26 3120200",
            "",
            "RFID",
            "Type 2",
        )


def cdrs(count: int, operator: str, providers: Sequence[str], until: datetime, first: int = 0) -> Iterator[Row]:
    """CDRs that one operator sends, for these providers in turn; numbered from ``first`` on."""
    chance = random.Random(SEED + 2 + first)
    begin = until - timedelta(days=30)
    for number in range(first, first + count):
        postal_code, city, country = chance.choice(CITIES)
        # One socket after the other, so that no two sessions of a socket or of a card are at the same time.
        start = begin + timedelta(seconds=chance.randrange(28 * 86_400))
        seconds = chance.randrange(600, 36_000)
        body = f"{chance.choice(COUNTRIES)}TNMC{number:08d}"
        yield (
            f"{operator}-{number:010d}",
            f"{start:%Y-%m-%dT%H:%M:%SZ}",
            f"{start + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}",
            f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}",
            f"{seconds * chance.uniform(1, 10) / 3600:.4f}",
            f"{chance.choice(STREETS)} {number % 200 + 1}",
            postal_code,
            city,
            country,
            chance.choice(("AC", "DC")),
            "Mode3-11kW",
            "energy",
            f"{number * 0x9E3779B97F4A7D % (1 << 56):014X}",
            f"{body[:2]}-{body[2:5]}-{body[5:]}-{check_digit(body)}",
            f"M{number:010d}",
            "1-0:1.8.0*255",
            f"NL*{operator[:3].upper()}*P{number:08d}",
            providers[number % len(providers)],
            operator,
            f"NL*TNM*E{number:08d}*1",
        )


def envelope(request: str, token: str, content: str = "") -> tuple[str, str]:
    """What stands before the records of a request, and behind them."""
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns:ns="{NAMESPACE}">'
        f"<soapenv:Header><ns:UserIdentityHeader>{token}</ns:UserIdentityHeader></soapenv:Header>"
        f"<soapenv:Body><ns:{request}>{content}"
    )
    return head, f"</ns:{request}></soapenv:Body></soapenv:Envelope>\n"


def small(operation: str, token: str) -> bytes:
    """A request without records."""
    return "".join(envelope(f"{operation}Request", token)).encode()


def element(record: WireRecord, row: Sequence[object]) -> str:
    """One record as a client writes it."""
    fields = "".join(
        f"<ns:{wire.name}>{escape(str(value))}</ns:{wire.name}>" for wire, value in zip(record.fields, row, strict=True)
    )
    return f"<ns:{record.element}>{fields}</ns:{record.element}>"


def write(file: Path, operation: str, record: WireRecord, rows: Iterator[Row], token: str) -> Path:
    """An upload of these records into a file."""
    fields = "".join(f"<ns:{wire.name}>%s</ns:{wire.name}>" for wire in record.fields)
    form = f"<ns:{record.element}>{fields}</ns:{record.element}>"
    before, after = envelope(f"{operation}Request", token)
    with file.open("w", encoding="utf-8") as out:
        out.write(before)
        batch: list[str] = []
        for row in rows:
            batch.append(form % tuple([escape(str(value)) for value in row]))
            if len(batch) == BATCH:
                out.write("".join(batch))
                batch.clear()
        out.write("".join(batch) + after)
    return file


def token_list(file: Path, count: int, token: str, changed: int = 0) -> Path:
    """A roaming list; every so many tokens one is blocked, none for 0."""
    rows = (
        (*row[:8], "0", *row[9:]) if changed and number % changed == 0 else row
        for number, row in enumerate(tokens(count))
    )
    return write(file, "SetRoamingAuthorisationList", ROAMING_AUTHORISATION_INFO, rows, token)


def charge_point_list(file: Path, count: int, token: str) -> Path:
    """A charge point list."""
    return write(file, "SetChargePointList", CHARGEPOINT_INFO, charge_points(count), token)


def cdr_upload(file: Path, rows: Iterator[Row], token: str) -> Path:
    """An upload of CDRs."""
    return write(file, "AddCDRs", CDR_INFO, rows, token)
