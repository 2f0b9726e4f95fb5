"""The roaming connection: that a provider's drivers charge at an operator's stations, and what the two exchange."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from echs.base.errors import Reason


class ConnectionKind(StrEnum):
    """What goes along a connection: the provider's tokens to the operator, the operator's locations to the provider,
    the operator's CDRs to the provider.
    """

    TOKENS = "tokens"
    LOCATIONS = "locations"
    CDRS = "cdrs"


class ConnectionMode(StrEnum):
    """Who sees whom: in an open house everybody sees everybody, in a closed one only along connections."""

    OPEN = "open"
    CLOSED = "closed"


class ConnectionReason(Reason):
    """Why connections cannot be as an administrator wants them. These never go over the wire."""

    CONNECTION_VALUE = "CONNECTION_VALUE"
    CONNECTION_EXISTS = "CONNECTION_EXISTS"
    CONNECTION_UNKNOWN = "CONNECTION_UNKNOWN"


@dataclass(frozen=True, slots=True)
class RoamingConnection:
    """One kind of a connection between two partners, by their user ids; ``until`` is None while it stands (UTC)."""

    provider: str
    operator: str
    kind: ConnectionKind
    since: datetime
    until: datetime | None = None
