"""The record formats of all protocols that this release speaks."""

from echs.config.record_formats import RecordFormats
from echs.protocols.ochp02 import cdr_format, charge_point_format, token_format
from echs.protocols.ochp02.contracts import PROTOCOL as OCHP_02
from echs.protocols.ochp14 import cdr_format as ochp14_cdrs
from echs.protocols.ochp14 import charge_point_format as ochp14_charge_points
from echs.protocols.ochp14 import token_format as ochp14_tokens
from echs.protocols.ochp14.contracts import PROTOCOL as OCHP_14

RECORD_FORMATS = RecordFormats(
    cdrs={OCHP_02: cdr_format.FORMAT, OCHP_14: ochp14_cdrs.FORMAT},
    tokens={OCHP_02: token_format.FORMAT, OCHP_14: ochp14_tokens.FORMAT},
    charge_points={OCHP_02: charge_point_format.FORMAT, OCHP_14: ochp14_charge_points.FORMAT},
)
