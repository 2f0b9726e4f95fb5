"""Amounts of money: whole millionths of a currency, never a float. Prices have more decimals than coins, and currencies
have coins of different sizes."""

from typing import NamedTuple

UNITS_PER_CURRENCY = 1_000_000


def amount_text(amount_e6: int) -> str:
    """An amount in millionths as a number with a point: two decimals, and more where there is more."""
    size = abs(amount_e6)
    decimals = f"{size % UNITS_PER_CURRENCY:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount_e6 < 0 else ''}{size // UNITS_PER_CURRENCY}.{decimals}"


class Money(NamedTuple):
    """An amount in millionths of a currency of ISO 4217."""

    amount_e6: int
    currency: str
