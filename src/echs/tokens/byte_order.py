"""In which order the bytes of a card's uid are written. Readers of different makes turn them, or fill them up.

To turn one that need not be turned can make another driver's card of it: it is done where an administrator said so, and
elsewhere only looked at to say what is odd.
"""

import re
from collections.abc import Iterator

# ISO 14443: uids of four, seven and ten bytes.
LENGTHS = (8, 14, 20)
_HEXADECIMAL = re.compile("(?:[0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})")
_SEPARATORS = str.maketrans("", "", " :-")


def card_uid(uid: str) -> str:
    """The uid of a card as capital hexadecimal digits without separators; empty where it is no card's."""
    text = uid.translate(_SEPARATORS).upper()
    return text if _HEXADECIMAL.fullmatch(text) else ""


def turned(uid: str) -> str:
    """The uid of a card with its bytes the other way round, in the form of `card_uid`; what is none stays as it is."""
    text = card_uid(uid)
    return backwards(text) if text else uid


def backwards(digits: str) -> str:
    """Pairs of digits in the opposite order."""
    return "".join(digits[start : start + 2] for start in range(len(digits) - 2, -2, -2))


def other_orders(uid: str) -> set[str]:
    """How else a reader may have written the uid of a card, in the form of `card_uid`: turned, without the zeros that
    filled it up, or both.
    """
    digits = uid.translate(_SEPARATORS).upper()
    ways = (digits, backwards(digits)) if len(digits) % 2 == 0 else (digits,)
    found = {each for way in ways for each in (way, *unfilled(way)) if card_uid(each)}
    return found - {digits}


def unfilled(digits: str) -> Iterator[str]:
    """Digits without leading pairs of zeros, at each length of a card's uid."""
    for length in LENGTHS:
        if len(digits) > length and (len(digits) - length) % 2 == 0 and not digits[:-length].strip("0"):
            yield digits[-length:]
