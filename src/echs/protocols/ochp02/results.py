"""Result codes of OCHP 0.2: one table from our reasons to its numbers, and the one sentence that goes with a number.

Ranges, so that a client can act without the table: 1xx who are you, log in again; 2xx you may not; 3xx the data is
wrong, correct it and send again; 4xx it contradicts what is stored; 5xx our side, the same request again later is safe;
6xx a limit. A code is never used again for something else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from echs.authorisations.authorisation import AuthorisationReason
from echs.base.errors import Problem, Reason, Refused, StoreReason, shown
from echs.base.fields import FieldReason, UploadReason
from echs.cdrs.cdr import CdrReason
from echs.chargepoints.chargepoint import ChargePointReason
from echs.clearing.run import ClearingReason
from echs.partners.login import LoginReason
from echs.protocols.ochp02.names import WireRecord

OK = 0
DESCRIPTION_LIMIT = 500


@dataclass(frozen=True, slots=True)
class ResultCode:
    """One code: its number, the reason it stands for, what it means and what the sender should do."""

    number: int
    reason: Reason
    meaning: str
    remedy: str


CODES: Sequence[ResultCode] = (
    ResultCode(101, LoginReason.LOGIN_REFUSED, "User id or password is wrong.", "Check both with the administrator."),
    ResultCode(102, LoginReason.LOGIN_TOKEN_MISSING, "No identity header, or an empty one.", "Log in, send its token."),
    ResultCode(103, LoginReason.LOGIN_TOKEN_UNKNOWN, "The login token opens nothing.", "Log in again."),
    ResultCode(104, LoginReason.LOGIN_TOKEN_EXPIRED, "The login has ended.", "Log in again."),
    ResultCode(105, LoginReason.LOGIN_TOKEN_REPEATED, "More than one identity header.", "Send exactly one."),
    ResultCode(201, ClearingReason.NOT_ADMINISTRATOR, "Only an administrator may clear.", "Ask the administrator."),
    ResultCode(
        202,
        CdrReason.CDR_OPERATOR_NOT_YOURS,
        "infraProviderId is not one of your operator ids.",
        "Send only your own CDRs; ask the administrator for a missing id.",
    ),
    ResultCode(
        203,
        AuthorisationReason.HUB_NOT_YOURS,
        "roamingHubId is not one of your hub numbers.",
        "Use your own or 0; ask the administrator for a missing one.",
    ),
    ResultCode(301, UploadReason.UPLOAD_EMPTY, "The upload holds no record.", "Send at least one record."),
    ResultCode(302, FieldReason.FIELD_UNKNOWN, "An element that the request or record does not have.", "Remove it."),
    ResultCode(303, FieldReason.FIELD_REPEATED, "An element stands more than once.", "Send it once."),
    ResultCode(304, FieldReason.FIELD_MISSING, "A mandatory field is missing or empty.", "Fill it."),
    ResultCode(305, FieldReason.FIELD_CONTROL_CHARACTER, "A control character or line break.", "Remove it."),
    ResultCode(
        306, FieldReason.FIELD_NOT_TEXT, "An element inside a field, or text between fields.", "Send plain text."
    ),
    ResultCode(307, FieldReason.FIELD_NOT_INTEGER, "Not a whole number.", "Send digits."),
    ResultCode(311, CdrReason.CDR_START_FORMAT, "startDatetime cannot be read.", "Send ISO 8601."),
    ResultCode(312, CdrReason.CDR_END_FORMAT, "endDatetime cannot be read.", "Send ISO 8601."),
    ResultCode(313, CdrReason.CDR_DURATION_FORMAT, "duration cannot be read.", "Send h:mm:ss, seconds or nothing."),
    ResultCode(314, CdrReason.CDR_VOLUME_FORMAT, "volume cannot be read.", "Send kWh with at most 4 decimals."),
    ResultCode(315, CdrReason.CDR_END_BEFORE_START, "The session ends before it starts.", "Correct the times."),
    ResultCode(
        316, CdrReason.CDR_TWICE, "The same cdrId twice in one upload, with different content.", "Send the right one."
    ),
    ResultCode(321, AuthorisationReason.TOKEN_TYPE_UNKNOWN, "tokenType is not in the list.", "Send 0, 1, 2 or 3."),
    ResultCode(
        322, AuthorisationReason.TOKEN_FLAG_VALUE, "pinMandatory or tokenActivated is neither 0 nor 1.", "Send 0 or 1."
    ),
    ResultCode(
        323, AuthorisationReason.TOKEN_EXPIRY_FORMAT, "expiryDate cannot be read.", "Send dd/mm/yyyy or nothing."
    ),
    ResultCode(
        324,
        AuthorisationReason.TOKEN_TWICE,
        "The same tokenType and tokenId twice in one upload, with different content.",
        "Send the right one.",
    ),
    ResultCode(
        331,
        ChargePointReason.CHARGEPOINT_TWICE,
        "The same evseId twice in one upload, with different content.",
        "Send the right one.",
    ),
    ResultCode(
        401,
        CdrReason.CDR_DIFFERS,
        "A CDR of this infraProviderId and cdrId was accepted before, with different content.",
        "Send a new CDR under a new number, or leave it out.",
    ),
    ResultCode(501, StoreReason.INTERNAL_ERROR, "An error of ours.", "Send the same again; report the request id."),
    ResultCode(502, StoreReason.STORE_UNAVAILABLE, "The store does not answer.", "Send the same again later."),
    ResultCode(503, StoreReason.STORE_FULL, "The store has no space left.", "Send the same again later."),
    ResultCode(504, LoginReason.LOGIN_BUSY, "Too many logins at this moment.", "Send the same again."),
    ResultCode(601, UploadReason.UPLOAD_TOO_LARGE, "The request has too many bytes.", "Send less at once."),
    ResultCode(602, UploadReason.TOO_MANY_RECORDS, "The upload has too many records.", "Send fewer at once."),
    ResultCode(603, FieldReason.FIELD_TOO_LONG, "A field has too many characters.", "Shorten it; see the limits."),
)

NUMBERS: dict[Reason, int] = {code.reason: code.number for code in CODES}


def number_of(refused: Refused) -> int:
    """The code of a refusal: that of its first problem."""
    return NUMBERS[refused.first.reason]


def description(refused: Refused, request_id: str, record: WireRecord | None = None) -> str:
    """One line, at most 500 characters: what and where, what happened to the data, what else is wrong, the request.

    Positions count from 0. The first problem is told in full, the next (up to ten in all) by reason and place, as far
    as there is room.
    """
    first = sentence(refused.first, record)
    tail = f" request {request_id}"
    effect = f" {refused.effect}" if refused.effect else ""
    room = DESCRIPTION_LIMIT - len(effect) - len(tail)
    first = cut(first, room)
    return first + effect + others(refused, record, room - len(first)) + tail


def sentence(problem: Problem, record: WireRecord | None) -> str:
    """A problem in full: ``NAME at place (label): what is wrong.``"""
    place = place_of(problem, record)
    where = f" at {place}" if place else ""
    label = ""
    if problem.label is not None and record is not None:
        field, value = problem.label
        label = f" ({record.spelling.get(field, field)} {shown(value)[1:-1]})"
    return f"{problem.reason}{where}{label}: {problem.detail}."


def place_of(problem: Problem, record: WireRecord | None, *, short: bool = False) -> str:
    """Where a problem is, in the spelling of the wire: ``cdrInfoArray[17].volume``."""
    field = problem.field
    if field is not None:
        if problem.field_as_sent:
            field = shown(field)[1:-1]
        elif record is not None:
            field = record.spelling.get(field, field)
    if problem.position is None or record is None:
        return field or ""
    place = f"[{problem.position}]" if short else f"{record.element}[{problem.position}]"
    return f"{place}.{field}" if field else place


def others(refused: Refused, record: WireRecord | None, room: int) -> str:
    """The problems after the first: how many, and by reason and place while there is room."""
    left = refused.total - 1
    if not left:
        return ""
    text = f" +{left} more {'problem' if left == 1 else 'problems'}"
    # Grouped by reason, so that ten places fit: those of the first reason need no name.
    groups: dict[Reason, list[str]] = {refused.first.reason: []}
    for problem in refused.problems[1:]:
        groups.setdefault(problem.reason, []).append(place_of(problem, record, short=True))
    named = ""
    for reason, places in groups.items():
        lead = "" if reason is refused.first.reason else f"{reason} "
        for place in places:
            more = f"{', ' if named else ': '}{lead}{place}"
            if len(text) + len(named) + len(more) + 1 > room:
                break
            named += more
            lead = ""
    full = f"{text}{named}."
    return full if len(full) <= room else ""


def cut(text: str, room: int) -> str:
    """The text, shortened where it must be."""
    return text if len(text) <= room else text[: room - 2] + "…."
