"""Tokens of OCHP 1.4 (RoamingAuthorisationInfo): seven texts, what each must look like, the way to the noun and
back.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple

from echs.base.errors import Problem, RecordProblems, Unreadable
from echs.base.fields import Field
from echs.base.rule import Predicate, Rule, Severity, rejection
from echs.base.spool import Row
from echs.base.upload_validation import RecordValidator
from echs.lists.list_format import AsStored, ListOwner, Rivals
from echs.lists.withheld import Withheld
from echs.partners.market_ids import market_id_of, market_ids_of
from echs.partners.partner import Partner, PartyRole
from echs.partners.standard_ids import din_check_digit, iso_check_digit, parts_of
from echs.protocols.ochp14.contracts import PROTOCOL, PUBLISHED
from echs.protocols.ochp14.sent_record import SentRecord
from echs.protocols.ochp14.value_formats import (
    CONTRACT_ID,
    NO_END,
    ValueReason,
    as_date_time,
    contract_id_rule,
    date_time,
    date_time_rule,
    instance_rule,
    one_of,
)
from echs.protocols.rows.payload import payload_of, row_of
from echs.protocols.rows.row_format import RowFormat
from echs.tokens.byte_order import card_uid
from echs.tokens.token import (
    Representation,
    Token,
    TokenReason,
    TokenType,
    TokenWarning,
    TokenWithheld,
    contract_key,
    token_key,
    twice,
    uid_key,
)

SECOND = timedelta(seconds=1)
REMOTE = "remote"
# By how it is written: as the contract has it, and as one client in the field does.
REPRESENTATIONS = {
    "": Representation.PLAIN,
    "plain": Representation.PLAIN,
    "sha-160": Representation.SHA1,
    "sha-256": Representation.SHA256,
    "SHA160": Representation.SHA1,
    "SHA256": Representation.SHA256,
}
WRITTEN = {Representation.PLAIN: "plain", Representation.SHA1: "sha-160", Representation.SHA256: "sha-256"}
DIGITS = {Representation.SHA1: 40, Representation.SHA256: 64}
TYPES = {"rfid": TokenType.RFID, "15118": TokenType.EMA, REMOTE: TokenType.APP}
SAID_TYPES = {TokenType.RFID: "rfid", TokenType.EMA: "15118"}


class TokenRecord(NamedTuple):
    """A token in the names of the noun, and in the order of the wire."""

    representation: str
    instance: str
    token_type: str
    token_sub_type: str
    contract_id: str
    printed_number: str
    expiry_date: str


FIELDS = (
    Field("representation", 10, rule=one_of(tuple(name for name in REPRESENTATIONS if name))),
    Field("instance", 512, mandatory=True, secret=True, rule=instance_rule),
    Field("token_type", 10, mandatory=True, rule=one_of(PUBLISHED.token_types)),
    Field("token_sub_type", 10, rule=one_of(PUBLISHED.token_sub_types)),
    Field("contract_id", 20, mandatory=True, rule=contract_id_rule),
    Field("printed_number", 150, secret=True),
    Field("expiry_date", 20, mandatory=True, rule=date_time_rule),
)
# Where none need be sent.
SINCE = Field("last_update", 20, rule=date_time_rule)
LAST_UPDATE = Field("last_update", 20, mandatory=True, rule=date_time_rule)
# Their names on the wire, with the way to them.
SPELLING = {
    "representation": "EmtId/@representation",
    "instance": "EmtId/instance",
    "token_type": "EmtId/tokenType",
    "token_sub_type": "EmtId/tokenSubType",
    "contract_id": "contractId",
    "printed_number": "printedNumber",
    "expiry_date": "expiryDate/DateTime",
    "last_update": "lastUpdate/DateTime",
}


def of_owner(owner: Partner | None, contract_id: str) -> bool:
    """Whether a contract begins with a market id of its provider; of nobody, anybody's does."""
    return owner is None or market_id_of(contract_id) in market_ids_of(owner, PartyRole.PROVIDER)


def foreign_contract(record: TokenRecord, owner: Partner | None) -> str:
    """The contract is somebody else's."""
    yours = [] if owner is None else sorted(market_ids_of(owner, PartyRole.PROVIDER))
    had = f"yours: {', '.join(yours)}" if yours else "you have none as a provider: ask the clearing house to enter it"
    begins = market_id_of(record.contract_id)
    return f'"{begins}" is not your market id; {had}' if begins else f"begins with no market id; {had}"


MINE: Rule[TokenRecord, Partner | None] = rejection(
    TokenReason.CONTRACT_NOT_YOURS,
    "contract_id",
    Predicate(("contract_id",), lambda owner: lambda contract_id: of_owner(owner, contract_id)),
    foreign_contract,
    "the contract id does not begin with a market id of the sender",
    "OCHP 1.4, ContractId",
)
REJECTIONS: tuple[Rule[TokenRecord, Partner | None], ...] = (
    rejection(
        ValueReason.VALUE_NOT_LISTED,
        "token_type",
        Predicate(("token_type",), lambda _: REMOTE.__ne__),
        lambda _record, _: '"remote" stands in CDRs alone, not in a list of tokens',
        "a remote authorisation, which is no token",
        "OCHP 1.4, tokenType",
    ),
    MINE,
)


def odd_hash(record: TokenRecord, _: object) -> str | None:
    """A hash whose length is not that of its kind. Never refused: such ones are in use."""
    digits = DIGITS.get(REPRESENTATIONS[record.representation])
    if digits is None or len(record.instance) == digits:
        return None
    return f"has {len(record.instance)} digits; {record.representation} has {digits}"


WARNINGS: tuple[Rule[TokenRecord, None], ...] = (
    Rule(
        TokenWarning.TOKEN_HASH_LENGTH,
        Severity.WARN,
        "instance",
        odd_hash,
        "a hashed uid of another length than its kind of hash has",
        "OCHP 1.4, EmtId",
    ),
)


# ---------------------------------------------------------------------- from texts to the noun


def token_of(record: TokenRecord, _owner: ListOwner | None = None) -> Token:
    """What a record means."""
    return Token(
        type=TYPES[record.token_type],
        medium=record.token_sub_type,
        uid=record.instance,
        representation=REPRESENTATIONS[record.representation],
        contract_id=record.contract_id,
        visual_number=record.printed_number,
        valid_until=valid_until(record.expiry_date),
        blocked=False,
        pin="",
        pin_mandatory=False,
        hub=0,
        protocol=PROTOCOL,
        payload=payload_of(record),
    )


def valid_until(expiry_date: str) -> datetime:
    """The first instant (UTC) at which a token is no longer valid: it is still at the second that is written."""
    last = date_time(expiry_date)
    if last is None:
        raise ValueError("no time of OCHP 1.4")
    return last + SECOND


def typed(rows: Sequence[Row], _zone: str, as_stored: AsStored) -> Iterator[tuple[object, ...]]:
    """The typed columns of `echs.tokens.tables`: of many records what `token_of` and the keys make of each."""
    if not rows:
        return iter(())
    representations, uids, types, media, contracts, _, expiries = zip(*rows, strict=True)
    try:
        given = [REPRESENTATIONS[each].value for each in representations]
        kinds = [TYPES[each].value for each in types]
    except KeyError:
        raise ValueError("no type of token") from None
    ends = [stored_end(expiry, as_stored) for expiry in expiries]
    keys = map(uid_key, uids), map(contract_key, contracts)
    return zip(kinds, media, *keys, ends, repeat(False, len(rows)), given, strict=True)


@lru_cache(maxsize=8192)
def stored_end(expiry_date: str, as_stored: AsStored) -> object:
    """As `valid_until`, as the store keeps it; the tokens of a list end at few different times."""
    return as_stored(valid_until(expiry_date))


def claimed(row: Row) -> tuple[str, str]:
    """What makes a token the same one in the lists of two partners, and the contract id."""
    record = TokenRecord._make(row)
    return token_key(TYPES[record.token_type], record.token_sub_type, uid_key(record.instance)), record.contract_id


def lost_market_ids(before: Partner, now: Partner, records: Iterator[TokenRecord]) -> Iterator[Problem]:
    """Tokens whose contracts were the owner's when the upload began, and are no more."""
    if market_ids_of(now, PartyRole.PROVIDER) != market_ids_of(before, PartyRole.PROVIDER):
        for record in records:
            if not of_owner(now, record.contract_id):
                detail = foreign_contract(record, now)
                yield Problem(MINE.name, detail, field=MINE.field, label=FORMAT.label_of(record))


# ---------------------------------------------------------------------- from the noun to texts


def written(representation: str) -> str:
    """How a representation goes out, however it came."""
    return WRITTEN[REPRESENTATIONS[representation]]


def record_of(token: Token, _owner: ListOwner | None = None) -> TokenRecord | Withheld:
    """A token as OCHP 1.4 says it: as it was sent, where it was sent so; else its values. Withheld where access would
    hang on a guess: a pin that nobody could ask for, a uid that is no card's, a contract id of no shape.

    Whether it is blocked is not said: such a token is given out as one that has ended.
    """
    if token.protocol == PROTOCOL:
        return TokenRecord._make(row_of(token.payload))
    if token.pin_mandatory:
        return TokenWithheld.PIN
    if token.type not in (TokenType.RFID, TokenType.OTHER, TokenType.EMA):
        return TokenWithheld.TYPE
    uid = token.uid
    if token.representation is Representation.PLAIN and token.type is not TokenType.EMA:
        uid = card_uid(uid)
        if not uid:
            return TokenWithheld.UID_FORM
    contract_id = said_contract_id(token.contract_id)
    if contract_id is None:
        return TokenWithheld.CONTRACT_FORM
    last = NO_END if token.valid_until is None else min(token.valid_until - SECOND, NO_END)
    return TokenRecord(
        representation=WRITTEN[token.representation],
        instance=uid,
        token_type=SAID_TYPES.get(token.type, "rfid"),
        token_sub_type=token.medium,
        contract_id=contract_id,
        printed_number=token.visual_number,
        expiry_date=as_date_time(last),
    )


@lru_cache(maxsize=4096)
def said_contract_id(contract_id: str) -> str | None:
    """A contract id as OCHP 1.4 spells it: one of ISO 15118 as it is, one of DIN SPEC 91286 as one of ISO 15118, with
    its old check digit inside and a new one behind (OCHP 1.4, ContractId). None where it has no known shape.
    """
    if CONTRACT_ID.fullmatch(contract_id):
        return contract_id
    parts = parts_of(contract_id)
    if parts is None:
        return None
    body, digit = parts
    if len(body) == 11:
        body = f"{body[:5]}00{body[5:]}{digit or din_check_digit(body)}"
        digit = iso_check_digit(body)
    return "-".join(filter(None, (body[:2], body[2:5], body[5:], digit)))


def said_as_ended(record: TokenRecord, at: datetime) -> TokenRecord:
    """A token that has ended at this time (UTC), if not before: there is no other way to say that one is gone."""
    ended = min(at.astimezone(UTC), valid_until(record.expiry_date) - SECOND)
    return record._replace(expiry_date=as_date_time(ended))


def spellings(uid: str) -> list[str]:
    """How else OCHP 0.2 writes a uid of hexadecimal digits: in pairs."""
    pairs = [uid[start : start + 2] for start in range(0, len(uid), 2)]
    return [separator.join(pairs) for separator in ":- "]


class TokenFormat(RowFormat[TokenRecord]):
    """Tokens that come as rows or as elements."""

    def validator(self, owner: Partner) -> RecordValidator[Any, Row]:
        """The rules for what ``owner`` sends; keeps rows."""
        rows = super().validator(owner)

        def record(record: TokenRecord | SentRecord, position: int) -> Row | Unreadable | None:
            if not isinstance(record, SentRecord):
                return rows.record(record, position)
            if record.problems:
                return RecordProblems(record.problems[0], iter(record.problems[1:]))
            return rows.record(TokenRecord._make(record.row), position)

        return RecordValidator(record, rows.run, rows.make)

    def rivals(self, payloads: Sequence[str]) -> Rivals | None:
        """Cards that came by another protocol, with the same uid in whatever spelling."""
        records = [TokenRecord._make(row_of(payload)) for payload in payloads]
        plain = {
            uid_key(record.instance)
            for record in records
            if REPRESENTATIONS[record.representation] is Representation.PLAIN
        }
        return Rivals("uid_key", sorted(plain | {each for uid in plain for each in spellings(uid)}))


FORMAT = TokenFormat(
    PROTOCOL,
    FIELDS,
    TokenRecord._make,
    ("representation", "token_type", "instance"),
    # The token's own number is a card number and does not serve.
    "contract_id",
    REJECTIONS,
    WARNINGS,
    twice,
    typed,
    claimed,
    token_of,
    record_of,
    lost_market_ids,
    {"representation": lambda text: REPRESENTATIONS.get(text, text), "instance": uid_key},
)
