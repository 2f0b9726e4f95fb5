"""The verbs of this room: an operator replaces its list, everybody downloads all lists."""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

from sqlalchemy import Connection, func

from echs.audit import trail
from echs.audit.entry import Action
from echs.base import request_context
from echs.base.context import Context
from echs.base.errors import Problem, ProblemCollector, Unreadable
from echs.base.spool import Row, Spool
from echs.base.upload_validation import RecordBatch
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
from echs.locations import tables
from echs.locations.charge_point import (
    FIELDS,
    KEY,
    WARNINGS,
    ChargePoint,
    batch_is_valid,
    duplicate_problem,
    label,
    problems_of,
)
from echs.partners.login import lock_active_partner
from echs.partners.market_ids import FOREIGN_IDS, ForeignId
from echs.partners.partner import Partner
from echs.partners.partner import PartyRole as PartyKind
from echs.partners.queries import is_active

KIND = ListSchema(FIELDS, ChargePoint._make, KEY, duplicate_problem, WARNINGS)
_lists = VersionedList(tables.chargepoint_list, tables.chargepoint, KIND)
_EVSE = KIND.place("evse_id")
EVSE = KeyForm("evse", func.upper(tables.chargepoint.c.evse_id), lambda row: row[_EVSE].upper())
CLAIMS = Claims(
    EVSE,
    ForeignId.EVSE_OF_ANOTHER,
    "evse_id",
    _EVSE,
    PartyKind.OPERATOR,
    ForeignId.EVSE_OF_ANOTHER,
    "evse_id",
    lambda row: label(KIND.of_row(row)),
)
# The lists of all active partners, to be given out drawn.
PUBLISHED = Published(_lists, is_active)


def replace(
    context: Context, owner: Partner, records: Iterable[ChargePoint | Unreadable | RecordBatch]
) -> ReplaceResult:
    """Make ``records`` the whole list of ``owner``, in one transaction.

    :raises Refused: for any problem in any record; the list that stood before stands still
    """

    def may_still(transaction: Connection, _kept: Iterable[ChargePoint]) -> None:
        lock_active_partner(context, transaction, owner)

    def note(transaction: Connection, replaced: ReplaceResult) -> None:
        foreign = {name: count for name, count in replaced.warnings.items() if name in FOREIGN_IDS}
        facts = {"records": replaced.stored, **({"foreign": foreign} if foreign else {}), **replaced.facts}
        trail.record(context, transaction, Action.LIST_REPLACED, f"charge point list of {owner.user_id}", facts)

    foreign = partial(compare, context, owner, _lists, CLAIMS)
    replaced = _lists.replace(
        context, owner.id, records, ListRules(problems_of, batch_is_valid), may_still, note, foreign
    )
    request_context.current().count(LIST_RECORDS_RECEIVED, "chargepoint", amount=replaced.stored)
    return replaced


def examine(
    records: Iterable[ChargePoint | Unreadable | RecordBatch],
    wrong: Callable[[ChargePoint, int], Iterator[Problem]],
    limit: int,
    problems: ProblemCollector,
) -> None:
    """Read an upload as `replace` does, without a store, for what is wrong with it."""
    with Spool[Row]() as spool:
        _lists.receive(records, ListRules(wrong, lambda _columns: False), limit, problems, spool)


def existing_evses(context: Context, owner_id: int, evse_ids: Collection[str]) -> set[str] | None:
    """Those of the EVSE ids, each in its `plain` form, that stand in the owner's list; None without one."""
    return _lists.among(context, owner_id, EVSE, evse_ids)


def download(context: Context) -> Iterator[ChargePoint]:
    """Every active partner's list, in the order of the partners and of their uploads, from one snapshot."""
    return _lists.download(context, is_active)


def list_states(context: Context) -> dict[int, ListState]:
    """How every partner's list stands, by partner."""
    return _lists.states(context)
