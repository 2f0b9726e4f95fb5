"""Amounts of money: whole millionths of a currency, never a float. Prices have more decimals than coins, and currencies
have coins of different sizes."""

from typing import NamedTuple

UNITS_PER_CURRENCY = 1_000_000


class Money(NamedTuple):
    """An amount in millionths of a currency of ISO 4217."""

    amount_e6: int
    currency: str
