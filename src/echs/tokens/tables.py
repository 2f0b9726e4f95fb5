"""The tables of the roaming list: its heads, its tokens, its former tokens."""

from sqlalchemy import Boolean, Column, Index, String, Text

from echs.base.columns import Instant
from echs.lists.tables import former_table, head_table, record_table

token_list = head_table("token_list")
token = record_table(
    "token",
    (
        # As `echs.tokens.token.typed` makes them.
        Column("type", String(8), nullable=False),
        Column("medium", String(10), nullable=False),
        Column("uid_key", Text().with_variant(String(192), "sqlite"), nullable=False),
        Column("contract_key", String(192), nullable=False),
        Column("valid_until", Instant, nullable=True),
        Column("blocked", Boolean, nullable=False),
        # How the uid is given: as it is, or as which hash.
        Column("representation", String(8), nullable=False, server_default="plain"),
    ),
)
# One token is asked for among the lists of all partners.
Index("ix_token_uid_key", token.c.uid_key)
token_former = former_table("token_former")
