"""Records of an upload that are refused while the others are taken, each as it was sent and with its reason.

Which uploads are taken in part is a matter of their protocol; see `echs.lists.published_list`.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from echs.base.errors import Problem, ProblemCollector, Reason, Refused, Unreadable
from echs.base.spool import TEXTS, Spool
from echs.base.upload_validation import NOTHING_STORED

# More than this, and the whole upload is refused.
MOST = 10_000


class PartReason(Reason):
    """Why nothing of an upload was taken that may be taken in part."""

    TOO_MANY_REFUSED = "TOO_MANY_REFUSED"


class RefusedRecords:
    """What was refused of one upload. ``draw`` makes a text of a record, ``number_of`` the number of its key, None
    where it has none that can be read. Close it when the texts are no longer needed.
    """

    def __init__(self, draw: Callable[[Any], str], number_of: Callable[[Any], int | None], most: int = MOST) -> None:
        self._draw, self._number_of, self._most = draw, number_of, most
        self.problems = ProblemCollector()
        self.reasons: Counter[Reason] = Counter()
        self.key_numbers: set[int] = set()
        self._spool: Spool[str] = Spool(TEXTS)

    @property
    def count(self) -> int:
        """How many they are."""
        return self.reasons.total()

    def add(self, position: int, record: Any, problem: Unreadable, effect: str) -> None:
        """Take note of one; ``effect`` says what happens where there are too many.

        :raises Refused: TOO_MANY_REFUSED
        """
        first = problem if isinstance(problem, Problem) else problem.first
        self.problems.add(first)
        self.reasons[first.reason] += 1
        if self.count > self._most:
            detail = f"more than {self._most} records are refused"
            raise Refused([Problem(PartReason.TOO_MANY_REFUSED, detail), *self.problems.kept], effect=effect)
        number = self._number_of(record)
        if number is not None:
            self.key_numbers.add(number)
        self._spool.add(position, [self._draw(record)])

    def texts(self) -> Iterator[str]:
        """The records as they were sent, in the order in which they were refused."""
        return (text for _, texts in self._spool for text in texts)

    def close(self) -> None:
        """Let go of the texts."""
        self._spool.close()


def refuse_mostly_wrong(refused: RefusedRecords, taken: int, most_percent: int = 100) -> None:
    """Take nothing of an upload of which nothing is right, or more than a share of it is wrong.

    :raises Refused: with the problems of the records
    """
    share = refused.count * 100 > (refused.count + taken) * most_percent
    if refused.count and (share or not taken):
        effect = f"{NOTHING_STORED} More than {most_percent} % of the records are refused." if taken else NOTHING_STORED
        raise Refused(refused.problems.kept, total=refused.count, effect=effect)
