"""CDRs of OCHP 0.2: the 20 texts, what each must look like, and the way from texts to the noun and back.

What of a record has no place in the noun stays in its payload alone: `PAYLOAD_ONLY`.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from echs.base.energy import kwh
from echs.base.errors import Problem, Reason, RecordProblems, Unreadable, shown
from echs.base.fields import Field, FieldText, field_problems
from echs.base.rule import Rule, Severity, UnreadableValue, findings
from echs.base.spool import Row
from echs.base.upload_validation import RecordBatch
from echs.cdrs.cdr import Cdr, Difference, label
from echs.partners.partner import party_key
from echs.protocols.ochp02 import value_formats
from echs.protocols.ochp02.contracts import PROTOCOL
from echs.protocols.ochp02.value_formats import WrongFormat
from echs.protocols.rows.payload import SEPARATOR, payload_of, payloads_of, row_of

UTC_ZONE = ZoneInfo("UTC")
LARGEST_OFFSET_S = 14 * 3600
# What stands in a mandatory field of a CDR that another protocol brought, where that has no such thing.
NO_PRODUCT, NO_TARIFF = "0", "A0"

Value = TypeVar("Value")


class CdrFormatReason(Reason):
    """Which text of a CDR cannot be read."""

    CDR_START_FORMAT = "CDR_START_FORMAT"
    CDR_END_FORMAT = "CDR_END_FORMAT"
    CDR_DURATION_FORMAT = "CDR_DURATION_FORMAT"
    CDR_VOLUME_FORMAT = "CDR_VOLUME_FORMAT"


class CdrRecord(NamedTuple):
    """The 20 texts of a CDR as received and as sent out again. Order: the deployed interface."""

    cdr_id: str
    start_datetime: str
    end_datetime: str
    duration: str
    volume: str
    address: str
    postal_code: str
    city: str
    country: str
    chargepoint_type: str
    product_type: str
    tariff_type: str
    token_id: str
    contract_id: str
    meter_id: str
    obis_code: str
    chargepoint_id: str
    provider_id: str
    operator_id: str
    evse_id: str


FIELDS = (
    Field("cdr_id", 64, mandatory=True),
    Field("start_datetime", 40, mandatory=True),
    Field("end_datetime", 40, mandatory=True),
    Field("duration", 16),
    Field("volume", 20, mandatory=True),
    Field("address", 255),
    Field("postal_code", 32),
    Field("city", 255),
    Field("country", 64),
    Field("chargepoint_type", 64),
    Field("product_type", 64, mandatory=True),
    Field("tariff_type", 64, mandatory=True),
    Field("token_id", 64, secret=True),
    Field("contract_id", 64, mandatory=True),
    Field("meter_id", 64, mandatory=True),
    Field("obis_code", 64),
    Field("chargepoint_id", 64, mandatory=True),
    Field("provider_id", 64, mandatory=True),
    Field("operator_id", 64, mandatory=True),
    Field("evse_id", 64),
)
# From the noun's name to the field, where that holds the same text.
SAME_TEXT = {
    "cdr_id": "cdr_id",
    "operator_id": "operator_id",
    "provider_id": "provider_id",
    "token_id": "token_id",
    "contract_id": "contract_id",
    "evse_id": "evse_id",
    "chargepoint_id": "chargepoint_id",
    "meter_id": "meter_id",
    "address": "address",
    "postal_code": "postal_code",
    "city": "city",
    "country": "country",
    "product": "product_type",
    "tariff_id": "tariff_type",
}
# Fields that the noun has no place for.
PAYLOAD_ONLY = ("chargepoint_type", "obis_code")

_CONTENT = itemgetter(*(place for place, field in enumerate(FIELDS) if field.name != "operator_id"))


# ---------------------------------------------------------------------- from texts to the noun


def record_of_payload(payload: str) -> CdrRecord:
    """The record of a payload."""
    return CdrRecord._make(row_of(payload))


def content_hash(operator_key: str, texts: Sequence[str]) -> str:
    """The SHA-256 of what was sent, in hexadecimal digits: of the operator's key and all texts in their order, but for
    the operator id, which is spelt as its sender likes.
    """
    said = SEPARATOR.join((operator_key, *_CONTENT(texts)))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def read_cdrs(
    records: Iterable[CdrRecord | Unreadable | RecordBatch], zone: ZoneInfo
) -> Iterator[Cdr | Unreadable | RecordBatch]:
    """The same as CDRs, in batches where the texts of a whole batch can be read; times without an offset are local ones
    in ``zone``.
    """
    position = 0
    for item in records:
        if isinstance(item, RecordBatch):
            cdrs = cdrs_of(item.rows)
            if cdrs is None:
                yield from (cdr_of(CdrRecord._make(row), zone) for row in item.rows)
            else:
                yield RecordBatch(cdrs)
            position += len(item.rows)
            continue
        if isinstance(item, CdrRecord):
            # Where a text holds the sign between texts, there is no payload to go on with.
            holds_separator = any(SEPARATOR in text for text in item)
            yield in_one_text(item, position) if holds_separator else cdr_of(item, zone)
        else:
            yield item
        position += 1


def in_one_text(record: CdrRecord, position: int) -> RecordProblems:
    """The problems of a record whose texts cannot stand in one payload."""
    problems = field_problems(FIELDS, record, position, ("cdr_id", record.cdr_id))
    return RecordProblems(next(problems), problems)


def cdr_of(record: CdrRecord, zone: ZoneInfo) -> Cdr:
    """What the texts mean, with an `UnreadableValue` for each that means nothing."""
    started = value_or_wrong(value_formats.local_time, record.start_datetime, zone)
    not_before = None if isinstance(started, UnreadableValue) else started
    ended = value_or_wrong(value_formats.local_time, record.end_datetime, zone, not_before)
    started_at, started_offset_s = instant_and_offset(started)
    ended_at, ended_offset_s = instant_and_offset(ended)
    operator_key = party_key(record.operator_id)
    values: dict[str, Any] = {
        **{name: getattr(record, field) for name, field in SAME_TEXT.items()},
        "operator_key": operator_key,
        "provider_key": party_key(record.provider_id),
        "started_at": started_at,
        "started_offset_s": started_offset_s,
        "ended_at": ended_at,
        "ended_offset_s": ended_offset_s,
        "duration_s": value_or_wrong(value_formats.duration_s, record.duration),
        "volume_e4_kwh": value_or_wrong(value_formats.volume_e4_kwh, record.volume),
        "protocol": PROTOCOL,
        "payload": payload_of(record),
        "content_hash": content_hash(operator_key, record),
    }
    return Cdr(**values)


def cdrs_of(rows: Sequence[Row]) -> list[Cdr] | None:
    """What `cdr_of` makes of many records; None where one of their texts may mean nothing, or what depends on who sends
    it.
    """
    texts = CdrRecord._make(zip(*rows, strict=True))
    started, ended = value_formats.utc_instants(texts.start_datetime), value_formats.utc_instants(texts.end_datetime)
    if started is None or ended is None:
        return None
    try:
        durations = list(map(value_formats.duration_s, texts.duration))
        volumes = list(map(value_formats.volume_e4_kwh, texts.volume))
    except WrongFormat:
        return None
    operator_keys = list(map(party_key, texts.operator_id))
    columns: dict[str, Iterable[Any]] = {
        **{name: getattr(texts, field) for name, field in SAME_TEXT.items()},
        "operator_key": operator_keys,
        "provider_key": map(party_key, texts.provider_id),
        "started_at": started,
        "started_offset_s": repeat(0),
        "ended_at": ended,
        "ended_offset_s": repeat(0),
        "duration_s": durations,
        "volume_e4_kwh": volumes,
        "protocol": repeat(PROTOCOL),
        "payload": payloads_of(rows),
        "content_hash": map(content_hash, operator_keys, rows),
    }
    return list(map(Cdr, *(columns[name] for name in Cdr._fields if name in columns)))


def value_or_wrong(parse: Callable[..., Value], text: str, *more: object) -> Value | WrongFormat:
    """What the text means, or why it means nothing."""
    try:
        return parse(text, *more)
    except WrongFormat as wrong:
        return wrong


def instant_and_offset(time: datetime | WrongFormat) -> tuple[datetime | WrongFormat, int]:
    """A local time as an instant in UTC and its offset in seconds."""
    if isinstance(time, WrongFormat):
        return time, 0
    return time.astimezone(UTC), round((time.utcoffset() or timedelta()).total_seconds())


# ---------------------------------------------------------------------- from the noun to texts


def record_of(cdr: Cdr) -> CdrRecord:
    """A CDR as OCHP 0.2 says it: as it was sent, where it was sent so; else its values in the texts of the protocol.

    Prices, periods and revisions cannot be said in OCHP 0.2.
    """
    if cdr.protocol == PROTOCOL:
        return record_of_payload(cdr.payload)
    return CdrRecord(
        **{field: getattr(cdr, name) for name, field in SAME_TEXT.items() if name not in INSTEAD},
        **{SAME_TEXT[name]: instead(cdr) for name, instead in INSTEAD.items()},
        start_datetime=local_text(cdr.started_at, cdr.started_offset_s),
        end_datetime=local_text(cdr.ended_at, cdr.ended_offset_s),
        duration=duration_text(cdr.duration_s),
        volume=kwh(cdr.volume_e4_kwh),
        **dict.fromkeys(PAYLOAD_ONLY, ""),
    )


# What stands in a mandatory field where the noun's text is empty.
INSTEAD: Mapping[str, Callable[[Cdr], str]] = {
    "product": lambda cdr: cdr.product or NO_PRODUCT,
    "tariff_id": lambda cdr: cdr.tariff_id or NO_TARIFF,
    "meter_id": lambda cdr: cdr.meter_id or cdr.socket,
    "chargepoint_id": lambda cdr: cdr.chargepoint_id or cdr.evse_id,
}


def local_text(instant: datetime, offset_s: int) -> str:
    """The local time of an instant, with its offset in full minutes and without fractions of a second."""
    east = timedelta(minutes=offset_s // 60)
    local = (instant + east).replace(tzinfo=None, microsecond=0)
    sign, minutes = ("-" if east < timedelta() else "+"), abs(east) // timedelta(minutes=1)
    return f"{local.isoformat()}{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def duration_text(duration_s: int | None) -> str:
    """``h:mm:ss``, or nothing where nothing was stated."""
    if duration_s is None:
        return ""
    return f"{duration_s // 3600}:{duration_s // 60 % 60:02d}:{duration_s % 60:02d}"


# ---------------------------------------------------------------------- what must hold of the texts


def unreadable(field: str, name: str) -> Callable[[Cdr, None], str | None]:
    """The rule that the text of a field has a value, which is the noun's of this name."""

    def violation(cdr: Cdr, _context: None) -> str | None:
        value = getattr(cdr, name)
        return f"{shown(FORMAT.sent(cdr, field))} {value}" if isinstance(value, UnreadableValue) else None

    return violation


RULES: tuple[Rule[Cdr, None], ...] = tuple(
    Rule(name, Severity.REJECT, field, unreadable(field, value), meaning, source)
    for name, field, value, meaning, source in (
        (
            CdrFormatReason.CDR_START_FORMAT,
            "start_datetime",
            "started_at",
            "cannot be read as a time",
            "OCHP 0.2, 4.2; deployed systems use a space instead of T and omit the zone",
        ),
        (
            CdrFormatReason.CDR_END_FORMAT,
            "end_datetime",
            "ended_at",
            "cannot be read as a time",
            "OCHP 0.2, 4.2",
        ),
        (
            CdrFormatReason.CDR_DURATION_FORMAT,
            "duration",
            "duration_s",
            "cannot be read as a duration",
            "OCHP 0.2, 4.2; the field writes seconds too",
        ),
        (
            CdrFormatReason.CDR_VOLUME_FORMAT,
            "volume",
            "volume_e4_kwh",
            "cannot be read as kWh: a sign, an exponent or a fifth decimal",
            "OCHP 0.2, 4.2 (N4,N4); Hubject (no negative energy)",
        ),
    )
)


class OchpCdrFormat:
    """What OCHP 0.2 knows of its CDRs; see `echs.cdrs.cdr.CdrFormat`."""

    name = PROTOCOL
    unique_ids = False

    def sent(self, cdr: Cdr, field: str) -> str:
        """The text of a field as it was sent."""
        return str(getattr(record_of_payload(cdr.payload), field))

    def problems(self, cdr: Cdr, position: int) -> Iterator[Problem]:
        """What is wrong with a record's fields as such, then with what cannot be read."""
        wrong_fields = set()
        for problem in field_problems(FIELDS, record_of_payload(cdr.payload), position, label(cdr)):
            wrong_fields.add(problem.field)
            yield problem
        for finding in findings(RULES, cdr, None):
            rule = finding.rule
            if rule.field not in wrong_fields:
                yield Problem(rule.name, finding.detail, position=position, field=rule.field, label=label(cdr))

    def difference(self, payload: str, other: str) -> Difference | None:
        """The first field in which two records of one key differ. The operator id is part of the key, which is compared
        without regard to case.
        """
        for field, a, b in zip(FIELDS, record_of_payload(payload), record_of_payload(other), strict=True):
            if a != b and field.name != "operator_id":
                return Difference(field.name, a, b, field.secret)
        return None

    def texts(self, payload: str) -> list[FieldText]:
        """The values of a record for people."""
        record = record_of_payload(payload)
        named = zip(FIELDS, record, strict=True)
        return [FieldText(field.name, text, field.secret) for field, text in named]

    def noun(self, stored: Mapping[str, Any]) -> Cdr:
        """The CDR of a row of the store. A time without an offset was read in the zone that its sender had then."""
        times = {name: stored[name] for name in ("started_at", "started_offset_s", "ended_at", "ended_offset_s")}
        return cdr_of(record_of_payload(stored["payload"]), UTC_ZONE)._replace(revision=stored["revision"], **times)

    def inconsistencies(self, stored: Mapping[str, Any]) -> Iterator[str]:
        """Which columns of a stored CDR are not what its payload says. A time without an offset was read in the zone
        that its sender had then, so its offset is taken as stored.
        """
        try:
            record = record_of_payload(stored["payload"])
        except TypeError:
            yield "the payload, which is no record,"
            return
        expected: dict[str, object] = {
            "operator_key": party_key(record.operator_id),
            "provider_key": party_key(record.provider_id),
            **{name: getattr(record, field) for name, field in SAME_TEXT.items()},
            "content_hash": content_hash(stored["operator_key"], record),
            "kind": Cdr._field_defaults["kind"],
            "cost_e6": None,
            "currency": None,
            "duration_s": value_or_wrong(value_formats.duration_s, record.duration),
            "volume_e4_kwh": value_or_wrong(value_formats.volume_e4_kwh, record.volume),
        }
        for name, value in expected.items():
            if name in stored and stored[name] != value:
                yield name
        for name, text in (("started", record.start_datetime), ("ended", record.end_datetime)):
            if not is_time_of(text, stored[f"{name}_at"], stored[f"{name}_offset_s"]):
                yield f"{name}_at"
        if stored["ended_at"] < stored["started_at"]:
            yield "ended_at, which is before started_at,"


def is_time_of(text: str, instant: datetime, offset_s: int) -> bool:
    """Whether a text says this instant with this offset."""
    written = value_or_wrong(value_formats.local_time, text, UTC_ZONE)
    if isinstance(written, WrongFormat) or abs(offset_s) > LARGEST_OFFSET_S:
        return False
    said = written.replace(tzinfo=None) == (instant + timedelta(seconds=offset_s)).replace(tzinfo=None)
    explicit = written.tzinfo is not UTC_ZONE
    return said and (not explicit or written.utcoffset() == timedelta(seconds=offset_s))


FORMAT = OchpCdrFormat()
