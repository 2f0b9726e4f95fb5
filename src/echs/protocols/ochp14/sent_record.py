"""A record as it came: as an element, with its texts and what is wrong with its form."""

from typing import NamedTuple

from echs.base.errors import Problem
from echs.base.spool import Row
from echs.protocols.soap.element import Element


class SentRecord(NamedTuple):
    """A record that came as an element: its texts, and what is wrong with its form."""

    element: Element
    row: Row
    problems: tuple[Problem, ...]
