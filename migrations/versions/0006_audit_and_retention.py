"""The audit trail, the client certificates of partners, and what remains of CDRs that are purged.

Why: it must be known who did what, and the store itself refuses to rewrite that; a partner may be known by a
certificate besides its password; and old CDRs, which are personal data, can be deleted without being accepted, and
billed, a second time. Everything is added and nothing is changed: the release before this one goes on with it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REFUSAL = "the audit trail is only added to"
GUARDED = ("audit", "audit_baseline")


def guard(table: str) -> None:
    """Have the store refuse to change or delete a row."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
    )


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("number", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("door", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("result", sa.String(length=40), nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )
    op.create_table(
        "audit_baseline",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cdr_id", sa.BigInteger(), nullable=False),
        sa.Column("run_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_baseline"),
    )
    op.execute(
        "INSERT INTO audit_baseline (id, cdr_id, run_number) SELECT 1, "
        "(SELECT coalesce(max(id), 0) FROM cdr), (SELECT coalesce(max(number), 0) FROM clearing_run)"
    )
    for table in GUARDED:
        guard(table)
    op.create_table(
        "partner_certificate",
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_partner_certificate_partner_id"),
        sa.PrimaryKeyConstraint("partner_id", "mark", name="pk_partner_certificate"),
    )
    op.create_table(
        "cdr_purged",
        sa.Column("operator_key", sa.String(length=192), nullable=False),
        sa.Column("cdr_id", sa.String(length=64), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("run_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("operator_key", "cdr_id", name="pk_cdr_purged"),
    )
    op.add_column("clearing_run", sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("clearing_run", "purged_at")
    op.drop_table("cdr_purged")
    op.drop_table("partner_certificate")
    op.drop_table("audit_baseline")
    op.drop_table("audit")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION audit_refuse()")
