"""The keys of published lists, kept in memory by every process as sorted numbers of eight bytes.

Whether a card stands in a list of a million is asked with every CDR: a pass over the list each time would cost half a
second, an index would cost every upload of a list. So the keys of a generation are read once, when they are first
asked for, and dropped when they have not been asked for long. Two keys with one number are taken for the same: of what
follows a warning at most, and there are 2**64 numbers.
"""

import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable

# Of all lists that are kept, so many numbers: 64 MiB.
NUMBERS = 8 * 1024 * 1024

# What names the keys: which list, whose, which generation of it by its mark, which form of key.
Name = tuple[str, int, str, str]


class ListKeys:
    """The keys of the generations that were asked for last."""

    def __init__(self, numbers: int = NUMBERS) -> None:
        self._most = numbers
        self._lock = threading.Lock()
        self._kept: OrderedDict[Name, array[int]] = OrderedDict()

    def of(self, name: Name, load: Callable[[], Iterable[str]]) -> "array[int]":
        """The sorted numbers of the keys of a generation; ``load`` reads the keys where they are not kept."""
        with self._lock:
            found = self._kept.get(name)
            if found is not None:
                self._kept.move_to_end(name)
                return found
        made = array("q", sorted(map(hash, load())))
        with self._lock:
            # An older generation of the same list is asked for no more.
            for other in [each for each in self._kept if each[:2] == name[:2] and each[3] == name[3]]:
                del self._kept[other]
            self._kept[name] = made
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > self._most:
                self._kept.popitem(last=False)
        return made


def has(numbers: "array[int]", key: str) -> bool:
    """Whether a key is among sorted numbers."""
    number = hash(key)
    place = bisect_left(numbers, number)
    return place < len(numbers) and numbers[place] == number
