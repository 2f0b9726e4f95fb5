"""Until when tombstones of a list are forgotten.

Why: they are kept for a number of days that can be changed; who asks for changes since before gets everything.

A server of the release before may go on: it forgets none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

HEADS = ("token_list", "charge_point_list")


def upgrade() -> None:
    for name in HEADS:
        op.add_column(name, sa.Column("forgotten_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in HEADS:
        op.drop_column(name, "forgotten_until")
