"""Jobs: what must happen after a commit, as rows that a worker leases.

Why: a statement of a hundred thousand lines takes seconds to draw, and the first partner who opened its link waited for
it. Jobs are attempted until they succeed, by any worker of any host, whatever dies meanwhile. Runs from before count
as drawn: their statements are drawn when they are opened, as always.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("leased_until", INSTANT, nullable=True),
        sa.Column("leased_by", sa.String(length=80), nullable=False, server_default=""),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("failed_at", INSTANT, nullable=True),
        sa.Column("error", sa.String(length=400), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
    )
    op.create_index("ix_job_kind_key", "job", ["kind", "key"], unique=True)
    op.create_index("ix_job_due_at", "job", ["due_at"])
    op.create_table(
        "job_watermark",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_job_watermark"),
    )
    op.execute(
        "INSERT INTO job_watermark (kind, position) SELECT 'statement', coalesce(max(number), 0) FROM clearing_run"
    )


def downgrade() -> None:
    op.drop_table("job_watermark")
    op.drop_table("job")
