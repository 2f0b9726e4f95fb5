"""The roaming list: a provider replaces its own, everybody downloads all of them."""

from collections.abc import Collection

from sqlalchemy import Connection, literal

from echs.lists.claims import Claims
from echs.lists.keyed_list import KeyedList
from echs.lists.list_format import KeyForm
from echs.lists.published_list import PublishedList
from echs.partners.connection import ConnectionKind
from echs.partners.market_ids import ForeignId
from echs.partners.partner import PartyRole
from echs.tokens import tables
from echs.tokens.byte_order import other_orders
from echs.tokens.token_hash import hashes_of

_row = tables.token.c
UID = KeyForm("uid", _row.uid_key)
CONTRACT = KeyForm("contract", _row.contract_key)
# As `echs.tokens.token.token_key` makes it.
TOKEN = KeyForm("token", _row.type + literal(":") + _row.medium + literal(":") + _row.uid_key)
CLAIMS = Claims(
    TOKEN,
    ForeignId.TOKEN_OF_ANOTHER,
    "token_id",
    PartyRole.PROVIDER,
    ForeignId.CONTRACT_OF_ANOTHER,
    "contract_id",
)
TOKENS = PublishedList(
    "roaming list",
    "roaming",
    KeyedList("tokens", ConnectionKind.TOKENS, tables.token_list, tables.token, tables.token_former),
    CLAIMS,
)


def existing_tokens(snapshot: Connection, owner_id: int, numbers: Collection[str]) -> set[str] | None:
    """Those of the token numbers, each in its `plain` form, that stand in the owner's list, as they are or hashed;
    None without one.
    """
    found = TOKENS.keyed.contained_in(snapshot, owner_id, UID, numbers)
    if found is None:
        return None
    hashes = {each: number for number in set(numbers) - found for each in hashes_of(number)}
    hashed = TOKENS.keyed.contained_in(snapshot, owner_id, UID, hashes) or set()
    return found | {hashes[each] for each in hashed}


def turned_tokens(snapshot: Connection, owner_id: int, numbers: Collection[str]) -> set[str] | None:
    """Those of the token numbers that stand in the owner's list in another order of their bytes, or without the zeros
    that fill them up; None without one.
    """
    ways = {way: number for number in numbers for way in other_orders(number)}
    found = existing_tokens(snapshot, owner_id, ways)
    return None if found is None else {ways[way] for way in found}


def existing_contracts(snapshot: Connection, owner_id: int, contract_ids: Collection[str]) -> set[str] | None:
    """Those of the contract ids, in upper case and without separators, in the owner's list; None without one."""
    return TOKENS.keyed.contained_in(snapshot, owner_id, CONTRACT, contract_ids)
