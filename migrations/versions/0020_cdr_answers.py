"""What providers and operators answer about CDRs: approved, declined, withdrawn; and who confirms its CDRs itself.

Why: OCHP 1.4 lets the provider of each CDR confirm it, and the operator send it again or give it up.

A server of the release before must be stopped first: it would clear what a provider declined.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "cdr_answer",
        sa.Column("cdr_id", NUMBER, sa.ForeignKey("cdr.id", name="fk_cdr_answer_cdr_id_cdr"), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("answered_at", INSTANT, nullable=False),
        sa.Column(
            "partner_id", NUMBER, sa.ForeignKey("partner.id", name="fk_cdr_answer_partner_id_partner"), nullable=True
        ),
        sa.Column("request_id", sa.String(26), nullable=False),
        sa.PrimaryKeyConstraint("cdr_id", "number", name="pk_cdr_answer"),
        sa.CheckConstraint("kind IN ('approve', 'decline', 'withdraw')", name="ck_cdr_answer_kind"),
    )
    op.create_index("ix_cdr_answer_kind_answered_at", "cdr_answer", ["kind", "answered_at"])
    op.create_index("ix_cdr_answer_request_id", "cdr_answer", ["request_id"])
    op.create_table(
        "cdr_revision_given",
        sa.Column("cdr_id", NUMBER, sa.ForeignKey("cdr.id", name="fk_cdr_revision_given_cdr_id_cdr"), nullable=False),
        sa.Column("given_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("cdr_id", name="pk_cdr_revision_given"),
    )
    op.create_table(
        "cdr_purged_revision",
        sa.Column("row_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("operator_key", sa.String(192), nullable=False),
        sa.Column("cdr_id", sa.String(64), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("run_number", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.String(26), nullable=False),
        sa.PrimaryKeyConstraint("row_id", name="pk_cdr_purged_revision"),
    )
    op.add_column("partner", sa.Column("answers", sa.String(8), nullable=False, server_default="run"))


def downgrade() -> None:
    op.drop_column("partner", "answers")
    op.drop_table("cdr_purged_revision")
    op.drop_table("cdr_revision_given")
    op.drop_table("cdr_answer")
