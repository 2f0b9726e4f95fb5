"""What changed of the lists of others for a reader since a time, as OCHP 1.4 says it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection

from echs.base import deadline
from echs.base.response_stream import ResponseStream, collected
from echs.config.app_context import AppContext
from echs.lists.changes import ListedChange, changes_in, number_before
from echs.lists.list_format import ListOwner
from echs.lists.list_writer import ListState
from echs.lists.published_list import PublishedList
from echs.lists.tombstones import told_since

ROWS_AT_ONCE = 1000

Lists = Mapping[int, ListState]
# Changed records as payloads of ours, those that have ended first, from the lists that the reader sees and the owners.
ChangedPayloads = Callable[
    [AppContext, Connection, Lists, Sequence[ListedChange], Mapping[int, ListOwner]], Sequence[str]
]


class Changes(NamedTuple):
    """What changed: the records, how many (None where nobody knows yet), and whether they are all that there is."""

    records: ResponseStream
    number: int | None
    everything: bool


def visible_lists(
    context: AppContext, published: PublishedList, reader_id: int, snapshot: Connection | None = None
) -> dict[int, ListState]:
    """How the lists stand that a reader sees, by owner."""
    database, query = context.database, published.states_for_reader
    if snapshot is None:
        rows = database.fetch_all(query, reader_id=reader_id)
    else:
        rows = database.fetch_within(snapshot, query, reader_id=reader_id)
    return {state.owner_id: state for state in published.keyed.states_of_rows(database, rows)}


def changed_records(
    context: AppContext,
    published: PublishedList,
    reader_id: int,
    since: datetime,
    as_ours: ChangedPayloads,
    draw: Callable[[Sequence[str]], bytes],
) -> Changes:
    """The records whose content, or whose visibility to this reader, changed since a time (UTC), and some before it;
    all of them where it may be forgotten what has ended since.
    """
    overlap = timedelta(seconds=context.limits.delta_overlap_seconds)
    with context.database.read() as snapshot:
        number = 0
        if since >= told_since(context, snapshot, published.keyed):
            number = number_before(snapshot, published.keyed, min(since, context.clock()) - overlap)
    count = 0

    def texts() -> Iterator[bytes]:
        nonlocal count
        with context.database.read() as snapshot:
            owners, lists = published.keyed.owners(snapshot), visible_lists(context, published, reader_id, snapshot)
            changes = changes_in(snapshot, published, reader_id, number)
            while some := list(islice(changes, ROWS_AT_ONCE)):
                deadline.check()
                payloads = as_ours(context, snapshot, lists, some, owners)
                count += len(payloads)
                if payloads:
                    yield draw(payloads)

    records = collected(texts())
    return Changes(records, None if records.length is None else count, everything=number <= 0)
