"""The charge point list: an operator replaces its own, everybody downloads all of them."""

from collections.abc import Collection

from echs.base.context import Context
from echs.lists.claims import Claims
from echs.lists.keyed_list import KeyedList
from echs.lists.list_schema import KeyForm, ListSchema
from echs.lists.published_list import PublishedList
from echs.locations import tables
from echs.locations.charge_point import (
    FIELDS,
    KEY,
    PROTOCOL,
    WARNINGS,
    ChargePoint,
    batch_is_valid,
    duplicate_problem,
    label,
    problems_of,
    typed,
)
from echs.partners.market_ids import ForeignId
from echs.partners.partner import PartyRole

SCHEMA = ListSchema("charge points", FIELDS, ChargePoint._make, KEY, duplicate_problem, WARNINGS)
_EVSE = SCHEMA.place("evse_id")
EVSE = KeyForm("evse", tables.charge_point.c.evse_key, lambda row: row[_EVSE].upper())
CLAIMS = Claims(
    EVSE,
    ForeignId.EVSE_OF_ANOTHER,
    "evse_id",
    _EVSE,
    PartyRole.OPERATOR,
    ForeignId.EVSE_OF_ANOTHER,
    "evse_id",
    lambda row: label(SCHEMA.of_row(row)),
)
CHARGE_POINTS = PublishedList(
    "charge point list",
    "chargepoint",
    KeyedList(tables.charge_point_list, tables.charge_point, tables.charge_point_former, SCHEMA, PROTOCOL, typed),
    CLAIMS,
    problems_of,
    batch_is_valid,
)
replace = CHARGE_POINTS.replace
download = CHARGE_POINTS.download
list_states = CHARGE_POINTS.states


def existing_evses(context: Context, owner_id: int, evse_ids: Collection[str]) -> set[str] | None:
    """Those of the EVSE ids, each in its `plain` form, that stand in the owner's list; None without one."""
    return CHARGE_POINTS.keyed.contained_in(context, owner_id, EVSE, evse_ids)
