"""Reading a record whose parts are all right: its canonical text at once, or nothing, and then it is read closely.

What it accepts, `echs.protocols.ochp14.tree_types.TreeReading` reads to the same text without a problem; a test
compares both. Values that were found right are remembered: those of a list are few, and most stand in it many times.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from echs.protocols.soap.element import Element

# Of one element or attribute, so many values are remembered.
REMEMBERED = 5000


class RightValues:
    """The values of one leaf that were found right, each as it goes into the canonical text. Secret ones are asked
    about each time.
    """

    def __init__(self, leaf: Any) -> None:
        self.leaf, self._known = leaf, dict[str, str]()
        self.least, self.most = leaf.least, leaf.most

    def of(self, text: str) -> str | None:
        """The value as it is kept; None where it is wrong, or empty."""
        known = self._known.get(text)
        if known is not None:
            return known
        field = self.leaf.field
        value = text.strip() if field.rule is not None else text
        if not value.strip() or field.wrong(value) is not None:
            return None
        said: str = self.leaf.said(value)
        if not field.secret:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[text] = said
        return said


class Outline:
    """The canonical text of records of one markup, with places for their values."""

    def __init__(self, pieces: Sequence["str | Slot"]) -> None:
        texts = ("%s" if isinstance(each, Slot) else each.replace("%", "%%") for each in pieces)
        self._template = "".join(texts)
        self._slots = [each for each in pieces if isinstance(each, Slot)]

    @property
    def count(self) -> int:
        """How many values it has."""
        return len(self._slots)

    def said(self, values: Sequence[str]) -> tuple[str, ...] | None:
        """The values of a record as they are kept, in canonical order; None where it must be looked at closely."""
        said = tuple([right.of(values[place]) for place, right in self._slots])
        return None if None in said else said  # type: ignore[return-value]

    def filled(self, said: Sequence[str]) -> str:
        """The canonical text with these values, in which nothing needs to be escaped."""
        return self._template % tuple(said)


class Slot(NamedTuple):
    """Where in a canonical text a value stands: which of the record, and those that are right there."""

    place: int
    right: RightValues


class TreeFastPath:
    """The fast path of one kind of element under one namespace."""

    def __init__(self, node: Any, namespace: str) -> None:
        self.name, self.least, self.most = node.name, node.least, node.most
        self._attributes = [(each.name, RightValues(each)) for each in node.attributes]
        self._names: dict[str, int] = {}
        self._parts: list[RightValues | TreeFastPath] = []
        for place, part in enumerate(node.parts):
            inner = TreeFastPath(part, namespace) if hasattr(part, "parts") else RightValues(part)
            self._parts.append(inner)
            self._names |= dict.fromkeys((f"{namespace} {name}" for name in (part.name, *part.spellings)), place)
        self._tags = [part.name for part in node.parts]
        self._limits = [(part.least, part.most) for part in node.parts]

    def inside(self, element: Element) -> str | None:
        """The canonical text of what is in an element; None where it must be looked at closely."""
        if element.text and element.text.strip():
            return None
        texts = [""] * len(self._parts)
        counts = [0] * len(self._parts)
        for child in element.children:
            place = self._names.get(child.name)
            if place is None:
                return None
            part, tag = self._parts[place], self._tags[place]
            if isinstance(part, TreeFastPath):
                found = part.whole(child)
            else:
                value = None if child.children else part.of(child.text)
                found = None if value is None else f"<{tag}>{escape(value)}</{tag}>"
            if found is None:
                return None
            texts[place] += found
            counts[place] += 1
        for count, (least, most) in zip(counts, self._limits, strict=True):
            if not least <= count <= most:
                return None
        return "".join(texts)

    def outline(self, element: Element) -> list[str | Slot] | None:
        """As `inside`, of an element whose texts are the places of its values."""
        pieces: list[list[str | Slot]] = [[] for _ in self._parts]
        counts = [0] * len(self._parts)
        for child in element.children:
            place = self._names.get(child.name)
            if place is None:
                return None
            part, tag = self._parts[place], self._tags[place]
            if isinstance(part, TreeFastPath):
                attributes = None if child.text else part.attributes_of(child)
                inner = None if attributes is None else part.outline(child)
                if inner is None:
                    return None
                pieces[place] += [f"<{tag}{attributes}>", *inner, f"</{tag}>"]
            elif child.children or child.attributes or not child.text:
                return None
            else:
                pieces[place] += [f"<{tag}>", Slot(int(child.text), part), f"</{tag}>"]
            counts[place] += 1
        for count, (least, most) in zip(counts, self._limits, strict=True):
            if not least <= count <= most:
                return None
        return [piece for some in pieces for piece in some]

    def whole(self, element: Element) -> str | None:
        """The canonical text of an element with its tags and attributes; None where it must be looked at closely."""
        attributes = self.attributes_of(element)
        found = None if attributes is None else self.inside(element)
        return None if found is None else f"<{self.name}{attributes}>{found}</{self.name}>"

    def attributes_of(self, element: Element) -> str | None:
        """The canonical text of an element's attributes; None where they must be looked at closely."""
        attributes, met = "", 0
        for name, values in self._attributes:
            text = element.attributes.get(name)
            if text is None:
                if values.least:
                    return None
                continue
            value = values.of(text)
            if value is None:
                return None
            met += 1
            attributes += f" {name}={quoteattr(value)}"
        return attributes if met == len(element.attributes) else None
