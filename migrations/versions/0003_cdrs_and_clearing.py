"""Charge detail records and clearing runs.

Why: ``cdr`` is only ever added to; what becomes of a record stands in the narrow tables beside it, so that clearing a
million records rewrites none. The primary key of ``cdr_cleared`` makes it impossible to clear one twice.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "clearing_run",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_by", sa.String(length=80), nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.Column("cdr_count", sa.Integer(), nullable=False),
        sa.Column("volume_e4_kwh", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_clearing_run"),
    )
    op.create_table(
        "clearing_run_pair",
        sa.Column("run_number", sa.Integer(), nullable=False),
        sa.Column("operator_partner_id", IDENTITY, nullable=False),
        sa.Column("operator_key", sa.String(length=192), nullable=False),
        sa.Column("provider_key", sa.String(length=192), nullable=False),
        sa.Column("provider_partner_id", IDENTITY, nullable=False),
        sa.Column("operator_id", sa.String(length=64), nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=False),
        sa.Column("cdr_count", sa.Integer(), nullable=False),
        sa.Column("volume_e4_kwh", sa.BigInteger(), nullable=False),
        sa.Column("first_started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["operator_partner_id"], ["partner.id"], name="fk_clearing_run_pair_operator_partner_id"
        ),
        sa.ForeignKeyConstraint(
            ["provider_partner_id"], ["partner.id"], name="fk_clearing_run_pair_provider_partner_id"
        ),
        sa.ForeignKeyConstraint(["run_number"], ["clearing_run.number"], name="fk_clearing_run_pair_run_number"),
        sa.PrimaryKeyConstraint(
            "run_number", "operator_partner_id", "operator_key", "provider_key", name="pk_clearing_run_pair"
        ),
    )
    op.create_table(
        "clearing_run_party",
        sa.Column("run_number", sa.Integer(), nullable=False),
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("first_served_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_clearing_run_party_partner_id"),
        sa.ForeignKeyConstraint(["run_number"], ["clearing_run.number"], name="fk_clearing_run_party_run_number"),
        sa.PrimaryKeyConstraint("run_number", "partner_id", name="pk_clearing_run_party"),
    )
    op.create_index("ix_clearing_run_party_partner_id", "clearing_run_party", ["partner_id"])
    op.create_table(
        "cdr",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("operator_key", sa.String(length=192), nullable=False),
        sa.Column("provider_key", sa.String(length=192), nullable=False),
        sa.Column("operator_partner_id", IDENTITY, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_s", sa.Integer(), nullable=True),
        sa.Column("volume_e4_kwh", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.Column("cdr_id", sa.String(length=64), nullable=False),
        sa.Column("start_datetime", sa.String(length=40), nullable=False),
        sa.Column("end_datetime", sa.String(length=40), nullable=False),
        sa.Column("duration", sa.String(length=16), nullable=False),
        sa.Column("volume", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("postal_code", sa.String(length=32), nullable=False),
        sa.Column("city", sa.String(length=255), nullable=False),
        sa.Column("country", sa.String(length=64), nullable=False),
        sa.Column("chargepoint_type", sa.String(length=64), nullable=False),
        sa.Column("product_type", sa.String(length=64), nullable=False),
        sa.Column("tariff_type", sa.String(length=64), nullable=False),
        sa.Column("token_id", sa.String(length=64), nullable=False),
        sa.Column("contract_id", sa.String(length=64), nullable=False),
        sa.Column("meter_id", sa.String(length=64), nullable=False),
        sa.Column("obis_code", sa.String(length=64), nullable=False),
        sa.Column("chargepoint_id", sa.String(length=64), nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=False),
        sa.Column("operator_id", sa.String(length=64), nullable=False),
        sa.Column("evse_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["operator_partner_id"], ["partner.id"], name="fk_cdr_operator_partner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cdr"),
        sa.UniqueConstraint("operator_key", "cdr_id", name="uq_cdr_operator_key_cdr_id"),
    )
    op.create_table(
        "cdr_uncleared",
        sa.Column("cdr_id", IDENTITY, nullable=False),
        sa.Column("provider_key", sa.String(length=192), nullable=False),
        sa.ForeignKeyConstraint(["cdr_id"], ["cdr.id"], name="fk_cdr_uncleared_cdr_id"),
        sa.PrimaryKeyConstraint("cdr_id", name="pk_cdr_uncleared"),
    )
    op.create_index("ix_cdr_uncleared_provider_key", "cdr_uncleared", ["provider_key"])
    op.create_table(
        "cdr_cleared",
        sa.Column("cdr_id", IDENTITY, nullable=False),
        sa.Column("run_number", sa.Integer(), nullable=False),
        sa.Column("operator_partner_id", IDENTITY, nullable=False),
        sa.Column("provider_partner_id", IDENTITY, nullable=False),
        sa.ForeignKeyConstraint(["cdr_id"], ["cdr.id"], name="fk_cdr_cleared_cdr_id"),
        sa.ForeignKeyConstraint(["operator_partner_id"], ["partner.id"], name="fk_cdr_cleared_operator_partner_id"),
        sa.ForeignKeyConstraint(["provider_partner_id"], ["partner.id"], name="fk_cdr_cleared_provider_partner_id"),
        sa.ForeignKeyConstraint(["run_number"], ["clearing_run.number"], name="fk_cdr_cleared_run_number"),
        sa.PrimaryKeyConstraint("cdr_id", name="pk_cdr_cleared"),
    )
    op.create_index(
        "ix_cdr_cleared_run_number_provider_partner_id", "cdr_cleared", ["run_number", "provider_partner_id"]
    )
    op.create_index(
        "ix_cdr_cleared_run_number_operator_partner_id", "cdr_cleared", ["run_number", "operator_partner_id"]
    )


def downgrade() -> None:
    op.drop_table("cdr_cleared")
    op.drop_table("cdr_uncleared")
    op.drop_table("cdr")
    op.drop_table("clearing_run_party")
    op.drop_table("clearing_run_pair")
    op.drop_table("clearing_run")
