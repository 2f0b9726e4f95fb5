"""How many records of a list are not given to partners of another protocol, and why; and telling its owner."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, func, select

from echs.base.context import Context
from echs.base.database import Database
from echs.base.errors import Refused
from echs.base.plural import counted
from echs.lists import tables
from echs.lists.list_format import ListFormat, ListOwner, translated
from echs.lists.list_writer import ListState
from echs.lists.published_list import PublishedList
from echs.lists.withheld import Withheld
from echs.partners.partner import Partner
from echs.partners.queries import is_active
from echs.partners.spoken_protocols import spoken_by_readers

# Counts of so many lists are kept by each process; to count one means to read it.
KEPT = 1000

Counts = Counter[Withheld]
# Which list, whose, which version of it, what its owner is, for which protocol.
Name = tuple[str, int, str, ListOwner, str]

_lock = threading.Lock()
_kept: OrderedDict[Name, Counts] = OrderedDict()


def withheld_counts(
    database: Database,
    snapshot: Connection,
    published: PublishedList,
    state: ListState,
    formats: Mapping[str, ListFormat],
    protocol: str,
) -> Counts:
    """By reason, how many records of a list are not given to who speaks this protocol."""
    name = published.keyed.name, state.owner_id, state.version_token, state.owner, protocol
    with _lock:
        known = _kept.get(name)
    if known is not None:
        return known
    found: Counts = Counter()
    for brought_by, payloads in published.keyed.batches(database, snapshot, state):
        if brought_by != protocol:
            said = translated(formats[brought_by], formats[protocol], payloads, state.owner)
            found.update(each for each in said if isinstance(each, Withheld))
    with _lock:
        _kept[name] = found
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return found


class WithheldRecords(NamedTuple):
    """How many records of an owner's list are not given to who speaks a protocol, for one reason; ``of`` how many."""

    owner_id: int
    protocol: str
    reason: Withheld
    records: int
    of: int


def all_withheld(
    context: Context, published: PublishedList, formats: Mapping[str, ListFormat]
) -> Iterator[WithheldRecords]:
    """What is withheld of all lists of one kind from whoever speaks each of these protocols, spoken or not."""
    with context.database.read() as snapshot:
        for state in published.keyed.present(snapshot, is_active):
            for protocol in formats:
                counts = withheld_counts(context.database, snapshot, published, state, formats, protocol)
                for reason, count in counts.most_common():
                    yield WithheldRecords(state.owner_id, protocol, reason, count, state.record_count)


def withheld_sentences(
    context: Context, published: PublishedList, owner: Partner, formats: Mapping[str, ListFormat]
) -> list[str]:
    """What of an owner's list other partners are not given, since their protocol cannot say it: a sentence for each
    protocol that others speak, and none where nothing is withheld. The numbers are kept for the metrics.
    """
    told = []
    by_protocol: dict[str, Counts] = {}
    with context.database.read() as snapshot:
        spoken = [each for each in spoken_by_readers(snapshot, owner.id, published.keyed.kind) if each in formats]
        state = published.keyed.state_of(snapshot, owner.id) if spoken else None
        if state is None:
            return []
        for protocol in spoken:
            counts = withheld_counts(context.database, snapshot, published, state, formats, protocol)
            by_protocol[protocol] = counts
            if counts:
                reasons = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
                some = f"{counts.total()} of your {counted(state.record_count, 'record')}"
                told.append(f"{some} are not given to {title(protocol)} partners: {reasons}")
    # What was uploaded is there: that the numbers cannot be kept is no reason to say that it is not.
    with suppress(Refused):
        keep(context, published.keyed.name, owner.id, by_protocol)
    return told


def keep(context: Context, name: str, owner_id: int, by_protocol: Mapping[str, Counts]) -> None:
    """Keep the numbers of an owner's list, where they are others than before."""
    table = tables.list_withheld
    mine = and_(table.c.list == name, table.c.partner_id == owner_id)
    now = {
        (protocol, str(reason)): count for protocol, counts in by_protocol.items() for reason, count in counts.items()
    }
    query = select(table.c.protocol, table.c.reason, table.c.records).where(mine)
    with context.database.read() as snapshot:
        if {(protocol, reason): count for protocol, reason, count in snapshot.execute(query)} == now:
            return
    with context.database.write() as transaction:
        context.database.lock(transaction, f"list_withheld:{name}:{owner_id}")
        transaction.execute(delete(table).where(mine))
        rows = [(name, owner_id, *key, count) for key, count in now.items()]
        context.database.insert_rows(transaction, table, ("list", "partner_id", "protocol", "reason", "records"), rows)


def withheld_totals(snapshot: Connection) -> Iterator[tuple[str, str, int]]:
    """Of all active owners together: by list and reason, how many records were withheld when each was last uploaded."""
    table = tables.list_withheld.c
    query = select(table.list, table.reason, func.sum(table.records)).where(is_active(table.partner_id))
    for name, reason, records in snapshot.execute(query.group_by(table.list, table.reason)):
        yield name, reason, int(records)


def title(protocol: str) -> str:
    """A protocol as people call it."""
    return protocol.upper().replace("-", " ")
