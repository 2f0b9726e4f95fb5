"""The address book of OCHPdirect: where partners can be called, day by day.

Why: partners of OCHPdirect call each other, and find each other here. Only adds.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "direct_endpoint",
        sa.Column("id", IDENTITY, primary_key=True),
        sa.Column("partner_id", IDENTITY, sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("role", sa.String(8), nullable=False),
        sa.Column("url", sa.String(255), nullable=False),
        sa.Column("namespace", sa.String(255), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("access_token", sa.LargeBinary(), nullable=False),
        sa.Column("token_digest", sa.String(64), nullable=False),
        sa.Column("whitelist", sa.Text(), nullable=False),
        sa.Column("blacklist", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("partner_id", "role", "url", "namespace", "day"),
    )
    op.create_index("ix_direct_endpoint_day", "direct_endpoint", ["day"])
    op.create_index("ix_direct_endpoint_token_digest", "direct_endpoint", ["token_digest"])


def downgrade() -> None:
    op.drop_table("direct_endpoint")
