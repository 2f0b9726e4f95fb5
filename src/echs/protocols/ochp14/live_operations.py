"""The operations of OCHP 1.4 about live status: setting it, and asking for it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from echs.base import deadline
from echs.base.errors import Problem, Refused, named, refuse
from echs.base.fields import Field, FieldReason, UploadReason
from echs.base.response_stream import collected
from echs.base.upload_validation import NOTHING_STORED
from echs.config.app_context import AppContext
from echs.live.live_status import MAJORS, MINORS, Kind, LiveStatus, StatusReason
from echs.partners.market_ids import market_id_of, market_ids_of
from echs.partners.partner import Partner, PartyRole
from echs.partners.standard_ids import evse_key
from echs.protocols.ochp14 import live_download
from echs.protocols.ochp14.codes import ResultCode
from echs.protocols.ochp14.contracts import Contract
from echs.protocols.ochp14.leaf_rules import EVSE_ID, PARKING_ID
from echs.protocols.ochp14.operation_frame import OchpRequest, members, operation
from echs.protocols.ochp14.results import NAMED, OperationResult, result
from echs.protocols.ochp14.value_formats import date_time, date_time_rule, one_of
from echs.protocols.soap.element import Element
from echs.protocols.soap.envelope_parser import split
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.record_fast_path import FieldShape, GroupShape

# A status is never valid longer.
LONGEST = timedelta(days=31)
MOST_STATUSES = 100_000
IDS = {Kind.EVSE: ("evseId", EVSE_ID), Kind.PARKING: ("parkingId", PARKING_ID)}
STATUS_TYPES = ("evse", "parking", "combined")
ASKED = (
    GroupShape("startDateTime", (FieldShape("DateTime", Field("start_date_time", 20, rule=date_time_rule)),)),
    FieldShape("statusType", Field("status_type", 10, rule=one_of(STATUS_TYPES))),
)


@operation(PartyRole.OPERATOR, element="evse")
def update_status(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """Set statuses of the caller's EVSEs and parking spots; the right ones are taken without the others."""
    now = context.clock()
    sent: list[tuple[Element, int]] = []
    until = now + timedelta(minutes=context.limits.status_ttl_minutes)
    for position, element in enumerate(reader.trees()):
        if element.name == f"{contract.namespace} ttl":
            until = read_ttl(element, contract)
            continue
        if position >= MOST_STATUSES:
            detail = f"more than {MOST_STATUSES} statuses in one request"
            raise refuse(UploadReason.TOO_MANY_RECORDS, detail, effect=NOTHING_STORED)
        sent.append((element, position))
    if not sent:
        raise refuse(UploadReason.UPLOAD_EMPTY, "the request holds no status", effect=NOTHING_STORED)
    yours = market_ids_of(caller, PartyRole.OPERATOR)
    statuses: dict[tuple[Kind, str], LiveStatus] = {}
    problems: list[Problem] = []
    for element, position in sent:
        read = read_status(element, position, contract.namespace, yours, (now, until))
        if isinstance(read, Problem):
            problems.append(read)
        else:
            statuses[read[0], read[1]] = LiveStatus(read[0], read[1], read[2], caller.id, *read[3:], now)
    if problems and not statuses:
        raise Refused(problems, effect="No status was set.")
    context.live.put(list(statuses.values()), now)
    over = [each.said_id for each in statuses.values() if each.valid_until <= now]
    told = [f"{len(statuses)} set."]
    if over:
        told.append(f"Their time is over already: {named(over, NAMED)}.")
    if not problems:
        return result(ResultCode.OK, told, request.request_id)
    wrong = "; ".join(f"[{each.position}] {each.reason}: {each.detail}" for each in problems[:NAMED])
    return result(ResultCode.PARTLY, [*told, f"{len(problems)} refused: {wrong}."], request.request_id)


def read_ttl(element: Element, contract: Contract) -> datetime:
    """Until when (UTC) the statuses of a request are valid that do not say it themselves.

    :raises Refused: FIELD_NOT_TEXT
    """
    found = element.first(f"{contract.namespace} DateTime")
    given = None if found is None else date_time(found.text.strip())
    if given is None:
        raise refuse(FieldReason.FIELD_NOT_TEXT, "holds no time like 2027-12-31T22:59:59Z", field="ttl")
    return given


Read = tuple[Kind, str, str, str, str, datetime]


def read_status(
    element: Element, position: int, namespace: str, yours: frozenset[str] | None, times: tuple[datetime, datetime]
) -> Read | Problem:
    """A status of a request, or what is wrong with it; without market ids, ids may be anybody's."""
    space, name = split(element.name)
    if not element.name or space != namespace or name not in tuple(Kind):
        detail = f"is not an element of this request; {', '.join(Kind)} and ttl are"
        return Problem(FieldReason.FIELD_UNKNOWN, detail, position, name or None, field_as_sent=True)
    kind = Kind(name)
    tag, rule = IDS[kind]
    found = element.first(f"{namespace} {tag}")
    said_id = "" if found is None else found.text.strip()
    wrong = rule(said_id)
    if wrong is not None:
        return Problem(wrong[0], f'"{said_id}" {wrong[1]}', position, f"{name}/{tag}", field_as_sent=True)
    if yours is not None and market_id_of(said_id) not in yours:
        detail = f'"{said_id}" does not begin with your market id'
        return Problem(StatusReason.STATUS_NOT_YOURS, detail, position, f"{name}/{tag}", field_as_sent=True)
    major = element.attributes.get("status" if kind is Kind.PARKING else "major", "").strip()
    minor = "" if kind is Kind.PARKING else element.attributes.get("minor", "").strip()
    if major not in MAJORS or (minor and minor not in MINORS[major]):
        detail = f'{said_id} cannot be "{major}"{f" and {chr(34)}{minor}{chr(34)}" if minor else ""}'
        return Problem(StatusReason.STATUS_COMBINATION, detail, position, name, field_as_sent=True)
    now, until = times
    ttl = element.attributes.get("ttl", "").strip()
    if ttl:
        own = any_time(ttl)
        if own is None:
            detail = "is no time of XML Schema like 2027-12-31T22:59:59Z"
            return Problem(FieldReason.FIELD_NOT_TEXT, detail, position, f"{name}/@ttl", field_as_sent=True)
        until = own
    return kind, evse_key(said_id), said_id, major, minor, min(until, now + LONGEST)


def any_time(text: str) -> datetime | None:
    """A time of XML Schema with an offset, in UTC, rounded up to the second; None where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None:
        return None
    try:
        found = found.astimezone(UTC)
        return found if not found.microsecond else found.replace(microsecond=0) + timedelta(seconds=1)
    except OverflowError:  # the last hours of the year 9999, or the first of 1
        return None


@operation(PartyRole.PROVIDER, as_fault=True, navigation=True)
def get_status(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """The statuses of the operators that the caller sees: of EVSEs, of parking spots, or of every EVSE of the lists."""
    since_text, kind = members(reader, contract, ASKED)

    def texts() -> Iterator[bytes]:
        for text in live_download.statuses_texts(context, caller.id, kind or "evse", date_time(since_text)):
            deadline.check()
            yield text

    request.records = collected(texts())
    return OperationResult(ResultCode.OK, "")
