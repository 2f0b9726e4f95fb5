"""The credential: by what a partner is known when it logs in. It may have several, one for each of its back ends."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from echs.base.errors import Reason


class CredentialKind(StrEnum):
    """How a credential proves who calls. Client certificates stand apart: they are asked for beside it."""

    PASSWORD = "password"


class CredentialReason(Reason):
    """Why credentials cannot be as an administrator wants them. These never go over the wire."""

    CREDENTIAL_EXISTS = "CREDENTIAL_EXISTS"
    CREDENTIAL_UNKNOWN = "CREDENTIAL_UNKNOWN"
    CREDENTIAL_OWN = "CREDENTIAL_OWN"


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential without its secret; ``own`` where its name is the partner's user id. Created in UTC."""

    name: str
    kind: CredentialKind
    created_at: datetime
    own: bool
