"""CDRs are found by their id alone, and what a provider was given is noted for each provider.

Why: the CDR ids of OCHP 1.4 are unique in the whole house, whatever operator id stands behind them. A provider id may
move to another partner, which has seen nothing of what its predecessor fetched. And SQLite gives the numbers of purged
rows again, so that they are no key for what is left of older revisions. An operator is told with each upload
what was declined of its CDRs, so that answers have its number beside them. What was purged is found by its row, too,
since the ids by which OCHP 1.4 knows CDRs of other protocols end with that.

A server of the release before must be stopped first. Of what was given before it is only known that
which was answered about: the rest is given again, and until then nobody can answer about it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEPT = "operator_key, cdr_id, row_id, content_hash, run_number, request_id"


def purged_revision(*key: str) -> None:
    """Make the table of what is left of older revisions anew, with this primary key."""
    op.execute(f"CREATE TABLE cdr_purged_revision_before AS SELECT {KEPT} FROM cdr_purged_revision")  # noqa: S608
    op.drop_table("cdr_purged_revision")
    op.create_table(
        "cdr_purged_revision",
        sa.Column("operator_key", sa.String(192), nullable=False),
        sa.Column("cdr_id", sa.String(64), nullable=False),
        sa.Column("row_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("run_number", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.String(26), nullable=False),
        sa.PrimaryKeyConstraint(*key, name="pk_cdr_purged_revision"),
    )
    # By the older key not all of them can stand: of those with one number on SQLite the first does.
    copied = f"INSERT INTO cdr_purged_revision ({KEPT}) SELECT {KEPT} FROM cdr_purged_revision_before"  # noqa: S608
    op.execute(f"{copied} WHERE true ON CONFLICT DO NOTHING")
    op.drop_table("cdr_purged_revision_before")


ANSWER = "cdr_id, number, kind, answered_at, partner_id, request_id"


def answers(*more: sa.Column[int], values: str = "", index: list[str]) -> None:
    """Make the table of answers anew, with these columns beside the usual ones."""
    op.execute(f"CREATE TABLE cdr_answer_before AS SELECT {ANSWER} FROM cdr_answer")  # noqa: S608
    op.drop_table("cdr_answer")
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
        *more,
        sa.PrimaryKeyConstraint("cdr_id", "number", name="pk_cdr_answer"),
        sa.CheckConstraint("kind IN ('approve', 'decline', 'withdraw')", name="ck_cdr_answer_kind"),
    )
    names = "".join(f", {column.name}" for column in more)
    op.execute(f"INSERT INTO cdr_answer ({ANSWER}{names}) SELECT {ANSWER}{values} FROM cdr_answer_before AS a")  # noqa: S608
    op.drop_table("cdr_answer_before")
    op.create_index("ix_cdr_answer_" + "_".join(index), "cdr_answer", index)
    op.create_index("ix_cdr_answer_request_id", "cdr_answer", ["request_id"])


def upgrade() -> None:
    op.create_index("ix_cdr_cdr_id", "cdr", ["cdr_id"])
    answers(
        sa.Column("operator_partner_id", NUMBER, nullable=False),
        values=", (SELECT operator_partner_id FROM cdr WHERE cdr.id = a.cdr_id)",
        index=["operator_partner_id", "kind", "answered_at"],
    )
    purged_revision("operator_key", "cdr_id", "row_id")
    for table in ("cdr_purged", "cdr_purged_revision"):
        op.create_index(f"ix_{table}_row_id", table, ["row_id"])
    op.drop_table("cdr_revision_given")
    op.create_table(
        "cdr_given",
        sa.Column("cdr_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column(
            "partner_id", NUMBER, sa.ForeignKey("partner.id", name="fk_cdr_given_partner_id_partner"), nullable=False
        ),
        sa.Column("given_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("cdr_id", "partner_id", name="pk_cdr_given"),
    )
    # Who answered about a CDR was given it.
    op.execute(
        "INSERT INTO cdr_given (cdr_id, partner_id, given_at) SELECT cdr_id, partner_id, min(answered_at) "
        "FROM cdr_answer WHERE kind <> 'withdraw' AND partner_id IS NOT NULL GROUP BY cdr_id, partner_id"
    )
    op.add_column("cdr_purged", sa.Column("protocol", sa.String(12), nullable=True))
    op.create_index("ix_cdr_purged_cdr_id", "cdr_purged", ["cdr_id"])


def downgrade() -> None:
    op.drop_table("cdr_given")
    op.create_table(
        "cdr_revision_given",
        sa.Column("cdr_id", NUMBER, sa.ForeignKey("cdr.id", name="fk_cdr_revision_given_cdr_id_cdr"), nullable=False),
        sa.Column("given_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("cdr_id", name="pk_cdr_revision_given"),
    )
    purged_revision("row_id")
    answers(index=["kind", "answered_at"])
    op.drop_index("ix_cdr_purged_cdr_id", "cdr_purged")
    op.drop_column("cdr_purged", "protocol")
    op.drop_index("ix_cdr_purged_row_id", "cdr_purged")
    op.drop_index("ix_cdr_cdr_id", "cdr")
