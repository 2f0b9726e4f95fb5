"""How many records of a list partners of another protocol are not given, as the metrics show it.

Why: to count them means to read the list, which an upload of it does anyway and a scrape should not.

A server of the release before may go on: it counts nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

OWNER = "fk_list_withheld_partner_id_partner"
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "list_withheld",
        sa.Column("list", sa.String(16), nullable=False),
        sa.Column(
            "partner_id",
            NUMBER,
            sa.ForeignKey("partner.id", name="fk_list_withheld_partner_id_partner"),
            nullable=False,
        ),
        sa.Column("protocol", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("list", "partner_id", "protocol", "reason", name="pk_list_withheld"),
    )


def downgrade() -> None:
    op.drop_table("list_withheld")
