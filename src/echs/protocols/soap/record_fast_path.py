"""Runs of regular records, recognised by one compiled pattern: where nearly all bytes of a bulk upload are read.

Why a pattern may stand in for a parser here
--------------------------------------------
It interprets no XML. It recognises a small language of which every sentence has only one meaning as XML, and only where
a sentence of it can stand:

1. *Where.* `EnvelopeReader` asks only when expat has just reported the end of a record of the request and has no byte
   left over. What follows is content of the request element: no comment, no CDATA section, no tag, no other element is
   open. And expat has told that the prefix is bound to our namespace there.
2. *What.* A match is one whole record: its start tag without attributes (so that nothing is declared anew), fields of
   the table in the order of the table, its end tag. A value has no ``<``, no ``]]>``, no ``&`` but that of the five
   entities of every document, and no character that XML forbids or changes (control characters, line ends): so it
   means itself. It is within the field's length, there where it is mandatory, and a canonical number where a number
   belongs: no rule about the form of a field is broken.
3. *The rest.* To take whole elements out of the content of an element neither makes nor mends well-formedness. Expat is
   fed with all the rest and stays the only judge of the document.
4. *Doubt.* Whatever is no match is fed to expat. That costs time and changes nothing: the same text read either way
   gives the same values, which a test holds over twenty thousand generated documents.

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


@dataclass(frozen=True, eq=False)
class RecordShape:
    """The records that a bulk request repeats: namespace, element, and fields in the order of the rows."""

    namespace: str
    element: str
    fields: tuple[FieldShape, ...]

    @property
    def name(self) -> str:
        """The element's name as expat gives it."""
        return f"{self.namespace} {self.element}"

    def end_tag(self, prefix: str) -> str:
        """The end tag under a prefix; empty for the default namespace."""
        return f"</{prefix}:{self.element}>" if prefix else f"</{self.element}>"


class RecordFastPath:
    """The patterns of one kind of record under one prefix (empty for the default namespace)."""

    def __init__(self, shape: RecordShape, prefix: str) -> None:
        lead = f"{prefix}:" if prefix else ""
        self.end_tag = shape.end_tag(prefix)
        start_tag = f"<{lead}{shape.element}>"
        tags = [(f"<{lead}{each.name}>", f"</{lead}{each.name}>", each.field) for each in shape.fields]
        self._markup = len(start_tag) + len(self.end_tag) + sum(len(begin) + len(end) for begin, end, _ in tags)
        strict = (re.escape(begin) + loose(field) + re.escape(end) for begin, end, field in tags)
        self._strict = re.compile(re.escape(start_tag) + "".join(strict) + re.escape(self.end_tag))
        liberal = (exact(begin, end, field) for begin, end, field in tags)
        self._exact = re.compile(_SPACE + re.escape(start_tag) + "".join(liberal) + _SPACE + re.escape(self.end_tag))

    def all(self, text: str) -> list[Row] | None:
        """The records of a text that is nothing but regular ones, with nothing between them; None where it is not.

        The text must be content of the request element.
        """
        rows: list[Row] = self._strict.findall(text)
        values = "".join(chain.from_iterable(rows))
        if len(rows) * self._markup + len(values) != len(text):
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
