"""What may stand in a CDR of OCHP 1.4 (CDRInfo), as a table."""

import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

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
