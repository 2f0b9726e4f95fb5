"""Connections between providers and operators, and whether the house is open or closed.

Why: in a closed house a partner sees only whom it is connected with, and only what goes along the connection. A house
that has no word on it stays open, as every house was. When what a reader sees of an owner changes, that is noted, and
numbered among the changes of the lists.

The release before this one goes on: it knows none of these tables, and gives everything to everybody.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
PAIR = ["provider_partner_id", "operator_partner_id", "kind"]


def upgrade() -> None:
    op.create_table(
        "house",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_house"),
    )
    op.execute("INSERT INTO house (name, value) VALUES ('connection-mode', 'open')")
    op.create_table(
        "roaming_connection",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("provider_partner_id", IDENTITY, nullable=False),
        sa.Column("operator_partner_id", IDENTITY, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("until", INSTANT, nullable=True),
        sa.CheckConstraint("kind IN ('tokens', 'locations', 'cdrs')", name="kind"),
        sa.ForeignKeyConstraint(
            ["provider_partner_id"], ["partner.id"], name="fk_roaming_connection_provider_partner_id"
        ),
        sa.ForeignKeyConstraint(
            ["operator_partner_id"], ["partner.id"], name="fk_roaming_connection_operator_partner_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_roaming_connection"),
    )
    op.create_index("ix_roaming_connection_pair", "roaming_connection", PAIR)
    stands = sa.text("until IS NULL")
    op.create_index(
        "uq_roaming_connection_standing",
        "roaming_connection",
        PAIR,
        unique=True,
        sqlite_where=stands,
        postgresql_where=stands,
    )
    op.create_table(
        "visibility_change",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("reader_id", IDENTITY, nullable=True),
        sa.Column("owner_id", IDENTITY, nullable=False),
        sa.Column("hides", sa.Boolean(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_visibility_change"),
    )
    op.create_index("ix_visibility_change_kind_seq", "visibility_change", ["kind", "seq"])


def downgrade() -> None:
    for name in ("visibility_change", "roaming_connection", "house"):
        op.drop_table(name)
