"""Tariffs of operators, by the provider that each part is for.

Why: OCHP 1.4 tells providers what charging costs, some of them something else than the others. Only adds.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "tariff_part",
        sa.Column("partner_id", IDENTITY, sa.ForeignKey("partner.id"), primary_key=True),
        sa.Column("tariff_key", sa.String(32), primary_key=True),
        sa.Column("recipient", sa.String(5), primary_key=True),
        sa.Column("tariff_id", sa.String(32), nullable=False),
        sa.Column("protocol", sa.String(12), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_tariff_part_changed_at", "tariff_part", ["changed_at"])


def downgrade() -> None:
    op.drop_table("tariff_part")
