"""Runs of regular records, recognised by one compiled pattern: where nearly all bytes of a bulk upload are read.

Why a pattern may stand in for a parser here
--------------------------------------------
It interprets no XML. It recognises a small language of which every sentence has only one meaning as XML, and only where
a sentence of it can stand:

1. *Where.* `EnvelopeReader` asks only when expat has just reported the end of a record of the request and has no byte
   left over. What follows is content of the request element: no comment, no CDATA section, no tag, no other element is
   open. And expat has told that the prefix is bound to our namespace there.
2. *What.* A match is one whole record: its start tag without attributes (so that nothing is declared anew), fields of
   the table in the order of the table, some of them in groups that may have attributes of the table (no declaration is
   one), its end tag. A value has no ``<``, no ``]]>``, no ``&`` but that of the five
   entities of every document, and no character that XML forbids or changes (control characters, line ends): so it
   means itself. It is within the field's length, there where it is mandatory, and a canonical number where a number
   belongs: no rule about the form of a field is broken.
3. *The rest.* To take whole elements out of the content of an element neither makes nor mends well-formedness. Expat is
   fed with all the rest and stays the only judge of the document.
4. *Doubt.* Whatever is no match is fed to expat. That costs time and changes nothing: the same text read either way
   gives the same values, which a test holds over ten thousand generated documents.

How it is quick
---------------
``_strict`` is for what generated clients send: every field, in order, nothing between the tags. Its values are matched
as "anything but ``<``", which is one loop in C, over a whole chunk at once. What that leaves open is looked at once a
chunk, over all values together: whether the matches cover the chunk without a gap (the markup of a record has a fixed
length, so the lengths must add up), whether every character is printable, and what ``&`` stands for. A chunk that fails
goes, record by record, through ``_exact``, which is liberal about white space and absent fields and exact about
characters.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from xml.sax.saxutils import unescape

from echs.base.fields import Field
from echs.base.spool import Row

# Not in a value: markup, what XML forbids (C0, surrogates, U+FFFE, U+FFFF) and what no field may hold (C1, U+2028/9).
# Without ] and > there is no ]]>.
_CLEAN = r"[^<&>\]\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]"
_CLEAN_ATTRIBUTE = _CLEAN.replace("[^", '[^"')
_CLEAN_ATTRIBUTE_NO_BLANK = _CLEAN_ATTRIBUTE.replace("[^", r"[^\s")
_CLEAN_NO_BLANK = _CLEAN.replace("[^", r"[^\s")
_APART = "\x00"
# Signs of ASCII that mean themselves wherever they stand: if there are only these, nothing else need be asked.
_PLAIN = bytes(sign for sign in range(0x20, 0x7F) if chr(sign) not in "<&>")
# The entities that every document has (XML 1.0, 4.6); others are none without a document type, which SOAP forbids.
_ENTITIES = {"&quot;": '"', "&apos;": "'"}
_NO_ENTITY = re.compile("&(?!(?:amp|lt|gt|quot|apos);)")
_NUMBER = "(0|[1-9][0-9]{0,8})"
_SPACE = r"[ \t\r\n]*+"


@dataclass(frozen=True, slots=True)
class FieldShape:
    """A field of a record: its local name, and its limit, whether it must be filled, whether it is a whole number."""

    name: str
    field: Field


@dataclass(frozen=True, slots=True)
class GroupShape:
    """An element around fields: its local name, what is in it, in order, the attributes that it may have, and whether
    it may be absent. The values of a row are those of the attributes, then those of what is in it.
    """

    name: str
    members: tuple["FieldShape | GroupShape", ...]
    attributes: tuple[FieldShape, ...] = ()
    optional: bool = False


@dataclass(frozen=True, eq=False)
class RepeatedElement:
    """What a bulk request repeats: namespace and local name."""

    namespace: str
    element: str

    @property
    def name(self) -> str:
        """The element's name as expat gives it."""
        return f"{self.namespace} {self.element}"

    def end_tag(self, prefix: str) -> str:
        """The end tag under a prefix; empty for the default namespace."""
        return f"</{prefix}:{self.element}>" if prefix else f"</{self.element}>"


@dataclass(frozen=True, eq=False)
class RecordShape(RepeatedElement):
    """Records that a bulk request repeats: fields in the order of the rows, some of them in groups."""

    fields: tuple[FieldShape | GroupShape, ...]

    def fast_path(self, prefix: str) -> "RecordFastPath":
        """The fast path of these records under this prefix."""
        return fast_path_of(self, prefix)


class RecordFastPath:
    """The patterns of one kind of record under one prefix (empty for the default namespace)."""

    def __init__(self, shape: RecordShape, prefix: str) -> None:
        lead = f"{prefix}:" if prefix else ""
        self.end_tag = shape.end_tag(prefix)
        whole = GroupShape(shape.element, shape.fields)
        # As generated clients send them: attributes everywhere or nowhere.
        forms = [Strict(whole, lead, attributes=True)]
        if forms[0].may_lack_attributes:
            forms.append(Strict(whole, lead, attributes=False))
        self._strict = [(re.compile(form.pattern), form.markup) for form in forms]
        self._exact = re.compile(exact_group(whole, lead))

    def all(self, text: str) -> list[Row] | None:
        """The records of a text that is nothing but regular ones, with nothing between them; None where it is not.

        The text must be content of the request element.
        """
        for pattern, markup in self._strict:
            found = pattern.findall(text)
            rows: list[Row] = found if pattern.groups > 1 else [(value,) for value in found]
            values = "".join(chain.from_iterable(rows))
            if len(rows) * markup + len(values) == len(text):
                break
        else:
            return None
        if not values.encode().translate(None, _PLAIN):
            return rows
        if "]]>" in values or not values.isprintable():
            return None
        if "&" not in values:
            return rows
        # One value after the other: two of them together may make an entity that neither has.
        apart = _APART.join(chain.from_iterable(rows))
        return None if _NO_ENTITY.search(apart) else [unescaped(row) for row in rows]

    def some(self, text: str, start: int) -> tuple[list[Row], int]:
        """The regular records that stand at ``start`` one after the other, and where they end.

        The text must be content of the request element from ``start`` on.
        """
        rows, at = [], start
        match = self._exact.match
        while found := match(text, at):
            rows.append(found.groups(""))
            at = found.end()
        return rows, at


class Strict:
    """The strict pattern of a group, and the length of its markup, which is the same in every match."""

    def __init__(self, group: GroupShape, lead: str, *, attributes: bool) -> None:
        self.markup = 0
        self._attributes: list[Field] = []
        self.pattern = self._group(group, lead, attributes)

    @property
    def may_lack_attributes(self) -> bool:
        """Whether there are attributes, and a record is right without any."""
        return bool(self._attributes) and not any(field.mandatory or field.integer for field in self._attributes)

    def _fixed(self, text: str) -> str:
        self.markup += len(text)
        return re.escape(text)

    def _group(self, group: GroupShape, lead: str, attributes: bool) -> str:
        parts = [self._fixed(f"<{lead}{group.name}")]
        for each in group.attributes:
            self._attributes.append(each.field)
            # A value that is not there is empty; it must have its place in the row.
            parts.append(
                self._fixed(f' {each.name}="') + f"{quoted(each.field)}" + self._fixed('"') if attributes else "()"
            )
        parts.append(self._fixed(">"))
        for member in group.members:
            if isinstance(member, GroupShape):
                parts.append(self._group(member, lead, attributes))
            else:
                parts.append(self._fixed(f"<{lead}{member.name}>") + loose(member.field))
                parts.append(self._fixed(f"</{lead}{member.name}>"))
        parts.append(self._fixed(f"</{lead}{group.name}>"))
        return "".join(parts)


def exact_group(group: GroupShape, lead: str) -> str:
    """A group as the exact pattern takes it: white space before each tag, attributes in their order or absent."""
    attributes = "".join(map(exact_attribute, group.attributes))
    members = (
        exact_group(member, lead)
        if isinstance(member, GroupShape)
        else exact(f"<{lead}{member.name}>", f"</{lead}{member.name}>", member.field)
        for member in group.members
    )
    tag = re.escape(lead + group.name)
    blank = _SPACE if group.attributes else ""
    pattern = f"{_SPACE}<{tag}{attributes}{blank}>{''.join(members)}{_SPACE}</{tag}>"
    return f"(?:{pattern})?+" if group.optional else pattern


def exact_attribute(attribute: FieldShape) -> str:
    """An attribute as the exact pattern takes it: absent where it may be."""
    pattern = rf'[ \t\r\n]++{re.escape(attribute.name)}="{quoted(attribute.field)}"'
    return pattern if attribute.field.mandatory or attribute.field.integer else f"(?:{pattern})?+"


def quoted(field: Field) -> str:
    """The value of an attribute between double quotes: nothing in it that must be resolved."""
    if field.integer:
        return _NUMBER
    if field.mandatory:
        return f"({_CLEAN_ATTRIBUTE_NO_BLANK}{_CLEAN_ATTRIBUTE}{{0,{field.limit - 1}}}+)"
    return f"({_CLEAN_ATTRIBUTE}{{0,{field.limit}}}+)"


def unescaped(row: Row) -> Row:
    """A row whose values may have entities, with the signs that they stand for."""
    if "&" not in "".join(row):
        return row
    return tuple(unescape(value, _ENTITIES) if "&" in value else value for value in row)


def loose(field: Field) -> str:
    """A value as the strict pattern takes it: exact in length and presence, not in its characters."""
    if field.integer:
        return _NUMBER
    if field.mandatory:
        return f"([^< ][^<]{{0,{field.limit - 1}}}+)"
    return f"([^<]{{0,{field.limit}}}+)"


def exact(begin: str, end: str, field: Field) -> str:
    """A field as the exact pattern takes it: white space before it; where it may be empty, also absent or closed."""
    if field.integer:
        return f"{_SPACE}{re.escape(begin)}{_NUMBER}{re.escape(end)}"
    if field.mandatory:
        return f"{_SPACE}{re.escape(begin)}({_CLEAN_NO_BLANK}{_CLEAN}{{0,{field.limit - 1}}}+){re.escape(end)}"
    closed = re.escape(begin[:-1]) + " ?/>"
    return f"(?:{_SPACE}(?:{re.escape(begin)}({_CLEAN}{{0,{field.limit}}}+){re.escape(end)}|{closed}))?+"


@lru_cache(maxsize=64)
def fast_path_of(shape: RecordShape, prefix: str) -> RecordFastPath:
    """The lane of these records under this prefix, compiled once."""
    return RecordFastPath(shape, prefix)
