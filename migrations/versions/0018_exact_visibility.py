"""Since when a record has stood, and numbers that are taken with the change itself.

Why: whether a reader ever saw a record that was hidden from it could not be told where the record had been changed
since; and a note of who sees what got its number when somebody next asked, so that what came in between was taken for
what had been there before.

Of records that are here it is not known since when they have stood: since the first change of their owner's list.
A server of the release before must be stopped first: it would take numbers that this one gives out.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

LISTS = {"tokens": ("token", "tokens"), "charge points": ("charge_point", "locations")}


def upgrade() -> None:
    op.create_table(
        "change_number",
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("last", sa.BigInteger(), nullable=False),
    )
    op.add_column("visibility_change", sa.Column("by_mode", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE visibility_change SET by_mode = (1 = 1) WHERE reader_id IS NULL")
    for name, (records, kind) in LISTS.items():
        firsts = (
            op.get_bind()
            .execute(
                sa.text("SELECT partner_id, MIN(id) FROM list_change WHERE list = :name GROUP BY partner_id"),
                {"name": name},
            )
            .all()
        )
        for table in (records, f"{records}_former"):
            op.add_column(table, sa.Column("first_change_id", sa.BigInteger(), nullable=False, server_default="0"))
            for partner_id, first in firsts:
                op.execute(f"UPDATE {table} SET first_change_id = {first} WHERE partner_id = {partner_id}")  # noqa: S608
            op.execute(f"UPDATE {table} SET first_change_id = change_id WHERE first_change_id = 0")  # noqa: S608
        last = (
            f"SELECT COALESCE(MAX(n), 0) FROM (SELECT MAX(seq) AS n FROM list_change WHERE list = '{name}' "  # noqa: S608
            f"UNION ALL SELECT MAX(seq) FROM visibility_change WHERE kind = '{kind}') AS numbers"
        )
        # Notes that nobody had asked about yet get their numbers now, in their order.
        op.execute(
            f"UPDATE visibility_change SET seq = ({last}) + (SELECT COUNT(*) FROM visibility_change other "  # noqa: S608
            f"WHERE other.kind = '{kind}' AND other.seq IS NULL AND other.id <= visibility_change.id) "
            f"WHERE kind = '{kind}' AND seq IS NULL"
        )
        op.execute(f"INSERT INTO change_number (kind, last) VALUES ('{kind}', ({last}))")  # noqa: S608
    if op.get_bind().dialect.name == "postgresql":
        # SQLite knows no lengths.
        op.alter_column("token", "uid_key", type_=sa.Text())


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("token", "uid_key", type_=sa.String(192))
    for records, _ in LISTS.values():
        for table in (records, f"{records}_former"):
            op.drop_column(table, "first_change_id")
    op.drop_column("visibility_change", "by_mode")
    op.drop_table("change_number")
