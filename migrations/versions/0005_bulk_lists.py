"""Lists that are replaced and given out in bulk: rows in the order of their key, and a mark for each generation.

Why: the rows of a list have no foreign key any more, which cost an upload a tenth of its time and held nothing that the
head of the list does not hold; on SQLite they stand in one tree instead of two. The mark of a generation names the
files that the list is kept in as it goes out. The release before this one goes on: the mark has a default, and the
generation, which it counts, is part of the files' names too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

HEADS = ("roaming_list", "chargepoint_list")
RECORDS = ("authorisation", "chargepoint")


def upgrade() -> None:
    for name in HEADS:
        op.add_column(name, sa.Column("mark", sa.String(length=32), nullable=False, server_default=""))
    for name in RECORDS:
        if op.get_bind().dialect.name == "sqlite":
            rebuild(name, without_rowid=True)
        else:
            op.drop_constraint(f"fk_{name}_partner_id", name, type_="foreignkey")


def downgrade() -> None:
    for name in RECORDS:
        if op.get_bind().dialect.name == "sqlite":
            rebuild(name, without_rowid=False)
        else:
            op.create_foreign_key(f"fk_{name}_partner_id", name, "partner", ["partner_id"], ["id"])
    for name in HEADS:
        op.drop_column(name, "mark")


def rebuild(name: str, *, without_rowid: bool) -> None:
    """SQLite changes neither of both in place."""
    old = sa.Table(name, sa.MetaData(), autoload_with=op.get_bind(), resolve_fks=False)
    columns = [sa.Column(column.name, column.type, nullable=False) for column in old.columns]
    key = sa.PrimaryKeyConstraint("partner_id", "generation", "position", name=f"pk_{name}")
    constraints = [key]
    if not without_rowid:
        constraints.append(sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=f"fk_{name}_partner_id"))
    op.create_table(f"{name}_rebuilt", *columns, *constraints, sqlite_with_rowid=not without_rowid)
    listed = ", ".join(column.name for column in columns)
    op.execute(f"INSERT INTO {name}_rebuilt ({listed}) SELECT {listed} FROM {name} ORDER BY 1, 2, 3")  # noqa: S608
    op.drop_table(name)
    op.rename_table(f"{name}_rebuilt", name)
