"""The verbs of this room: an operator replaces its list, everybody downloads all lists."""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

from sqlalchemy import Connection, func

from echs.audit import trail
from echs.audit.entry import Action
from echs.base.errors import Problem, ProblemList, Unread
from echs.base.ground import Ground
from echs.base.published_list import Published
from echs.base.replaced_list import Judges, KeyForm, Kind, ListState, Replaced, ReplacedList
from echs.base.spool import Row, Spool
from echs.base.upload import Run
from echs.chargepoints import tables
from echs.chargepoints.chargepoint import FIELDS, KEY, WARNINGS, ChargePoint, all_right, label, problems_of, twice
from echs.partners.foreign import Claims, compare
from echs.partners.login import confirm
from echs.partners.market_ids import FOREIGN_IDS, ForeignId
from echs.partners.partner import Kind as PartyKind
from echs.partners.partner import Partner
from echs.partners.register import is_active

KIND = Kind(FIELDS, ChargePoint._make, KEY, twice, WARNINGS)
_lists = ReplacedList(tables.chargepoint_list, tables.chargepoint, KIND)
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


def replace(ground: Ground, owner: Partner, records: Iterable[ChargePoint | Unread | Run]) -> Replaced:
    """Make ``records`` the whole list of ``owner``, in one transaction.

    :raises Refused: for any problem in any record; the list that stood before stands still
    """

    def may_still(transaction: Connection, _kept: Iterable[ChargePoint]) -> None:
        confirm(ground, transaction, owner)

    def note(transaction: Connection, replaced: Replaced) -> None:
        foreign = {name: count for name, count in replaced.warnings.items() if name in FOREIGN_IDS}
        facts = {"records": replaced.stored, **({"foreign": foreign} if foreign else {}), **replaced.facts}
        trail.note(ground, transaction, Action.LIST_REPLACED, f"charge point list of {owner.user_id}", facts)

    foreign = partial(compare, ground, owner, _lists, CLAIMS)
    return _lists.replace(ground, owner.id, records, Judges(problems_of, all_right), may_still, note, foreign)


def examine(
    records: Iterable[ChargePoint | Unread | Run],
    wrong: Callable[[ChargePoint, int], Iterator[Problem]],
    limit: int,
    problems: ProblemList,
) -> None:
    """Read an upload as `replace` does, without a store, for what is wrong with it."""
    with Spool[Row]() as spool:
        _lists.receive(records, Judges(wrong, lambda _columns: False), limit, problems, spool)


def known_points(ground: Ground, owner_id: int, evse_ids: Collection[str]) -> set[str] | None:
    """Those of the EVSE ids, each in its `plain` form, that stand in the owner's list; None without one."""
    return _lists.among(ground, owner_id, EVSE, evse_ids)


def download(ground: Ground) -> Iterator[ChargePoint]:
    """Every active partner's list, in the order of the partners and of their uploads, from one snapshot."""
    return _lists.download(ground, is_active)


def states(ground: Ground) -> dict[int, ListState]:
    """How every partner's list stands, by partner."""
    return _lists.states(ground)
