"""The verbs of this room: a provider replaces its list, everybody downloads all lists."""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

from sqlalchemy import Connection, String, cast, func

from echs.audit import trail
from echs.audit.entry import Action
from echs.base import request_context
from echs.base.context import Context
from echs.base.errors import Problem, ProblemCollector, Unreadable
from echs.base.spool import Row, Spool
from echs.base.upload_validation import NOTHING_STORED, RecordBatch
from echs.lists.claims import Claims, compare
from echs.lists.list_cache import Published
from echs.lists.versioned_list import (
    LIST_RECORDS_RECEIVED,
    KeyForm,
    ListRules,
    ListSchema,
    ListState,
    ReplaceResult,
    VersionedList,
)
from echs.partners.login import lock_active_partner
from echs.partners.market_ids import FOREIGN_IDS, ForeignId
from echs.partners.partner import Partner
from echs.partners.partner import PartyRole as PartyKind
from echs.partners.queries import is_active
from echs.tokens import tables
from echs.tokens.token import (
    FIELDS,
    KEY,
    WARNINGS,
    Token,
    batch_is_valid,
    duplicate_problem,
    label,
    ownership_problem,
    problems_of,
)

KIND = ListSchema(FIELDS, Token._make, KEY, duplicate_problem, WARNINGS)
_lists = VersionedList(tables.roaming_list, tables.authorisation, KIND)
_row = tables.authorisation.c
_TYPE, _CARD, _CONTRACT = (KIND.place(name) for name in ("token_type", "token_id", "contract_id"))
CARD = KeyForm("card", func.upper(_row.token_id), lambda row: row[_CARD].upper())
CONTRACT = KeyForm(
    "contract",
    func.upper(func.replace(func.replace(_row.contract_id, "-", ""), "*", "")),
    lambda row: row[_CONTRACT].replace("-", "").replace("*", "").upper(),
)
# What makes a token the same one in the lists of two partners.
TOKEN = KeyForm(
    "token",
    cast(_row.token_type, String) + ":" + func.upper(_row.token_id),
    lambda row: f"{int(row[_TYPE])}:{row[_CARD].upper()}",
)
CLAIMS = Claims(
    TOKEN,
    ForeignId.TOKEN_OF_ANOTHER,
    "token_id",
    _CONTRACT,
    PartyKind.PROVIDER,
    ForeignId.CONTRACT_OF_ANOTHER,
    "contract_id",
    lambda row: label(KIND.of_row(row)),
)
# The lists of all active partners, to be given out drawn.
PUBLISHED = Published(_lists, is_active)


def replace(context: Context, owner: Partner, records: Iterable[Token | Unreadable | RecordBatch]) -> ReplaceResult:
    """Make ``records`` the whole list of ``owner``, in one transaction.

    :raises Refused: for any problem in any record; the list that stood before stands still
    """

    def may_still(transaction: Connection, kept: Iterable[Token]) -> None:
        now = lock_active_partner(context, transaction, owner)
        if now.hubs == owner.hubs:
            return  # under these every record was judged
        lost = ProblemCollector()
        for record in kept:
            if not now.may_use_hub(record.hub):
                lost.add(ownership_problem(record, now, None))
        if lost:
            raise lost.refusal(NOTHING_STORED)

    def note(transaction: Connection, replaced: ReplaceResult) -> None:
        foreign = {name: count for name, count in replaced.warnings.items() if name in FOREIGN_IDS}
        facts = {"records": replaced.stored, **({"foreign": foreign} if foreign else {}), **replaced.facts}
        trail.record(context, transaction, Action.LIST_REPLACED, f"roaming list of {owner.user_id}", facts)

    foreign = partial(compare, context, owner, _lists, CLAIMS)
    replaced = _lists.replace(context, owner.id, records, list_rules(owner), may_still, note, foreign)
    request_context.current().count(LIST_RECORDS_RECEIVED, "roaming", amount=replaced.stored)
    return replaced


def list_rules(owner: Partner) -> ListRules[Token]:
    """The rules for what ``owner`` sends."""
    return ListRules(partial(problems_of, owner=owner), partial(batch_is_valid, owner=owner))


def examine(
    records: Iterable[Token | Unreadable | RecordBatch],
    wrong: Callable[[Token, int], Iterator[Problem]],
    limit: int,
    problems: ProblemCollector,
) -> None:
    """Read an upload as `replace` does, without a store, for what is wrong with it."""
    with Spool[Row]() as spool:
        _lists.receive(records, ListRules(wrong, lambda _columns: False), limit, problems, spool)


def existing_tokens(context: Context, owner_id: int, numbers: Collection[str]) -> set[str] | None:
    """Those of the token numbers, each in its `plain` form, that stand in the owner's list; None without one."""
    return _lists.among(context, owner_id, CARD, numbers)


def existing_contracts(context: Context, owner_id: int, contract_ids: Collection[str]) -> set[str] | None:
    """Those of the contract ids, in upper case and without separators, in the owner's list; None without one."""
    return _lists.among(context, owner_id, CONTRACT, contract_ids)


def download(context: Context) -> Iterator[Token]:
    """Every active partner's list, in the order of the partners and of their uploads, from one snapshot."""
    return _lists.download(context, is_active)


def list_states(context: Context) -> dict[int, ListState]:
    """How every partner's list stands, by partner."""
    return _lists.states(context)
