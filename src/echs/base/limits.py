"""The limits on everything that comes in. Each is a setting; `echs.settings` holds the defaults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Counts, bytes and seconds; see the settings of the same names."""

    bulk_body_bytes: int
    small_body_bytes: int
    records_per_upload: int
    login_seconds: int
    logins_per_partner: int
    redelivery_seconds: int
    statement_link_seconds: int
