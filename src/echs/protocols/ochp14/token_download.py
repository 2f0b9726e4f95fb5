"""Tokens on their way out: all that are valid now, and those that changed.

A token that is gone cannot be said to be gone: it is given once more, as one that has ended. The same goes for one that
was blocked or needs a pin now, and for all of a provider that the reader no longer sees: who forgets that leaves stolen
cards alive.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection, bindparam, or_, select

from echs.base.gzip_concat import deflating
from echs.base.prefetch_buffer import PrefetchBuffer
from echs.base.prepared_query import PreparedQuery
from echs.base.response_stream import ResponseStream
from echs.config.app_context import AppContext
from echs.lists.changes import ListedChange
from echs.lists.list_format import ListOwner
from echs.lists.withheld import Withheld
from echs.protocols.ochp14.contracts import PROTOCOL
from echs.protocols.ochp14.list_changes import ROWS_AT_ONCE, Lists
from echs.protocols.ochp14.record_codec import tokens_text
from echs.protocols.ochp14.token_format import (
    REPRESENTATIONS,
    TokenRecord,
    record_of,
    said_as_ended,
    said_contract_id,
    spellings,
)
from echs.protocols.ochp14.token_lookup import candidates, is_valid, said
from echs.protocols.rows.payload import payload_of, row_of
from echs.tokens.tables import token
from echs.tokens.token import Representation, TokenWithheld, uid_key
from echs.tokens.token_list import TOKENS

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
# What stands for a contract that cannot be said: behind the market id of its provider, or of who has none.
NO_CONTRACT, NOBODY = "000000000", "ZZZZZ"


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
                    payloads = said(context.formats.tokens, protocol, [row[2] for row in some], state.owner)
                    if payloads:
                        yield tokens_text(payloads, element)
                after = rows[-1][0]


# ---------------------------------------------------------------------- what changed


def changed_payloads(
    context: AppContext,
    snapshot: Connection,
    lists: Lists,
    changes: Sequence[ListedChange],
    owners: Mapping[int, ListOwner],
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
        (noun,) = context.formats.tokens[each.protocol].nouns([each.payload], owner)
        record = record_of(noun, owner)
        over = each.gone or noun.blocked
        if isinstance(record, Withheld) and record in ONCE_GIVEN:
            # It may have been given out before it was so.
            over = True
            contract_id = said_contract_id(noun.contract_id) or f"{owner.market_id or NOBODY}{NO_CONTRACT}"
            record = record_of(noun._replace(pin_mandatory=False, contract_id=contract_id), owner)
        if isinstance(record, Withheld):
            continue
        if over:
            ended.append((each.owner_id, said_as_ended(record, each.at)))
        else:
            valid.append(payload_of(record))
    return [*ends_and_others(context, snapshot, lists, ended), *valid]


def ends_and_others(
    context: AppContext, snapshot: Connection, lists: Lists, ended: Sequence[tuple[int, TokenRecord]]
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
            for payload in said(context.formats.tokens, row.protocol, [row.payload], lists[row.partner_id].owner):
                standing[name_of(TokenRecord._make(row_of(payload)))][row.partner_id] = payload
    for owner_id, record in ended:
        others = standing.get(name_of(record), {})
        if owner_id not in others:
            yield payload_of(record)
            yield from others.values()


def name_of(record: TokenRecord) -> tuple[str, ...]:
    """By what a reader knows a token: its EmtId without the subtype."""
    return (REPRESENTATIONS[record.representation].value, record.token_type, uid_key(record.instance))
