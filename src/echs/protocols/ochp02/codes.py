"""The result codes of OCHP 0.2: one table, from our reasons to its numbers. The catalogue is made of it.

Ranges, so that a client can act without the table: 1xx who are you, log in again (but on 101, 105 and 106); 2xx you may
not; 3xx the data is wrong, correct it and send again; 4xx it contradicts what is stored; 5xx our side, the same request
again later is safe; 6xx a limit. A code is never used again for something else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from echs.base.errors import LoadReason, Reason, StoreReason
from echs.base.fields import FieldReason, UploadReason
from echs.cdrs.cdr import CdrReason
from echs.clearing.clock_check import ClockReason
from echs.clearing.run import ClearingReason
from echs.lists.keyed_list import ListReason
from echs.locations.charge_point import ChargePointReason
from echs.partners.login import LoginReason
from echs.partners.market_ids import ForeignId
from echs.partners.roles import RoleReason
from echs.protocols.ochp02.cdr_format import CdrFormatReason
from echs.protocols.ochp02.token_format import TokenFormatReason
from echs.tokens.token import TokenReason

OK = 0


class Retry(StrEnum):
    """Whether the very same request may be sent again, and would then be answered otherwise."""

    YES = "yes"
    AFTER_LOGIN = "after logging in"
    NO = "no"


@dataclass(frozen=True, slots=True)
class ResultCode:
    """One code: its number, the reason it stands for, what it means, what the sender should do, whether the same
    request may be sent again, and a description as it is sent, but for the request id.
    """

    number: int
    reason: Reason
    meaning: str
    remedy: str
    again: Retry
    example: str


CODES: Sequence[ResultCode] = (
    ResultCode(
        101,
        LoginReason.LOGIN_REFUSED,
        "User id or password is wrong.",
        "Check both with the administrator.",
        Retry.NO,
        "LOGIN_REFUSED: the user id or the password is wrong.",
    ),
    ResultCode(
        102,
        LoginReason.LOGIN_TOKEN_MISSING,
        "No identity header, or an empty one.",
        "Log in, send its token.",
        Retry.AFTER_LOGIN,
        (
            "LOGIN_TOKEN_MISSING: the SOAP header holds no identity header, wanted "
            "{http://www.evclearinghouse.eu/service/}UserIdentityHeader or "
            "{http://www.evclearinghouse.eu/service/}token."
        ),
    ),
    ResultCode(
        103,
        LoginReason.LOGIN_TOKEN_UNKNOWN,
        "The login token is not valid.",
        "Log in again.",
        Retry.AFTER_LOGIN,
        "LOGIN_TOKEN_UNKNOWN: the login token is not valid; log in again.",
    ),
    ResultCode(
        104,
        LoginReason.LOGIN_TOKEN_EXPIRED,
        "The login has ended.",
        "Log in again.",
        Retry.AFTER_LOGIN,
        "LOGIN_TOKEN_EXPIRED: this login has ended; log in again.",
    ),
    ResultCode(
        105,
        LoginReason.LOGIN_TOKEN_REPEATED,
        "Identity headers of different values.",
        "Send one.",
        Retry.NO,
        "LOGIN_TOKEN_REPEATED: the request has identity headers of different values.",
    ),
    ResultCode(
        106,
        LoginReason.LOGIN_CERTIFICATE,
        "The account requires a client certificate, and no valid one registered for it was presented.",
        "Connect with the certificate registered at the clearing house; register the next one before it expires.",
        Retry.NO,
        (
            "LOGIN_CERTIFICATE: this account requires a client certificate; no valid certificate registered for it was "
            "presented."
        ),
    ),
    ResultCode(
        107,
        LoginReason.LOGIN_THROTTLED,
        "Too many logins with this user id, or from this address, failed lately.",
        "Wait as long as the description says, correct the password, and log in once.",
        Retry.NO,
        "LOGIN_THROTTLED: too many failed logins; wait 300 s and try again.",
    ),
    ResultCode(
        201,
        ClearingReason.NOT_ADMINISTRATOR,
        "Only an administrator may clear.",
        "Ask the administrator.",
        Retry.NO,
        "NOT_ADMINISTRATOR: only a partner of the group administrator may clear. Nothing was cleared.",
    ),
    ResultCode(
        202,
        CdrReason.CDR_OPERATOR_NOT_YOURS,
        "infraProviderId is not one of your operator ids.",
        "Send only your own CDRs; ask the administrator for a missing id.",
        Retry.NO,
        (
            "CDR_OPERATOR_NOT_YOURS at cdrInfoArray[0].infraProviderId (cdrId 01001851_139038927377890): "
            '"ladenetz.de" is not your operator id; yours: "TheNewMotion". Nothing was stored.'
        ),
    ),
    ResultCode(
        203,
        TokenReason.HUB_NOT_YOURS,
        "roamingHubId is not one of your hub numbers.",
        "Use your own or 0; ask the administrator for a missing one.",
        Retry.NO,
        (
            'HUB_NOT_YOURS at roamingAuthorisationInfoArray[0].roamingHubId (evcoId NL-TNM-000001): "3" '
            "is not your hub number; yours: 0, 5. Nothing was stored."
        ),
    ),
    ResultCode(
        204,
        ForeignId.TOKEN_OF_ANOTHER,
        "Another partner publishes this token, and `ECHS_FOREIGN_IDS` says to refuse.",
        "Leave it out, or settle with the clearing house whose it is.",
        Retry.NO,
        (
            "TOKEN_OF_ANOTHER at roamingAuthorisationInfoArray[0].tokenId (evcoId NL-TNM-000001): another partner "
            "publishes this token already. Nothing was stored."
        ),
    ),
    ResultCode(
        205,
        ForeignId.CONTRACT_OF_ANOTHER,
        "The contract id begins with the market id of another partner, and `ECHS_FOREIGN_IDS` says to refuse.",
        "Leave it out, or settle with the clearing house whose it is.",
        Retry.NO,
        (
            "CONTRACT_OF_ANOTHER at roamingAuthorisationInfoArray[0].evcoId (evcoId NL-ANW-000001): the contract id "
            "begins with the market id of another partner. Nothing was stored."
        ),
    ),
    ResultCode(
        206,
        ForeignId.EVSE_OF_ANOTHER,
        "Another partner publishes this EVSE, or it begins with that one's market id, and `ECHS_FOREIGN_IDS` says so.",
        "Leave it out, or settle with the clearing house whose it is.",
        Retry.NO,
        (
            "EVSE_OF_ANOTHER at chargepointInfoArray[0].evseId (evseId DE*LND*E00001): another partner publishes this "
            "EVSE already, or its id begins with that one's market id. Nothing was stored."
        ),
    ),
    ResultCode(
        207,
        RoleReason.ROLE_MISSING,
        "A navigation provider calls what is not for it; it reads charge points.",
        "Call GetChargepointList; ask the administrator for an operator or provider id, if you are either.",
        Retry.NO,
        "ROLE_MISSING: a navigation provider reads charge points and their status alone.",
    ),
    ResultCode(
        301,
        UploadReason.UPLOAD_EMPTY,
        "The upload holds no record.",
        "Send at least one record.",
        Retry.NO,
        "UPLOAD_EMPTY: the upload holds no record. Nothing was stored.",
    ),
    ResultCode(
        302,
        FieldReason.FIELD_UNKNOWN,
        "An element that the request or record does not have.",
        "Remove it.",
        Retry.NO,
        (
            "FIELD_UNKNOWN at cdrInfoArray[0].colour (cdrId 01001851_139038927377890): is not a field of "
            "CDRInfo. Nothing was stored."
        ),
    ),
    ResultCode(
        303,
        FieldReason.FIELD_REPEATED,
        "An element stands more than once.",
        "Send it once.",
        Retry.NO,
        (
            "FIELD_REPEATED at cdrInfoArray[0].cdrId (cdrId 01001851_139038927377890): stands more than "
            "once in this record. Nothing was stored."
        ),
    ),
    ResultCode(
        304,
        FieldReason.FIELD_MISSING,
        "A mandatory field is missing or empty.",
        "Fill it.",
        Retry.NO,
        (
            "FIELD_MISSING at cdrInfoArray[0].startDatetime (cdrId 01001851_139038927377890): is missing "
            "or empty; a value is mandatory. Nothing was stored."
        ),
    ),
    ResultCode(
        305,
        FieldReason.FIELD_CONTROL_CHARACTER,
        "A control character or line break.",
        "Remove it.",
        Retry.NO,
        (
            "FIELD_CONTROL_CHARACTER at cdrInfoArray[0].chargePointCity (cdrId 01001851_139038927377890): "
            '"Apel\N{REPLACEMENT CHARACTER}doorn" holds a control character or a line break; none is allowed. '
            "Nothing was stored."
        ),
    ),
    ResultCode(
        306,
        FieldReason.FIELD_NOT_TEXT,
        "An element inside a field, or text between fields.",
        "Send plain text.",
        Retry.NO,
        (
            "FIELD_NOT_TEXT at cdrInfoArray[0].chargePointCity (cdrId 01001851_139038927377890): holds "
            "elements; only text may stand here. Nothing was stored."
        ),
    ),
    ResultCode(
        307,
        FieldReason.FIELD_NOT_INTEGER,
        "Not a whole number.",
        "Send digits.",
        Retry.NO,
        (
            "FIELD_NOT_INTEGER at roamingAuthorisationInfoArray[0].tokenType (evcoId NL-TNM-000001): "
            '"one" is not a whole number; send 0 other, 1 MIFARE_CL, 2 MIFARE_DES, 3 MSISDN. Nothing was stored.'
        ),
    ),
    ResultCode(
        311,
        CdrFormatReason.CDR_START_FORMAT,
        "startDatetime cannot be read.",
        "Send ISO 8601.",
        Retry.NO,
        (
            "CDR_START_FORMAT at cdrInfoArray[0].startDatetime (cdrId 01001851_139038927377890): "
            '"22-01-2014 10:16" is not a time like 2014-01-22T10:16:38+01:00 or 2014-01-22 10:16:38. '
            "Nothing was stored."
        ),
    ),
    ResultCode(
        312,
        CdrFormatReason.CDR_END_FORMAT,
        "endDatetime cannot be read.",
        "Send ISO 8601.",
        Retry.NO,
        (
            'CDR_END_FORMAT at cdrInfoArray[0].endDatetime (cdrId 01001851_139038927377890): "2014-01-22" '
            "is not a time like 2014-01-22T10:16:38+01:00 or 2014-01-22 10:16:38. Nothing was stored."
        ),
    ),
    ResultCode(
        313,
        CdrFormatReason.CDR_DURATION_FORMAT,
        "duration cannot be read.",
        "Send h:mm:ss, seconds or nothing.",
        Retry.NO,
        (
            'CDR_DURATION_FORMAT at cdrInfoArray[0].duration (cdrId 01001851_139038927377890): "two '
            'hours" is neither a duration like 1:57:54 (h:mm:ss) nor a number of seconds nor empty. '
            "Nothing was stored."
        ),
    ),
    ResultCode(
        314,
        CdrFormatReason.CDR_VOLUME_FORMAT,
        "volume cannot be read.",
        "Send kWh with at most 4 decimals.",
        Retry.NO,
        (
            'CDR_VOLUME_FORMAT at cdrInfoArray[0].volume (cdrId 01001851_139038927377890): "1,23456" has '
            "5 decimals, at most 4 are allowed. Nothing was stored."
        ),
    ),
    ResultCode(
        315,
        CdrReason.CDR_END_BEFORE_START,
        "The session ends before it starts.",
        "Correct the times.",
        Retry.NO,
        (
            "CDR_END_BEFORE_START at cdrInfoArray[0].endDatetime (cdrId 01001851_139038927377890): "
            '"2014-01-22 10:00:00" is before the start "2014-01-22 10:16:38". Nothing was stored.'
        ),
    ),
    ResultCode(
        316,
        CdrReason.CDR_TWICE,
        "The same cdrId twice in one upload, with different content.",
        "Send the right one.",
        Retry.NO,
        (
            "CDR_TWICE at cdrInfoArray[1].volume (cdrId 01001851_139038927377890): conflicts with the "
            "record at position 0, which has the same cdrId. Nothing was stored."
        ),
    ),
    ResultCode(
        317,
        CdrReason.CDR_IN_FUTURE,
        "The session ends in the future.",
        "Correct the times and their zone.",
        Retry.NO,
        (
            'CDR_IN_FUTURE at cdrInfoArray[0].endDatetime (cdrId 01001851_139038927377890): "2041-01-22 '
            '12:14:33" is more than 15 minutes after now, 2026-11-21T12:00:00Z. Nothing was stored.'
        ),
    ),
    ResultCode(
        318,
        CdrReason.CDR_VOLUME_LIMIT,
        "More energy than one CDR may have.",
        "Correct the volume: it is kWh.",
        Retry.NO,
        (
            'CDR_VOLUME_LIMIT at cdrInfoArray[0].volume (cdrId 01001851_139038927377890): "4640.0" is '
            "more than the 1000 kWh that one CDR may have (is it in Wh?). Nothing was stored."
        ),
    ),
    ResultCode(
        321,
        TokenFormatReason.TOKEN_TYPE_UNKNOWN,
        "tokenType is not in the list.",
        "Send 0, 1, 2 or 3.",
        Retry.NO,
        (
            'TOKEN_TYPE_UNKNOWN at roamingAuthorisationInfoArray[0].tokenType (evcoId NL-TNM-000001): "7" '
            "is not one of 0 other, 1 MIFARE_CL, 2 MIFARE_DES, 3 MSISDN. Nothing was stored."
        ),
    ),
    ResultCode(
        322,
        TokenFormatReason.TOKEN_FLAG_VALUE,
        "pinMandatory or tokenActivated is neither 0 nor 1.",
        "Send 0 or 1.",
        Retry.NO,
        (
            "TOKEN_FLAG_VALUE at roamingAuthorisationInfoArray[0].tokenActivated (evcoId NL-TNM-000001): "
            '"2" is neither 0 nor 1. Nothing was stored.'
        ),
    ),
    ResultCode(
        323,
        TokenFormatReason.TOKEN_EXPIRY_FORMAT,
        "expiryDate cannot be read.",
        "Send dd/mm/yyyy or nothing.",
        Retry.NO,
        (
            "TOKEN_EXPIRY_FORMAT at roamingAuthorisationInfoArray[0].expiryDate (evcoId NL-TNM-000001): "
            '"2027-12-31" is not a date like 31/12/2027 (dd/mm/yyyy) nor empty. Nothing was stored.'
        ),
    ),
    ResultCode(
        324,
        TokenReason.TOKEN_TWICE,
        "The same tokenType and tokenId twice in one upload, with different content.",
        "Send the right one.",
        Retry.NO,
        (
            "TOKEN_TWICE at roamingAuthorisationInfoArray[1].tokenId (evcoId NL-TNM-000001): this token "
            "stands at positions 0 and 1 with different content. Nothing was stored."
        ),
    ),
    ResultCode(
        331,
        ChargePointReason.CHARGEPOINT_TWICE,
        "The same evseId twice in one upload, with different content.",
        "Send the right one.",
        Retry.NO,
        (
            "CHARGEPOINT_TWICE at chargepointInfoArray[1].evseId (evseId DE*LND*E00001): this charge "
            "point stands at positions 0 and 1 with different content. Nothing was stored."
        ),
    ),
    ResultCode(
        401,
        CdrReason.CDR_DIFFERS,
        "A CDR of this infraProviderId and cdrId was accepted before, with different content.",
        "Send a new CDR under a new number, or leave it out.",
        Retry.NO,
        (
            "CDR_DIFFERS at cdrInfoArray[0].volume (cdrId 01001851_139038927377890): differs from the CDR "
            "of this number that was accepted on 2026-11-21; a CDR is never changed. "
            'It was "4.6400" and is "5" now. Nothing was stored.'
        ),
    ),
    ResultCode(
        501,
        StoreReason.INTERNAL_ERROR,
        "An error of ours.",
        "Send the same again; report the request id.",
        Retry.YES,
        "INTERNAL_ERROR: an error on our side.",
    ),
    ResultCode(
        502,
        StoreReason.STORE_UNAVAILABLE,
        "The store does not answer.",
        "Send the same again later.",
        Retry.YES,
        "STORE_UNAVAILABLE: the store is not available now. Nothing was changed.",
    ),
    ResultCode(
        503,
        StoreReason.STORE_FULL,
        "The store has no space left.",
        "Send the same again later.",
        Retry.YES,
        "STORE_FULL: there is no space left.",
    ),
    ResultCode(
        504,
        LoginReason.LOGIN_BUSY,
        "Too many logins at this moment.",
        "Send the same again.",
        Retry.YES,
        "LOGIN_BUSY: too many logins at this moment; send the same request again.",
    ),
    ResultCode(
        505,
        LoadReason.UPLOAD_BUSY,
        "Other uploads are worked on; this one had no turn.",
        "Send the same again in a minute; of one partner two at a time are worked on.",
        Retry.YES,
        "UPLOAD_BUSY: too many uploads wait already; send the same again in a minute. Nothing was stored.",
    ),
    ResultCode(
        506,
        ClockReason.CLOCK_WRONG,
        "The newest run or audit entry is more than five minutes after now: a clock is wrong, or was.",
        "Tell the administrator; send the same again when the clock is put right.",
        Retry.YES,
        (
            "CLOCK_WRONG: entry 5 of the audit trail is of 2026-11-21T12:00:00Z, and the clock says "
            "2026-11-21T11:00:00Z; one of them is wrong, and the administrator must look: echs doctor. Nothing was "
            "cleared."
        ),
    ),
    ResultCode(
        507,
        LoadReason.DEADLINE_EXCEEDED,
        "The request took longer than it may.",
        "Send less at once, or the same again later.",
        Retry.YES,
        (
            "DEADLINE_EXCEEDED: the request took longer than it may; send less at once, or the same again later. "
            "Nothing was stored."
        ),
    ),
    ResultCode(
        601,
        UploadReason.UPLOAD_TOO_LARGE,
        "The request has too many bytes.",
        "Send less at once.",
        Retry.NO,
        ("UPLOAD_TOO_LARGE: the body is larger than the 262144 bytes that are allowed. Nothing was stored."),
    ),
    ResultCode(
        602,
        UploadReason.TOO_MANY_RECORDS,
        "The upload has too many records.",
        "Send fewer at once.",
        Retry.NO,
        "TOO_MANY_RECORDS: more than 2 records in one upload; 2 are allowed. Nothing was stored.",
    ),
    ResultCode(
        603,
        FieldReason.FIELD_TOO_LONG,
        "A field has too many characters.",
        "Shorten it; see the limits.",
        Retry.NO,
        (
            "FIELD_TOO_LONG at cdrInfoArray[0].chargePointCity (cdrId 01001851_139038927377890): "
            '"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" has 256 characters, at most '
            "255 are allowed. Nothing was stored."
        ),
    ),
    ResultCode(
        604,
        ListReason.LIST_SET_ASIDE,
        "The upload would remove more of your list than your shrink guard allows; it was put aside.",
        "Ask the administrator to release it, or send the whole list.",
        Retry.NO,
        (
            "LIST_SET_ASIDE: it would remove 2 records of your list; ask the clearing house. It was put aside; your "
            "list stays."
        ),
    ),
)

NUMBERS: dict[Reason, int] = {code.reason: code.number for code in CODES}
