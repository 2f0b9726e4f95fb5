"""Decisions on CDRs, receipts of uploads, who issues statements, failed logins, a tighter trail.

Why: the office must be able to put a CDR on hold, to release or to reject it, and to see what partners uploaded and
what was refused; a statement must say who issued it and to whom, for ever the same; what remains of a purged CDR must
be enough to check the upload that it came with; hosts must know of each other's failed logins; and SQLite must refuse
to replace an entry of the audit trail as it refuses to change one. Everything is added and nothing is changed: the
release before this one goes on with it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
REFUSAL = "the audit trail is only added to"
GUARDED = {"audit": "number", "audit_baseline": "id"}
ADDED = {
    "partner": ("numeric_pins", "address", "vat_id", "retired_at"),
    "cdr_purged": ("request_id", "row_id", "volume_e4_kwh"),
    "clearing_run": ("layout", "issuer_hash"),
    "clearing_run_party": ("address", "vat_id"),
}


def upgrade() -> None:
    no = sa.false()
    op.add_column("partner", sa.Column("numeric_pins", sa.Boolean(), nullable=False, server_default=no))
    op.add_column("partner", sa.Column("address", sa.Text(), nullable=False, server_default=""))
    op.add_column("partner", sa.Column("vat_id", sa.String(length=40), nullable=False, server_default=""))
    op.add_column("partner", sa.Column("retired_at", INSTANT, nullable=True))
    op.add_column("cdr_purged", sa.Column("request_id", sa.String(length=26), nullable=True))
    op.add_column("cdr_purged", sa.Column("row_id", sa.BigInteger(), nullable=True))
    op.add_column("cdr_purged", sa.Column("volume_e4_kwh", sa.BigInteger(), nullable=True))
    op.add_column("clearing_run", sa.Column("layout", sa.Integer(), nullable=True))
    op.add_column("clearing_run", sa.Column("issuer_hash", sa.String(length=64), nullable=True))
    op.add_column("clearing_run_party", sa.Column("address", sa.Text(), nullable=False, server_default=""))
    op.add_column("clearing_run_party", sa.Column("vat_id", sa.String(length=40), nullable=False, server_default=""))
    op.create_index("ix_cdr_purged_request_id", "cdr_purged", ["request_id"])
    op.create_table(
        "cdr_decision",
        sa.Column("cdr_id", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("decided_by", sa.String(length=200), nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.CheckConstraint("kind IN ('hold', 'release', 'reject')", name="ck_cdr_decision_kind"),
        sa.ForeignKeyConstraint(["cdr_id"], ["cdr.id"], name="fk_cdr_decision_cdr_id"),
        sa.PrimaryKeyConstraint("cdr_id", "number", name="pk_cdr_decision"),
    )
    op.create_table(
        "upload_receipt",
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("operation", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("warned", sa.Integer(), nullable=False),
        sa.Column("problem_count", sa.Integer(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_upload_receipt_partner_id"),
        sa.PrimaryKeyConstraint("request_id", name="pk_upload_receipt"),
    )
    op.create_index("ix_upload_receipt_received_at", "upload_receipt", ["received_at"])
    op.create_table(
        "statement_issuer",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("logo", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("hash", name="pk_statement_issuer"),
    )
    op.create_table(
        "clearing_run_left",
        sa.Column("run_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("operator_partner_id", IDENTITY, nullable=False),
        sa.Column("provider_partner_id", IDENTITY, nullable=True),
        sa.Column("operator_id", sa.String(length=64), nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=False),
        sa.Column("cdr_id", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("cdr_count", sa.Integer(), nullable=False),
        sa.Column("volume_e4_kwh", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_number"], ["clearing_run.number"], name="fk_clearing_run_left_run_number"),
        sa.PrimaryKeyConstraint("run_number", "position", name="pk_clearing_run_left"),
    )
    op.create_table(
        "login_failure",
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("window", "subject", "host", name="pk_login_failure"),
    )
    if op.get_bind().dialect.name == "sqlite":
        # REPLACE deletes the old row without a DELETE trigger of its own.
        for table, key in GUARDED.items():
            taken = f"SELECT 1 FROM {table} WHERE {key} = NEW.{key}"  # noqa: S608 - names of ours
            op.execute(
                f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS ({taken}) "
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in GUARDED:
            op.execute(f"DROP TRIGGER {table}_no_replace")
    for table in ("login_failure", "clearing_run_left", "statement_issuer", "upload_receipt", "cdr_decision"):
        op.drop_table(table)
    op.drop_index("ix_cdr_purged_request_id", "cdr_purged")
    for table, columns in ADDED.items():
        for column in columns:
            op.drop_column(table, column)
