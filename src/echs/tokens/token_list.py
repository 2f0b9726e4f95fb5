"""The roaming list: a provider replaces its own, everybody downloads all of them."""

from collections.abc import Collection, Iterable, Iterator

from sqlalchemy import literal

from echs.base.context import Context
from echs.base.errors import Problem
from echs.lists.claims import Claims
from echs.lists.keyed_list import KeyedList
from echs.lists.list_schema import KeyForm, ListSchema
from echs.lists.published_list import PublishedList
from echs.partners.market_ids import ForeignId
from echs.partners.partner import Partner, PartyRole
from echs.tokens import tables
from echs.tokens.token import (
    FIELDS,
    KEY,
    PROTOCOL,
    TYPES,
    WARNINGS,
    Token,
    batch_is_valid,
    contract_key,
    duplicate_problem,
    label,
    ownership_problem,
    problems_of,
    typed,
)

SCHEMA = ListSchema("tokens", FIELDS, Token._make, KEY, duplicate_problem, WARNINGS)
_row = tables.token.c
_TYPE, _UID, _CONTRACT = (SCHEMA.place(name) for name in ("token_type", "token_id", "contract_id"))
UID = KeyForm("uid", _row.uid_key, lambda row: row[_UID].upper())
CONTRACT = KeyForm("contract", _row.contract_key, lambda row: contract_key(row[_CONTRACT]))
# What makes a token the same one in the lists of two partners.
TOKEN = KeyForm(
    "token",
    _row.type + literal(":") + _row.medium + literal(":") + _row.uid_key,
    lambda row: ":".join((*TYPES[row[_TYPE]], row[_UID].upper())),
)
CLAIMS = Claims(
    TOKEN,
    ForeignId.TOKEN_OF_ANOTHER,
    "token_id",
    _CONTRACT,
    PartyRole.PROVIDER,
    ForeignId.CONTRACT_OF_ANOTHER,
    "contract_id",
    lambda row: label(SCHEMA.of_row(row)),
)


def lost_hubs(before: Partner, now: Partner, kept: Iterable[Token]) -> Iterator[Problem]:
    """Tokens under a hub number that the owner had when the upload began, and has no more."""
    if now.hubs != before.hubs:
        for record in kept:
            if not now.may_use_hub(record.hub):
                yield ownership_problem(record, now, None)


TOKENS = PublishedList(
    "roaming list",
    "roaming",
    KeyedList(tables.token_list, tables.token, tables.token_former, SCHEMA, PROTOCOL, typed),
    CLAIMS,
    problems_of,
    batch_is_valid,
    lost_hubs,
)
replace = TOKENS.replace
download = TOKENS.download
list_states = TOKENS.states


def existing_tokens(context: Context, owner_id: int, numbers: Collection[str]) -> set[str] | None:
    """Those of the token numbers, each in its `plain` form, that stand in the owner's list; None without one."""
    return TOKENS.keyed.contained_in(context, owner_id, UID, numbers)


def existing_contracts(context: Context, owner_id: int, contract_ids: Collection[str]) -> set[str] | None:
    """Those of the contract ids, in upper case and without separators, in the owner's list; None without one."""
    return TOKENS.keyed.contained_in(context, owner_id, CONTRACT, contract_ids)
