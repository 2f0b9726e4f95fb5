"""EVSE ids are compared without the two separators before the E: NL*TNM*E1 and NLTNME1 are one.

Why: OCHP 1.4 allows both spellings, and a CDR may have one where the list has the other.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SEPARATED = {
    "sqlite": (
        "evse_key GLOB '[A-Z][A-Z][*][A-Z0-9][A-Z0-9][A-Z0-9][*]E?*' AND substr(evse_key, 8) NOT GLOB '*[^A-Z0-9*]*'"
    ),
    "postgresql": r"evse_key ~ '^[A-Z]{2}\*[A-Z0-9]{3}\*E[A-Z0-9*]+$'",
}


def upgrade() -> None:
    where = SEPARATED[op.get_bind().dialect.name]
    without = "substr(evse_key, 1, 2) || substr(evse_key, 4, 3) || substr(evse_key, 8)"
    op.execute(sa.text(f"UPDATE charge_point SET evse_key = {without} WHERE {where}"))  # noqa: S608


def downgrade() -> None:
    """The older release computes the keys anew with the next upload of each list; until then ids with separators are
    not found by them, which costs a warning."""
