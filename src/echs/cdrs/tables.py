"""The tables of the charge detail records.

``cdr`` is only ever added to. What becomes of a record stands beside it: in ``cdr_uncleared`` until a run takes it,
then in ``cdr_cleared``, never in both; an older revision of a CDR is in neither. The primary key of ``cdr_cleared`` is
what makes sure that no CDR is cleared twice.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    literal_column,
)

from echs.base.columns import Identity, Instant, metadata

# The columns are what the store is asked for; the rest of a CDR follows from its payload, by way of its protocol. Keys
# are casefolded ids, which can be up to three times as long as the id.
cdr = Table(
    "cdr",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("operator_key", String(192), nullable=False),
    Column("cdr_id", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", String(6), nullable=False),
    Column("operator_id", String(64), nullable=False),
    Column("provider_key", String(192), nullable=False),
    Column("provider_id", String(64), nullable=False),
    Column("operator_partner_id", ForeignKey("partner.id"), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("started_offset_s", Integer, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("ended_offset_s", Integer, nullable=False),
    Column("duration_s", Integer, nullable=True),
    Column("volume_e4_kwh", BigInteger, nullable=False),
    # Net, in millionths of the currency; null where no price was told.
    Column("cost_e6", BigInteger, nullable=True),
    Column("currency", String(3), nullable=True),
    Column("token_id", String(512), nullable=False),
    Column("contract_id", String(64), nullable=False),
    Column("evse_id", String(64), nullable=False),
    Column("chargepoint_id", String(64), nullable=False),
    Column("city", String(255), nullable=False),
    Column("product", String(64), nullable=False),
    Column("tariff_id", String(64), nullable=False),
    Column("protocol", String(12), nullable=False),
    Column("payload", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("request_id", String(26), nullable=False),
    UniqueConstraint("operator_key", "cdr_id", "revision"),
    CheckConstraint("kind IN ('charge', 'credit')", name="kind"),
)

# Written out, not bound: the store takes an index only for the very expression that it was made for.
EMPTY: ColumnElement[str] = literal_column("''")


def socket(rows: FromClause) -> ColumnElement[str]:
    """Where a session was, for its operator: the EVSE id, or where there is none the charge point."""
    return func.coalesce(func.nullif(rows.c.evse_id, EMPTY), rows.c.chargepoint_id)


def card(rows: FromClause) -> ColumnElement[str]:
    """With what a session was begun: the token, or where there is none the contract."""
    return func.coalesce(func.nullif(func.upper(rows.c.token_id), EMPTY), rows.c.contract_id)


Index("ix_cdr_cdr_id", cdr.c.cdr_id)
Index("ix_cdr_socket_started_at", cdr.c.operator_partner_id, cdr.c.operator_key, socket(cdr), cdr.c.started_at)
Index("ix_cdr_own_card_started_at", cdr.c.operator_partner_id, card(cdr), cdr.c.started_at)
Index("ix_cdr_card_started_at", card(cdr), cdr.c.started_at)

# What was odd about a CDR when it was accepted; `echs.cdrs.rules` has the names.
cdr_warning = Table(
    "cdr_warning",
    metadata,
    Column("cdr_id", ForeignKey("cdr.id"), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("field", String(40), nullable=False),
    Column("detail", String(400), nullable=False),
)

# What remains of a CDR that was deleted because it was old: enough to know it again, so that it is never billed twice.
cdr_purged = Table(
    "cdr_purged",
    metadata,
    Column("operator_key", String(192), primary_key=True),
    Column("cdr_id", String(64), primary_key=True),
    Column("content_hash", String(64), nullable=False),
    Column("run_number", Integer, nullable=False),
    # With which upload it came, and its number and volume: null where it was purged by a release before 0007.
    Column("request_id", String(26), nullable=True),
    Column("row_id", BigInteger, nullable=True),
    Column("volume_e4_kwh", BigInteger, nullable=True),
    # By which it came; null where it was purged by a release before 0021.
    Column("protocol", String(12), nullable=True),
    Index("ix_cdr_purged_request_id", "request_id"),
    Index("ix_cdr_purged_cdr_id", "cdr_id"),
    Index("ix_cdr_purged_row_id", "row_id"),
)

# What remains of the older revisions of such a CDR: that they were accepted with an upload.
cdr_purged_revision = Table(
    "cdr_purged_revision",
    metadata,
    Column("operator_key", String(192), primary_key=True),
    Column("cdr_id", String(64), primary_key=True),
    # SQLite gives the numbers of purged rows again: by itself it is no key.
    Column("row_id", Identity, primary_key=True, autoincrement=False),
    Column("content_hash", String(64), nullable=False),
    Column("run_number", Integer, nullable=False),
    Column("request_id", String(26), nullable=False),
    Index("ix_cdr_purged_revision_row_id", "row_id"),
)

# What the office decided about a CDR before clearing; only ever added to, and the newest of a CDR counts.
cdr_decision = Table(
    "cdr_decision",
    metadata,
    Column("cdr_id", ForeignKey("cdr.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("decided_by", String(200), nullable=False),
    Column("request_id", String(26), nullable=False),
    CheckConstraint("kind IN ('hold', 'release', 'reject')", name="kind"),
)

# What the partners of a CDR answered about it: the provider approved or declined it, the operator gave it up. Only ever
# added to, and the newest of a CDR counts; the partner is null where the house took silence for consent.
cdr_answer = Table(
    "cdr_answer",
    metadata,
    Column("cdr_id", ForeignKey("cdr.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),
    Column("answered_at", Instant, nullable=False),
    Column("partner_id", ForeignKey("partner.id"), nullable=True),
    Column("request_id", String(26), nullable=False),
    # As the CDR has it: an operator asks with each upload what was declined.
    Column("operator_partner_id", Identity, nullable=False),
    CheckConstraint("kind IN ('approve', 'decline', 'withdraw')", name="kind"),
    Index("ix_cdr_answer_operator_partner_id_kind_answered_at", "operator_partner_id", "kind", "answered_at"),
    Index("ix_cdr_answer_request_id", "request_id"),
)

# Which CDRs a provider has been given, each revision by itself: it can answer about no other. Without a foreign key: a
# purge and a download need not wait for each other, and PostgreSQL gives no number again.
cdr_given = Table(
    "cdr_given",
    metadata,
    Column("cdr_id", Identity, primary_key=True, autoincrement=False),
    Column("partner_id", ForeignKey("partner.id"), primary_key=True),
    Column("given_at", Instant, nullable=False),
)

# Of both tables every row is made by a query over the rows that it points to. They have no foreign keys: PostgreSQL
# looks up each of them for each row by itself, which took most of the time of a large run.
cdr_uncleared = Table(
    "cdr_uncleared",
    metadata,
    Column("cdr_id", Identity, primary_key=True, autoincrement=False),
    Column("provider_key", String(192), nullable=False, index=True),
)

cdr_cleared = Table(
    "cdr_cleared",
    metadata,
    Column("cdr_id", Identity, primary_key=True, autoincrement=False),
    Column("run_number", Integer, nullable=False),
    Column("operator_partner_id", Identity, nullable=False),
    Column("provider_partner_id", Identity, nullable=False),
    Index("ix_cdr_cleared_run_number_provider_partner_id", "run_number", "provider_partner_id"),
    Index("ix_cdr_cleared_run_number_operator_partner_id", "run_number", "operator_partner_id"),
)
