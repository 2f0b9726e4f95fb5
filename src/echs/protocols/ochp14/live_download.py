"""Live statuses on their way out."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection, select

from echs.config.app_context import AppContext
from echs.live.live_status import AVAILABLE, NOT_AVAILABLE, UNKNOWN, Kind, LiveStatus
from echs.locations.charge_point_list import CHARGE_POINTS
from echs.partners import tables as partner_tables
from echs.partners.connection import ConnectionKind
from echs.partners.standard_ids import evse_key
from echs.partners.visibility import sees
from echs.protocols.ochp14.charge_point_format import evse_id_of
from echs.protocols.ochp14.contracts import PROTOCOL
from echs.protocols.ochp14.evse_ids import said_evse_id
from echs.protocols.ochp14.value_formats import as_date_time

AT_ONCE = 1000
# Clocks differ: who asks for what is younger than a time is told of so much before it.
OVERLAP = timedelta(seconds=60)
_SPOTS = re.compile("<parkingId>([^<]*)</parkingId>")


def statuses_texts(context: AppContext, reader_id: int, kind: str, since: datetime | None) -> Iterator[bytes]:
    """The statuses that a reader sees, as text; since a time (UTC) those that were set or ran out after it."""
    now = context.clock()
    with context.database.read() as snapshot:
        owners = visible_owners(snapshot, reader_id)
    if kind == "combined":
        yield from in_pieces(combined(context, reader_id, owners, now, since))
        return
    of = Kind(kind)
    if since is None:
        found = context.live.valid_now(of, owners, now)
    else:
        found = context.live.changed_since(of, owners, min(since, now) - OVERLAP, now)
    yield from in_pieces(text_of(each if each.valid_until > now else run_out(each), kind) for each in found)


def in_pieces(texts: Iterator[str]) -> Iterator[bytes]:
    """Texts, many together."""
    some: list[str] = []
    for text in texts:
        some.append(text)
        if len(some) == AT_ONCE:
            yield "".join(some).encode()
            some.clear()
    if some:
        yield "".join(some).encode()


def visible_owners(snapshot: Connection, reader_id: int) -> frozenset[int]:
    """The partners whose locations a reader sees."""
    partner = partner_tables.partner.c.id
    return frozenset(
        snapshot.execute(select(partner).where(sees(ConnectionKind.LOCATIONS, reader_id, partner))).scalars()
    )


def run_out(status: LiveStatus) -> LiveStatus:
    """A status whose time is over: nothing is known any more."""
    return status._replace(major=UNKNOWN, minor="")


def text_of(status: LiveStatus, element: str) -> str:
    """A status as it goes out, in an element of this name. Its texts are of the contract, and need no escapes."""
    ttl = "" if status.major == UNKNOWN else f' ttl="{said_time(status.valid_until)}"'
    if status.kind is Kind.PARKING:
        return f'<{element} status="{status.major}"{ttl}><parkingId>{status.said_id}</parkingId></{element}>'
    minor = f' minor="{status.minor}"' if status.minor else ""
    return f'<{element} major="{status.major}"{minor}{ttl}><evseId>{status.said_id}</evseId></{element}>'


@lru_cache(maxsize=8192)
def said_time(instant: datetime) -> str:
    """A time as it goes out; the statuses of one message have one."""
    return as_date_time(instant)


def combined(
    context: AppContext, reader_id: int, owners: frozenset[int], now: datetime, since: datetime | None
) -> Iterator[str]:
    """Every EVSE that a reader sees, once: with what is known of it and of its spots."""
    begun = None if since is None else min(since, now) - OVERLAP

    def known(kind: Kind) -> dict[str, LiveStatus]:
        found = {each.key: each for each in context.live.valid_now(kind, owners, now)}
        if begun is not None:
            found |= {each.key: each for each in context.live.changed_since(kind, owners, begun, now)}
        return found

    evses, spots = known(Kind.EVSE), known(Kind.PARKING)
    with context.database.read() as snapshot:
        for state in CHARGE_POINTS.keyed.present(snapshot, CHARGE_POINTS.seen_by(reader_id)):
            for protocol, payloads in CHARGE_POINTS.keyed.batches(context.database, snapshot, state):
                for payload in payloads:
                    if protocol == PROTOCOL:
                        said_id: str | None = evse_id_of(payload)
                        beside = [spots[key] for each in _SPOTS.findall(payload) if (key := evse_key(each)) in spots]
                    else:
                        (noun,) = context.formats.charge_points[protocol].nouns([payload], state.owner)
                        said_id, beside = said_evse_id(noun.evse_id, state.owner.market_id), []
                    if said_id is None:
                        continue
                    status = evses.get(evse_key(said_id))
                    together = taken_together(status, beside, said_id, now)
                    times = [each for each in (status, *beside) if each is not None]
                    changed = any(each.set_at >= (begun or now) or each.valid_until <= now for each in times)
                    if begun is None or changed:
                        yield text_of(together, "combined")


def taken_together(status: LiveStatus | None, spots: list[LiveStatus], said_id: str, now: datetime) -> LiveStatus:
    """The status of an EVSE with its spots: free it is only where one of them is."""
    valid = [each for each in spots if each.valid_until > now]
    if status is None or status.valid_until <= now:
        nothing = LiveStatus(Kind.EVSE, "", said_id, 0, UNKNOWN, "", now, now)
        if not valid:
            return nothing
        free = [each for each in valid if each.major == AVAILABLE]
        best = (free or valid)[0]
        return nothing._replace(major=best.major, valid_until=best.valid_until)
    majors = {each.major for each in valid}
    if status.major == AVAILABLE and NOT_AVAILABLE in majors and AVAILABLE not in majors:
        return status._replace(said_id=said_id, major=NOT_AVAILABLE, minor="blocked")
    return status._replace(said_id=said_id)
