"""The tables of the charge detail records.

``cdr`` is only ever added to. What becomes of a record stands beside it: in ``cdr_uncleared`` until a run takes it,
then in ``cdr_cleared``, never in both. The primary key of ``cdr_cleared`` is what makes sure that no CDR is cleared
twice.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from echs.base.database import Identity, Instant, metadata
from echs.cdrs.cdr import FIELDS

# Keys are casefolded ids, which can be up to three times as long as the id.
cdr = Table(
    "cdr",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("operator_key", String(192), nullable=False),
    Column("provider_key", String(192), nullable=False),
    Column("operator_partner_id", ForeignKey("partner.id"), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("duration_s", Integer, nullable=True),
    Column("volume_e4_kwh", BigInteger, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("request_id", String(26), nullable=False),
    *(Column(field.name, String(field.limit), nullable=False) for field in FIELDS),
    UniqueConstraint("operator_key", "cdr_id"),
)

cdr_uncleared = Table(
    "cdr_uncleared",
    metadata,
    Column("cdr_id", ForeignKey("cdr.id"), primary_key=True),
    Column("provider_key", String(192), nullable=False, index=True),
)

cdr_cleared = Table(
    "cdr_cleared",
    metadata,
    Column("cdr_id", ForeignKey("cdr.id"), primary_key=True),
    Column("run_number", ForeignKey("clearing_run.number"), nullable=False),
    Column("operator_partner_id", ForeignKey("partner.id"), nullable=False),
    Column("provider_partner_id", ForeignKey("partner.id"), nullable=False),
    Index("ix_cdr_cleared_run_number_provider_partner_id", "run_number", "provider_partner_id"),
    Index("ix_cdr_cleared_run_number_operator_partner_id", "run_number", "operator_partner_id"),
)
