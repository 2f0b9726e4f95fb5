"""In which order a partner writes the bytes of the uids of cards.

Why: one that writes the lowest byte first can be turned as its tokens come in.

A server of the release before may go on: it turns nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("partner", sa.Column("uid_order", sa.String(6), nullable=False, server_default="big"))


def downgrade() -> None:
    op.drop_column("partner", "uid_order")
