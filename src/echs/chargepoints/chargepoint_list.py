"""The verbs of this room: an operator replaces its list, everybody downloads all lists."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection

from echs.base.errors import Problem
from echs.base.ground import Ground
from echs.base.replaced_list import ListState, Replaced, ReplacedList
from echs.chargepoints import tables
from echs.chargepoints.chargepoint import ChargePoint, key, problem_of, twice
from echs.partners.login import confirm
from echs.partners.partner import Partner
from echs.partners.register import is_active

_lists = ReplacedList(tables.chargepoint_list, tables.chargepoint, ChargePoint._make, key, twice)


def replace(ground: Ground, owner: Partner, records: Iterable[ChargePoint | Problem]) -> Replaced:
    """Make ``records`` the whole list of ``owner``, in one transaction.

    :raises Refused: for any problem in any record; the list that stood before stands still
    """

    def may_still(transaction: Connection, _kept: Sequence[ChargePoint]) -> None:
        confirm(ground, transaction, owner)

    return _lists.replace(ground, owner.id, records, problem_of, may_still)


def download(ground: Ground) -> Iterator[ChargePoint]:
    """Every active partner's list, in the order of the partners and of their uploads, from one snapshot."""
    return _lists.download(ground, is_active)


def states(ground: Ground) -> dict[int, ListState]:
    """How every partner's list stands, by partner."""
    return _lists.states(ground)
