"""The tables of jobs: what must happen after a commit."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from echs.base.columns import Identity, Instant, metadata

# Finished jobs are deleted after a while; the watermark remembers how far jobs were planned.
job = Table(
    "job",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("kind", String(20), nullable=False),
    # What it is about; of one kind no two jobs are about the same.
    Column("key", String(80), nullable=False),
    # JSON.
    Column("facts", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    # No attempt before.
    Column("due_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Until then nobody but this worker attempts it.
    Column("leased_until", Instant, nullable=True),
    Column("leased_by", String(80), nullable=False, server_default=""),
    Column("finished_at", Instant, nullable=True),
    # When it was given up after its last attempt.
    Column("failed_at", Instant, nullable=True),
    Column("error", String(400), nullable=False, server_default=""),
    Index("ix_job_kind_key", "kind", "key", unique=True),
    Index("ix_job_due_at", "due_at"),
)

# Of each kind, up to where what it follows from has been planned: for statements, a run number.
job_watermark = Table(
    "job_watermark",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("position", BigInteger, nullable=False),
)
