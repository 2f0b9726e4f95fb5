"""Partners, what they own, and their logins.

Why: An id has at most one active owner in each kind; the partial unique index holds that, whatever the program does.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "partner",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("user_key", sa.String(length=192), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_partner"),
        sa.UniqueConstraint("user_key", name="uq_partner_user_key"),
    )
    op.create_table(
        "partner_group",
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("group_name", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_partner_group_partner_id"),
        sa.PrimaryKeyConstraint("partner_id", "group_name", name="pk_partner_group"),
    )
    op.create_table(
        "party_id",
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("party_key", sa.String(length=192), nullable=False),
        sa.Column("party_id", sa.String(length=64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind IN ('operator', 'provider')", name=op.f("ck_party_id_kind")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_party_id_partner_id"),
        sa.PrimaryKeyConstraint("partner_id", "kind", "party_key", name="pk_party_id"),
    )
    op.create_index(
        "uq_party_id_active_owner",
        "party_id",
        ["kind", "party_key"],
        unique=True,
        sqlite_where=sa.text("active"),
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "partner_hub",
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("hub", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_partner_hub_partner_id"),
        sa.PrimaryKeyConstraint("partner_id", "hub", name="pk_partner_hub"),
    )
    op.create_table(
        "login",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_login_partner_id"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_login"),
    )
    op.create_index("ix_login_partner_id_created_at", "login", ["partner_id", "created_at"])


def downgrade() -> None:
    op.drop_table("login")
    op.drop_table("partner_hub")
    op.drop_table("party_id")
    op.drop_table("partner_group")
    op.drop_table("partner")
