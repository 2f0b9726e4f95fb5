"""Where the records of a list begin: those before are what stood until it was written anew as a whole.

Why: a list in which nearly everything changed was copied to the former records, deleted and written, three times the
work of writing it. Now it is written behind the one that stood, which stays where it is until the next change.

Of lists that stand nothing is before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

LISTS = {"token_list": "token", "charge_point_list": "charge_point"}


def upgrade() -> None:
    for head in LISTS:
        op.add_column(head, sa.Column("first_position", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    columns = "partner_id, position, key_number, change_id, protocol, payload"
    for head, records in LISTS.items():
        mine = ", ".join(f"r.{name}" for name in columns.split(", "))
        op.execute(
            f"INSERT INTO {records}_former ({columns}, ended_by, gone) "  # noqa: S608 - names of ours
            f"SELECT {mine}, h.change_id, FALSE FROM {records} r JOIN {head} h ON h.partner_id = r.partner_id "
            f"WHERE r.position < h.first_position AND NOT EXISTS (SELECT 1 FROM {records}_former f "
            "WHERE f.partner_id = r.partner_id AND f.ended_by = h.change_id AND f.position = r.position)"
        )
        op.execute(
            f"DELETE FROM {records} WHERE position < (SELECT first_position FROM {head} "  # noqa: S608 - names of ours
            f"WHERE {head}.partner_id = {records}.partner_id)"
        )
        op.drop_column(head, "first_position")
