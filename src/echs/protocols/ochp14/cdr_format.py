"""CDRs of OCHP 1.4 (CDRInfo): the way from elements to the noun, and what the protocol knows of a stored one.

A payload is the canonical text of what stands in the element, but for its status: that changes.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from echs.base.energy import UNITS_PER_KWH
from echs.base.errors import Problem
from echs.base.fields import FieldText
from echs.base.money import UNITS_PER_CURRENCY, Money
from echs.base.upload_validation import RecordBatch
from echs.cdrs.cdr import Cdr, Difference, Period
from echs.cdrs.part_intake import Implausible
from echs.cdrs.part_plan import SentCdr
from echs.cdrs.rules import ENERGY
from echs.cdrs.transitions import Event
from echs.partners.market_ids import market_id_of
from echs.partners.partner import party_key
from echs.protocols.ochp14.cdr_tree import CDR, CDR_ID
from echs.protocols.ochp14.cdr_value_rules import CdrValueReason, value_problems
from echs.protocols.ochp14.cdr_values import (
    CdrTexts,
    CdrValues,
    PeriodValues,
    RegularTexts,
    texts_of_payload,
    values_of,
)
from echs.protocols.ochp14.contracts import PROTOCOL
from echs.protocols.ochp14.token_format import REMOTE, REPRESENTATIONS
from echs.protocols.ochp14.tree_types import TREES, TreeReading, labelled, parsed, texts_below
from echs.protocols.soap.element import Element
from echs.protocols.soap.record_skeletons import SkeletonRecord, TreeShape
from echs.tokens.token import Representation

_SHAPES: dict[str, TreeShape] = {}
_STATUS = re.compile("<status>(?:<CdrStatusType>([^<]*)</CdrStatusType>)?</status>")
# From the names that problems have for fields to the way to them.
SPELLING = {
    "cdr_id": "CdrId",
    "operator_id": "evseId",
    "start_datetime": "startDateTime/LocalDateTime",
    "end_datetime": "endDateTime/LocalDateTime",
    "duration": "duration",
    "volume": "chargingPeriods/billingValue",
    "token_id": "emtId/instance",
    "evse_id": "evseId",
    "country": "chargePointAddress/country",
    "provider_id": "contractId",
    "status": "status/CdrStatusType",
}
EVENTS = {each.value: each for each in Event}
# What a markup is made of is worked out once.
regular_texts = lru_cache(maxsize=1000)(RegularTexts)


@dataclass(frozen=True, slots=True)
class Parties:
    """The party ids by which CDRs are for somebody, by market id: those of the sender as an operator, None where
    anybody may send them, and those of all providers.
    """

    operators: Mapping[str, str] | None
    providers: Mapping[str, str]
    # The market ids of providers that several partners have.
    of_several: frozenset[str] = frozenset()


def cdr_shape(namespace: str) -> TreeShape:
    """CDRs in a request."""
    return _SHAPES.setdefault(namespace, TreeShape(namespace, CDR.name, TREES))


def read_cdrs(
    items: Iterable[Element | RecordBatch], namespace: str, parties: Parties
) -> Iterator[SentCdr | Implausible]:
    """The CDRs of a request, or what is wrong with each; those of known markups come in runs."""
    position = 0
    for item in items:
        if isinstance(item, RecordBatch):
            for record in item.rows:
                yield read_regular_cdr(record, position, namespace, parties)
                position += 1
        else:
            yield read_cdr(item, position, namespace, parties)
            position += 1


def read_regular_cdr(record: SkeletonRecord, position: int, namespace: str, parties: Parties) -> SentCdr | Implausible:
    """A CDR of a known markup, or what is wrong with it."""
    reading = TreeReading(namespace, position)
    outline = reading.outline(record, CDR)
    said = None if outline is None else outline.said(record.values)
    if outline is None or said is None:
        return read_cdr(record.skeleton.element(record.values), position, namespace, parties)
    texts = regular_texts(outline).of(said)
    return read_texts(texts, outline.filled(said), position, parties)


def read_cdr(element: Element, position: int, namespace: str, parties: Parties) -> SentCdr | Implausible:
    """A CDR of a request, or what is wrong with it."""
    reading = TreeReading(namespace, position)
    if element.name not in {f"{namespace} {name}" for name in (CDR.name, *CDR.spellings)}:
        return Implausible("", reading.stray(element, CDR.name))
    text = reading.record(element, CDR)
    found = element.first(f"{namespace} CdrId")
    if reading.problems:
        cdr_id = "" if found is None or CDR_ID(found.text.strip()) else found.text.strip()
        return Implausible(cdr_id, labelled(reading.problems, ("CdrId", cdr_id) if cdr_id else None))
    return read_texts(texts_of_payload(text), text, position, parties)


def read_texts(texts: CdrTexts, text: str, position: int, parties: Parties) -> SentCdr | Implausible:
    """A CDR whose texts are all right, and its canonical text; or what is wrong between them."""
    problems: list[Problem] = []
    if texts.status in EVENTS:
        cdr = values_of(texts)
        problems += value_problems(cdr, position)
        problems += ownership(texts, position, parties)
        if not problems:
            return SentCdr(noun_of(cdr, _STATUS.sub("", text, count=1), parties), EVENTS[texts.status])
    else:
        detail = f'"{texts.status}" is the clearing house\'s to say; send new, revised or rejected'
        problems.append(Problem(CdrValueReason.CDR_EVENT, detail, position, SPELLING["status"], field_as_sent=True))
    return Implausible(texts.cdr_id, labelled(problems, ("CdrId", texts.cdr_id)))


def ownership(texts: CdrTexts, position: int, parties: Parties) -> Iterator[Problem]:
    """A CDR is of the operator that sends it: its id and that of the EVSE begin with a market id of the sender."""
    provider = market_id_of(texts.contract_id)
    if provider in parties.of_several:
        detail = f'several partners have the market id "{provider}"; the clearing house must part them'
        yield Problem(CdrValueReason.CDR_PROVIDER_AMBIGUOUS, detail, position, "contractId", field_as_sent=True)
    if parties.operators is None:
        return
    for name, value in (("CdrId", texts.cdr_id), ("evseId", texts.evse_id)):
        begins = market_id_of(value)
        if begins not in parties.operators:
            yours = ", ".join(sorted(parties.operators)) or "none: ask the clearing house"
            detail = f'"{begins}" is not your market id; yours: {yours}'
            yield Problem(CdrValueReason.CDR_ID_FOREIGN, detail, position, name, field_as_sent=True)
            return


def noun_of(cdr: CdrValues, payload: str, parties: Parties) -> Cdr:
    """What a CDR means, whose parties are to be found by their market ids."""
    # The CDR id is what it is found by again; its EVSE may be of another market id of the same operator.
    operator_id = market_id_of(cdr.texts.cdr_id) or ""
    if parties.operators is not None:
        operator_id = parties.operators[operator_id]
    market_id = market_id_of(cdr.texts.contract_id) or ""
    return cdr_of(cdr, payload, operator_id, parties.providers.get(market_id, market_id))


def cdr_of(cdr: CdrValues, payload: str, operator_id: str, provider_id: str) -> Cdr:
    """What a CDR means, between these party ids."""
    texts = cdr.texts
    periods = tuple([period_of(each) for each in cdr.periods])
    plain = REPRESENTATIONS[texts.representation] is Representation.PLAIN
    operator_key = party_key(operator_id)
    return Cdr(
        operator_key=operator_key,
        cdr_id=texts.cdr_id,
        operator_id=operator_id,
        provider_key=party_key(provider_id),
        provider_id=provider_id,
        started_at=in_utc(cdr.start),
        started_offset_s=offset_s(cdr.start),
        ended_at=in_utc(cdr.end),
        ended_offset_s=offset_s(cdr.end),
        duration_s=duration_of(texts.duration),
        volume_e4_kwh=volume_of(cdr.periods),
        token_id=texts.instance if plain and texts.token_type != REMOTE else "",
        contract_id=texts.contract_id,
        evse_id=texts.evse_id,
        chargepoint_id="",
        meter_id=texts.meter_id,
        address=" ".join(filter(None, (texts.address, texts.house_number))),
        postal_code=texts.zip_code,
        city=texts.city,
        country=texts.country,
        product="",
        tariff_id=texts.tariff_id,
        protocol=PROTOCOL,
        payload=payload,
        content_hash=content_hash(operator_key, payload),
        cost=cost_of(cdr, periods),
        periods=periods,
    )


@lru_cache(maxsize=8192)
def in_utc(time: datetime) -> datetime:
    """A local time in UTC; those of a CDR stand in its periods again."""
    return time.astimezone(UTC)


def offset_s(time: datetime) -> int:
    """The offset of a local time from UTC, in seconds."""
    return round((time.utcoffset() or timedelta()).total_seconds())


def period_of(period: PeriodValues) -> Period:
    """A billing period."""
    tax = period.texts.tax
    return Period(
        started_at=in_utc(period.start),
        ended_at=in_utc(period.end),
        item=period.texts.item,
        quantity_e6=millionths(period.quantity),
        price_e6=millionths(period.price),
        cost_e6=None if period.stated_cost is None else millionths(period.stated_cost),
        tax_percent=int(tax) if tax else None,
    )


def millionths(number: Decimal) -> int:
    """A number in millionths, rounded to even."""
    return round(number * UNITS_PER_CURRENCY)


def duration_of(text: str) -> int | None:
    """A duration in seconds."""
    if not text:
        return None
    hours, minutes, seconds = map(int, text.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def volume_of(periods: Iterable[PeriodValues]) -> int:
    """The energy of all periods of energy, in 0.0001 kWh."""
    return round(sum((each.quantity for each in periods if each.texts.item == ENERGY), Decimal()) * UNITS_PER_KWH)


def cost_of(cdr: CdrValues, periods: Sequence[Period]) -> Money | None:
    """What a CDR costs, net: as it is stated, or the sum of its periods; None where it is not rated."""
    if cdr.texts.total:
        return Money(millionths(Decimal(cdr.texts.total)), cdr.texts.currency)
    if not any(period.price_e6 or period.cost_e6 for period in periods):
        return None
    return Money(millionths(cdr.total), cdr.texts.currency)


def content_hash(operator_key: str, payload: str) -> str:
    """The SHA-256 of what was sent, but for its status, in hexadecimal digits."""
    return hashlib.sha256(f"{operator_key}\x1f{payload}".encode("utf-8", "surrogatepass")).hexdigest()


class Ochp14CdrFormat:
    """What OCHP 1.4 knows of its CDRs; see `echs.cdrs.cdr.CdrFormat`."""

    name = PROTOCOL
    # They begin with the market id of their operator.
    unique_ids = True

    def sent(self, cdr: Cdr, field: str) -> str:
        """The text of a field as it was sent."""
        return parsed(cdr.payload).findtext(SPELLING.get(field, field)) or ""

    def problems(self, cdr: Cdr, position: int) -> Iterator[Problem]:
        """None: what is wrong with the form of a record is found where it is read."""
        return iter(())

    def difference(self, payload: str, other: str) -> Difference | None:
        """The first value in which two records of one key differ."""
        one, two = (list(texts_below(parsed(each), "")) for each in (payload, other))
        for a, b in zip(one, two, strict=False):
            if a != b:
                secret = "instance" in (a.name.rpartition("/")[2], b.name.rpartition("/")[2])
                return Difference(a.name, a.text, b.text, secret)
        return None

    def texts(self, payload: str) -> list[FieldText]:
        """The values of a record for people, each with the way to it."""
        found = texts_below(parsed(payload), "")
        return [each._replace(secret=each.name == SPELLING["token_id"]) for each in found]

    def noun(self, stored: Mapping[str, Any]) -> Cdr:
        """The CDR of a row of the store."""
        values = values_of(texts_of_payload(stored["payload"]))
        found = cdr_of(values, stored["payload"], stored["operator_id"], stored["provider_id"])
        return found._replace(revision=stored["revision"])

    def inconsistencies(self, stored: Mapping[str, Any]) -> Iterator[str]:
        """Which columns of a stored CDR are not what its payload says."""
        try:
            expected = self.noun(stored)
        except (ValueError, ArithmeticError, AttributeError, LookupError, TypeError, SyntaxError):
            yield "the payload, which is no record,"
            return
        values = expected._asdict() | {
            "kind": expected.kind.value,
            "cost_e6": None if expected.cost is None else expected.cost.amount_e6,
            "currency": None if expected.cost is None else expected.cost.currency,
        }
        for name, value in values.items():
            if name in stored and stored[name] != value:
                yield name


FORMAT = Ochp14CdrFormat()
