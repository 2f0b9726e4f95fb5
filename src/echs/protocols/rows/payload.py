"""Payloads of flat records: the texts of a record in the order of the wire."""

from collections.abc import Iterable, Sequence

from echs.base.spool import Row

# Between the texts of a payload; no text holds a control character.
SEPARATOR = "\x1f"


def payload_of(texts: Sequence[str]) -> str:
    """The payload of a record's texts."""
    return SEPARATOR.join(texts)


def payloads_of(rows: Iterable[Row]) -> list[str]:
    """The payloads of rows of texts."""
    return list(map(SEPARATOR.join, rows))


def row_of(payload: str) -> Row:
    """The texts of a payload."""
    return tuple(payload.split(SEPARATOR))
