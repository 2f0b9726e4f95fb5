"""Tokens on their way out: all that are valid now, and those that changed.

A token that is gone cannot be said to be gone: it is given once more, as one that has ended. The same goes for one that
was blocked or needs a pin now, and for all of a provider that the reader no longer sees: who forgets that leaves stolen
cards alive.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, or_, select

from echs.base import deadline
from echs.base.gzip_concat import deflating
from echs.base.prefetch_buffer import PrefetchBuffer
from echs.base.prepared_query import PreparedQuery
from echs.base.response_stream import ResponseStream, collected
from echs.config.app_context import AppContext
from echs.lists.changes import ListedChange, changes_in, number_before
from echs.lists.list_writer import ListState
from echs.lists.withheld import Withheld
from echs.partners import tables as partner_tables
from echs.partners.market_ids import market_ids
from echs.partners.partner import PartyRole
from echs.protocols.ochp14.contracts import PROTOCOL
from echs.protocols.ochp14.record_codec import tokens_text
from echs.protocols.ochp14.token_format import (
    REPRESENTATIONS,
    TokenRecord,
    record_of,
    said_as_ended,
    spellings,
)
from echs.protocols.ochp14.token_lookup import candidates, is_valid, lists_in, said
from echs.protocols.rows.payload import payload_of, row_of
from echs.tokens.tables import token
from echs.tokens.token import Representation, TokenWithheld, uid_key
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
# What may once have been given out and is withheld now: it has ended for whoever has it.
ONCE_GIVEN = (TokenWithheld.PIN, TokenWithheld.CONTRACT_FORM)
# The market id of who has none.
NOBODY = "ZZZZZ"


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


# ---------------------------------------------------------------------- what changed


def changed_tokens(context: AppContext, reader_id: int, since: datetime, element: str) -> Changes:
    """The tokens whose content, or whose visibility to this reader, changed since a time (UTC), and some before it."""
    overlap = timedelta(seconds=context.limits.delta_overlap_seconds)
    with context.database.read() as snapshot:
        number = number_before(snapshot, TOKENS.keyed, min(since, context.clock()) - overlap)
    count = 0

    def texts() -> Iterator[bytes]:
        nonlocal count
        with context.database.read() as snapshot:
            owners, lists = owners_of_lists(snapshot), lists_in(context, snapshot, reader_id)
            changes = changes_in(snapshot, TOKENS, reader_id, number)
            while some := list(islice(changes, ROWS_AT_ONCE)):
                deadline.check()
                payloads = changed_payloads(context, snapshot, lists, some, owners)
                count += len(payloads)
                if payloads:
                    yield tokens_text(payloads, element)

    records = collected(texts())
    return Changes(records, None if records.length is None else count, everything=number <= 0)


class Owner(NamedTuple):
    """An owner of lists: its time zone, and a contract id for the end of a token whose own cannot be said."""

    zone: str
    any_contract: str


def owners_of_lists(snapshot: Connection) -> dict[int, Owner]:
    """All partners as owners of lists."""
    market = {owner: each for each, owners in market_ids(snapshot, PartyRole.PROVIDER).items() for owner in owners}
    partner = partner_tables.partner.c
    return {
        number: Owner(zone, f"{market.get(number, NOBODY)}000000000")
        for number, zone in snapshot.execute(select(partner.id, partner.timezone))
    }


def changed_payloads(
    context: AppContext,
    snapshot: Connection,
    lists: Mapping[int, ListState],
    changes: Sequence[ListedChange],
    owners: Mapping[int, Owner],
) -> list[str]:
    """Changed tokens as ours, those that have ended first.

    Readers know a token by what it is called alone. So none is said to have ended that its owner gives out under
    another key (as it came by another protocol, or of another type); and what another provider gives out under the same
    name is given again behind the end.
    """
    valid: list[str] = []
    ended: list[tuple[int, TokenRecord]] = []
    for each in changes:
        if each.protocol == PROTOCOL and not each.gone:
            valid.append(each.payload)
            continue
        owner = owners[each.owner_id]
        (noun,) = context.formats.tokens[each.protocol].nouns([each.payload], owner.zone)
        record = record_of(noun, owner.zone)
        over = each.gone or noun.blocked
        if isinstance(record, Withheld) and record in ONCE_GIVEN:
            # It may have been given out before it was so.
            over = True
            record = record_of(noun._replace(pin_mandatory=False, contract_id=owner.any_contract), owner.zone)
        if isinstance(record, Withheld):
            continue
        if over:
            ended.append((each.owner_id, said_as_ended(record, each.at)))
        else:
            valid.append(payload_of(record))
    return [*ends_and_others(context, snapshot, lists, ended), *valid]


def ends_and_others(
    context: AppContext, snapshot: Connection, lists: Mapping[int, ListState], ended: Sequence[tuple[int, TokenRecord]]
) -> Iterator[str]:
    """The ends of tokens that are not valid under the same name for this reader, and those that are of others."""
    now = context.clock()
    keys: dict[str, Representation] = {}
    for _, record in ended:
        given, uid = REPRESENTATIONS[record.representation], uid_key(record.instance)
        keys |= {uid: given, **(dict.fromkeys(spellings(uid), given) if given is Representation.PLAIN else {})}
    standing: dict[tuple[str, ...], dict[int, str]] = defaultdict(dict)
    for row in candidates(context, snapshot, list(keys)):
        if keys[row.uid_key] == row.representation and is_valid(context, lists, row, now):
            for payload in said(context.formats.tokens, row.protocol, [row.payload], lists[row.partner_id].zone):
                standing[name_of(TokenRecord._make(row_of(payload)))][row.partner_id] = payload
    for owner_id, record in ended:
        others = standing.get(name_of(record), {})
        if owner_id not in others:
            yield payload_of(record)
            yield from others.values()


def name_of(record: TokenRecord) -> tuple[str, ...]:
    """By what a reader knows a token: its EmtId without the subtype."""
    return (REPRESENTATIONS[record.representation].value, record.token_type, uid_key(record.instance))
