"""The values of a CDR of OCHP 1.4 (CDRInfo): its texts by name, from whatever way they were read, and their numbers."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

from echs.protocols.ochp14.cdr_tree import PERIOD, local_time
from echs.protocols.ochp14.tree_fast_path import Outline
from echs.protocols.ochp14.tree_types import parsed

# Of the parts that hold values, the way to each of its texts.
WAYS = {
    "cdr_id": "CdrId",
    "evse_id": "evseId",
    "instance": "emtId/instance",
    "token_type": "emtId/tokenType",
    "contract_id": "contractId",
    "start": "startDateTime/LocalDateTime",
    "end": "endDateTime/LocalDateTime",
    "duration": "duration",
    "house_number": "chargePointAddress/houseNumber",
    "address": "chargePointAddress/address",
    "city": "chargePointAddress/city",
    "zip_code": "chargePointAddress/zipCode",
    "country": "chargePointAddress/country",
    "tariff_id": "connectorType/tariffId",
    "meter_id": "meterId",
    "total": "totalCost",
    "currency": "currency",
    "status": "status/CdrStatusType",
}
PERIOD_WAYS = {
    "start": "startDateTime/LocalDateTime",
    "end": "endDateTime/LocalDateTime",
    "item": "billingItem/BillingItemType",
    "quantity": "billingValue",
    "price": "itemPrice",
    "cost": "periodCost",
    "tax": "taxrate",
}
Get = Callable[[Sequence[str]], tuple[str, ...]]


class PeriodTexts(NamedTuple):
    """The texts of a billing period, in the order of `PERIOD_WAYS`; an absent one is empty."""

    start: str
    end: str
    item: str
    quantity: str
    price: str
    cost: str
    tax: str


class CdrTexts(NamedTuple):
    """The texts of a CDR, in the order of `WAYS`, and its periods; an absent one is empty."""

    cdr_id: str
    evse_id: str
    instance: str
    token_type: str
    contract_id: str
    start: str
    end: str
    duration: str
    house_number: str
    address: str
    city: str
    zip_code: str
    country: str
    tariff_id: str
    meter_id: str
    total: str
    currency: str
    status: str
    representation: str
    periods: tuple[PeriodTexts, ...]


def texts_of_payload(payload: str) -> CdrTexts:
    """The texts of a canonical text.

    :raises ValueError, SyntaxError: it is none of a CDR
    """
    cdr = parsed(payload)
    given, periods = texts_by_way(cdr)
    emt = cdr.find("emtId")
    if emt is None:
        raise ValueError("a payload is no CDR")
    found = [given.get(way, "") for way in WAYS.values()]
    charged = tuple(PeriodTexts._make([each.get(way, "") for way in PERIOD_WAYS.values()]) for each in periods)
    return CdrTexts._make((*found, emt.get("representation", ""), charged))


def texts_by_way(element: Any) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The texts of an element and of the elements in it, by their ways; of periods apart."""
    found: dict[str, str] = {}
    periods: list[dict[str, str]] = []
    for child in element:
        if child.tag == PERIOD.name:
            periods.append(texts_by_way(child)[0])
        elif len(child):
            found |= {f"{child.tag}/{inner.tag}": inner.text or "" for inner in child}
        else:
            found[child.tag] = child.text or ""
    return found, periods


class RegularTexts:
    """The texts of CDRs of one markup: which of the values of its outline each is."""

    def __init__(self, outline: Outline) -> None:
        places = texts_of_payload(outline.filled([str(place) for place in range(outline.count)]))
        # Behind the values stand an empty text, for what is absent, and what the markup itself says.
        self._constants = ["", places.representation]
        absent = outline.count
        whole = [int(getattr(places, name) or absent) for name in WAYS]
        self._whole: Get = itemgetter(*whole, absent + 1)
        self._periods: list[Get] = [itemgetter(*(int(each or absent) for each in period)) for period in places.periods]

    def of(self, values: Sequence[str]) -> CdrTexts:
        """The texts of a record with these values of the outline."""
        every = [*values, *self._constants]
        periods = tuple([PeriodTexts._make(period(every)) for period in self._periods])
        return CdrTexts._make((*self._whole(every), periods))


class PeriodValues(NamedTuple):
    """A billing period in numbers; ``computed`` is quantity times price, which it costs where nothing is stated."""

    start: datetime
    end: datetime
    quantity: Decimal
    price: Decimal
    stated_cost: Decimal | None
    computed: Decimal
    texts: PeriodTexts


class CdrValues(NamedTuple):
    """A CDR in numbers: when it was, what each period is, and what they cost together."""

    texts: CdrTexts
    start: datetime
    end: datetime
    periods: tuple[PeriodValues, ...]
    total: Decimal


def values_of(texts: CdrTexts) -> CdrValues:
    """The numbers of texts that are all right.

    :raises ValueError, ArithmeticError: they are not
    """
    periods, total = [], Decimal()
    for each in texts.periods:
        quantity, price = Decimal(each.quantity), Decimal(each.price)
        computed = quantity * price
        stated = Decimal(each.cost) if each.cost else None
        periods.append(PeriodValues(time_of(each.start), time_of(each.end), quantity, price, stated, computed, each))
        total += computed if stated is None else stated
    return CdrValues(texts, time_of(texts.start), time_of(texts.end), tuple(periods), total)


def time_of(text: str) -> datetime:
    """A local time.

    :raises ValueError: it is none
    """
    found = local_time(text)
    if found is None:
        raise ValueError("a payload is no CDR")
    return found
