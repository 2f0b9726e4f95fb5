"""CDRs on their way out to their provider or operator, and the way back from the ids that they go out with."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, literal, select

from echs.base import deadline
from echs.cdrs import tables
from echs.cdrs.answers import received_by
from echs.cdrs.between_partners import Asked, Rows, found, given_to
from echs.cdrs.intake import some_at_a_time
from echs.cdrs.pending import has_newer
from echs.cdrs.rules import Key
from echs.cdrs.transitions import OPEN, Stand
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
from echs.protocols.ochp14.contract_tokens import ContractTokens
from echs.protocols.ochp14.contracts import PROTOCOL
from echs.protocols.ochp14.evse_ids import said_evse_id
from echs.protocols.ochp14.token_format import TokenRecord


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
    """The CDRs that stand so, as text; what cannot be said is counted. ``given`` is told the rows that
    wait for an answer and go out for the first time.
    """
    with context.database.read() as snapshot:
        market = market_ids_by_party_key(snapshot, PartyRole.OPERATOR)
    tokens = ContractTokens(context, asked.partner_id)
    for stand, rows in found(context, asked, stands):
        deadline.check()
        texts: list[str] = []
        others = [row for row in rows if row.protocol != PROTOCOL]
        points = listed_points(context, others)
        only = tokens.only_ones([row for row in others if not row.token_id])
        for row in rows:
            payload: str | Withheld = row.payload
            if row.protocol != PROTOCOL:
                payload = said_row(context, row, market, points, only.get(row.id))
            if isinstance(payload, Withheld):
                withheld[payload] += 1
                continue
            texts.append(cdr_text(payload, stand))
            if stand in OPEN and not row.was_given:
                given(row.id)
        if texts:
            yield "".join(texts).encode()


def said_row(
    context: AppContext,
    row: Any,
    market: Mapping[str, str],
    points: Mapping[tuple[int, str], ChargePoint],
    token: TokenRecord | None,
) -> str | Withheld:
    """A CDR that came by another protocol, as ours."""
    noun = context.formats.cdrs[row.protocol].noun(row._asdict())
    point = points.get((row.operator_partner_id, evse_key(noun.socket)))
    facts = Facts(market.get(row.operator_key, ""), row.first_row, context.limits.currency, point, token)
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


Item = tuple[str, str]
_first, _newest = tables.cdr.alias(), tables.cdr
COLUMNS = (
    _newest.c.id,
    _newest.c.operator_key,
    _newest.c.cdr_id,
    _newest.c.evse_id,
    _newest.c.chargepoint_id,
    _newest.c.protocol,
)
BY_ID = select(literal(0), *COLUMNS).where(_newest.c.cdr_id.in_(bindparam("some", expanding=True)), ~has_newer(_newest))
BY_FIRST_ROW = (
    select(_first.c.id, *COLUMNS)
    .join(_first, and_(_first.c.operator_key == _newest.c.operator_key, _first.c.cdr_id == _newest.c.cdr_id))
    .where(_first.c.id.in_(bindparam("some", expanding=True)), _first.c.revision == 1, ~has_newer(_newest))
)


def keys_of_items(snapshot: Connection, provider_id: int, items: Collection[Item]) -> dict[Item, set[Key]]:
    """The keys of those CDRs of a provider that may have gone out with these ids of CDR and EVSE: of those that would
    go out so now, or where there are none, of those that would have under another market id of their operator.
    """
    market = market_ids_by_party_key(snapshot, PartyRole.OPERATOR)
    by_id: dict[str, list[Item]] = defaultdict(list)
    by_row: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        by_id[item[0]].append(item)
        row = row_of_made(item[0])
        if row is not None:
            by_row[row].append(item)
    rows = [row for some in some_at_a_time(sorted(by_id)) for row in snapshot.execute(BY_ID, {"some": some})]
    rows += [row for some in some_at_a_time(sorted(by_row)) for row in snapshot.execute(BY_FIRST_ROW, {"some": some})]
    mine = received_by(snapshot, provider_id, [row for _, row, *_ in rows])
    given = given_to(snapshot, provider_id, sorted(mine))
    as_now: dict[Item, set[Key]] = defaultdict(set)
    as_before: dict[Item, set[Key]] = defaultdict(set)
    seen: set[Key] = set()
    for first_row, row, operator_key, cdr_id, evse_id, chargepoint_id, protocol in rows:
        if row not in mine:
            continue
        socket = evse_id or chargepoint_id
        if row in given:
            seen.add((operator_key, cdr_id))
        for item in by_row[first_row] if first_row else by_id[cdr_id]:
            now, before = ids_that_fit(item, (first_row, cdr_id, socket, protocol), market.get(operator_key, ""))
            if now:
                as_now[item].add((operator_key, cdr_id))
            elif before:
                as_before[item].add((operator_key, cdr_id))
    # Of several it means one that it was given: what others are called is none of its business.
    return {item: keys & seen or keys for item, keys in (as_before | as_now).items()}


def ids_that_fit(item: Item, cdr: tuple[int, str, str, str], market_id: str) -> tuple[bool, bool]:
    """Whether a CDR, by its first row, id, socket and protocol, goes out with these ids under the market id that its
    operator has, and whether it would under the one that they begin with.
    """
    first_row, cdr_id, socket, protocol = cdr
    if protocol == PROTOCOL:
        fits = item[0] == cdr_id and evse_key(item[1]) == evse_key(socket)
        return fits, fits

    def under(market_id: str) -> bool:
        said = said_cdr_id(cdr_id, Facts(market_id, first_row, "", None))
        said_evse = said_evse_id(socket, market_id)
        return said == item[0] and said_evse is not None and evse_key(said_evse) == evse_key(item[1])

    before = market_id_of(item[0])
    return bool(market_id) and under(market_id), before is not None and under(before)
