"""What OCHP 1.4 needs of tokens and of partners: how the uid of a token is given, tokens by their uid, when lists
changed, and by which protocols partners came.

Why: tokens may be given by the hash of their uid, and are asked for one by one among all lists; who asks for changes
asks by time; and who sends what another protocol cannot say is told of it as soon as somebody speaks that protocol.

All uids that are here are given as they are. The index reads every token once: some seconds for a million.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("token", sa.Column("representation", sa.String(8), nullable=False, server_default="plain"))
    op.create_index("ix_token_uid_key", "token", ["uid_key"])
    op.create_index("ix_list_change_list_at", "list_change", ["list", "at"])
    op.create_table(
        "partner_protocol",
        sa.Column("partner_id", IDENTITY, sa.ForeignKey("partner.id"), primary_key=True),
        sa.Column("protocol", sa.String(12), primary_key=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("partner_protocol")
    op.drop_index("ix_list_change_list_at", "list_change")
    op.drop_index("ix_token_uid_key", "token")
    op.drop_column("token", "representation")
