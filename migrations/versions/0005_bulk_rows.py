"""Rows that are written by the million: no foreign keys, on SQLite in the order of their key; and a mark for lists.

Why: PostgreSQL looks up what a foreign key points to for every row by itself, which took most of the time of a large
clearing run; SQLite does it faster, and still for every row. These rows are only ever made from the rows that they
point to, in the transaction that reads them: those of a list count only through the head of its owner, which keeps its
key, and a CDR is entered and cleared by a query over the very tables. The rows of a list stand in one tree on SQLite
instead of two. The mark of a generation names the files that the list is kept in as it goes out.

The release before this one goes on: the mark has a default, and the generation, which it counts, is part of the files'
names too.
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

HEADS = ("roaming_list", "chargepoint_list")
LIST_KEY = ["partner_id", "generation", "position"]
KEYS = {"authorisation": LIST_KEY, "chargepoint": LIST_KEY, "cdr_uncleared": ["cdr_id"], "cdr_cleared": ["cdr_id"]}
FOREIGN = {
    "authorisation": {"partner_id": "partner.id"},
    "chargepoint": {"partner_id": "partner.id"},
    "cdr_uncleared": {"cdr_id": "cdr.id"},
    "cdr_cleared": {
        "cdr_id": "cdr.id",
        "run_number": "clearing_run.number",
        "operator_partner_id": "partner.id",
        "provider_partner_id": "partner.id",
    },
}
INDEXES = {
    "cdr_uncleared": {"ix_cdr_uncleared_provider_key": ["provider_key"]},
    "cdr_cleared": {
        "ix_cdr_cleared_run_number_provider_partner_id": ["run_number", "provider_partner_id"],
        "ix_cdr_cleared_run_number_operator_partner_id": ["run_number", "operator_partner_id"],
    },
}


def upgrade() -> None:
    for name in HEADS:
        op.add_column(name, sa.Column("mark", sa.String(length=32), nullable=False, server_default=""))
        heads = sa.table(name, sa.column("partner_id"), sa.column("mark"))
        for (owner,) in op.get_bind().execute(sa.select(heads.c.partner_id)).all():
            marked = heads.update().where(heads.c.partner_id == owner).values(mark=secrets.token_hex(16))
            op.execute(marked)
    for name, foreign in FOREIGN.items():
        if op.get_bind().dialect.name == "sqlite":
            rebuild(name, {}, without_rowid=KEYS[name] == LIST_KEY)
            continue
        for column in foreign:
            op.drop_constraint(f"fk_{name}_{column}", name, type_="foreignkey")


def downgrade() -> None:
    for name, foreign in FOREIGN.items():
        if op.get_bind().dialect.name == "sqlite":
            rebuild(name, foreign, without_rowid=False)
            continue
        for column, target in foreign.items():
            table, _, key = target.partition(".")
            op.create_foreign_key(f"fk_{name}_{column}", name, table, [column], [key])
    for name in HEADS:
        op.drop_column(name, "mark")


def rebuild(name: str, foreign: dict[str, str], *, without_rowid: bool) -> None:
    """SQLite changes neither keys nor trees in place."""
    old = sa.Table(name, sa.MetaData(), autoload_with=op.get_bind(), resolve_fks=False)
    columns = [sa.Column(column.name, column.type, nullable=False) for column in old.columns]
    constraints = [
        sa.PrimaryKeyConstraint(*KEYS[name], name=f"pk_{name}"),
        *(
            sa.ForeignKeyConstraint([column], [target], name=f"fk_{name}_{column}")
            for column, target in foreign.items()
        ),
    ]
    op.create_table(f"{name}_rebuilt", *columns, *constraints, sqlite_with_rowid=not without_rowid)
    listed = ", ".join(column.name for column in columns)
    key = ", ".join(KEYS[name])
    op.execute(f"INSERT INTO {name}_rebuilt ({listed}) SELECT {listed} FROM {name} ORDER BY {key}")  # noqa: S608
    op.drop_table(name)
    op.rename_table(f"{name}_rebuilt", name)
    for index, of in INDEXES.get(name, {}).items():
        op.create_index(index, name, of)
