"""Charge points on their way out: all of them, and those that changed.

One that is gone is given once more, with the status Closed; so are all of an operator that the reader no longer sees.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from lxml import etree
from sqlalchemy import Connection, select

from echs.config.app_context import AppContext
from echs.lists.changes import ListedChange
from echs.lists.list_cache import RecordTemplate
from echs.lists.list_format import ListOwner
from echs.lists.withheld import Withheld
from echs.locations.charge_point import ChargePoint, ChargePointWithheld, Connector, Position
from echs.locations.tables import charge_point
from echs.partners.standard_ids import evse_key
from echs.protocols.ochp14.charge_point_format import evse_id_of, payload_of_point
from echs.protocols.ochp14.charge_point_tree import CHARGE_POINT, with_few_hours
from echs.protocols.ochp14.contracts import PROTOCOL
from echs.protocols.ochp14.evse_ids import keys_of
from echs.protocols.ochp14.list_changes import Lists
from echs.protocols.ochp14.tree_types import parsed, tag
from echs.protocols.ochp14.value_formats import as_date_time

KEYS_AT_ONCE = 500
# What may once have been given out and is withheld now: it is closed for whoever has it.
ONCE_GIVEN = (ChargePointWithheld.PLUG, ChargePointWithheld.POSITION)


def charge_points_text(payloads: Sequence[str]) -> bytes:
    """Charge points as they go out."""
    name = CHARGE_POINT.name
    return "".join(f"<{name}>{with_few_hours(payload)}</{name}>" for payload in payloads).encode()


# Its name and form are part of the names of files: another one where the text of a charge point changes.
TEMPLATE = RecordTemplate("ochp14_charge_points", "1", charge_points_text)


def closed(payload: str, at: datetime) -> str:
    """A charge point as it is given out when it is gone, at this time (UTC)."""
    point, order = parsed(payload), [part.name for part in CHARGE_POINT.parts]
    for child in [child for child in point if child.tag in ("timestamp", "status")]:
        point.remove(child)
    said = {"timestamp": tag("DateTime", as_date_time(at)), "status": tag("ChargePointStatusType", "Closed")}
    for name, text in said.items():
        place = sum(order.index(child.tag) < order.index(name) for child in point)
        point.insert(place, parsed(text, name))
    return "".join(etree.tostring(child, encoding="unicode") for child in point)


def changed_payloads(
    context: AppContext,
    snapshot: Connection,
    lists: Lists,
    changes: Sequence[ListedChange],
    owners: Mapping[int, ListOwner],
) -> list[str]:
    """Changed charge points as ours, those that are gone first.

    Readers know an EVSE by its id alone. So none is said to be closed that its operator gives out as it came by another
    protocol; and what another operator gives out under the same id is given again behind it.
    """
    standing: list[str] = []
    gone: list[tuple[int, str]] = []
    for each in changes:
        owner = owners[each.owner_id]
        payload: str | Withheld = each.payload
        over = each.gone
        if each.protocol != PROTOCOL:
            (noun,) = context.formats.charge_points[each.protocol].nouns([each.payload], owner)
            payload = payload_of_point(noun, owner)
            if isinstance(payload, Withheld) and payload in ONCE_GIVEN:
                over = True
                payload = payload_of_point(filled(noun), owner)
        if isinstance(payload, Withheld):
            continue
        if over:
            gone.append((each.owner_id, closed(payload, each.at)))
        else:
            standing.append(payload)
    return [*gone_and_others(context, snapshot, lists, gone), *standing]


def filled(point: ChargePoint) -> ChargePoint:
    """A charge point with something in the place of what cannot be said, for when it is closed."""
    return point._replace(
        position=point.position or Position(0, 0), connectors=point.connectors or (Connector("IEC_62196_T2", "Socket"),)
    )


def gone_and_others(
    context: AppContext, snapshot: Connection, lists: Lists, gone: Sequence[tuple[int, str]]
) -> list[str]:
    """Those that are gone and do not stand under the same id for this reader, and those that are of others."""
    wanted = sorted({key for _, payload in gone for key in keys_of(evse_id_of(payload))})
    others: dict[str, dict[int, str]] = defaultdict(dict)
    rows = charge_point.c
    for start in range(0, len(wanted), KEYS_AT_ONCE):
        found = snapshot.execute(
            select(rows.partner_id, rows.position, rows.protocol, rows.payload).where(
                rows.evse_key.in_(wanted[start : start + KEYS_AT_ONCE])
            )
        )
        for owner_id, position, protocol, payload in found:
            state = lists.get(owner_id)
            if state is None or position < state.first_position:
                continue
            (noun,) = context.formats.charge_points[protocol].nouns([payload], state.owner)
            said = payload_of_point(noun, state.owner)
            if not isinstance(said, Withheld):
                others[evse_key(evse_id_of(said))][owner_id] = said
    told: list[str] = []
    for owner_id, payload in gone:
        same = others.get(evse_key(evse_id_of(payload)), {})
        if owner_id not in same:
            told += [payload, *same.values()]
    return told
