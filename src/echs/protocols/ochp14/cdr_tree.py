"""What may stand in a CDR of OCHP 1.4 (CDRInfo), as a table, and what must hold between its values."""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from echs.base.errors import Problem, Reason
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.leaf_rules import (
    ADDRESS,
    BILLING_ITEMS,
    CONNECTOR_PARTS,
    CURRENTS,
    EVSE_ID,
    NOT_NEGATIVE,
    RATINGS,
    Checked,
    currencies,
    leaf,
    listed,
    pattern,
)
from echs.protocols.ochp14.tree_types import Leaf, Node, wrapped
from echs.protocols.ochp14.value_formats import YEARS, ValueReason, contract_id_rule, instance_rule, one_of

STATUSES = ("new", "accepted", "rejected", "declined", "approved", "revised")
# As written by the contract, and as one client in the field does.
REPRESENTATIONS = ("plain", "sha-160", "sha-256", "SHA160", "SHA256")
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}")
LARGEST = Decimal(10) ** 9
# Sums of money agree within a hundredth, or a thousandth of them.
CENT, THOUSANDTH = Decimal("0.01"), Decimal("0.001")


class CdrValueReason(Reason):
    """What cannot hold between the values of a CDR of OCHP 1.4."""

    CDR_ID_FOREIGN = "CDR_ID_FOREIGN"
    CDR_PERIOD = "CDR_PERIOD"
    CDR_COST = "CDR_COST"
    CDR_EVENT = "CDR_EVENT"
    CDR_PROVIDER_AMBIGUOUS = "CDR_PROVIDER_AMBIGUOUS"


@lru_cache(maxsize=8192)
def local_time(value: str) -> datetime | None:
    """The time with its offset; None where it is none, or where the offset is not known (RFC 3339, -00:00)."""
    if _LOCAL.fullmatch(value) is None or value.endswith("-00:00"):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if YEARS[0] <= found.year <= YEARS[1] else None


def local_time_rule(value: str) -> Checked:
    """A local time with its offset, to the second."""
    if local_time(value) is not None:
        return None
    return ValueReason.VALUE_FORM, "is no local time like 2027-12-31T23:59:59+01:00"


def amount_rule(value: str) -> Checked:
    """A number that is not negative, of a size that can be counted."""
    wrong = NOT_NEGATIVE(value)
    if wrong is None and Decimal(value) > LARGEST:
        return ValueReason.VALUE_FORM, f"is more than {LARGEST:,}"
    return wrong


def currency_rule(value: str) -> Checked:
    """A currency of ISO 4217."""
    return None if value in currencies() else (ValueReason.VALUE_FORM, "is no currency of ISO 4217 like EUR")


def local_time_in(name: str) -> Node:
    """An element around a local time (LocalDateTimeType)."""
    return wrapped(name, leaf("LocalDateTime", local_time_rule))


def secret(found: Leaf) -> Leaf:
    """A value that no error shows."""
    field = found.field
    hidden = type(field)(field.name, field.limit, field.mandatory, True, field.rule)
    return Leaf(found.name, hidden, found.least, found.most, found.said)


CDR_ID = pattern("[0-9A-Z]{1,36}", "a CDR id of at most 36 capitals and digits")
PERIOD = Node(
    "chargingPeriods",
    (
        local_time_in("startDateTime"),
        local_time_in("endDateTime"),
        listed("billingItem", BILLING_ITEMS, "BillingItemType"),
        leaf("billingValue", amount_rule),
        leaf("itemPrice", amount_rule),
        leaf("periodCost", amount_rule, least=0),
        leaf("taxrate", pattern("[0-9]{1,3}", "a number of percent"), least=0),
    ),
    most=1000,
)
CDR = Node(
    "cdrInfoArray",
    (
        leaf("CdrId", CDR_ID),
        leaf("evseId", EVSE_ID),
        Node(
            "emtId",
            (
                secret(leaf("instance", instance_rule, limit=512)),
                leaf("tokenType", one_of(PUBLISHED.token_types)),
                leaf("tokenSubType", one_of(PUBLISHED.token_sub_types), least=0),
            ),
            (leaf("representation", one_of(REPRESENTATIONS), least=0),),
        ),
        leaf("contractId", contract_id_rule),
        listed("status", STATUSES, "CdrStatusType"),
        local_time_in("startDateTime"),
        local_time_in("endDateTime"),
        leaf("duration", pattern("[0-9]{3}:[0-9]{2}:[0-9]{2}", "a duration like 001:30:00"), least=0),
        ADDRESS,
        leaf("chargePointType", one_of(CURRENTS)),
        Node("connectorType", CONNECTOR_PARTS),
        RATINGS,
        leaf("meterId", limit=20, least=0),
        PERIOD,
        leaf("totalCost", amount_rule, least=0),
        leaf("currency", currency_rule),
    ),
    spellings=("CDRInfoArray",),
    dropped=("stateOfCharge", "liveAuthId", "maxSocketPower", "productType"),
)


def agree(one: Decimal, other: Decimal) -> bool:
    """Whether two sums of money are the same but for rounding."""
    return abs(one - other) <= max(CENT, THOUSANDTH * max(one, other))


def span_of(element: Any) -> tuple[datetime, datetime]:
    """When a session or a period begins and ends.

    :raises ValueError: the element is none of a CDR
    """
    start = end = None
    for child in element:  # ways to elements are looked for ten times as slowly
        if child.tag == "startDateTime":
            start = local_time(child[0].text or "")
        elif child.tag == "endDateTime":
            end = local_time(child[0].text or "")
            break
    if start is None or end is None:
        raise ValueError("a payload is no CDR")
    return start, end


def texts_of(element: Any) -> dict[str, str]:
    """The texts of the children of an element by their names; of those that hold elements, empty ones."""
    return {child.tag: child.text or "" for child in element}


def value_problems(cdr: Any, position: int) -> Iterator[Problem]:
    """What does not hold between the values of a CDR, whose texts are all right."""

    def problem(reason: Reason, detail: str, place: str) -> Problem:
        return Problem(reason, detail, position, place, field_as_sent=True)

    start, end = span_of(cdr)
    total = Decimal()
    for number, period in enumerate(cdr.iterchildren(PERIOD.name)):
        place = f"{PERIOD.name}[{number}]"
        begins, ends = span_of(period)
        if not start <= begins <= ends <= end:
            yield problem(CdrValueReason.CDR_PERIOD, "is not inside of the session", place)
        texts = texts_of(period)
        cost = Decimal(texts["billingValue"]) * Decimal(texts["itemPrice"])
        stated = texts.get("periodCost")
        if stated is not None and not agree(Decimal(stated), cost):
            detail = f"{stated} is not value times price, {cost.normalize():f}"
            yield problem(CdrValueReason.CDR_COST, detail, f"{place}/periodCost")
        total += cost if stated is None else Decimal(stated)
    if total > LARGEST:
        yield problem(CdrValueReason.CDR_COST, f"comes to more than {LARGEST:,}", PERIOD.name)
    stated = cdr.findtext("totalCost")
    if stated is not None and not agree(Decimal(stated), total):
        detail = f"{stated} is not the sum of the periods, {total.normalize():f}"
        yield problem(CdrValueReason.CDR_COST, detail, "totalCost")
