"""Small answers from a mould: Spyne draws one once, with marks where its values go, and each answer fills them in.

What differs between two answers of an operation is a few texts. To build a tree of objects and elements for them each
time took much of the time of a small request.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any
from xml.sax.saxutils import escape

from spyne import ComplexModel, Unicode

# Marks are numbers, so that they can stand for numbers too. No name and no namespace of ours holds one.
FIRST_PLACEHOLDER = 1_900_000_000
PLACEHOLDER = re.compile(rb"19000000[0-9]{2}")


def is_repeated(member: Any) -> bool:
    """Whether a member of a message class may stand more than once."""
    maximum = member.Attributes.max_occurs
    return bool(maximum == "unbounded" or maximum > 1)


class ResponseTemplate:
    """The text of an answer between its values.

    ``draw`` makes bytes of the members of an answer. Members that may stand more than once are no part of it.
    """

    def __init__(self, members: Sequence[Any], draw: Callable[[list[Any]], bytes]) -> None:
        placeholders = count(FIRST_PLACEHOLDER)
        self._between = PLACEHOLDER.split(draw([with_placeholders(member, placeholders) for member in members]))

    def fill(self, values: Sequence[Any]) -> bytes | None:
        """The answer with these members; None where a text has a sign that only Spyne should judge."""
        texts = [str(leaf) for value in values for leaf in leaves(value)]
        if len(texts) != len(self._between) - 1 or not all(map(str.isprintable, texts)):
            return None
        pieces = [self._between[0]]
        for text, after in zip(texts, self._between[1:], strict=True):
            pieces += (escape(text).encode(), after)
        return b"".join(pieces)


def with_placeholders(member: Any, placeholders: Iterator[int]) -> Any:
    """A value of a member of a message class with a mark in the place of each text and number."""
    if is_repeated(member):
        return []
    if not issubclass(member, ComplexModel):
        return str(next(placeholders)) if issubclass(member, Unicode) else next(placeholders)
    inside = member.get_flat_type_info(member)
    return (member.__orig__ or member)(**{name: with_placeholders(each, placeholders) for name, each in inside.items()})


def leaves(value: Any) -> Iterator[Any]:
    """The texts and numbers of a value, in order."""
    if isinstance(value, ComplexModel):
        for name in value.get_flat_type_info(type(value)):
            yield from leaves(getattr(value, name))
    elif not isinstance(value, list):
        yield value
