"""The charge point list: an operator replaces its own, everybody downloads all of them."""

from collections.abc import Collection

from sqlalchemy import Connection

from echs.lists.claims import Claims
from echs.lists.keyed_list import KeyedList
from echs.lists.list_format import KeyForm
from echs.lists.published_list import PublishedList
from echs.locations import tables
from echs.partners.connection import ConnectionKind
from echs.partners.market_ids import ForeignId
from echs.partners.partner import PartyRole

EVSE = KeyForm("evse", tables.charge_point.c.evse_key)
CLAIMS = Claims(
    EVSE,
    ForeignId.EVSE_OF_ANOTHER,
    "evse_id",
    PartyRole.OPERATOR,
    ForeignId.EVSE_OF_ANOTHER,
    "evse_id",
)
CHARGE_POINTS = PublishedList(
    "charge point list",
    "chargepoint",
    KeyedList(
        "charge points",
        ConnectionKind.LOCATIONS,
        tables.charge_point_list,
        tables.charge_point,
        tables.charge_point_former,
    ),
    CLAIMS,
)


def existing_evses(snapshot: Connection, owner_id: int, evse_ids: Collection[str]) -> set[str] | None:
    """Those of the EVSE ids, each as `evse_key` makes it, that stand in the owner's list; None without one."""
    return CHARGE_POINTS.keyed.contained_in(snapshot, owner_id, EVSE, evse_ids)
