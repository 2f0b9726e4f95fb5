"""The noun of this room: one authorisation, a token that may charge elsewhere (OCHP 0.2, 4.4)."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import MAXYEAR, UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from echs.base.errors import Problem, Reason, shown
from echs.base.fields import Field, field_problems, rules_hold
from echs.base.rule import Predicate, Rule, Severity, findings, hold_for_all, rejection
from echs.base.spool import Row
from echs.partners.partner import Partner
from echs.partners.standard_ids import USUAL_CONTRACT_ID, IdWarning, contract_id_shape_problem


class TokenReason(Reason):
    """What can be wrong with an authorisation beyond its fields as such."""

    HUB_NOT_YOURS = "HUB_NOT_YOURS"
    TOKEN_TYPE_UNKNOWN = "TOKEN_TYPE_UNKNOWN"
    TOKEN_FLAG_VALUE = "TOKEN_FLAG_VALUE"
    TOKEN_EXPIRY_FORMAT = "TOKEN_EXPIRY_FORMAT"
    TOKEN_TWICE = "TOKEN_TWICE"


class Token(NamedTuple):
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


# Of which protocol these records are.
PROTOCOL = "ochp-0.2"
# Type and medium of a token by its number in OCHP 0.2, 4.4.
TYPES = {"0": ("other", ""), "1": ("rfid", "mifareCls"), "2": ("rfid", "mifareDes"), "3": ("phone", "")}
TOKEN_TYPES = {0: "other", 1: "MIFARE_CL", 2: "MIFARE_DES", 3: "MSISDN"}
TYPES_IN_WORDS = ", ".join(f"{number} {name}" for number, name in TOKEN_TYPES.items())
FLAG_FIELDS = ("pin_mandatory", "activated")
FLAGS = (0, 1)
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
            return TokenReason.TOKEN_EXPIRY_FORMAT, detail
        return None
    said = f"{shown(value)} " if _LIKE_A_DATE.fullmatch(value) else ""
    return TokenReason.TOKEN_EXPIRY_FORMAT, f"{said}is not a date like 31/12/2027 (dd/mm/yyyy) nor empty"


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


def contract_key(contract_id: str) -> str:
    """The form in which contract ids are compared: upper case, without separators."""
    return contract_id.replace("-", "").replace("*", "").upper()


def valid_until(expiry_date: str, zone: str) -> datetime | None:
    """The first instant (UTC) at which a token is no longer valid: the end of its last day in the sender's zone; None
    where it has none."""
    match = _EXPIRY.fullmatch(expiry_date)
    if match is None:
        return None
    last = datetime(int(match[3]), int(match[2]), int(match[1]), tzinfo=ZoneInfo(zone))
    return (last + timedelta(days=1)).astimezone(UTC) if last.year < MAXYEAR else None


def typed(rows: Sequence[Row], zone: str, as_stored: Callable[[datetime], object]) -> Iterator[tuple[object, ...]]:
    """The typed columns of tokens: type, medium, number and contract as they are compared, the end of their validity,
    whether they are blocked."""
    contracts, _, numbers, uids, _, expiries, _, _, flags, _ = zip(*rows, strict=True) if rows else [()] * 10
    return (
        zip(
            *zip(*map(TYPES.__getitem__, numbers), strict=True),
            map(str.upper, uids),
            map(contract_key, contracts),
            [stored_end(expiry, zone, as_stored) for expiry in expiries],
            map("1".__ne__, flags),
            strict=True,
        )
        if rows
        else iter(())
    )


@lru_cache(maxsize=8192)
def stored_end(expiry_date: str, zone: str, as_stored: Callable[[datetime], object]) -> object:
    """As `valid_until`, as the store keeps it; the tokens of a list end on few different days."""
    end = valid_until(expiry_date, zone)
    return None if end is None else as_stored(end)


def label(record: Token) -> tuple[str, str] | None:
    """How a person finds this record again; the token's own number is a card number and does not serve."""
    return ("contract_id", record.contract_id) if record.contract_id else None


WARNINGS: tuple[Rule[Token, None], ...] = (
    Rule(
        IdWarning.CONTRACT_ID_PATTERN,
        Severity.WARN,
        "contract_id",
        lambda record, _: contract_id_shape_problem(record.contract_id),
        "no contract id of a known shape",
        "DIN SPEC 91286, ISO 15118-2; the lists of 2012 have thirty shapes",
        prefilter=USUAL_CONTRACT_ID,
    ),
)


def unknown_type(record: Token, _owner: Partner | None) -> str:
    """The type of a token is none of those that there are."""
    return f"{quoted(record.token_type)}is not one of {TYPES_IN_WORDS}"


def foreign_hub(record: Token, owner: Partner | None) -> str:
    """A token stands under somebody else's hub number."""
    hubs = () if owner is None else owner.hubs
    yours = ", ".join(map(str, (0, *(hub for hub in hubs if hub))))
    return f"{quoted(record.hub)}is not your hub number; yours: {yours}"


# Each declared once, for a record and for a batch. Without an owner the hub is not looked at.
HUB: Rule[Token, Partner | None] = rejection(
    TokenReason.HUB_NOT_YOURS,
    "hub",
    Predicate(("hub",), lambda owner: (lambda _hub: True) if owner is None else owner.may_use_hub),
    foreign_hub,
    "not one of the sender's hub numbers, nor 0",
    "OCHP 0.2, 4.4",
)
REJECTIONS: tuple[Rule[Token, Partner | None], ...] = (
    rejection(
        TokenReason.TOKEN_TYPE_UNKNOWN,
        "token_type",
        Predicate(("token_type",), lambda _: TOKEN_TYPES.__contains__),
        unknown_type,
        "not one of the types of the specification",
        "OCHP 0.2, 4.4",
    ),
    *(
        rejection(
            TokenReason.TOKEN_FLAG_VALUE,
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


def problems_of(record: Token, position: int, owner: Partner | None) -> Iterator[Problem]:
    """What is wrong with a record that ``owner`` sends: its fields in order, the codes, then the hub."""
    yield from field_problems(FIELDS, record, position, label(record))
    for finding in findings(REJECTIONS, record, owner):
        rule = finding.rule
        yield Problem(rule.name, finding.detail, position=position, field=rule.field, label=label(record))


def batch_is_valid(columns: Sequence[Sequence[str]], owner: Partner | None) -> bool:
    """Whether `problems_of` would find nothing in a batch that ``owner`` sends; by its columns, each value once."""

    def numbers(name: str) -> set[int]:
        return set(map(int, set(columns[Token._fields.index(name)])))

    return hold_for_all(REJECTIONS, numbers, owner) and rules_hold(FIELDS, columns)


def ownership_problem(record: Token, owner: Partner, position: int | None) -> Problem:
    """The problem of a token under somebody else's hub number."""
    return Problem(HUB.name, foreign_hub(record, owner), position=position, field=HUB.field, label=label(record))


def quoted(value: int) -> str:
    """A code for an error sentence; a longer number may be a pin or a card's that stands in the wrong column."""
    return f'"{value}" ' if -10 < value < 100 else ""


# What makes a token the same token inside a list.
KEY = ("token_type", "token_id")


def duplicate_problem(record: Token, position: int, earlier: int) -> Problem:
    """The problem of a token that stands twice in one upload, and says different things."""
    return Problem(
        TokenReason.TOKEN_TWICE,
        f"this token stands at positions {earlier} and {position} with different content",
        position=position,
        field="token_id",
        label=label(record),
    )
