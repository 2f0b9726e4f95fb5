"""Columns in the words of the trade: a channel, the fingerprint of a certificate, the open items of a run.

Why: operators and partners read these names in the metrics, the log, the audit trail and the JSON of commands. The
values stay as they are, and so does the chain of the audit trail, whose hashes are over values alone.

Unlike the migrations before it, this one changes names: a server of the release before must be stopped first.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("audit", "door", new_column_name="channel")
    op.alter_column("partner_certificate", "mark", new_column_name="fingerprint")
    op.rename_table("clearing_run_left", "clearing_run_open_item")


def downgrade() -> None:
    op.rename_table("clearing_run_open_item", "clearing_run_left")
    op.alter_column("partner_certificate", "fingerprint", new_column_name="mark")
    op.alter_column("audit", "channel", new_column_name="door")
