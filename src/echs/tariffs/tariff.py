"""The tariff: what an operator asks, by default and of single providers.

A provider is given one part of it: its own where it is named as a recipient, else the default. Of other parts it learns
nothing, not even that they changed.
"""

from dataclasses import dataclass
from typing import NamedTuple

from echs.base.errors import Reason

# The recipient of the part that is for everybody who is not named.
DEFAULT = ""


class TariffReason(Reason):
    """What can be wrong with a tariff."""

    TARIFF_NOT_YOURS = "TARIFF_NOT_YOURS"
    TARIFF_TWICE = "TARIFF_TWICE"
    RECIPIENT_TWICE = "RECIPIENT_TWICE"
    CURRENCY_UNKNOWN = "CURRENCY_UNKNOWN"
    # Nothing wrong: said by `echs validate`.
    NO_DEFAULT = "NO_DEFAULT"


class TariffPart(NamedTuple):
    """What a tariff is for some recipients, by their market ids; for everybody else where there are none. ``payload``
    is its content in the form of the protocol, without the recipients.
    """

    recipients: tuple[str, ...]
    payload: str


@dataclass(frozen=True, slots=True)
class Tariff:
    """A tariff as it was sent. ``key`` is its id in the form in which ids are compared."""

    tariff_id: str
    parts: tuple[TariffPart, ...]
    protocol: str

    @property
    def key(self) -> str:
        """Upper case, without the separators behind country and operator."""
        return tariff_key(self.tariff_id)

    @property
    def by_recipient(self) -> dict[str, str]:
        """The payload for each recipient, and for everybody else."""
        return {recipient: part.payload for part in self.parts for recipient in part.recipients or (DEFAULT,)}


def tariff_key(tariff_id: str) -> str:
    """The form in which tariff ids are compared: the first two separators mean nothing, others are content."""
    return tariff_id.upper().replace("*", "", 2) if tariff_id[2:3] == "*" else tariff_id.upper()
