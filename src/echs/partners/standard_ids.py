"""Ids as the standards write them, to be recognised and never to be enforced: real ones come in thirty shapes.

Contract ids: DIN SPEC 91286 (country, provider, six signs, check digit) and ISO 15118-2 with eMI3 (country, provider,
nine signs, check digit); separators and check digit are optional. EVSE ids: ISO 15118-2, DIN SPEC 91286, and the plain
letters and digits of OCHP 0.2. Country codes: ISO 3166-1; languages: ISO 639-3.
"""

import re
from functools import cache, lru_cache

import pycountry

from echs.base.errors import Reason, shown
from echs.base.rule import PatternPrefilter


class IdWarning(Reason):
    """What is odd about an id. These go into warnings, never into refusals."""

    CONTRACT_ID_PATTERN = "CONTRACT_ID_PATTERN"
    CONTRACT_ID_CHECK_DIGIT = "CONTRACT_ID_CHECK_DIGIT"
    EVSE_ID_PATTERN = "EVSE_ID_PATTERN"


_DIN = re.compile(r"([A-Z]{2})[-*]?([A-Z0-9]{3})[-*]?([A-Z0-9]{6})(?:[-*]?([0-9X]))?")
_ISO = re.compile(r"([A-Z]{2})[-*]?([A-Z0-9]{3})[-*]?([A-Z0-9]{9})(?:[-*]?([A-Z0-9]))?")
_EVSE = re.compile(r"[A-Za-z0-9]+|[A-Z]{2}\*?[A-Z0-9]{3}\*?E[A-Z0-9*]{1,30}|\+[0-9]{1,3}\*[0-9]{3,6}\*[0-9*]{1,32}")
_SEPARATED = re.compile(r"([A-Z]{2})\*([A-Z0-9]{3})\*(E[A-Z0-9*]+)")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f :]{6,}")
# Nothing that these match is odd; what they do not match is looked at closely.
USUAL_CONTRACT_ID = PatternPrefilter(
    "[A-Z]{2}[-*]?[A-Z0-9]{3}[-*]?[A-Z0-9]{6}(?:[A-Z0-9]{3}(?:[-*]?[A-Z0-9])?|[-*]?[0-9X])?"
)
USUAL_EVSE_ID = PatternPrefilter(_EVSE.pattern)
_SEPARATORS = str.maketrans("", "", "-*")
SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def contract_id_shape_problem(contract_id: str) -> str | None:
    """A sentence where a contract id has none of the known shapes."""
    if parts_of(contract_id) is not None:
        return None
    # Hexadecimal alone may be a card number that stands in the wrong column.
    value = "the value" if _HEXADECIMAL.fullmatch(contract_id) else shown(contract_id)
    return f"{value} is no contract id like NL-TNM-122045-0 or NL-TNM-C00122045-K"


def contract_id_check_problem(contract_id: str) -> str | None:
    """A sentence where a contract id of a known shape has a check digit that is not the right one."""
    parts = parts_of(contract_id)
    if parts is None or not parts[1]:
        return None
    body, digit = parts
    right = check_digit(body)
    return None if right == digit else f"{shown(contract_id)} has the check digit {digit}; {right} would be right"


def evse_id_problem(evse_id: str) -> str | None:
    """A sentence where an EVSE id has none of the known shapes."""
    if _EVSE.fullmatch(evse_id):
        return None
    return f"{shown(evse_id)} is no EVSE id like NL*TNM*E02000001*0, +49*823*1234*5678 or 01000851"


@lru_cache(maxsize=4096)
def parts_of(contract_id: str) -> tuple[str, str] | None:
    """A contract id of a known shape as (signs without separators and check digit, check digit or nothing)."""
    text = contract_id.strip().upper() if contract_id.isascii() else ""
    match = _DIN.fullmatch(text) or _ISO.fullmatch(text)
    return ("".join(match.group(1, 2, 3)), match[4] or "") if match else None


def contract_spellings(contract_id: str) -> frozenset[str]:
    """Every way, without separators, in which the same contract may stand in a list: with its check digit or without.

    Only letters of ASCII lose their case: beyond, no two stores agree on it.
    """
    parts = parts_of(contract_id)
    if parts is None:
        return frozenset({plain(contract_id.translate(_SEPARATORS))})
    body, digit = parts
    return frozenset({body, body + check_digit(body), body + digit})


def plain(text: str) -> str:
    """An id in the form in which it is compared: upper case where it is all ASCII, else as it is."""
    return text.upper() if text.isascii() else text


def evse_key(evse_id: str) -> str:
    """The form in which EVSE ids are compared: without regard to case, and of ISO 15118 ids without the two separators
    before the E. Those behind it are content.
    """
    text = evse_id.upper()
    match = _SEPARATED.fullmatch(text)
    return text if match is None else "".join(match.groups())


@lru_cache(maxsize=4096)
def check_digit(body: str) -> str:
    """The check digit of a contract id without separators: of DIN SPEC 91286 for 11 signs, of ISO 15118 for 14."""
    return din_check_digit(body) if len(body) == 11 else iso_check_digit(body)


def din_check_digit(body: str) -> str:
    """DIN SPEC 91286: every sign as a number (A is 10), every digit of it times a growing power of 2, modulo 11."""
    total = power = 0
    for sign in body:
        for digit in str(SIGNS.index(sign)):
            total += int(digit) << power
            power += 1
    return "X" if total % 11 == 10 else str(total % 11)


def iso_check_digit(body: str) -> str:
    """ISO 15118-2, as eMI3 spells it out ("Check Digit Calculation for Contract-IDs").

    Each sign is a vector over GF(2) and one over GF(3). Both are multiplied by the power of a matrix of their field
    that belongs to the sign's place, and the check digit is the sign with which the sum of all fifteen is zero.
    """
    places, digits = iso_tables()
    total = sum([place[sign] for place, sign in zip(places, body, strict=False)])
    one, two, three, four = total.to_bytes(4, "little")
    return digits[-one % 2, -two % 2, -three % 3, -four % 3]


@cache
def iso_tables() -> tuple[list[dict[str, int]], dict[tuple[int, int, int, int], str]]:
    """What each sign counts at each place but the last, its four numbers a byte each, so that they add up at once; and
    the check digit for the four numbers that it must bring."""
    weights = iso_weights()
    places = [
        {sign: sum(value << 8 * byte for byte, value in enumerate(weight)) for sign, weight in place.items()}
        for place in weights[:-1]
    ]
    digits: dict[tuple[int, int, int, int], str] = {}
    for sign, weight in weights[-1].items():
        digits.setdefault(weight, sign)
    return places, digits


@cache
def iso_weights() -> list[dict[str, tuple[int, int, int, int]]]:
    """What each sign counts at each of the fifteen places: two numbers modulo 2, two modulo 3."""
    weights = []
    two, three = (1, 0, 0, 1), (1, 0, 0, 1)
    for _ in range(15):
        two, three = times(two, (0, 1, 1, 1), 2), times(three, (0, 1, 1, 2), 3)
        place = {}
        for number, sign in enumerate(SIGNS):
            high, middle, low, lowest = number // 18, number // 9 % 2, number // 3 % 3, number % 3
            place[sign] = (
                (high * two[0] + middle * two[2]) % 2,
                (high * two[1] + middle * two[3]) % 2,
                (low * three[0] + lowest * three[2]) % 3,
                (low * three[1] + lowest * three[3]) % 3,
            )
        weights.append(place)
    return weights


Matrix = tuple[int, int, int, int]


def times(one: Matrix, other: Matrix, modulus: int) -> Matrix:
    """The product of two 2 x 2 matrices, row by row."""
    (a, b, c, d), (e, f, g, h) = one, other
    return (a * e + b * g) % modulus, (a * f + b * h) % modulus, (c * e + d * g) % modulus, (c * f + d * h) % modulus


@cache
def countries() -> frozenset[str]:
    """The codes of ISO 3166-1, of two and of three letters."""
    return frozenset(code for country in pycountry.countries for code in (country.alpha_2, country.alpha_3))


@cache
def countries_or_none() -> frozenset[str]:
    """The same, and the empty text."""
    return countries() | {""}


@cache
def languages() -> frozenset[str]:
    """The codes of ISO 639-3, of three letters."""
    return frozenset(language.alpha_3 for language in pycountry.languages)


@cache
def languages_or_none() -> frozenset[str]:
    """The same, and the empty text."""
    return languages() | {""}
