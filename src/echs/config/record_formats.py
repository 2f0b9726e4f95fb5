"""What the protocols know of the records that they bring, for who must read what was sent and knows no protocol."""

from collections.abc import Mapping
from dataclasses import dataclass

from echs.cdrs.cdr import CdrFormat


@dataclass(frozen=True, slots=True)
class RecordFormats:
    """The format of each noun's records, by the name of the protocol."""

    cdrs: Mapping[str, CdrFormat]
