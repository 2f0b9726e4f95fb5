"""The verbs of this room: an operator replaces its list, everybody downloads all lists."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from sqlalchemy import Connection, func

from echs.base.errors import Problem, ProblemList, Unread
from echs.base.ground import Ground
from echs.base.replaced_list import Examined, ListState, Replaced, ReplacedList
from echs.chargepoints import tables
from echs.chargepoints.chargepoint import WARNINGS, ChargePoint, key, problems_of, twice
from echs.partners.login import confirm
from echs.partners.partner import Partner
from echs.partners.register import is_active

_lists = ReplacedList(tables.chargepoint_list, tables.chargepoint, ChargePoint._make, key, twice, WARNINGS)


def replace(ground: Ground, owner: Partner, records: Iterable[ChargePoint | Unread]) -> Replaced:
    """Make ``records`` the whole list of ``owner``, in one transaction.

    :raises Refused: for any problem in any record; the list that stood before stands still
    """

    def may_still(transaction: Connection, _kept: Sequence[ChargePoint]) -> None:
        confirm(ground, transaction, owner)

    return _lists.replace(ground, owner.id, records, problems_of, may_still)


def examine(
    records: Iterable[ChargePoint | Unread],
    wrong: Callable[[ChargePoint, int], Iterator[Problem]],
    limit: int,
    problems: ProblemList,
) -> Examined[ChargePoint]:
    """Read an upload as `replace` does, without a store."""
    return _lists.examine(records, wrong, limit, problems)


def known_points(ground: Ground, owner_id: int, evse_ids: Collection[str]) -> set[str]:
    """Those of the EVSE ids, each in its `plain` form, that stand in the owner's list."""
    return _lists.among(ground, owner_id, func.upper(tables.chargepoint.c.evse_id), evse_ids)


def download(ground: Ground) -> Iterator[ChargePoint]:
    """Every active partner's list, in the order of the partners and of their uploads, from one snapshot."""
    return _lists.download(ground, is_active)


def states(ground: Ground) -> dict[int, ListState]:
    """How every partner's list stands, by partner."""
    return _lists.states(ground)
