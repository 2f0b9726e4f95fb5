"""Records of OCHP 1.4 that have parts: what may stand in them as a table, and one reading for all of them.

A record is read into its canonical text: its parts in the order of the contract, in no namespace of their own, with
nothing between them. The same record sent in another spelling has the same text. Whatever is wrong is told with the
way to its place.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from echs.base.errors import Problem, Reason, RecordProblems
from echs.base.fields import Field, FieldReason, FieldText
from echs.protocols.ochp14.tree_fast_path import Outline, TreeFastPath
from echs.protocols.soap.element import Element, TreeLimits
from echs.protocols.soap.envelope_parser import split
from echs.protocols.soap.record_skeletons import SkeletonRecord
from echs.protocols.soap.versions import XSI

# A record has some hundred elements: a charge point with seventy images is allowed.
TREES = TreeLimits(elements=2000, depth=10)
ANY_NUMBER = 10_000
# Of XML itself and of schemas: such attributes say nothing of ours.
STRANGE_NAMESPACES = ("http://www.w3.org/XML/1998/namespace", XSI)


@dataclass(frozen=True, slots=True)
class Leaf:
    """An element or attribute with a text. ``said`` makes the text that is kept of one that was found right. ``least``
    and ``most`` are how often it stands; ``spellings`` are other names by which it is read.
    """

    name: str
    field: Field
    least: int = 1
    most: int = 1
    said: Callable[[str], str] = str
    spellings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """An element with parts, in the order of the contract. ``dropped`` are elements of older versions, which are read
    and left out.
    """

    name: str
    parts: tuple["Leaf | Node", ...]
    attributes: tuple[Leaf, ...] = ()
    least: int = 1
    most: int = 1
    spellings: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def wrapped(name: str, inner: Leaf, least: int = 1, most: int = 1) -> Node:
    """An element around one value, of which OCHP 1.4 has many."""
    return Node(name, (inner,), least=least, most=most)


# For what is in the store, and was read before: nothing is fetched, nothing is declared.
PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)


_fast_paths: dict[tuple[int, str], TreeFastPath] = {}


def fast_path_of(node: Node, namespace: str) -> TreeFastPath:
    """The fast path of a table, which is one of this program and there for ever."""
    found = _fast_paths.get((id(node), namespace))
    if found is None:
        found = _fast_paths[id(node), namespace] = TreeFastPath(node, namespace)
    return found


class TreeReading:
    """The reading of one record at its position: its canonical text, and what is wrong with it."""

    def __init__(self, namespace: str, position: int) -> None:
        self.namespace, self.position = namespace, position
        self.problems: list[Problem] = []
        # How many elements of older versions were left out.
        self.dropped = 0

    def record(self, element: Element, node: Node) -> str:
        """The canonical text of what is in a record."""
        found = fast_path_of(node, self.namespace).inside(element)
        return self.inside(element, node) if found is None else found

    def outline(self, record: SkeletonRecord, node: Node) -> Outline | None:
        """The outline of what is in records of a known markup; None where they must be looked at closely."""
        outlines = record.skeleton.outlines
        if id(node) not in outlines:
            places = record.skeleton.element([str(place) for place in range(len(record.values))])
            pieces = fast_path_of(node, self.namespace).outline(places)
            outlines[id(node)] = None if pieces is None else Outline(pieces)
        found: Outline | None = outlines[id(node)]
        return found

    def inside(self, element: Element, node: Node, path: str = "") -> str:
        """The canonical text of what is in an element."""
        names = {f"{self.namespace} {name}": part for part in node.parts for name in (part.name, *part.spellings)}
        found: dict[str, list[Element]] = {part.name: [] for part in node.parts}
        for child in element.children:
            part = names.get(child.name)
            if part is None and split(child.name)[1] in node.dropped:
                self.dropped += 1
            elif part is None:
                self._note(FieldReason.FIELD_UNKNOWN, "is not an element of this type", path + split(child.name)[1])
            else:
                found[part.name].append(child)
        if element.text.strip():
            self._note(FieldReason.FIELD_NOT_TEXT, "there is text between its elements", path.rstrip("/"))
        return "".join(self._part(part, found[part.name], path) for part in node.parts)

    def _part(self, part: Leaf | Node, elements: Sequence[Element], path: str) -> str:
        place = path + part.name
        if isinstance(part, Leaf):
            # An optional element that is empty is as one that is absent.
            elements = [each for each in elements if each.children or each.text.strip() or part.least]
        if len(elements) < part.least:
            self._note(FieldReason.FIELD_MISSING, "is missing; a value is mandatory", place)
        if len(elements) > part.most:
            self._note(
                FieldReason.FIELD_REPEATED, f"stands {len(elements)} times; at most {part.most} are allowed", place
            )
            return ""
        if isinstance(part, Node):
            return "".join(self._node(each, part, place) for each in elements)
        return "".join(f"<{part.name}>{escape(self._leaf(each, part, place))}</{part.name}>" for each in elements)

    def _node(self, element: Element, node: Node, place: str) -> str:
        known = {each.name for each in node.attributes}
        for name in element.attributes:
            if name not in known and split(name)[0] not in STRANGE_NAMESPACES:
                self._note(
                    FieldReason.FIELD_UNKNOWN, "is not an attribute of this element", f"{place}/@{split(name)[1]}"
                )
        attributes = "".join(self._attribute(element, each, place) for each in node.attributes)
        return f"<{node.name}{attributes}>{self.inside(element, node, f'{place}/')}</{node.name}>"

    def _attribute(self, element: Element, attribute: Leaf, place: str) -> str:
        text = element.attributes.get(attribute.name, "").strip()
        if not text and not attribute.least:
            return ""
        return f" {attribute.name}={quoteattr(self._value(text, attribute, f'{place}/@{attribute.name}'))}"

    def _leaf(self, element: Element, leaf: Leaf, place: str) -> str:
        if element.children:
            self._note(FieldReason.FIELD_NOT_TEXT, "holds elements; only text may stand here", place)
            return ""
        return self._value(element.text.strip() if leaf.field.rule is not None else element.text, leaf, place)

    def _value(self, text: str, leaf: Leaf, place: str) -> str:
        wrong = leaf.field.wrong(text)
        if wrong is None:
            return leaf.said(text)
        reason, sentence = wrong
        lead = "" if reason is FieldReason.FIELD_MISSING else leaf.field.says(text)
        self._note(reason, lead + sentence, place)
        return ""

    def stray(self, element: Element, wanted: str) -> Problem:
        """The problem of an element that is no record, or of text."""
        if not element.name:
            return Problem(FieldReason.FIELD_NOT_TEXT, "there is text between the records", self.position)
        detail = f"is not an element of this request; {wanted} is"
        local = split(element.name)[1]
        return Problem(FieldReason.FIELD_UNKNOWN, detail, self.position, local, field_as_sent=True)

    def _note(self, reason: Reason, detail: str, place: str) -> None:
        self.problems.append(Problem(reason, detail, self.position, place, field_as_sent=True))


def labelled(problems: Sequence[Problem], label: tuple[str, str] | None) -> RecordProblems:
    """The problems of a record with the id by which a person finds it."""
    first, *others = (
        Problem(each.reason, each.detail, each.position, each.field, label, each.field_as_sent) for each in problems
    )
    return RecordProblems(first, iter(others))


def element_of(text: str, name: str, namespace: str) -> Element:
    """The element of this name around a canonical text, as it would have been read."""

    def converted(found: Any) -> Element:
        children = [converted(child) for child in found]
        attributes = {str(key): str(value) for key, value in found.attrib.items()}
        return Element(f"{namespace} {found.tag}", attributes, "" if children else (found.text or ""), children)

    return converted(parsed(text, name))


def parsed(text: str, name: str = "record") -> Any:
    """A canonical text as a tree to look into, under an element of this name."""
    return etree.fromstring(f"<{name}>{text}</{name}>", PARSER)


def texts_at(element: Element, way: Sequence[str], namespace: str) -> Iterable[str]:
    """The texts of all elements at the end of this way down."""
    if not way:
        yield element.text.strip()
        return
    for child in element.all(f"{namespace} {way[0]}"):
        yield from texts_at(child, way[1:], namespace)


def texts_below(element: Any, path: str) -> Iterator[FieldText]:
    """The values in an element, attributes first, each with the way to it; elements that repeat have a number."""
    for name, text in element.attrib.items():
        yield FieldText(f"{path}@{name}", text, False)
    totals = Counter(child.tag for child in element)
    seen: Counter[str] = Counter()
    for child in element:
        number = f"[{seen[child.tag]}]" if totals[child.tag] > 1 else ""
        seen[child.tag] += 1
        place = f"{path}{child.tag}{number}"
        if len(child) or child.attrib:
            yield from texts_below(child, f"{place}/")
        else:
            yield FieldText(place, child.text or "", False)


def tag(name: str, text: str) -> str:
    """An element, left out where it would be empty."""
    return f"<{name}>{escape(text)}</{name}>" if text else ""
