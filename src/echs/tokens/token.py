"""The token: what a driver identifies with, whatever protocol told of it, and the rules of the house for it."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from echs.base.errors import Problem, Reason
from echs.base.rule import Predicate, Rule, Severity, rejection
from echs.lists.withheld import Withheld
from echs.partners.partner import Partner
from echs.partners.standard_ids import USUAL_CONTRACT_ID, IdWarning, contract_id_shape_problem


class TokenReason(Reason):
    """What can be wrong with a token beyond the form of its fields."""

    HUB_NOT_YOURS = "HUB_NOT_YOURS"
    TOKEN_TWICE = "TOKEN_TWICE"
    CONTRACT_NOT_YOURS = "CONTRACT_NOT_YOURS"


class TokenWarning(Reason):
    """What is odd about a token."""

    TOKEN_HASH_LENGTH = "TOKEN_HASH_LENGTH"


class TokenWithheld(Withheld):
    """Why a token is not given to who speaks another protocol."""

    HASHED = "hashed"
    TYPE = "type"
    PIN = "pin"
    UID_FORM = "uid_form"
    CONTRACT_FORM = "contract_form"


class TokenType(StrEnum):
    """What a token is."""

    RFID = "rfid"
    PHONE = "phone"
    EMA = "ema"
    APP = "app"
    OTHER = "other"


class Representation(StrEnum):
    """How the uid of a token is given: as it is, or as its hash."""

    PLAIN = "plain"
    SHA1 = "sha1"
    SHA256 = "sha256"


class Token(NamedTuple):
    """A token as every protocol means it.

    ``valid_until`` is the first instant (UTC) at which it is no longer valid, None where there is none. ``medium`` is
    mifareCls, mifareDes, calypso or empty. Empty texts were not sent. ``payload`` is the record as it was sent, in the
    form of its ``protocol``.
    """

    type: TokenType
    medium: str
    uid: str
    representation: Representation
    contract_id: str
    visual_number: str
    valid_until: datetime | None
    blocked: bool
    pin: str
    pin_mandatory: bool
    hub: int
    protocol: str
    payload: str


def contract_key(contract_id: str) -> str:
    """The form in which contract ids are compared: upper case, without separators."""
    return contract_id.replace("-", "").replace("*", "").upper()


def uid_key(uid: str) -> str:
    """The form in which uids are compared: without regard to case."""
    return uid.upper()


def token_key(type_: str, medium: str, uid: str) -> str:
    """What makes a token the same one in the lists of two partners; uid as it is compared."""
    return f"{type_}:{medium}:{uid}"


# The rules ask for attributes that the noun has, and the record of whatever protocol: each reads what it names.
WARNINGS: tuple[Rule[Any, None], ...] = (
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


def foreign_hub(record: Any, owner: Partner | None) -> str:
    """A token stands under somebody else's hub number."""
    hubs = () if owner is None else owner.hubs
    yours = ", ".join(map(str, (0, *(hub for hub in hubs if hub))))
    return f"{quoted(record.hub)}is not your hub number; yours: {yours}"


def quoted(value: int) -> str:
    """A code for an error sentence; a longer number may be a pin or a card's that stands in the wrong column."""
    return f'"{value}" ' if -10 < value < 100 else ""


# Without an owner the hub is not looked at.
HUB: Rule[Any, Partner | None] = rejection(
    TokenReason.HUB_NOT_YOURS,
    "hub",
    Predicate(("hub",), lambda owner: (lambda _hub: True) if owner is None else owner.may_use_hub),
    foreign_hub,
    "not one of the sender's hub numbers, nor 0",
    "OCHP 0.2, 4.4",
)


def twice(label: tuple[str, str] | None, position: int, earlier: int) -> Problem:
    """The problem of a token that stands twice in one upload, and says different things."""
    return Problem(
        TokenReason.TOKEN_TWICE,
        f"this token stands at positions {earlier} and {position} with different content",
        position=position,
        field="token_id",
        label=label,
    )
