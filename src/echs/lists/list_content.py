"""What an owner's list shall be: records in their order, put aside in bounded memory."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from echs.base.spool import Spool
from echs.lists.list_format import AsStored, ListFormat, key_number, values_of

Item = TypeVar("Item")


class ListContent(Generic[Item]):
    """Records that shall be an owner's list: how many are ``stored``, which ``protocol`` brought them (empty where
    several did), how many broke which rule of severity ``warn``. ``skipped`` are the places of items to leave out.
    """

    def __init__(self, spool: Spool[Item], protocol: str) -> None:
        self.spool, self.protocol = spool, protocol
        self.stored = 0
        self.skipped: set[int] = set()
        self.warnings: Counter[str] = Counter()

    def items(self) -> Iterator[Sequence[Item]]:
        """The records in order, in blocks."""
        return (items for _, items in self.placed())

    def placed(self) -> Iterator[tuple[Sequence[int], Sequence[Item]]]:
        """The same with their positions in the upload."""
        return self.spool.without(self.skipped)

    def blocks(self) -> Iterator[Sequence[str]]:
        """Their payloads, in blocks."""
        return map(self.payloads, self.items())

    def at(self, indexes: Sequence[int]) -> Iterator[tuple[Sequence[int], Sequence[Item]]]:
        """The records at these indexes, which grow, block by block with their indexes."""
        start = found = 0
        for block in self.items():
            end = bisect_left(indexes, start + len(block), found)
            if end > found:
                here = indexes[found:end]
                yield here, [block[index - start] for index in here]
            start, found = start + len(block), end

    def payloads(self, items: Sequence[Item]) -> Sequence[str]:
        """The payloads of some records."""
        raise NotImplementedError

    def key_numbers(self, items: Sequence[Item]) -> Iterable[int]:
        """The numbers of their keys."""
        raise NotImplementedError

    def values(self, items: Sequence[Item], zone: str, as_stored: AsStored) -> Iterable[tuple[Any, ...]]:
        """What is stored of them, as `echs.lists.list_format.values_of` has it."""
        raise NotImplementedError


class PayloadContent(ListContent[str]):
    """Payloads of one protocol."""

    def __init__(self, spool: Spool[str], form: ListFormat) -> None:
        super().__init__(spool, form.protocol)
        self.form = form
        # How many are another partner's, by the name of the warning; its sender may not be told of all.
        self.foreign: Counter[str] = Counter()
        self._end = 0

    def add(self, start: int, payloads: Sequence[str]) -> None:
        """Put a block in, whose first item has this place."""
        self.spool.add(start, payloads)
        self.stored += len(payloads)
        self._end = start + len(payloads)

    def add_behind(self, payloads: Sequence[str]) -> None:
        """Put a block in behind all others."""
        self.add(self._end, payloads)

    def payloads(self, items: Sequence[str]) -> Sequence[str]:
        """The same."""
        return items

    def key_numbers(self, items: Sequence[str]) -> Iterable[int]:
        """The numbers of their keys."""
        return map(key_number, self.form.keys(items))

    def values(self, items: Sequence[str], zone: str, as_stored: AsStored) -> Iterable[tuple[Any, ...]]:
        """What is stored of them."""
        return values_of(self.form, items, zone, as_stored)


class StoredContent(ListContent[tuple[Any, ...]]):
    """Records as the store has them already, each as its values."""

    def __init__(self, spool: Spool[tuple[Any, ...]]) -> None:
        super().__init__(spool, "")

    def payloads(self, items: Sequence[tuple[Any, ...]]) -> Sequence[str]:
        """The third of the values."""
        return [payload for _, _, payload, *_ in items]

    def key_numbers(self, items: Sequence[tuple[Any, ...]]) -> Iterable[int]:
        """The first of the values."""
        return [number for number, *_ in items]

    def values(self, items: Sequence[tuple[Any, ...]], zone: str, as_stored: AsStored) -> Iterable[tuple[Any, ...]]:
        """The same."""
        return items
