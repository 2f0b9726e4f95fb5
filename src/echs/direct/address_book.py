"""The address book: partners put their endpoints in, and get those of the partners of the other role that they see."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from echs.audit import trail
from echs.audit.entry import Action
from echs.base.context import Context
from echs.base.errors import KEPT_PROBLEMS_LIMIT, Problem, Refused
from echs.base.upload_validation import NOTHING_STORED
from echs.direct import tables
from echs.direct.endpoint import DAY, Endpoint, EndpointReason, best, days_handed_on, is_late, needless, problems_of
from echs.direct.secret_box import keyed_digest, sealed, unsealed
from echs.partners.connection import ConnectionKind
from echs.partners.login import lock_active_partner
from echs.partners.market_ids import market_ids, market_ids_of
from echs.partners.partner import Partner, PartyRole
from echs.partners.queries import is_active
from echs.partners.tables import partner as partner_table
from echs.partners.visibility import sees

LOCK = "direct"
# Endpoints of one partner that are kept: a month of days for some dozens of addresses.
MOST = 1000
# Of one request.
MOST_AT_ONCE = 100
# Whoever sees a provider's tokens may be called by it and call it; the same for an operator's charge points.
KINDS = {PartyRole.PROVIDER: ConnectionKind.TOKENS, PartyRole.OPERATOR: ConnectionKind.LOCATIONS}

_table = tables.direct_endpoint


@dataclass(frozen=True, slots=True)
class Added:
    """What became of endpoints that were put in: how many, which came after others may have fetched, and patterns of a
    blacklist that leave nothing out.
    """

    count: int
    late: int
    needless: tuple[str, ...]


def add(
    context: Context, key: bytes, owner: Partner, endpoints: Sequence[Endpoint], namespaces: Sequence[str]
) -> Added:
    """Put endpoints of a partner in; one of the same role, address, version and day is replaced. All or none.

    :raises Refused: ENDPOINT_VALUE, PATTERN_NOT_YOURS, ACCESS_TOKEN_TAKEN, TOO_MANY_ENDPOINTS
    """
    now = context.clock()
    refuse_wrong(endpoints, owner, namespaces, now)
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        current = lock_active_partner(context, transaction, owner)
        if current.market_ids != owner.market_ids:
            refuse_wrong(endpoints, current, namespaces, now)
        taken = list(taken_tokens(transaction, key, owner, endpoints))
        if taken:
            raise Refused(taken, effect=NOTHING_STORED)
        forget_old(transaction, now)
        for endpoint in endpoints:
            write(transaction, key, owner, endpoint, now)
        kept = select(func.count()).select_from(_table).where(_table.c.partner_id == owner.id)
        if (transaction.execute(kept).scalar() or 0) > MOST:
            detail = f"more than {MOST} endpoints of one partner"
            raise Refused([Problem(EndpointReason.TOO_MANY_ENDPOINTS, detail)], effect=NOTHING_STORED)
        days = sorted({endpoint.day.isoformat() for endpoint in endpoints})
        facts: dict[str, object] = {"partner": owner.id, "endpoints": len(endpoints), "days": days}
        trail.record(context, transaction, Action.ENDPOINTS_ADDED, f"endpoints of {owner.user_id}", facts)
    late = sum(is_late(endpoint.day, now) for endpoint in endpoints)
    return Added(len(endpoints), late, tuple(pattern for each in endpoints for pattern in needless(each)))


def refuse_wrong(endpoints: Sequence[Endpoint], owner: Partner, namespaces: Sequence[str], now: datetime) -> None:
    """Refuse endpoints that are wrong by themselves; who sends many wrong ones is told of the first.

    :raises Refused: ENDPOINT_VALUE, PATTERN_NOT_YOURS
    """
    problems = (
        problem
        for endpoint in endpoints
        for problem in problems_of(endpoint, market_ids_of(owner, endpoint.role), namespaces, now)
    )
    told = list(islice(problems, KEPT_PROBLEMS_LIMIT))
    if told:
        raise Refused(told, effect=NOTHING_STORED)


def taken_tokens(
    transaction: Connection, key: bytes, owner: Partner, endpoints: Sequence[Endpoint]
) -> Iterator[Problem]:
    """The secrets that are in use: by another partner, or by the same one on another day."""
    uses: dict[str, set[tuple[int, str]]] = defaultdict(set)
    for endpoint in endpoints:
        uses[keyed_digest(key, endpoint.access_token)].add((owner.id, endpoint.day.isoformat()))
    kept = select(_table.c.token_digest, _table.c.partner_id, _table.c.day)
    for digest, partner_id, day in transaction.execute(kept.where(_table.c.token_digest.in_(list(uses)))):
        uses[digest].add((partner_id, day))
    for users in uses.values():
        if len(users) > 1:
            detail = "is in use already, by somebody or on another day; make a new one"
            yield Problem(EndpointReason.ACCESS_TOKEN_TAKEN, detail, field="accessToken")


def write(transaction: Connection, key: bytes, owner: Partner, endpoint: Endpoint, now: datetime) -> None:
    """Write one endpoint in the place of the one that it replaces."""
    identity = {
        "partner_id": owner.id,
        "role": endpoint.role.value,
        "url": endpoint.url,
        "namespace": endpoint.namespace,
        "day": endpoint.day.isoformat(),
    }
    transaction.execute(delete(_table).where(*(_table.c[name] == text for name, text in identity.items())))
    values = {
        **identity,
        "access_token": sealed(key, endpoint.access_token, bound_to(owner.id, endpoint.role, endpoint.day)),
        "token_digest": keyed_digest(key, endpoint.access_token),
        "whitelist": " ".join(endpoint.whitelist),
        "blacklist": " ".join(endpoint.blacklist),
        "added_at": now,
    }
    transaction.execute(insert(_table).values(values))


def bound_to(owner_id: int, role: PartyRole, day: date) -> str:
    """What the secret of an endpoint is bound to."""
    return f"{owner_id} {role.value} {day.isoformat()}"


def forget_old(transaction: Connection, now: datetime) -> None:
    """Delete the endpoints of days that are over."""
    oldest = min(days_handed_on(now)).isoformat()
    transaction.execute(delete(_table).where(_table.c.day < oldest))


def roles_handed_to(reader: Partner) -> list[PartyRole]:
    """The roles whose endpoints a partner is handed: providers' as an operator, operators' as a provider."""
    theirs = ((PartyRole.PROVIDER, reader.operator_ids), (PartyRole.OPERATOR, reader.provider_ids))
    return [role for role, mine in theirs if mine]


def endpoints_for(context: Context, key: bytes, reader: Partner) -> dict[PartyRole, list[Endpoint]]:
    """What a partner is handed now: as an operator the endpoints of providers, as a provider those of operators."""
    found: dict[PartyRole, list[Endpoint]] = {}
    with context.database.read() as snapshot:
        for role in roles_handed_to(reader):
            seen = sees(KINDS[role], reader.id, _table.c.partner_id)
            others = _table.c.partner_id != reader.id
            found[role] = [each for _, each in kept_endpoints(context, snapshot, key, role, seen & others)]
    return found


def sees_anybody(context: Context, reader: Partner) -> bool:
    """Whether there is a partner whose endpoints this one would be handed, if it had any."""
    partner = partner_table.c
    with context.database.read() as snapshot:
        for role in roles_handed_to(reader):
            seen = select(partner.id).where(sees(KINDS[role], reader.id, partner.id), partner.id != reader.id)
            if snapshot.execute(seen.limit(1)).first() is not None:
                return True
    return False


def kept_endpoints(
    context: Context, snapshot: Connection, key: bytes | None, role: PartyRole, of: ColumnElement[bool]
) -> Iterator[tuple[int, Endpoint]]:
    """The endpoints in this role that are handed on now, each with its owner, and with the patterns that begin with a
    market id that is still its owner's. Without the key, without their secrets; with it, none whose secret it does not
    open.
    """
    owned = market_ids(snapshot, role)
    days = [day.isoformat() for day in days_handed_on(context.clock())]
    rows: Any = _table.c
    query = select(_table).where(rows.role == role.value, rows.day.in_(days), of)
    for row in snapshot.execute(query.order_by(rows.partner_id, rows.day, rows.url, rows.namespace)):
        day = date.fromisoformat(row.day)
        secret = "" if key is None else unsealed(key, row.access_token, bound_to(row.partner_id, role, day))
        if secret is not None:
            whitelist, blacklist = (
                tuple(each for each in text.split() if row.partner_id in owned.get(each[:5], ()))
                for text in (row.whitelist, row.blacklist)
            )
            if whitelist:
                yield row.partner_id, Endpoint(role, row.url, row.namespace, secret, day, whitelist, blacklist)


def all_endpoints(context: Context) -> list[tuple[int, Endpoint]]:
    """The endpoints of active partners that are handed on now, without their secrets."""
    with context.database.read() as snapshot:
        of = is_active(_table.c.partner_id)
        return [each for role in PartyRole for each in kept_endpoints(context, snapshot, None, role, of)]


def endpoint_of(context: Context, role: PartyRole, plain_id: str) -> tuple[int, Endpoint] | None:
    """Whose endpoint serves an EVSE (of an operator) or a contract (of a provider) today; None where none does."""
    today = context.clock().astimezone(UTC).date()
    return best(
        ((owner, each) for owner, each in all_endpoints(context) if each.role is role and each.day == today), plain_id
    )


def without_tomorrow(context: Context) -> list[int]:
    """The partners that have an endpoint for today and none for tomorrow, when tomorrow's are handed on already."""
    today = context.clock().astimezone(UTC).date()
    if today + DAY not in days_handed_on(context.clock()):
        return []
    days: dict[int, set[date]] = {}
    for owner, endpoint in all_endpoints(context):
        days.setdefault(owner, set()).add(endpoint.day)
    return sorted(owner for owner, found in days.items() if today in found and today + DAY not in found)
