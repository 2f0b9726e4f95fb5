"""CDRs on their way out to their provider or operator, and the way back from the ids that they go out with."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from echs.base import deadline
from echs.cdrs import tables
from echs.cdrs.between_partners import Asked, Rows, found
from echs.cdrs.intake import some_at_a_time
from echs.cdrs.pending import has_newer
from echs.cdrs.rules import Key
from echs.cdrs.transitions import Stand
from echs.config.app_context import AppContext
from echs.lists.withheld import Withheld
from echs.locations.charge_point import ChargePoint
from echs.locations.charge_point_list import CHARGE_POINTS
from echs.locations.tables import charge_point
from echs.partners.market_ids import market_id_of, market_ids_by_party_key
from echs.partners.partner import PartyRole
from echs.partners.standard_ids import evse_key
from echs.protocols.ochp14.cdr_said import Facts, row_of_made, said_cdr, said_cdr_id
from echs.protocols.ochp14.cdr_tree import CDR
from echs.protocols.ochp14.contracts import PROTOCOL
from echs.protocols.ochp14.evse_ids import said_evse_id


def cdr_text(payload: str, stand: Stand) -> str:
    """A CDR as it goes out, with where it stands."""
    status = f"<status><CdrStatusType>{stand}</CdrStatusType></status>"
    before, start, behind = payload.partition("<startDateTime>")
    return f"<{CDR.name}>{before}{status}{start}{behind}</{CDR.name}>"


def cdrs_texts(
    context: AppContext,
    asked: Asked,
    stands: Sequence[Stand],
    withheld: Counter[Withheld],
    given: Callable[[int], object] = lambda _: None,
) -> Iterator[bytes]:
    """The CDRs that stand so, as text; what cannot be said is counted. ``given`` is told the row of each revision."""
    with context.database.read() as snapshot:
        market = market_ids_by_party_key(snapshot, PartyRole.OPERATOR)
    for stand, rows in found(context, asked, stands):
        deadline.check()
        texts: list[str] = []
        points = listed_points(context, [row for row in rows if row.protocol != PROTOCOL])
        for row in rows:
            payload: str | Withheld = row.payload
            if row.protocol != PROTOCOL:
                payload = said_row(context, row, market, points)
            if isinstance(payload, Withheld):
                withheld[payload] += 1
                continue
            texts.append(cdr_text(payload, stand))
            if row.revision > 1:
                given(row.id)
        if texts:
            yield "".join(texts).encode()


def said_row(
    context: AppContext, row: Any, market: Mapping[str, str], points: Mapping[tuple[int, str], ChargePoint]
) -> str | Withheld:
    """A CDR that came by another protocol, as ours."""
    noun = context.formats.cdrs[row.protocol].noun(row._asdict())
    point = points.get((row.operator_partner_id, evse_key(noun.socket)))
    facts = Facts(market.get(row.operator_key, ""), row.first_row, context.limits.currency, point)
    return said_cdr(noun, facts)


def listed_points(context: AppContext, rows: Rows) -> dict[tuple[int, str], ChargePoint]:
    """The charge points of CDRs in the lists of their operators, by operator and key."""
    wanted: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        wanted[row.operator_partner_id].add(evse_key(row.evse_id or row.chargepoint_id))
    listed: dict[tuple[int, str], ChargePoint] = {}
    if not wanted:
        return listed
    table = charge_point.c
    with context.database.read() as snapshot:
        for owner_id, keys in wanted.items():
            state = CHARGE_POINTS.keyed.state_of(snapshot, owner_id)
            if state is None:
                continue
            some = CHARGE_POINTS.keyed.standing(state), table.evse_key.in_(sorted(keys))
            query = select(table.evse_key, table.protocol, table.payload).where(*some)
            for key, protocol, payload in snapshot.execute(query):
                (listed[owner_id, key],) = context.formats.charge_points[protocol].nouns([payload], state.owner)
    return listed


# ---------------------------------------------------------------------- back again


def keys_of_items(
    context: AppContext, snapshot: Connection, items: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Key]:
    """The keys of CDRs by the ids of CDR and EVSE that they went out with, of those that there are."""
    market = market_ids_by_party_key(snapshot, PartyRole.OPERATOR)
    operators: dict[str, list[str]] = defaultdict(list)
    for key, market_id in market.items():
        operators[market_id].append(key)
    by_operator: dict[str, set[str]] = defaultdict(set)
    made: set[int] = set()
    for item in items:
        for key in operators[market_id_of(item[0]) or ""]:
            by_operator[key].add(item[0])
        row = row_of_made(item[0])
        if row is not None:
            made.add(row)
    by_id: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for item in items:
        by_id[item[0]].append(item)
    cdr, keys = tables.cdr, {}
    columns = (cdr.c.id, cdr.c.operator_key, cdr.c.cdr_id, cdr.c.evse_id, cdr.c.chargepoint_id, cdr.c.protocol)
    queries = [
        select(*columns).where(cdr.c.operator_key == key, cdr.c.cdr_id.in_(some), ~has_newer(cdr))
        for key, ids in by_operator.items()
        for some in some_at_a_time(sorted(ids))
    ]
    queries += [
        select(*columns).where(cdr.c.id.in_(some), cdr.c.revision == 1) for some in some_at_a_time(sorted(made))
    ]
    for query in queries:
        for number, operator_key, cdr_id, evse_id, chargepoint_id, protocol in snapshot.execute(query):
            said, evse = cdr_id, evse_id
            if protocol != PROTOCOL:
                market_id = market.get(operator_key, "")
                said = said_cdr_id(cdr_id, Facts(market_id, number, "", None))
                evse = said_evse_id(evse_id or chargepoint_id, market_id) or ""
            for item in by_id[said]:
                if evse_key(item[1]) == evse_key(evse):
                    keys[item] = operator_key, cdr_id
    return keys
