"""Tokens on their way out: all that are valid now, those that changed, and a single one.

A token that is gone cannot be said to be gone: it is given once more, as one that has ended. The same goes for one that
was blocked or needs a pin now, and for all of a provider that the reader no longer sees: who forgets that leaves stolen
cards alive.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, or_, select

from echs.base.gzip_concat import deflating
from echs.base.prefetch_buffer import PrefetchBuffer
from echs.base.prepared_query import PreparedQuery
from echs.base.response_stream import ResponseStream, collected
from echs.config.app_context import AppContext
from echs.lists.changes import ListedChange, changes_in, number_before, number_visibility
from echs.lists.list_format import ListFormat
from echs.lists.list_writer import ListState
from echs.lists.withheld import Withheld
from echs.partners import tables as partner_tables
from echs.protocols.ochp14.contracts import PROTOCOL
from echs.protocols.ochp14.record_codec import tokens_text
from echs.protocols.ochp14.token_format import REPRESENTATIONS, TYPES, record_of, said_as_ended
from echs.protocols.rows.payload import payload_of
from echs.tokens.tables import token
from echs.tokens.token import Representation, TokenType, TokenWithheld, uid_key
from echs.tokens.token_hash import hashes_of
from echs.tokens.token_list import TOKENS

ROWS_AT_ONCE = 1000

_valid = or_(token.c.valid_until.is_(None), token.c.valid_until > bindparam("now"))
VALID_TOKENS = PreparedQuery(
    select(token.c.position, token.c.protocol, token.c.payload)
    .where(token.c.partner_id == bindparam("owner_id"), token.c.position > bindparam("after"))
    .where(~token.c.blocked, _valid)
    .order_by(token.c.position)
    .limit(ROWS_AT_ONCE)
)
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


class Changes(NamedTuple):
    """What changed: the records, how many (None where nobody knows yet), and whether they are all that there is."""

    records: ResponseStream
    number: int | None
    everything: bool


def visible_lists(context: AppContext, reader_id: int) -> list[ListState]:
    """How the lists stand that a reader sees."""
    rows = context.database.fetch_all(TOKENS.states_for_reader, reader_id=reader_id)
    return TOKENS.keyed.states_of_rows(context.database, rows)


def valid_tokens(context: AppContext, reader_id: int, element: str, *, deflated: bool) -> ResponseStream:
    """All tokens that a reader sees and that are valid now."""
    texts = valid_texts(context, reader_id, element)
    return ResponseStream(PrefetchBuffer(deflating(texts) if deflated else texts), deflated=deflated)


def valid_texts(context: AppContext, reader_id: int, element: str) -> Iterator[bytes]:
    """The same as text, from one snapshot."""
    now = context.database.as_stored(context.clock())
    with context.database.read() as snapshot:
        for state in TOKENS.keyed.present(snapshot, TOKENS.seen_by(reader_id)):
            after, wanted = state.first_position - 1, {"owner_id": state.owner_id, "now": now}
            while rows := context.database.fetch_within(snapshot, VALID_TOKENS, after=after, **wanted):
                for protocol, some in groupby(rows, itemgetter(1)):
                    payloads = said(context.formats.tokens, protocol, [row[2] for row in some], state.zone)
                    if payloads:
                        yield tokens_text(payloads, element)
                after = rows[-1][0]


def said(formats: Mapping[str, ListFormat], protocol: str, payloads: Sequence[str], zone: str) -> Sequence[str]:
    """Payloads of whatever protocol as ours; what cannot be said is left out."""
    if protocol == PROTOCOL:
        return payloads
    records = (record_of(noun, zone) for noun in formats[protocol].nouns(payloads, zone))
    return [payload_of(record) for record in records if not isinstance(record, Withheld)]


# ---------------------------------------------------------------------- what changed


def changed_tokens(context: AppContext, reader_id: int, since: datetime, element: str) -> Changes:
    """The tokens whose content, or whose visibility to this reader, changed since a time (UTC), and some before it."""
    number_visibility(context, TOKENS.keyed)
    overlap = timedelta(seconds=context.limits.delta_overlap_seconds)
    with context.database.read() as snapshot:
        number = number_before(snapshot, TOKENS.keyed, min(since, context.clock()) - overlap)
    count = 0

    def texts() -> Iterator[bytes]:
        nonlocal count
        with context.database.read() as snapshot:
            zones = dict(snapshot.execute(select(partner_tables.partner.c.id, partner_tables.partner.c.timezone)).all())
            changes = changes_in(snapshot, TOKENS, reader_id, number)
            while some := list(islice(changes, ROWS_AT_ONCE)):
                payloads = changed_payloads(context, some, zones)
                count += len(payloads)
                if payloads:
                    yield tokens_text(payloads, element)

    records = collected(texts())
    return Changes(records, None if records.length is None else count, everything=number <= 0)


def changed_payloads(context: AppContext, changes: Sequence[ListedChange], zones: Mapping[int, str]) -> list[str]:
    """Changed tokens as ours."""
    payloads = [each.payload for each in changes if each.protocol == PROTOCOL and not each.gone]
    for each in changes:
        if each.protocol == PROTOCOL and not each.gone:
            continue
        zone = zones[each.owner_id]
        (noun,) = context.formats.tokens[each.protocol].nouns([each.payload], zone)
        record = record_of(noun, zone)
        ended = each.gone or noun.blocked
        if record is TokenWithheld.PIN:
            # It may have been given out before it needed one.
            record, ended = record_of(noun._replace(pin_mandatory=False), zone), True
        if not isinstance(record, Withheld):
            payloads.append(payload_of(said_as_ended(record, each.at) if ended else record))
    return payloads


# ---------------------------------------------------------------------- a single one


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
        rows = database.fetch_within(snapshot, TOKENS.states_for_reader, reader_id=reader_id)
        lists = {state.owner_id: state for state in TOKENS.keyed.states_of_rows(database, rows)}
        keys = keys_of(snapshot, list(lists.values()), uid_key(instance), REPRESENTATIONS[representation])
        for row in candidates(context, snapshot, list(keys)):
            state = lists.get(row.partner_id)
            if state is None or row.position < state.first_position or row.blocked:
                continue
            ends = None if row.valid_until is None else database.as_instant(row.valid_until)
            if not lasts_longer(ends, now) or row.type not in types or keys[row.uid_key] != row.representation:
                continue
            payloads = said(context.formats.tokens, row.protocol, [row.payload], state.zone)
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


def spellings(uid: str) -> list[str]:
    """How else OCHP 0.2 writes a uid of hexadecimal digits: in pairs."""
    pairs = [uid[start : start + 2] for start in range(0, len(uid), 2)]
    return [separator.join(pairs) for separator in ":- "]


def plain_uids(snapshot: Connection, lists: Sequence[ListState], wanted: str, how: Representation) -> list[str]:
    """The uids that are published plain and have this hash. Every list is gone through: no store can look that up."""
    found: list[str] = []
    for state in lists:
        mine = TOKENS.keyed.standing(state), token.c.representation == Representation.PLAIN.value
        rows = snapshot.execute(select(token.c.uid_key).where(*mine).execution_options(yield_per=ROWS_AT_ONCE))
        found += [uid for uid in rows.scalars() if hashes_of(uid).get(wanted) is how]
    return found
