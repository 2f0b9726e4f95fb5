"""The result codes of OCHP 1.4: seven words, and which of our reasons each stands for."""

from collections.abc import Mapping
from enum import StrEnum

from echs.base.errors import LoadReason, Reason, StoreReason
from echs.cdrs.cdr import CdrReason
from echs.direct.endpoint import EndpointReason
from echs.live.live_status import StatusReason
from echs.locations.charge_point import ChargePointReason
from echs.partners.login import LoginReason
from echs.partners.market_ids import ForeignId
from echs.partners.roles import RoleReason
from echs.protocols.ochp14.cdr_value_rules import CdrValueReason
from echs.tariffs.tariff import TariffReason
from echs.tokens.token import TokenReason


class ResultCode(StrEnum):
    """How a request went."""

    OK = "ok"
    PARTLY = "partly"
    NOT_AUTHORIZED = "not-authorized"
    INVALID_ID = "invalid-id"
    SERVER = "server"
    FORMAT = "format"
    ROAMING = "roaming"


OWNERSHIP = (
    TokenReason.CONTRACT_NOT_YOURS,
    ChargePointReason.EVSE_NOT_YOURS,
    CdrReason.CDR_OPERATOR_NOT_YOURS,
    CdrValueReason.CDR_ID_FOREIGN,
    CdrValueReason.CDR_PROVIDER_AMBIGUOUS,
    StatusReason.STATUS_NOT_YOURS,
    TariffReason.TARIFF_NOT_YOURS,
    EndpointReason.PATTERN_NOT_YOURS,
    EndpointReason.ACCESS_TOKEN_TAKEN,
)
# Every other reason is about the data: `format`.
CODES: Mapping[Reason, ResultCode] = {
    **dict.fromkeys(LoginReason, ResultCode.NOT_AUTHORIZED),
    LoginReason.LOGIN_BUSY: ResultCode.SERVER,
    RoleReason.ROLE_MISSING: ResultCode.NOT_AUTHORIZED,
    **dict.fromkeys((*StoreReason, *LoadReason), ResultCode.SERVER),
    **dict.fromkeys((*OWNERSHIP, *ForeignId), ResultCode.INVALID_ID),
}
# What the descriptions of the hub that partners know begin with; others begin with our reason.
OPENINGS: Mapping[ResultCode, str] = {
    ResultCode.OK: "Data accepted and processed.",
    ResultCode.PARTLY: "Data accepted and processed in part.",
    ResultCode.INVALID_ID: "One or more ID (EVSE/Contract) were not valid for this user.",
}


def code_of(reason: Reason) -> ResultCode:
    """The code of a reason."""
    return CODES.get(reason, ResultCode.FORMAT)
