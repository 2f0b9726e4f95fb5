"""The tables of the audit trail and of receipts.

Triggers of the store refuse to change, replace or delete a row of the trail (migrations 0006 and 0007). Who owns the
database can take them away: `echs verify` follows the chain of hashes, and with `--since` compares a hash that was kept
elsewhere.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from echs.audit.entry import ACTOR_LIMIT, ORIGIN_LIMIT, SUBJECT_LIMIT
from echs.base.columns import Identity, Instant, metadata

audit = Table(
    "audit",
    metadata,
    Column("number", Identity, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("actor", String(ACTOR_LIMIT), nullable=False),
    Column("origin", String(ORIGIN_LIMIT), nullable=False),
    Column("action", String(32), nullable=False),
    Column("subject", String(SUBJECT_LIMIT), nullable=False),
    Column("result", String(40), nullable=False),
    Column("request_id", String(26), nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

# One row, written by the migration that made the trail: what there was before it, of which it knows nothing.
audit_baseline = Table(
    "audit_baseline",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("cdr_id", BigInteger, nullable=False),
    Column("run_number", Integer, nullable=False),
)

# What partners uploaded, also what was refused: kept for some months. Counts are of records; `problems` is JSON.
upload_receipt = Table(
    "upload_receipt",
    metadata,
    Column("request_id", String(26), primary_key=True),
    Column("received_at", Instant, nullable=False),
    Column("partner_id", ForeignKey("partner.id"), nullable=False),
    Column("operation", String(40), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("records", Integer, nullable=False),
    Column("new", Integer, nullable=False),
    Column("known", Integer, nullable=False),
    Column("warned", Integer, nullable=False),
    Column("problem_count", Integer, nullable=False),
    Column("problems", Text, nullable=False),
    Column("received_bytes", BigInteger, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Index("ix_upload_receipt_received_at", "received_at"),
)
