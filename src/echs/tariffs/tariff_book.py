"""The tariffs of all operators: written whole by their ids, read by each provider as they are for it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, or_, select, update

from echs.audit import trail
from echs.audit.entry import Action
from echs.base.context import Context
from echs.base.digest import digest_of_rows
from echs.partners import tables as partner_tables
from echs.partners.connection import ConnectionKind
from echs.partners.login import lock_active_partner
from echs.partners.market_ids import market_ids_of
from echs.partners.partner import Partner, PartyRole
from echs.partners.visibility import sees
from echs.tariffs import tables
from echs.tariffs.tariff import DEFAULT, Tariff

LOCK = "tariffs"
_part = tables.tariff_part


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tariffs were new, how many changed."""

    added: int
    changed: int


class GivenTariff(NamedTuple):
    """A tariff as a provider is given it: its owner, its id, the part that is for it."""

    owner_id: int
    tariff_id: str
    protocol: str
    payload: str


def update_tariffs(context: Context, owner: Partner, tariffs: Sequence[Tariff]) -> Counts:
    """Write whole tariffs, each in the place of the one with its id. No two have one id. What is equal changes nothing.

    :raises Refused: the owner may no longer do so
    """
    with context.database.write() as transaction:
        lock_active_partner(context, transaction, owner)
        # So that times grow with the commits.
        context.database.lock(transaction, LOCK)
        now = context.clock()
        standing = parts_of(transaction, owner.id, [tariff.key for tariff in tariffs])
        added = changed = 0
        for tariff in tariffs:
            before = standing.get(tariff.key, {})
            differs = write(transaction, owner.id, tariff, before, now)
            added += not before
            changed += bool(before) and differs
        facts: dict[str, object] = {"partner": owner.id, "new": added, "changed": changed}
        facts["rows"] = digest_of_rows(sorted((tariff.key, *sorted(tariff.by_recipient.items())) for tariff in tariffs))
        trail.record(context, transaction, Action.TARIFFS_UPDATED, f"tariffs of {owner.user_id}", facts)
    return Counts(added, changed)


# By recipient: the id as it was sent, the payload, whether it is gone.
Parts = dict[str, tuple[str, str, bool]]


def parts_of(transaction: Connection, owner_id: int, keys: Sequence[str]) -> dict[str, Parts]:
    """What an owner has of these tariffs, by their keys."""
    found: dict[str, Parts] = defaultdict(dict)
    query = select(_part.c.tariff_key, _part.c.recipient, _part.c.tariff_id, _part.c.payload, _part.c.gone)
    for start in range(0, len(keys), 500):
        mine = _part.c.partner_id == owner_id, _part.c.tariff_key.in_(keys[start : start + 500])
        for key, recipient, *kept in transaction.execute(query.where(*mine)):
            found[key][recipient] = (kept[0], kept[1], bool(kept[2]))
    return found


def write(transaction: Connection, owner_id: int, tariff: Tariff, before: Parts, now: datetime) -> bool:
    """Write the parts of a tariff that differ from what stands; whether any does."""
    wanted = tariff.by_recipient
    differs = False
    for recipient in {*wanted, *before}:
        payload = wanted.get(recipient)
        kept = before.get(recipient)
        after = (tariff.tariff_id, payload, False) if payload is not None else None
        if kept == after or (after is None and kept is not None and kept[2]):
            continue
        differs = True
        identity = {"partner_id": owner_id, "tariff_key": tariff.key, "recipient": recipient}
        values: dict[str, object] = {"changed_at": now, "gone": after is None}
        if after is not None:
            values |= {"tariff_id": tariff.tariff_id, "protocol": tariff.protocol, "payload": payload}
        if kept is None:
            transaction.execute(insert(_part).values({**identity, **values}))
        else:
            this = [_part.c[name] == value for name, value in identity.items()]
            transaction.execute(update(_part).where(*this).values(values))
    return differs


def tariffs_for(context: Context, reader: Partner, since: datetime | None = None) -> list[GivenTariff]:
    """The tariffs that a provider sees, as they are for it, by owner and id; those alone that changed for it since a
    time (UTC), and some before it.
    """
    mine = market_ids_of(reader, PartyRole.PROVIDER)
    after = (
        None if since is None else min(since, context.clock()) - timedelta(seconds=context.limits.delta_overlap_seconds)
    )
    query = select(_part).where(
        or_(_part.c.recipient == DEFAULT, _part.c.recipient.in_(sorted(mine))),
        sees(ConnectionKind.LOCATIONS, reader.id, _part.c.partner_id),
    )
    order = _part.c.partner_id, _part.c.tariff_key, _part.c.recipient
    with context.database.read() as snapshot:
        rows = snapshot.execute(query.order_by(*order)).all()
        newly_seen = set() if after is None else seen_since(snapshot, reader.id, after)
    by_tariff: dict[tuple[int, str], list[Row[Any]]] = defaultdict(list)
    for row in rows:
        by_tariff[row.partner_id, row.tariff_key].append(row)
    return [
        given
        for (owner_id, _), parts in by_tariff.items()
        for given in given_part(parts, None if owner_id in newly_seen else after)
    ]


def given_part(parts: Sequence[Row[Any]], after: datetime | None) -> Iterator[GivenTariff]:
    """The part of a tariff that its reader is given, if it changed after a time: its own, else the default. That its
    own is gone is a change, too.
    """
    own = [part for part in parts if part.recipient != DEFAULT]
    standing = [part for part in own if not part.gone]
    default = [part for part in parts if part.recipient == DEFAULT and not part.gone]
    given = (standing or default)[:1]
    touched = [*own, *(given if not standing else [])]
    for part in given:
        if after is None or max(each.changed_at for each in touched) >= after:
            yield GivenTariff(part.partner_id, part.tariff_id, part.protocol, part.payload)


def seen_since(snapshot: Connection, reader_id: int, after: datetime) -> set[int]:
    """The owners whose tariffs a reader sees otherwise since a time: all of theirs are new for it."""
    note = partner_tables.visibility_change.c
    mine = or_(note.reader_id.is_(None), note.reader_id == reader_id)
    query = select(note.owner_id).where(note.kind == ConnectionKind.LOCATIONS, note.at >= after, mine)
    return set(snapshot.execute(query.distinct()).scalars())


def sees_any_tariff(context: Context, reader: Partner) -> bool:
    """Whether an operator that a provider sees ever published a tariff."""
    query = select(_part.c.partner_id).where(sees(ConnectionKind.LOCATIONS, reader.id, _part.c.partner_id)).limit(1)
    with context.database.read() as snapshot:
        return snapshot.execute(query).first() is not None
