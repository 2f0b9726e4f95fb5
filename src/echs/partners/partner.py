"""The partner: a company's account in the clearing house, and what it owns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from echs.base.errors import Problem, Reason, shown
from echs.base.fields import CONTROL_CHARACTER

USER_ID_LIMIT = 64
NAME_LIMIT = 200
PARTY_ID_LIMIT = 64
HUB_MAXIMUM = 9999
HUB_OTHER = 0
ADDRESS_LINES, ADDRESS_LINE_LIMIT = 8, 100
VAT_ID_LIMIT = 40
PASSWORD_MINIMUM = 8
PASSWORD_LIMIT = 256


class PartnerReason(Reason):
    """Why a partner cannot be as an administrator wants it. These never go over the wire."""

    PARTNER_UNKNOWN = "PARTNER_UNKNOWN"
    PARTNER_EXISTS = "PARTNER_EXISTS"
    PARTNER_VALUE = "PARTNER_VALUE"
    PARTNER_RETIRED = "PARTNER_RETIRED"
    PARTY_ID_TAKEN = "PARTY_ID_TAKEN"
    PARTY_ID_NOT_OWNED = "PARTY_ID_NOT_OWNED"


class PartyRole(StrEnum):
    """In which role a party id is owned: an operator sends CDRs as it, a provider receives them as it."""

    OPERATOR = "operator"
    PROVIDER = "provider"


class Group(StrEnum):
    """What a partner may do beyond its own affairs."""

    ADMINISTRATOR = "administrator"
    # Reads charge points and live status, without owning an id.
    NAVIGATION = "navigation"


class Answers(StrEnum):
    """How a provider decides about the CDRs for it: a run is its approval, or each waits for its own answer."""

    RUN = "run"
    EXPLICIT = "explicit"


class UidOrder(StrEnum):
    """Which byte the uids of a provider's cards begin with in its lists of OCHP 0.2: the highest, or the lowest."""

    BIG = "big"
    LITTLE = "little"


@dataclass(frozen=True, slots=True)
class Partner:
    """One account, as it stands now. Party ids are spelt as they were registered."""

    id: int
    user_id: str
    name: str
    timezone: str
    active: bool
    created_at: datetime
    groups: frozenset[Group]
    operator_ids: tuple[str, ...]
    provider_ids: tuple[str, ...]
    hubs: tuple[int, ...]
    # As statements print them: the lines of the address with line feeds between, the number for VAT.
    address: str = ""
    vat_id: str = ""
    # When it left for good; UTC.
    retired_at: datetime | None = None
    # Its back end reads pins as numbers, as the WSDL had them before August 2013.
    numeric_pins: bool = False
    # The market ids that were entered for its party ids, by role and id.
    market_ids: tuple[tuple[PartyRole, str, str], ...] = ()
    # An upload that would remove too much of a list of its is put aside until the office releases it.
    shrink_guard: bool = False
    answers: Answers = Answers.RUN
    uid_order: UidOrder = UidOrder.BIG

    @property
    def is_administrator(self) -> bool:
        """Whether it may clear."""
        return Group.ADMINISTRATOR in self.groups

    @property
    def only_navigates(self) -> bool:
        """Whether it reads charge points for others to find, and has no tokens, charge points or CDRs of its own."""
        return Group.NAVIGATION in self.groups and not (self.operator_ids or self.provider_ids)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of its timestamps that name none."""
        return ZoneInfo(self.timezone)

    @property
    def operator_keys(self) -> frozenset[str]:
        """Its operator ids in the form in which ids are compared."""
        return party_keys(self.operator_ids)

    def may_use_hub(self, hub: int) -> bool:
        """Whether it may put this hub number on its tokens; 0 (Other) is everybody's."""
        return hub == HUB_OTHER or hub in self.hubs


def party_key(party_id: str) -> str:
    """The form in which user ids and party ids are compared: without regard to case and to blanks around."""
    # What is longer than any id is kept nowhere.
    return kept_key(party_id) if len(party_id) <= PARTY_ID_LIMIT else party_id.strip().casefold()


@lru_cache(maxsize=1024)
def kept_key(party_id: str) -> str:
    """The same of an id that may come again."""
    return party_id.strip().casefold()


@lru_cache(maxsize=256)
def party_keys(party_ids: tuple[str, ...]) -> frozenset[str]:
    """Several ids in that form; an upload asks for the same ones with every record."""
    return frozenset(map(party_key, party_ids))


def user_id_problem(user_id: str) -> Problem | None:
    """Why this cannot be a user id, if it cannot."""
    return text_problem("user id", user_id, USER_ID_LIMIT)


def name_problem(name: str) -> Problem | None:
    """Why this cannot be a partner's name, if it cannot."""
    return text_problem("name", name, NAME_LIMIT)


def party_id_problem(party_id: str) -> Problem | None:
    """Why this cannot be an operator or provider id, if it cannot."""
    return text_problem("operator or provider id", party_id, PARTY_ID_LIMIT)


def address_problem(lines: Sequence[str]) -> Problem | None:
    """Why these cannot be the lines of an address, if they cannot; no line takes the address away."""
    if len(lines) > ADDRESS_LINES:
        detail = f"the address has {len(lines)} lines; at most {ADDRESS_LINES} are allowed"
        return Problem(PartnerReason.PARTNER_VALUE, detail)
    return first_of(text_problem("line of an address", line, ADDRESS_LINE_LIMIT) for line in lines)


def vat_id_problem(vat_id: str) -> Problem | None:
    """Why this cannot be a number for VAT, if it cannot; an empty one takes it away."""
    return text_problem("number for VAT", vat_id, VAT_ID_LIMIT) if vat_id else None


@cache
def zones() -> frozenset[str]:
    """The names of all time zones. To find them, hundreds of files are looked at."""
    return frozenset(available_timezones())


def timezone_problem(timezone: str) -> Problem | None:
    """Why this cannot be a time zone, if it cannot."""
    if timezone in zones():
        return None
    detail = f"{shown(timezone)} is not a time zone; use a name like Europe/Amsterdam or UTC"
    return Problem(PartnerReason.PARTNER_VALUE, detail)


def hub_problem(hub: int) -> Problem | None:
    """Why this cannot be a hub number, if it cannot."""
    if 0 <= hub <= HUB_MAXIMUM:
        return None
    return Problem(PartnerReason.PARTNER_VALUE, f"hub {hub} is not between 0 and {HUB_MAXIMUM}")


# Of eight characters and more, the head of every list of passwords that leaked.
COMMON_PASSWORDS = frozenset(
    """
    password password1 password12 password123 passw0rd p@ssw0rd p@ssword changeme changeme1 changeit letmein1
    welcome1 welcome123 12345678 123456789 1234567890 0123456789 123123123 11223344 87654321 987654321 1q2w3e4r
    1q2w3e4r5t 1qaz2wsx qwertyui qwertyuiop qwerty12 qwerty123 qwertz123 asdfghjk asdfghjkl abcdefgh abcd1234
    abc12345 administrator admin123 admin1234 testtest test1234 iloveyou sunshine princess football baseball
    superman trustno1 geheim123 passwort passwort1 passwort123 wachtwoord welkom01 welkom123 motdepasse secret123
    default1 clearinghouse
    """.split()  # noqa: SIM905 - a list of sixty lines would say no more
)
# So many different signs a password has at least.
PASSWORD_DIFFERENT = 4


def password_problem(password: str) -> Problem | None:
    """Why this cannot be a password, if it cannot. Never repeats it."""
    if not PASSWORD_MINIMUM <= len(password) <= PASSWORD_LIMIT:
        detail = f"the password has {len(password)} characters; {PASSWORD_MINIMUM} to {PASSWORD_LIMIT} are allowed"
        return Problem(PartnerReason.PARTNER_VALUE, detail)
    if CONTROL_CHARACTER.search(password):
        return Problem(PartnerReason.PARTNER_VALUE, "the password holds a control character")
    if password.casefold() in COMMON_PASSWORDS or len(set(password)) < PASSWORD_DIFFERENT:
        detail = "the password is among the first that anybody tries; leave it out, and one is made"
        return Problem(PartnerReason.PARTNER_VALUE, detail)
    return None


def text_problem(what: str, value: str, limit: int) -> Problem | None:
    """Blank at either end, empty, too long, or with control characters: all no."""
    if not value.strip() or value != value.strip():
        detail = f"{shown(value)} is no {what}: it must not be empty, nor begin or end with a blank"
    elif len(value) > limit:
        detail = f"the {what} has {len(value)} characters; at most {limit} are allowed"
    elif CONTROL_CHARACTER.search(value):
        detail = f"{shown(value)} is no {what}: it holds a control character"
    else:
        return None
    return Problem(PartnerReason.PARTNER_VALUE, detail)


def first_of(problems: Iterable[Problem | None]) -> Problem | None:
    """The first problem of several checks."""
    return next((problem for problem in problems if problem is not None), None)
