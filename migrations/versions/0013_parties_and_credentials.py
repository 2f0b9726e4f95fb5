"""Credentials, many to one partner; party ids with a role, a market id and the time since when they are whose.

Why: a company has several back ends, each with a password of its own; protocols name the owner of a record by the
market id that its ids begin with; and who owned an id once must be known when a record of that time is disputed. The
password of each partner becomes its first credential, under its user id.

A server of the release before must be stopped first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
OWNER = "uq_party_id_active_owner"


def upgrade() -> None:
    op.create_table(
        "credential",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("name_key", sa.String(length=192), nullable=False),
        sa.Column("secret_hash", sa.String(length=200), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("kind IN ('password')", name="kind"),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_credential_partner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_credential"),
        sa.UniqueConstraint("kind", "name_key", name="uq_credential_kind_name_key"),
    )
    op.create_index("ix_credential_partner_id", "credential", ["partner_id"])
    op.execute(
        "INSERT INTO credential (partner_id, kind, name, name_key, secret_hash, created_at) "
        "SELECT id, 'password', user_id, user_key, password_hash, created_at FROM partner ORDER BY id"
    )
    op.drop_column("partner", "password_hash")
    op.add_column("login", sa.Column("credential_id", IDENTITY, nullable=True))
    op.execute(
        "UPDATE login SET credential_id = (SELECT id FROM credential WHERE credential.partner_id = login.partner_id)"
    )
    op.create_table(
        "party_id_former",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("party_key", sa.String(length=192), nullable=False),
        sa.Column("party_id", sa.String(length=64), nullable=False),
        sa.Column("market_id", sa.String(length=5), nullable=True),
        sa.Column("since", INSTANT, nullable=True),
        sa.Column("until", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_party_id_former_partner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_party_id_former"),
    )
    op.create_index("ix_party_id_former_role_party_key", "party_id_former", ["role", "party_key"])
    if op.get_bind().dialect.name == "sqlite":
        rebuild("role", sa.String(length=10), "kind", more=True)
        return
    op.drop_constraint(op.f("ck_party_id_kind"), "party_id", type_="check")
    op.alter_column("party_id", "kind", new_column_name="role", type_=sa.String(length=10))
    op.create_check_constraint(op.f("ck_party_id_role"), "party_id", "role IN ('operator', 'provider')")
    op.add_column("party_id", sa.Column("market_id", sa.String(length=5), nullable=True))
    op.add_column("party_id", sa.Column("since", INSTANT, nullable=True))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        rebuild("kind", sa.String(length=8), "role", more=False)
    else:
        op.drop_column("party_id", "since")
        op.drop_column("party_id", "market_id")
        op.drop_constraint(op.f("ck_party_id_role"), "party_id", type_="check")
        op.alter_column("party_id", "role", new_column_name="kind", type_=sa.String(length=8))
        op.create_check_constraint(op.f("ck_party_id_kind"), "party_id", "kind IN ('operator', 'provider')")
    op.drop_table("party_id_former")
    # Of names that the release before does not know.
    op.execute(
        "DELETE FROM login WHERE credential_id NOT IN (SELECT credential.id FROM credential "
        "JOIN partner ON partner.id = credential.partner_id WHERE credential.name_key = partner.user_key)"
    )
    op.drop_column("login", "credential_id")
    op.add_column("partner", sa.Column("password_hash", sa.String(length=200), nullable=False, server_default=""))
    op.execute(
        "UPDATE partner SET password_hash = coalesce((SELECT secret_hash FROM credential "
        "WHERE credential.partner_id = partner.id AND credential.name_key = partner.user_key), '')"
    )
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("partner", "password_hash", server_default=None)
    op.drop_table("credential")


def rebuild(name: str, kind: sa.String, before: str, *, more: bool) -> None:
    """SQLite changes neither keys nor checks in place."""
    op.drop_index(OWNER, "party_id")
    op.rename_table("party_id", "party_id_before")
    added = [sa.Column("market_id", sa.String(length=5)), sa.Column("since", INSTANT)] if more else []
    op.create_table(
        "party_id",
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column(name, kind, nullable=False),
        sa.Column("party_key", sa.String(length=192), nullable=False),
        sa.Column("party_id", sa.String(length=64), nullable=False),
        *added,
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint(f"{name} IN ('operator', 'provider')", name=name),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_party_id_partner_id"),
        sa.PrimaryKeyConstraint("partner_id", name, "party_key", name="pk_party_id"),
    )
    op.execute(
        f"INSERT INTO party_id (partner_id, {name}, party_key, party_id, active) "  # noqa: S608 - names of ours
        f"SELECT partner_id, {before}, party_key, party_id, active FROM party_id_before"
    )
    op.drop_table("party_id_before")
    active = sa.text("active")
    op.create_index(OWNER, "party_id", [name, "party_key"], unique=True, sqlite_where=active, postgresql_where=active)
