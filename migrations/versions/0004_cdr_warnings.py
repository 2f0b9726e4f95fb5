"""What is odd about a CDR, noted when it is accepted; and the way to the sessions of a socket and of a card.

Why: warnings stop nothing, so they must be found again. The indexes are over expressions, since the socket of a
session is its EVSE id or else its charge point, and the card its token or else its contract. The release before this
one goes on with them: it neither reads the new table nor minds the indexes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "cdr_warning",
        sa.Column("cdr_id", IDENTITY, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.String(length=400), nullable=False),
        sa.ForeignKeyConstraint(["cdr_id"], ["cdr.id"], name="fk_cdr_warning_cdr_id"),
        sa.PrimaryKeyConstraint("cdr_id", "name", name="pk_cdr_warning"),
    )
    socket = sa.text("coalesce(nullif(evse_id, ''), chargepoint_id)")
    op.create_index("ix_cdr_socket_started_at", "cdr", ["operator_partner_id", "operator_key", socket, "started_at"])
    card = sa.text("coalesce(nullif(upper(token_id), ''), contract_id)")
    op.create_index("ix_cdr_own_card_started_at", "cdr", ["operator_partner_id", card, "started_at"])
    op.create_index("ix_cdr_card_started_at", "cdr", [card, "started_at"])


def downgrade() -> None:
    op.drop_index("ix_cdr_card_started_at", "cdr")
    op.drop_index("ix_cdr_own_card_started_at", "cdr")
    op.drop_index("ix_cdr_socket_started_at", "cdr")
    op.drop_table("cdr_warning")
