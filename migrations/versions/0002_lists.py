"""The roaming authorisation list and the charge point list.

Why: Rows carry the generation of their list, so that a replacement is written beside the old list and the pointer
moves in the same transaction.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "roaming_list",
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("record_count", sa.Integer(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_roaming_list_partner_id"),
        sa.PrimaryKeyConstraint("partner_id", name="pk_roaming_list"),
    )
    op.create_table(
        "authorisation",
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("contract_id", sa.String(length=64), nullable=False),
        sa.Column("hub", sa.Integer(), nullable=False),
        sa.Column("token_type", sa.SmallInteger(), nullable=False),
        sa.Column("token_id", sa.String(length=64), nullable=False),
        sa.Column("printed_number", sa.String(length=150), nullable=False),
        sa.Column("expiry_date", sa.String(length=10), nullable=False),
        sa.Column("pin", sa.String(length=32), nullable=False),
        sa.Column("pin_mandatory", sa.SmallInteger(), nullable=False),
        sa.Column("activated", sa.SmallInteger(), nullable=False),
        sa.Column("token_hash", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_authorisation_partner_id"),
        sa.PrimaryKeyConstraint("partner_id", "generation", "position", name="pk_authorisation"),
    )
    op.create_table(
        "chargepoint_list",
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("record_count", sa.Integer(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_chargepoint_list_partner_id"),
        sa.PrimaryKeyConstraint("partner_id", name="pk_chargepoint_list"),
    )
    op.create_table(
        "chargepoint",
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("evse_id", sa.String(length=64), nullable=False),
        sa.Column("location_name", sa.String(length=255), nullable=False),
        sa.Column("location_name_language", sa.String(length=16), nullable=False),
        sa.Column("house_number", sa.String(length=32), nullable=False),
        sa.Column("street_name", sa.String(length=255), nullable=False),
        sa.Column("city", sa.String(length=255), nullable=False),
        sa.Column("postal_code", sa.String(length=32), nullable=False),
        sa.Column("latitude", sa.String(length=32), nullable=False),
        sa.Column("longitude", sa.String(length=32), nullable=False),
        sa.Column("entrance_latitude", sa.String(length=32), nullable=False),
        sa.Column("entrance_longitude", sa.String(length=32), nullable=False),
        sa.Column("opening_times", sa.String(length=4000), nullable=False),
        sa.Column("outlet_status", sa.String(length=64), nullable=False),
        sa.Column("energy_provider", sa.String(length=255), nullable=False),
        sa.Column("hub_name", sa.String(length=255), nullable=False),
        sa.Column("telephone_number", sa.String(length=64), nullable=False),
        sa.Column("floor_level", sa.String(length=32), nullable=False),
        sa.Column("payment_method", sa.String(length=255), nullable=False),
        sa.Column("receptacle_type", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_chargepoint_partner_id"),
        sa.PrimaryKeyConstraint("partner_id", "generation", "position", name="pk_chargepoint"),
    )


def downgrade() -> None:
    op.drop_table("chargepoint")
    op.drop_table("chargepoint_list")
    op.drop_table("authorisation")
    op.drop_table("roaming_list")
