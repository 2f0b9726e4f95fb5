"""Tokens of a provider that writes the uids of cards with the lowest byte first: turned as they come in, so that
everybody reads them as the specification has them (OCHP 0.2, 4.2; OCHP 1.4, EmtId).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from echs.base.errors import Unreadable
from echs.base.upload_validation import RecordBatch
from echs.protocols.ochp02.token_format import FORMAT, TYPES, TokenRecord
from echs.tokens.byte_order import turned
from echs.tokens.token import TokenType

TYPE, UID = FORMAT.place("token_type"), FORMAT.place("token_id")
PHONES = frozenset(number for number, (type_, _) in TYPES.items() if type_ == TokenType.PHONE)


def uids_turned(records: Iterable[Any]) -> Iterator[Any]:
    """The records of an upload with the uids of cards turned; those that cannot be read are as they are."""
    for each in records:
        if isinstance(each, RecordBatch):
            yield RecordBatch([row_turned(row) for row in each.rows])
        elif isinstance(each, Unreadable):
            yield each
        else:
            yield TokenRecord._make(row_turned(each))


def row_turned(row: Any) -> tuple[Any, ...]:
    """One record, whose number of type is a text or a number."""
    if str(row[TYPE]) in PHONES:
        return tuple(row)
    return (*row[:UID], turned(row[UID]), *row[UID + 1 :])
