"""How an upload differs from the list that stands: a comparison of two sequences in bounded memory. Needs no store."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

# How far ahead an equal record is looked for in the list that stands.
WINDOW = 4096
# Records that are compared at once.
CHUNK = 32
# Between the positions of a list that is written anew.
STRIDE = 1024
# Of a larger difference a list is written anew as a whole; and where none of so many records stands there.
MOST_DIFFERENT = 100_000
FIRST_MISSED = 8192
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


def align(
    standing: Iterable[Sequence[tuple[int, str]]], uploaded: Iterable[Sequence[str]], most: int = MOST_DIFFERENT
) -> Alignment:
    """Compare what stands, as positions and payloads in the order of the positions, with an upload, in its order; both
    in blocks."""
    found = Alignment()
    ahead = Ahead(standing, found.left_over)
    missed = 0
    for block in uploaded:
        for start in range(0, len(block), CHUNK):
            chunk = block[start : start + CHUNK]
            if ahead.take_all(chunk, found.placed):
                missed = 0
                continue
            for payload in chunk:
                position = ahead.take(payload)
                found.placed.append(position)
                missed = missed + 1 if position == NOT_PLACED else 0
                if missed > WINDOW:
                    # A long stretch stands there no more: go on behind it.
                    ahead.skip()
        if len(found.left_over) > most or (missed == len(found.placed) >= FIRST_MISSED):
            found.too_different = True
            break
    if not found.too_different:
        ahead.rest(most)
        found.too_different = len(found.left_over) > most
    if found.too_different:
        found.left_over.clear()
    return found


class Ahead:
    """The next records of the list that stands, to be taken in order; those that are passed over are left over."""

    def __init__(self, standing: Iterable[Sequence[tuple[int, str]]], left_over: list[tuple[int, str]]) -> None:
        self._standing = iter(standing)
        self._left_over = left_over
        self._positions: list[int] = []
        self._payloads: list[str] = []
        self._first = 0
        self._ended = False
        # Made when a record is not the next one: most are.
        self._places: dict[str, int] | None = None

    def take_all(self, payloads: Sequence[str], placed: "array[int]") -> bool:
        """Take all of these where they are the next records; their positions go to ``placed``."""
        end = self._first + len(payloads)
        if end > len(self._payloads):
            self._fill()
            end = self._first + len(payloads)
        if self._payloads[self._first : end] != payloads:
            return False
        placed.extend(self._positions[self._first : end])
        self._first = end
        return True

    def take(self, payload: str) -> int:
        """The position of the next equal record, if there is one in the window."""
        if self._first < len(self._payloads) and self._payloads[self._first] == payload:
            self._first += 1
            return self._positions[self._first - 1]
        if len(self._payloads) - self._first < WINDOW // 2:
            self._fill()
        if self._places is None:
            here = range(self._first, len(self._payloads))
            self._places = dict(zip(self._payloads[self._first :], here, strict=True))
        place = self._places.get(payload, NOT_PLACED)
        if place < self._first:
            return NOT_PLACED
        self._pass_over(place)
        self._first = place + 1
        return self._positions[place]

    def skip(self) -> None:
        """Pass over one record."""
        if self._first == len(self._payloads):
            self._fill()
        if self._first < len(self._payloads):
            self._pass_over(self._first + 1)

    def rest(self, most: int) -> None:
        """Pass over all that is left, but for more than can be of use."""
        self._pass_over(len(self._payloads))
        for block in self._standing:
            self._left_over.extend(block)
            if len(self._left_over) > most:
                return

    def _pass_over(self, end: int) -> None:
        here = slice(self._first, end)
        self._left_over.extend(zip(self._positions[here], self._payloads[here], strict=True))
        self._first = end

    def _fill(self) -> None:
        """Have a window of records ahead, if there are so many."""
        if self._ended:
            return
        del self._positions[: self._first], self._payloads[: self._first]
        self._first, self._places = 0, None
        while len(self._payloads) < WINDOW:
            block = next(self._standing, None)
            if block is None:
                self._ended = True
                return
            for position, payload in block:
                self._positions.append(position)
                self._payloads.append(payload)


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
