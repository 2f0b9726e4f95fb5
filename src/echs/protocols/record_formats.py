"""The record formats of all protocols that this release speaks."""

from echs.config.record_formats import RecordFormats
from echs.protocols.ochp02 import cdr_format

RECORD_FORMATS = RecordFormats(cdrs={cdr_format.FORMAT.name: cdr_format.FORMAT})
