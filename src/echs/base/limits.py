"""The limits on everything that comes in. Each is a setting; `echs.config.settings` holds the defaults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Counts, bytes and seconds; see the settings of the same names.

    Those that begin with ``cdr`` are about plausibility: ``cdr_volume_e4_kwh`` counts units of 0.0001 kWh.
    """

    bulk_body_bytes: int
    small_body_bytes: int
    records_per_upload: int
    xml_depth: int
    xml_attributes: int
    free_bytes: int
    body_seconds: int
    login_seconds: int
    logins_per_partner: int
    redelivery_seconds: int
    statement_link_seconds: int
    cdr_future_seconds: int
    cdr_volume_e4_kwh: int
    cdr_duration_tolerance_seconds: int
    cdr_power_kw: int
    cdr_short_seconds: int
    cdr_age_days: int
    # How long CDRs that are approved or rejected are given out by a protocol without pages.
    cdr_archive_days: int
    # After how long silence about a CDR counts as approval; 0 for never.
    cdr_silence_days: int
    # How long a live status is valid that does not say it.
    status_ttl_minutes: int
    # Of what nobody has put a price on.
    currency: str
    # A larger share of a list than this is not removed by an upload, where its owner wants that.
    list_shrink_percent: int
    # Where a list may be taken in part: no part of it is, where a larger share is wrong.
    set_refused_percent: int
    # Who asks for what changed since a time is told of so much before it, too.
    delta_overlap_seconds: int
    # Since so long ago who asks for what changed is told of records that are gone.
    tombstone_days: int
    # Whether a list with a card, a contract or a socket of another partner is refused; else it is warned of.
    refuse_foreign_ids: bool
    statement_seconds: int
