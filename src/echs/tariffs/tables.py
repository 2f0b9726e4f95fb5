"""The table of tariffs."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text

from echs.base.columns import Instant, metadata

# A row for each tariff and recipient, and one with an empty recipient for everybody else. One that is gone stays, since
# who was its recipient is given another part now.
tariff_part = Table(
    "tariff_part",
    metadata,
    Column("partner_id", ForeignKey("partner.id"), primary_key=True),
    Column("tariff_key", String(32), primary_key=True),
    Column("recipient", String(5), primary_key=True),
    Column("tariff_id", String(32), nullable=False),
    Column("protocol", String(12), nullable=False),
    Column("payload", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("gone", Boolean, nullable=False),
    Index("ix_tariff_part_changed_at", "changed_at"),
)
