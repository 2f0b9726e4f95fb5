"""Tariffs of OCHP 1.4 (TariffInfo): what may stand in one, and the way from elements to the noun and back."""

import re
from collections.abc import Callable, Iterable, Iterator

from echs.base.errors import Problem, Unreadable
from echs.partners.market_ids import market_id_of, market_ids_of
from echs.partners.partner import Partner, PartyRole
from echs.protocols.ochp14.contracts import PROTOCOL
from echs.protocols.ochp14.leaf_rules import (
    BILLING_ITEMS,
    COUNT,
    NOT_NEGATIVE,
    REGULAR_HOURS,
    TARIFF_ID,
    Checked,
    Rule,
    as_time,
    currencies,
    leaf,
    pattern,
    time_or_day,
    whole,
)
from echs.protocols.ochp14.tree_types import ANY_NUMBER, Leaf, Node, TreeReading, labelled, texts_at, wrapped
from echs.protocols.ochp14.value_formats import one_of
from echs.protocols.soap.element import Element
from echs.tariffs.tariff import Tariff, TariffPart, TariffReason
from echs.tariffs.tariff_book import GivenTariff


def currency_rule(value: str) -> Checked:
    """A currency of ISO 4217."""
    if value in currencies():
        return None
    return TariffReason.CURRENCY_UNKNOWN, "is no currency of ISO 4217 like EUR"


RECIPIENT = pattern("[A-Z0-9]{1,5}", "a market id like NLTNM")


def limit(name: str, rule: Rule = NOT_NEGATIVE, said: Callable[[str], str] = str) -> Leaf:
    """A limit of a restriction, which may be absent."""
    return leaf(name, rule, least=0, said=said)


RESTRICTION = Node(
    "tariffRestriction",
    (
        REGULAR_HOURS,
        wrapped("startDateTime", leaf("DateTime", time_or_day, said=as_time), least=0),
        wrapped("endDateTime", leaf("DateTime", time_or_day, said=as_time), least=0),
        *(limit(name) for name in ("minEnergy", "maxEnergy", "minPower", "maxPower")),
        *(limit(name, COUNT, whole) for name in ("minDuration", "maxDuration")),
    ),
)
COMPONENT = Node(
    "priceComponent",
    (
        wrapped("billingItem", leaf("BillingItemType", one_of(BILLING_ITEMS))),
        leaf("itemPrice", NOT_NEGATIVE),
        leaf("stepSize", NOT_NEGATIVE),
    ),
)
INDIVIDUAL = Node(
    "individualTariff",
    (
        Node("tariffElement", (COMPONENT, RESTRICTION), most=ANY_NUMBER),
        leaf("recipient", RECIPIENT, least=0, most=ANY_NUMBER),
        leaf("currency", currency_rule),
    ),
    most=ANY_NUMBER,
)
TARIFF = Node("TariffInfoArray", (leaf("tariffId", TARIFF_ID), INDIVIDUAL), spellings=("tariffInfoArray",))
_RECIPIENTS = re.compile("<recipient>[A-Z0-9]{1,5}</recipient>")
_INSIDE = re.compile("<individualTariff>(.*?)</individualTariff>", re.DOTALL)


def read_tariff(element: Element, position: int, namespace: str, owner: Partner | None) -> Tariff | Unreadable:
    """A tariff of a request that ``owner`` sends, or what is wrong with it; of nobody, ids may be anybody's."""
    reading = TreeReading(namespace, position)
    if element.name not in {f"{namespace} {name}" for name in (TARIFF.name, *TARIFF.spellings)}:
        return reading.stray(element, TARIFF.name)
    text = reading.record(element, TARIFF)
    tariff_id = next(iter(texts_at(element, ["tariffId"], namespace)), "")
    if not reading.problems:
        reading.problems += ownership(tariff_id, position, owner) if owner is not None else ()
        reading.problems += twice_named(element, position, namespace)
    if reading.problems:
        return labelled(reading.problems, ("tariffId", tariff_id) if tariff_id else None)
    parts = [
        TariffPart(tuple(texts_at(individual, ["recipient"], namespace)), _RECIPIENTS.sub("", inside))
        for individual, inside in zip(element.all(f"{namespace} {INDIVIDUAL.name}"), _INSIDE.findall(text), strict=True)
    ]
    return Tariff(tariff_id, tuple(parts), PROTOCOL)


def read_tariffs(
    elements: Iterable[Element], namespace: str, owner: Partner | None
) -> Iterator[tuple[int, Element, Tariff | Unreadable]]:
    """The tariffs of a request with their positions and elements, or what is wrong with each; none of them twice."""
    met: set[str] = set()
    for position, element in enumerate(elements):
        found = read_tariff(element, position, namespace, owner)
        if isinstance(found, Tariff) and found.key in met:
            detail = "stands more than once in this request"
            found = Problem(TariffReason.TARIFF_TWICE, detail, position, "tariffId", field_as_sent=True)
        elif isinstance(found, Tariff):
            met.add(found.key)
        yield position, element, found


def ownership(tariff_id: str, position: int, owner: Partner) -> Iterator[Problem]:
    """A tariff begins with a market id of its operator."""
    yours = market_ids_of(owner, PartyRole.OPERATOR)
    begins = market_id_of(tariff_id)
    if begins not in yours:
        told = f"yours: {', '.join(sorted(yours))}" if yours else "you have none as an operator: ask the clearing house"
        detail = f'"{begins}" is not your market id; {told}'
        yield Problem(TariffReason.TARIFF_NOT_YOURS, detail, position, "tariffId", field_as_sent=True)


def twice_named(element: Element, position: int, namespace: str) -> Iterator[Problem]:
    """Nobody is a recipient of two parts of one tariff, and there is one default at most."""
    parts = [list(texts_at(each, ["recipient"], namespace)) for each in element.all(f"{namespace} {INDIVIDUAL.name}")]
    named = [recipient for part in parts for recipient in part]
    if len(set(named)) < len(named) or sum(not part for part in parts) > 1:
        detail = "one recipient, or everybody else, is given two parts of this tariff"
        yield Problem(TariffReason.RECIPIENT_TWICE, detail, position, "individualTariff", field_as_sent=True)


def has_default(tariff: Tariff) -> bool:
    """Whether there is a part for everybody who is not named."""
    return any(not part.recipients for part in tariff.parts)


def tariffs_text(tariffs: Iterable[GivenTariff]) -> bytes:
    """Tariffs as they go out: the part that is for the reader, who is not told for whom else there is one."""
    return "".join(
        f"<TariffInfoArray><tariffId>{each.tariff_id}</tariffId><individualTariff>{each.payload}</individualTariff>"
        "</TariffInfoArray>"
        for each in tariffs
    ).encode()
