"""Records that hold records, recognised by their markup: most of a bulk upload differ in their values alone.

Where a record may be looked at so, and why that changes nothing, is as `echs.protocols.soap.record_fast_path` says of
its patterns: only where expat has just reported the end of a record, and only what has one meaning as XML. Here that
is: tags of one prefix without white space but before attributes, whose values are between double quotes and printable;
between tags white space; values that are printable, without ``<``, ``>`` and ``&``. Everything else is expat's.

The tags of a record, one after the other, are its markup. One that was seen is known: where its values stand is looked
up, and no element is made.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from echs.protocols.soap.element import Element, TreeLimits
from echs.protocols.soap.record_fast_path import RepeatedElement

_TAGS = re.compile("(<[^<>]*>)")
_TAG = re.compile(r'<(/?)([A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)((?: [A-Za-z]+="[^"<>&]*")*)(/?)>', re.ASCII)
_ATTRIBUTE = re.compile(' ([A-Za-z]+)="([^"<>&]*)"', re.ASCII)
_BLANK = " \t\r\n"
# Longer records are few; and so many markups are known at once.
LONGEST, KNOWN = 16 * 1024, 300


@dataclass(eq=False)
class Skeleton:
    """The markup of records: their tags, after which of these the values stand, and after which white space may.
    ``outlines`` is for what a protocol makes of it.
    """

    namespace: str
    tags: tuple[tuple[str, dict[str, str]], ...]
    leaves: tuple[int, ...]
    others: tuple[int, ...]
    outlines: dict[int, Any] = field(default_factory=dict)

    def element(self, values: Sequence[str]) -> Element:
        """The element that a parser would make of a record with these values."""
        texts = dict(zip(self.leaves, values, strict=True))
        root = Element("")
        below = [root]
        for place, (name, attributes) in enumerate(self.tags):
            if not name:
                below.pop()
                continue
            made = Element(f"{self.namespace} {name.rstrip('/')}", dict(attributes), texts.get(place, ""))
            below[-1].children.append(made)
            if not name.endswith("/"):
                below.append(made)
        return root.children[0]


class SkeletonRecord(NamedTuple):
    """A record: its markup, and its values in the order in which they stand in it."""

    skeleton: Skeleton
    values: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TreeShape(RepeatedElement):
    """Records that a bulk request repeats and that hold records, and their limits."""

    limits: TreeLimits

    def fast_path(self, prefix: str) -> "SkeletonPath":
        """The fast path of these records under this prefix."""
        return path_of(self, prefix)


@lru_cache(maxsize=64)
def path_of(shape: TreeShape, prefix: str) -> "SkeletonPath":
    """The one fast path of these records under this prefix: it knows what was seen."""
    return SkeletonPath(shape, prefix)


class SkeletonPath:
    """The markups of one kind of record under one prefix (empty for the default namespace)."""

    def __init__(self, shape: TreeShape, prefix: str) -> None:
        self.shape, self.lead, self.end_tag = shape, f"{prefix}:" if prefix else "", shape.end_tag(prefix)
        self.known: dict[str, Skeleton] = {}

    def all(self, text: str) -> None:
        """Nothing is known of a whole text at once."""

    def some(self, text: str, start: int) -> tuple[list[SkeletonRecord], int]:
        """The records that stand at ``start`` one after the other and can be read so, and where they end."""
        rows, at, tag = [], start, self.end_tag
        while (end := text.find(tag, at)) >= 0:
            found = self.record(text[at : end + len(tag)])
            if found is None:
                break
            rows.append(found)
            at = end + len(tag)
        return rows, at

    def record(self, text: str) -> SkeletonRecord | None:
        """The record that this text is, with white space before it; None where it must be parsed."""
        if len(text) > LONGEST:
            return None
        parts = _TAGS.split(text)
        tags = parts[1::2]
        markup = "".join(tags)
        skeleton = self.known.get(markup) or self.learn(markup, tags)
        if skeleton is None:
            return None
        texts = parts[2::2]
        if parts[0].strip(_BLANK) or "".join([texts[place] for place in skeleton.others]).strip(_BLANK):
            return None
        values = tuple([texts[place] for place in skeleton.leaves])
        joined = "".join(values)
        if not joined.isprintable() or "&" in joined or ">" in joined:
            return None
        return SkeletonRecord(skeleton, values)

    def learn(self, markup: str, tags: Sequence[str]) -> Skeleton | None:
        """What a markup is; None where it must be left to the parser."""
        found: list[tuple[str, dict[str, str]]] = []
        opened: list[str] = []
        leaves: list[int] = []
        elements = 0
        for place, tag in enumerate(tags):
            match = _TAG.fullmatch(tag)
            if match is None or (match[2] or "") != self.lead or not tag.isprintable():
                return None
            closes, name, attributes, empty = match[1], match[3], match[4], match[5]
            if closes:
                if attributes or empty or not opened or opened.pop() != name:
                    return None
                if found[-1][0] == name:
                    leaves.append(place - 1)
                found.append(("", {}))
                if not opened and place != len(tags) - 1:
                    return None
                continue
            pairs = _ATTRIBUTE.findall(attributes)
            if len(dict(pairs)) < len(pairs) or "xmlns" in dict(pairs) or (not opened and (place or empty)):
                return None
            elements += 1
            if elements > self.shape.limits.elements or len(opened) == self.shape.limits.depth:
                return None
            found.append((name + "/" if empty else name, dict(pairs)))
            if not empty:
                opened.append(name)
        if opened or not found or found[0] != (self.shape.element, {}):
            return None
        others = tuple(place for place in range(len(tags)) if place not in set(leaves))
        if len(self.known) >= KNOWN:
            self.known.clear()
        skeleton = self.known[markup] = Skeleton(self.shape.namespace, tuple(found), tuple(leaves), others)
        return skeleton
