"""The tables of the clearing runs. A run is only ever added to them; the one thing set later is when it was served."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from echs.base.columns import Identity, Instant, metadata

clearing_run = Table(
    "clearing_run",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("cleared_at", Instant, nullable=False),
    Column("cleared_by", String(80), nullable=False),
    Column("request_id", String(26), nullable=False),
    Column("cdr_count", Integer, nullable=False),
    Column("volume_e4_kwh", BigInteger, nullable=False),
    # When its CDRs were deleted, because they were old; the totals remain.
    Column("purged_at", Instant, nullable=True),
    # How its statements are drawn, and who issues them; null where it was made by a release before 0007.
    Column("layout", Integer, nullable=True),
    Column("issuer_hash", String(64), nullable=True),
)

# Who issued statements: name, address, register and logo as they stood when a run was made, each state of them once.
statement_issuer = Table(
    "statement_issuer",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("facts", Text, nullable=False),
    Column("logo", LargeBinary, nullable=True),
)

# What a run left, and why: a row for each CDR that was on hold or rejected, and a sum for each pair that was held.
clearing_run_open_item = Table(
    "clearing_run_open_item",
    metadata,
    Column("run_number", ForeignKey("clearing_run.number"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("operator_partner_id", Identity, nullable=False),
    Column("provider_partner_id", Identity, nullable=True),
    Column("operator_id", String(64), nullable=False),
    Column("provider_id", String(64), nullable=False),
    Column("cdr_id", String(64), nullable=False),
    Column("why", String(8), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("cdr_count", Integer, nullable=False),
    Column("volume_e4_kwh", BigInteger, nullable=False),
)

clearing_run_pair = Table(
    "clearing_run_pair",
    metadata,
    Column("run_number", ForeignKey("clearing_run.number"), primary_key=True),
    Column("operator_partner_id", ForeignKey("partner.id"), primary_key=True),
    Column("operator_key", String(192), primary_key=True),
    Column("provider_key", String(192), primary_key=True),
    Column("provider_partner_id", ForeignKey("partner.id"), nullable=False),
    Column("operator_id", String(64), nullable=False),
    Column("provider_id", String(64), nullable=False),
    Column("cdr_count", Integer, nullable=False),
    Column("volume_e4_kwh", BigInteger, nullable=False),
    Column("first_started_at", Instant, nullable=False),
    Column("last_ended_at", Instant, nullable=False),
)

# Names and zone as they stood when the run was made: a statement drawn years later says the same.
clearing_run_party = Table(
    "clearing_run_party",
    metadata,
    Column("run_number", ForeignKey("clearing_run.number"), primary_key=True),
    Column("partner_id", ForeignKey("partner.id"), primary_key=True),
    Column("user_id", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("first_served_at", Instant, nullable=True),
    Column("address", Text, nullable=False, server_default=""),
    Column("vat_id", String(40), nullable=False, server_default=""),
    Index("ix_clearing_run_party_partner_id", "partner_id"),
)
