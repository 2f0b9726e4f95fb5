"""A digest of rows: what the audit trail holds of something that is too large for it, so that a change is seen."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

FIELD_END, ROW_END = "\x1f", "\x1e"
NOTHING = "\x00"


class RowDigest:
    """A SHA-256 over rows of text in their order, taken in as they come. Where texts hold no control character, no two
    different sequences of rows have the same.
    """

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def add(self, rows: Iterable[Sequence[str]]) -> None:
        """Take in some more rows."""
        self.add_joined([FIELD_END.join(row) for row in rows])

    def add_joined(self, rows: Sequence[str]) -> None:
        """Take in some more rows, each as its texts with `FIELD_END` between."""
        if rows:
            self._sha.update((ROW_END.join(rows) + ROW_END).encode("utf-8", "surrogatepass"))

    @property
    def value(self) -> str:
        """The digest of all rows so far, in hexadecimal digits."""
        return self._sha.hexdigest()


def digest_of_rows(rows: Iterable[Sequence[object]]) -> str:
    """The digest of a few rows of any values that a store holds."""
    digest = RowDigest()
    digest.add([tuple(map(as_text, row)) for row in rows])
    return digest.value


def as_text(value: object) -> str:
    """One value in the form that a digest takes in: the same from every store."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return str(value)
