"""Tokens of OCHP 0.2 (4.4): the ten fields, what each must look like, and the way from texts to the noun and back.

What of a record has no place in the noun stays in its payload alone: `PAYLOAD_ONLY`.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import MAXYEAR, UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple
from zoneinfo import ZoneInfo

from echs.base.errors import Problem, Reason, shown
from echs.base.fields import Field
from echs.base.rule import Predicate, Rule, rejection
from echs.base.spool import Row
from echs.lists.list_format import AsStored
from echs.lists.withheld import Withheld
from echs.partners.partner import Partner
from echs.protocols.ochp02.contracts import PROTOCOL
from echs.protocols.rows.payload import payload_of, row_of
from echs.protocols.rows.row_format import RowFormat
from echs.tokens.token import (
    HUB,
    WARNINGS,
    Representation,
    Token,
    TokenType,
    TokenWithheld,
    contract_key,
    foreign_hub,
    quoted,
    token_key,
    twice,
    uid_key,
)


class TokenFormatReason(Reason):
    """Which field of a token cannot be read."""

    TOKEN_TYPE_UNKNOWN = "TOKEN_TYPE_UNKNOWN"
    TOKEN_FLAG_VALUE = "TOKEN_FLAG_VALUE"
    TOKEN_EXPIRY_FORMAT = "TOKEN_EXPIRY_FORMAT"


class TokenRecord(NamedTuple):
    """One token as its provider published it; texts are kept as received. Order: OCHP 0.2, 4.4.

    ``expiry_date`` is ``dd/mm/yyyy`` or empty. ``pin_mandatory`` and ``activated`` are 0 or 1.
    """

    contract_id: str
    hub: int
    token_type: int
    token_id: str
    printed_number: str
    expiry_date: str
    pin: str
    pin_mandatory: int
    activated: int
    token_hash: str


# Type and medium of a token by its number in OCHP 0.2, 4.4.
TYPES = {
    "0": (TokenType.OTHER.value, ""),
    "1": (TokenType.RFID.value, "mifareCls"),
    "2": (TokenType.RFID.value, "mifareDes"),
    "3": (TokenType.PHONE.value, ""),
}
NUMBERS = {of: int(number) for number, of in TYPES.items()}
TOKEN_TYPES = {0: "other", 1: "MIFARE_CL", 2: "MIFARE_DES", 3: "MSISDN"}
TYPES_IN_WORDS = ", ".join(f"{number} {name}" for number, name in TOKEN_TYPES.items())
FLAG_FIELDS = ("pin_mandatory", "activated")
FLAGS = (0, 1)
# Fields that the noun has no place for.
PAYLOAD_ONLY = ("token_hash",)
# What is meant as a date, and so is no pin and no card number.
_LIKE_A_DATE = re.compile(r"[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{1,4}")
_EXPIRY = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")


def expiry_rule(value: str) -> tuple[Reason, str] | None:
    """A date of the calendar as dd/mm/yyyy (OCHP 0.2, 4.4)."""
    match = _EXPIRY.fullmatch(value)
    if match is not None:
        try:
            date(int(match[3]), int(match[2]), int(match[1]))
        except ValueError:
            detail = f"{shown(value)} is not a day of the calendar; dd/mm/yyyy or empty is"
            return TokenFormatReason.TOKEN_EXPIRY_FORMAT, detail
        return None
    said = f"{shown(value)} " if _LIKE_A_DATE.fullmatch(value) else ""
    return TokenFormatReason.TOKEN_EXPIRY_FORMAT, f"{said}is not a date like 31/12/2027 (dd/mm/yyyy) nor empty"


FIELDS = (
    Field("contract_id", 64, mandatory=True),
    Field("hub", 4, mandatory=True, integer=True, wanted="one of your hub numbers, or 0"),
    Field("token_type", 1, mandatory=True, integer=True, wanted=TYPES_IN_WORDS),
    Field("token_id", 64, mandatory=True, secret=True),
    Field("printed_number", 150, secret=True),
    # The neighbour of the pin and of the card numbers: what stands here by mistake may be one. The rule repeats dates.
    Field("expiry_date", 10, secret=True, rule=expiry_rule),
    Field("pin", 32, secret=True),
    Field("pin_mandatory", 1, mandatory=True, integer=True, wanted="0 or 1"),
    Field("activated", 1, mandatory=True, integer=True, wanted="0 or 1"),
    Field("token_hash", 128, secret=True),
)


def unknown_type(record: TokenRecord, _owner: Partner | None) -> str:
    """The type of a token is none of those that there are."""
    return f"{quoted(record.token_type)}is not one of {TYPES_IN_WORDS}"


REJECTIONS: tuple[Rule[TokenRecord, Partner | None], ...] = (
    rejection(
        TokenFormatReason.TOKEN_TYPE_UNKNOWN,
        "token_type",
        Predicate(("token_type",), lambda _: TOKEN_TYPES.__contains__),
        unknown_type,
        "not one of the types of the specification",
        "OCHP 0.2, 4.4",
    ),
    *(
        rejection(
            TokenFormatReason.TOKEN_FLAG_VALUE,
            name,
            Predicate((name,), lambda _: FLAGS.__contains__),
            lambda record, _, name=name: f"{quoted(getattr(record, name))}is neither 0 nor 1",  # type: ignore[misc]
            "neither 0 nor 1",
            "OCHP 0.2, 4.4",
        )
        for name in FLAG_FIELDS
    ),
    HUB,
)


# ---------------------------------------------------------------------- from texts to the noun


def token_of(record: TokenRecord, zone: str) -> Token:
    """What a record means, whose provider is in this time zone."""
    type_, medium = TYPES[str(record.token_type)]
    return Token(
        type=TokenType(type_),
        medium=medium,
        uid=record.token_id,
        representation=Representation.PLAIN,
        contract_id=record.contract_id,
        visual_number=record.printed_number,
        valid_until=valid_until(record.expiry_date, zone),
        blocked=record.activated == 0,
        pin=record.pin,
        pin_mandatory=record.pin_mandatory == 1,
        hub=record.hub,
        protocol=PROTOCOL,
        payload=payload_of(tuple(map(str, record))),
    )


def valid_until(expiry_date: str, zone: str) -> datetime | None:
    """The first instant (UTC) at which a token is no longer valid: the end of its last day in the sender's zone; None
    where it has none."""
    match = _EXPIRY.fullmatch(expiry_date)
    if match is None:
        return None
    last = datetime(int(match[3]), int(match[2]), int(match[1]), tzinfo=ZoneInfo(zone))
    return (last + timedelta(days=1)).astimezone(UTC) if last.year < MAXYEAR else None


def typed(rows: Sequence[Row], zone: str, as_stored: AsStored) -> Iterator[tuple[object, ...]]:
    """The typed columns of `echs.tokens.tables`: of many records what `token_of` and the keys make of each."""
    if not rows:
        return iter(())
    contracts, _, numbers, uids, _, expiries, _, _, flags, _ = zip(*rows, strict=True)
    try:
        types, media = zip(*map(TYPES.__getitem__, numbers), strict=True)
    except KeyError:
        raise ValueError("no type of token") from None
    ends = [stored_end(expiry, zone, as_stored) for expiry in expiries]
    given = repeat(Representation.PLAIN.value, len(rows))
    keys = map(uid_key, uids), map(contract_key, contracts)
    return zip(types, media, *keys, ends, map("1".__ne__, flags), given, strict=True)


@lru_cache(maxsize=8192)
def stored_end(expiry_date: str, zone: str, as_stored: AsStored) -> object:
    """As `valid_until`, as the store keeps it; the tokens of a list end on few different days."""
    end = valid_until(expiry_date, zone)
    return None if end is None else as_stored(end)


def claimed(row: Row) -> tuple[str, str]:
    """What makes a token the same one in the lists of two partners, and the contract id."""
    record = TokenRecord._make(row)
    return token_key(*TYPES[row[2]], uid_key(record.token_id)), record.contract_id


# ---------------------------------------------------------------------- from the noun to texts


def record_of(token: Token, zone: str) -> TokenRecord | Withheld:
    """A token as OCHP 0.2 says it to whoever counts days in this zone: as it was sent, where it was sent so; else its
    values. What cannot be said is withheld: a hashed uid, a type that no station of OCHP 0.2 reads.
    """
    if token.protocol == PROTOCOL:
        record: TokenRecord = FORMAT.of_row(row_of(token.payload))
        return record
    if token.representation is not Representation.PLAIN:
        return TokenWithheld.HASHED
    number = NUMBERS.get((token.type, token.medium), 0 if token.type is TokenType.RFID else None)
    if number is None:
        return TokenWithheld.TYPE
    return TokenRecord(
        contract_id=token.contract_id,
        hub=token.hub,
        token_type=number,
        token_id=token.uid,
        printed_number=token.visual_number,
        expiry_date=last_whole_day(token.valid_until, zone),
        pin=token.pin,
        pin_mandatory=int(token.pin_mandatory),
        activated=int(not token.blocked),
        token_hash="",
    )


def last_whole_day(valid_until: datetime | None, zone: str) -> str:
    """The last day, as dd/mm/yyyy, that ends before a token does; empty where it does not end."""
    if valid_until is None:
        return ""
    last = valid_until.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    return f"{last.day:02d}/{last.month:02d}/{last.year:04d}"


def lost_hubs(before: Partner, now: Partner, records: Iterator[TokenRecord]) -> Iterator[Problem]:
    """Tokens under a hub number that the owner had when the upload began, and has no more."""
    if now.hubs != before.hubs:
        for record in records:
            if not now.may_use_hub(record.hub):
                detail = foreign_hub(record, now)
                yield Problem(HUB.name, detail, field=HUB.field, label=FORMAT.label_of(record))


FORMAT = RowFormat(
    PROTOCOL,
    FIELDS,
    TokenRecord._make,
    ("token_type", "token_id"),
    # The token's own number is a card number and does not serve.
    "contract_id",
    REJECTIONS,
    WARNINGS,
    twice,
    typed,
    claimed,
    lambda record, owner: token_of(record, owner.zone),
    lambda token, owner: record_of(token, owner.zone),
    lost_hubs,
)
