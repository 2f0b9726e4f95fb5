"""Tokens by their uid among all lists that a reader sees: a single one that is asked for, however it is given."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, or_, select

from echs.base import deadline
from echs.base.errors import LoadReason, refuse
from echs.base.prepared_query import PreparedQuery
from echs.config.app_context import AppContext
from echs.lists.list_format import ListFormat, ListOwner
from echs.lists.list_writer import ListState
from echs.lists.withheld import Withheld
from echs.protocols.ochp14.contracts import PROTOCOL
from echs.protocols.ochp14.list_changes import ROWS_AT_ONCE, Lists, visible_lists
from echs.protocols.ochp14.token_format import REPRESENTATIONS, TYPES, record_of, spellings
from echs.protocols.rows.payload import payload_of
from echs.tokens.tables import token
from echs.tokens.token import Representation, TokenType, uid_key
from echs.tokens.token_hash import hashes_of
from echs.tokens.token_list import TOKENS

# As many as a uid has spellings and hashes; fewer are filled up with the last.
KEYS_AT_ONCE = 10
BY_UID = PreparedQuery(
    select(
        token.c.partner_id,
        token.c.position,
        token.c.uid_key,
        token.c.type,
        token.c.representation,
        token.c.valid_until,
        token.c.blocked,
        token.c.protocol,
        token.c.payload,
    )
    .where(or_(*(token.c.uid_key == bindparam(f"key_{number}") for number in range(KEYS_AT_ONCE))))
    .order_by(token.c.partner_id, token.c.position)
)
SEARCH_WAIT_SECONDS = 5.0
KEPT_SEARCHES = 10_000
_searching = threading.BoundedSemaphore(1)
_kept_lock = threading.Lock()
_kept: OrderedDict[tuple[str, ...], list[str]] = OrderedDict()


class Candidate(NamedTuple):
    """A row of a token with one of some keys of its uid."""

    partner_id: int
    position: int
    uid_key: str
    type: str
    representation: str
    valid_until: Any
    blocked: Any
    protocol: str
    payload: str


def is_valid(context: AppContext, lists: Lists, row: Candidate, now: datetime) -> bool:
    """Whether a row stands in one of these lists and is valid at this time."""
    state = lists.get(row.partner_id)
    if state is None or row.position < state.first_position or row.blocked:
        return False
    ends = None if row.valid_until is None else context.database.as_instant(row.valid_until)
    return lasts_longer(ends, now)


def said(formats: Mapping[str, ListFormat], protocol: str, payloads: Sequence[str], owner: ListOwner) -> Sequence[str]:
    """Payloads of whatever protocol as ours; what cannot be said is left out."""
    if protocol == PROTOCOL:
        return payloads
    records = (record_of(noun, owner) for noun in formats[protocol].nouns(payloads, owner))
    return [payload_of(record) for record in records if not isinstance(record, Withheld)]


def found_token(context: AppContext, reader_id: int, instance: str, token_type: str, representation: str) -> str | None:
    """The payload of a token that a reader sees and that is valid now; None where there is none. Of several that
    providers publish it is the one that is valid longest. A hash is compared with hashes of whatever is published
    plain, and the other way round.
    """
    database, now = context.database, context.clock()
    wanted = TYPES[token_type]
    types = (TokenType.RFID, TokenType.OTHER) if wanted is TokenType.RFID else (wanted,)
    best: tuple[datetime | None, str] | None = None
    with database.read() as snapshot:
        lists = visible_lists(context, TOKENS, reader_id, snapshot)
        keys = keys_of(snapshot, list(lists.values()), uid_key(instance), REPRESENTATIONS[representation])
        for row in candidates(context, snapshot, list(keys)):
            if row.type not in types or keys[row.uid_key] != row.representation:
                continue
            if not is_valid(context, lists, row, now):
                continue
            ends = None if row.valid_until is None else database.as_instant(row.valid_until)
            payloads = said(context.formats.tokens, row.protocol, [row.payload], lists[row.partner_id].owner)
            if payloads and (best is None or lasts_longer(ends, best[0])):
                best = ends, payloads[0]
    return None if best is None else best[1]


def keys_of(
    snapshot: Connection, lists: Sequence[ListState], uid: str, given: Representation
) -> dict[str, Representation]:
    """How a uid that is asked for may stand in a list, and given in which way."""
    if given is Representation.PLAIN:
        return {uid: given, **dict.fromkeys(spellings(uid), given), **hashes_of(uid)}
    return {uid: given, **dict.fromkeys(plain_uids(snapshot, lists, uid, given), Representation.PLAIN)}


def candidates(context: AppContext, snapshot: Connection, keys: Sequence[str]) -> list[Candidate]:
    """The tokens with one of these keys, whosever they are. By themselves: joined with the lists they stand in, the
    store would rather go through these.
    """
    found: list[Candidate] = []
    for start in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[start : start + KEYS_AT_ONCE]
        asked = {f"key_{number}": some[min(number, len(some) - 1)] for number in range(KEYS_AT_ONCE)}
        found += map(Candidate._make, context.database.fetch_within(snapshot, BY_UID, **asked))
    return found


def lasts_longer(one: datetime | None, other: datetime | None) -> bool:
    """Whether something that ends at one time ends later than what ends at the other; None is never."""
    return other is not None and (one is None or one > other)


def plain_uids(snapshot: Connection, lists: Sequence[ListState], wanted: str, how: Representation) -> list[str]:
    """The uids that are published plain and have this hash. Every list is gone through, since no store can look that
    up: one search at a time in each process, and each answer is kept while the lists stand as they do.

    :raises Refused: UPLOAD_BUSY, DEADLINE_EXCEEDED
    """
    asked = (wanted, how.value, *sorted(state.version_token for state in lists))
    with _kept_lock:
        if asked in _kept:
            return _kept[asked]
    if not _searching.acquire(timeout=SEARCH_WAIT_SECONDS):
        raise refuse(LoadReason.UPLOAD_BUSY, "other tokens are looked for by their hash; send the same request again")
    try:
        found = searched(snapshot, lists, wanted, how)
    finally:
        _searching.release()
    with _kept_lock:
        _kept[asked] = found
        while len(_kept) > KEPT_SEARCHES:
            _kept.popitem(last=False)
    return found


def searched(snapshot: Connection, lists: Sequence[ListState], wanted: str, how: Representation) -> list[str]:
    """The same, by a pass over every list."""
    found: list[str] = []
    for state in lists:
        mine = TOKENS.keyed.standing(state), token.c.representation == Representation.PLAIN.value
        rows = snapshot.execute(select(token.c.uid_key).where(*mine).execution_options(yield_per=ROWS_AT_ONCE))
        for uids in rows.scalars().partitions():
            deadline.check()
            found += [uid for uid in uids if hashes_of(uid).get(wanted) is how]
    return found
