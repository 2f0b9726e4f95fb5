"""The verbs of this room: a provider replaces its list, everybody downloads all lists."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection

from echs.authorisations import tables
from echs.authorisations.authorisation import Authorisation, key, not_yours, problem_of, twice
from echs.base.errors import Problem, ProblemList
from echs.base.ground import Ground
from echs.base.replaced_list import ListState, Replaced, ReplacedList
from echs.base.upload import NOTHING_STORED
from echs.partners.login import confirm
from echs.partners.partner import Partner
from echs.partners.register import is_active

_lists = ReplacedList(tables.roaming_list, tables.authorisation, Authorisation._make, key, twice)


def replace(ground: Ground, owner: Partner, records: Iterable[Authorisation | Problem]) -> Replaced:
    """Make ``records`` the whole list of ``owner``, in one transaction.

    :raises Refused: for any problem in any record; the list that stood before stands still
    """

    def may_still(transaction: Connection, kept: Sequence[Authorisation]) -> None:
        now = confirm(ground, transaction, owner)
        lost = ProblemList()
        for record in kept:
            if not now.may_use_hub(record.hub):
                lost.add(not_yours(record, now, None))
        if lost:
            raise lost.refusal(NOTHING_STORED)

    def judge(record: Authorisation, position: int) -> Problem | None:
        return problem_of(record, position, owner)

    return _lists.replace(ground, owner.id, records, judge, may_still)


def download(ground: Ground) -> Iterator[Authorisation]:
    """Every active partner's list, in the order of the partners and of their uploads, from one snapshot."""
    return _lists.download(ground, is_active)


def states(ground: Ground) -> dict[int, ListState]:
    """How every partner's list stands, by partner."""
    return _lists.states(ground)
