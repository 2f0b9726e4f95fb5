"""CDRs of OCHP 1.4 (CDRInfo): the way from elements to the noun, and what the protocol knows of a stored one.

A payload is the canonical text of what stands in the element, but for its status: that changes.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from echs.base.energy import UNITS_PER_KWH
from echs.base.errors import Problem, Unreadable
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
from echs.protocols.ochp14.cdr_tree import CDR, CDR_ID, CdrValueReason, span_of, texts_of, value_problems
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
}


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
    text = reading.regular(record, CDR)
    if text is None:
        return read_cdr(record.skeleton.element(record.values), position, namespace, parties)
    return read_text(text, text[len("<CdrId>") : text.index("</CdrId>")], reading, parties)


def read_cdr(element: Element, position: int, namespace: str, parties: Parties) -> SentCdr | Implausible:
    """A CDR of a request, or what is wrong with it."""
    reading = TreeReading(namespace, position)
    if element.name not in {f"{namespace} {name}" for name in (CDR.name, *CDR.spellings)}:
        return Implausible("", reading.stray(element, CDR.name))
    text = reading.record(element, CDR)
    found = element.first(f"{namespace} CdrId")
    cdr_id = "" if found is None or CDR_ID(found.text.strip()) else found.text.strip()
    return read_text(text, cdr_id, reading, parties)


def read_text(text: str, cdr_id: str, reading: TreeReading, parties: Parties) -> SentCdr | Implausible:
    """A CDR of its canonical text, or what is wrong with it besides what its reading found."""
    position = reading.position
    status = _STATUS.search(text)
    payload = _STATUS.sub("", text, count=1)
    event = None if status is None else status[1]
    if not reading.problems and event not in tuple(Event):
        detail = f'"{event}" is the clearing house\'s to say; send new, revised or rejected'
        reading.problems.append(
            Problem(CdrValueReason.CDR_EVENT, detail, position, "status/CdrStatusType", field_as_sent=True)
        )
    if not reading.problems:
        cdr = parsed(payload)
        reading.problems += value_problems(cdr, position)
        reading.problems += ownership(cdr, position, parties)
        if not reading.problems:
            return SentCdr(noun_of(cdr, payload, parties), Event(str(event)))
    wrong: Unreadable = labelled(reading.problems, ("CdrId", cdr_id) if cdr_id else None)
    return Implausible(cdr_id, wrong)


def ownership(cdr: Any, position: int, parties: Parties) -> Iterator[Problem]:
    """A CDR is of the operator that sends it: its id and that of the EVSE begin with a market id of the sender."""
    provider = market_id_of(cdr.findtext("contractId"))
    if provider in parties.of_several:
        detail = f'several partners have the market id "{provider}"; the clearing house must part them'
        yield Problem(CdrValueReason.CDR_PROVIDER_AMBIGUOUS, detail, position, "contractId", field_as_sent=True)
    if parties.operators is None:
        return
    yours = ", ".join(sorted(parties.operators)) or "none: ask the clearing house"
    for name in ("CdrId", "evseId"):
        begins = market_id_of(cdr.findtext(name))
        if begins not in parties.operators:
            detail = f'"{begins}" is not your market id; yours: {yours}'
            yield Problem(CdrValueReason.CDR_ID_FOREIGN, detail, position, name, field_as_sent=True)
            return


def noun_of(cdr: Any, payload: str, parties: Parties) -> Cdr:
    """What a CDR means, whose parties are to be found by their market ids."""
    # The CDR id is what it is found by again; its EVSE may be of another market id of the same operator.
    operator_id = market_id_of(cdr.findtext("CdrId")) or ""
    if parties.operators is not None:
        operator_id = parties.operators[operator_id]
    market_id = market_id_of(cdr.findtext("contractId")) or ""
    return cdr_of(cdr, payload, operator_id, parties.providers.get(market_id, market_id))


def cdr_of(cdr: Any, payload: str, operator_id: str, provider_id: str) -> Cdr:
    """What a CDR means, between these party ids."""

    children = {child.tag: child for child in cdr}

    def text(name: str) -> str:
        found = children.get(name)
        return "" if found is None else found.text or ""

    started, ended = span_of(cdr)
    charged = [(each, texts_of(each)) for each in cdr.iterchildren("chargingPeriods")]
    periods = tuple(period_of(each, texts) for each, texts in charged)
    costs = [texts for _, texts in charged]
    emt, address = texts_of(children["emtId"]), texts_of(children["chargePointAddress"])
    plain = REPRESENTATIONS[children["emtId"].get("representation", "")] is Representation.PLAIN
    token_id = emt["instance"] if plain and emt["tokenType"] != REMOTE else ""
    operator_key = party_key(operator_id)
    return Cdr(
        operator_key=operator_key,
        cdr_id=text("CdrId"),
        operator_id=operator_id,
        provider_key=party_key(provider_id),
        provider_id=provider_id,
        started_at=started.astimezone(UTC),
        started_offset_s=offset_s(started),
        ended_at=ended.astimezone(UTC),
        ended_offset_s=offset_s(ended),
        duration_s=duration_of(text("duration")),
        volume_e4_kwh=volume_of(periods, costs),
        token_id=token_id,
        contract_id=text("contractId"),
        evse_id=text("evseId"),
        chargepoint_id="",
        meter_id=text("meterId"),
        address=" ".join(filter(None, (address.get("address"), address.get("houseNumber")))),
        postal_code=address.get("zipCode", ""),
        city=address.get("city", ""),
        country=address.get("country", ""),
        product="",
        tariff_id=texts_of(children["connectorType"]).get("tariffId", ""),
        protocol=PROTOCOL,
        payload=payload,
        content_hash=content_hash(operator_key, payload),
        cost=cost_of(text("totalCost"), text("currency"), periods, costs),
        periods=periods,
    )


def offset_s(time: datetime) -> int:
    """The offset of a local time from UTC, in seconds."""
    return round((time.utcoffset() or timedelta()).total_seconds())


def period_of(period: Any, texts: Mapping[str, str]) -> Period:
    """A billing period, of its element and the texts in it."""
    cost, tax = texts.get("periodCost"), texts.get("taxrate")
    started, ended = span_of(period)
    return Period(
        started_at=started.astimezone(UTC),
        ended_at=ended.astimezone(UTC),
        item=next((child[0].text for child in period if child.tag == "billingItem"), ""),
        quantity_e6=millionths(Decimal(texts["billingValue"])),
        price_e6=millionths(Decimal(texts["itemPrice"])),
        cost_e6=None if cost is None else millionths(Decimal(cost)),
        tax_percent=None if tax is None else int(tax),
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


def volume_of(periods: Sequence[Period], texts: Sequence[Mapping[str, str]]) -> int:
    """The energy of all periods of energy, in 0.0001 kWh."""
    energy = (
        Decimal(each["billingValue"]) for period, each in zip(periods, texts, strict=True) if period.item == ENERGY
    )
    return round(sum(energy, Decimal()) * UNITS_PER_KWH)


def cost_of(total: str, currency: str, periods: Sequence[Period], texts: Sequence[Mapping[str, str]]) -> Money | None:
    """What a CDR costs, net: as it is stated, or the sum of its periods; None where it is not rated."""
    if total:
        return Money(millionths(Decimal(total)), currency)
    if not any(period.price_e6 or period.cost_e6 for period in periods):
        return None
    costs = (
        Decimal(each["periodCost"])
        if "periodCost" in each
        else Decimal(each["billingValue"]) * Decimal(each["itemPrice"])
        for each in texts
    )
    return Money(millionths(sum(costs, Decimal())), currency)


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
        found = cdr_of(parsed(stored["payload"]), stored["payload"], stored["operator_id"], stored["provider_id"])
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
