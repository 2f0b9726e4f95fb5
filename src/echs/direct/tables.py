"""The table of OCHPdirect's address book."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table, Text, UniqueConstraint

from echs.base.columns import Identity, Instant, metadata

# `access_token` is encrypted; `token_digest` is a keyed digest of it, by which one that is in use is recognised.
# Patterns are separated by blanks. A day is written as 2026-11-30.
direct_endpoint = Table(
    "direct_endpoint",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("partner_id", ForeignKey("partner.id"), nullable=False),
    Column("role", String(8), nullable=False),
    Column("url", String(255), nullable=False),
    Column("namespace", String(255), nullable=False),
    Column("day", String(10), nullable=False),
    Column("access_token", LargeBinary, nullable=False),
    Column("token_digest", String(64), nullable=False),
    Column("whitelist", Text, nullable=False),
    Column("blacklist", Text, nullable=False),
    Column("added_at", Instant, nullable=False),
    UniqueConstraint("partner_id", "role", "url", "namespace", "day"),
    Index("ix_direct_endpoint_day", "day"),
    Index("ix_direct_endpoint_token_digest", "token_digest"),
)
