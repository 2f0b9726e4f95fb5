"""How an upload differs from the list that stands: a comparison of two sequences in bounded memory. Needs no store."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# How far ahead an equal record is looked for in the list that stands.
WINDOW = 4096
# Between the positions of a list that is written anew.
STRIDE = 1024
# Of a larger difference a list is written anew as a whole.
MOST_DIFFERENT = 100_000
NOT_PLACED = -1


@dataclass
class Alignment:
    """Which records of an upload stand in the list, unchanged and in this order.

    ``placed`` has for each record of the upload the position of the equal one, or `NOT_PLACED`; the positions grow.
    ``left_over`` are the positions and payloads of those that stand there and have no equal one in this order;
    ``too_different`` where these are more than are kept.
    """

    placed: "array[int]" = field(default_factory=lambda: array("q"))
    left_over: list[tuple[int, str]] = field(default_factory=list)
    too_different: bool = False

    @property
    def disjoint(self) -> bool:
        """Whether no record of the upload stands in the list as it is."""
        return all(position == NOT_PLACED for position in self.placed)

    @property
    def equal(self) -> bool:
        """Whether the upload is what stands."""
        return not self.left_over and not self.too_different and NOT_PLACED not in self.placed


def align(standing: Iterable[tuple[int, str]], uploaded: Iterable[str], most: int = MOST_DIFFERENT) -> Alignment:
    """Compare what stands, as positions and payloads in the order of the positions, with an upload, in its order."""
    found = Alignment()
    ahead = Ahead(standing, found.left_over)
    missed = 0
    for payload in uploaded:
        position = ahead.take(payload)
        found.placed.append(position)
        missed = missed + 1 if position == NOT_PLACED else 0
        if missed > WINDOW:
            # A long stretch stands there no more: go on behind it.
            ahead.skip()
        if len(found.left_over) > most:
            found.too_different = True
            found.left_over.clear()
            return found
    ahead.rest(most)
    if len(found.left_over) > most:
        found.too_different = True
        found.left_over.clear()
    return found


class Ahead:
    """The next records of the list that stands, to be taken in order; those that are passed over are left over."""

    def __init__(self, standing: Iterable[tuple[int, str]], left_over: list[tuple[int, str]]) -> None:
        self._standing: Iterator[tuple[int, str]] = iter(standing)
        self._left_over = left_over
        self._records: list[tuple[int, str]] = []
        self._places: dict[str, int] = {}
        self._first = 0
        self._fill()

    def take(self, payload: str) -> int:
        """The position of the next equal record, if there is one in the window."""
        if len(self._records) - self._first < WINDOW // 2:
            self._fill()
        place = self._places.get(payload, NOT_PLACED)
        if place < self._first:
            return NOT_PLACED
        self._left_over.extend(self._records[self._first : place])
        self._first = place + 1
        return self._records[place][0]

    def skip(self) -> None:
        """Pass over one record."""
        if len(self._records) == self._first:
            self._fill()
        if len(self._records) > self._first:
            self._left_over.append(self._records[self._first])
            self._first += 1

    def rest(self, most: int) -> None:
        """Pass over all that is left, but for more than can be of use."""
        self._left_over.extend(self._records[self._first :])
        for record in self._standing:
            self._left_over.append(record)
            if len(self._left_over) > most:
                return

    def _fill(self) -> None:
        self._records = self._records[self._first :]
        self._first = 0
        for record in self._standing:
            self._records.append(record)
            if len(self._records) >= WINDOW:
                break
        self._places = {payload: place for place, (_, payload) in enumerate(self._records)}


def positions(placed: "array[int]") -> "array[int] | None":
    """A position for each record of an upload: the one that it has, or one between its neighbours'; None where there is
    no room between two."""
    found = array("q", placed)
    start, before = 0, 0
    while start < len(found):
        if found[start] != NOT_PLACED:
            before = found[start]
            start += 1
            continue
        end = start
        while end < len(found) and found[end] == NOT_PLACED:
            end += 1
        step = STRIDE if end == len(found) else (found[end] - before) // (end - start + 1)
        if step == 0:
            return None
        for place in range(start, end):
            before += step
            found[place] = before
        start = end
    return found


def renumbered(placed: "array[int]") -> "array[int]":
    """The same when the records that stand have been given the positions of their ranks, a stride apart each."""
    found, rank = array("q"), 0
    for position in placed:
        if position != NOT_PLACED:
            rank += 1
        found.append(NOT_PLACED if position == NOT_PLACED else rank * STRIDE)
    return found
