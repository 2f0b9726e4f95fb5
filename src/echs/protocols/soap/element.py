"""Elements as trees: header blocks, and records that hold records. Built from the events of a parser, within limits."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Element:
    """One element: its name and attributes as expat gives them (``namespace name``), its text without that of its
    children, and these in order."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, name: str) -> Iterator["Element"]:
        """Its children of this name."""
        return (child for child in self.children if child.name == name)

    def first(self, *names: str) -> "Element | None":
        """What is found on this way down, by the first child of each name; None where there is none."""
        found: Element | None = self
        for name in names:
            found = None if found is None else next(found.all(name), None)
        return found


@dataclass(frozen=True, slots=True)
class TreeLimits:
    """How many elements a tree may have, how deep they may be nested in it, how many characters each may hold."""

    elements: int = 1000
    depth: int = 10
    characters: int = 16 * 1024


class TooLarge(ValueError):
    """A tree is over its limits; the message says which."""


class TreeBuilder:
    """Makes one tree of events. It does no input or output, and knows nothing of envelopes."""

    def __init__(self, limits: TreeLimits = TreeLimits()) -> None:
        self.limits = limits
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._room: list[int] = []
        self._count = 0

    @property
    def depth(self) -> int:
        """How many elements are open."""
        return len(self._open)

    @property
    def names(self) -> list[str]:
        """The names of the elements that are open, the outermost first."""
        return [element.name for element in self._open]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins.

        :raises TooLarge:
        """
        self._count += 1
        if self._count > self.limits.elements:
            raise TooLarge(f"more than {self.limits.elements} elements in one record or header block")
        if len(self._open) == self.limits.depth:
            raise TooLarge(f"elements are nested deeper than {self.limits.depth} in one record or header block")
        element = Element(name, dict(attributes))
        if self._open:
            self._open[-1].children.append(element)
        self._open.append(element)
        self._texts.append([])
        # One character more than is ever allowed, so that a value cut here is refused for its length.
        self._room.append(self.limits.characters + 1)

    def characters(self, text: str) -> None:
        """Text of the element that is open."""
        room = self._room[-1]
        if room > 0:
            self._texts[-1].append(text[:room])
            self._room[-1] = room - len(text)

    def end(self) -> Element | None:
        """The element that is open ends; the whole tree where it was its root."""
        element = self._open.pop()
        text = "".join(self._texts.pop())
        self._room.pop()
        # Between elements white space is layout.
        element.text = text if not element.children else text.strip()
        if self._open:
            return None
        self._count = 0
        return element
