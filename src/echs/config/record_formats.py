"""What the protocols know of the records that they bring, for who must read what was sent and knows no protocol."""

from collections.abc import Mapping
from dataclasses import dataclass

from echs.cdrs.cdr import CdrFormat
from echs.lists.list_format import ListFormat


@dataclass(frozen=True, slots=True)
class RecordFormats:
    """The format of each noun's records, by the name of the protocol."""

    cdrs: Mapping[str, CdrFormat]
    tokens: Mapping[str, ListFormat]
    charge_points: Mapping[str, ListFormat]

    def of_list(self, name: str) -> Mapping[str, ListFormat]:
        """The formats of a kind of list, by the name that its changes go by."""
        return {"tokens": self.tokens, "charge points": self.charge_points}[name]


NO_FORMATS = RecordFormats({}, {}, {})
