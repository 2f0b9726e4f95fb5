"""The tables of lists: changes, for all of them; and for each list its heads, records and former records."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from echs.base.columns import Identity, Instant, metadata

TOKEN_BYTES = 16

# A row for each committed change of one owner's list. `seq` grows in the order of the commits, list by list.
list_change = Table(
    "list_change",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("list", String(16), nullable=False),
    Column("partner_id", ForeignKey("partner.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("request_id", String(26), nullable=False),
    Column("cause", String(8), nullable=False),
    Column("added", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("moved", Integer, nullable=False),
    Index("ix_list_change_list_seq", "list", "seq", unique=True),
    Index("ix_list_change_list_at", "list", "at"),
)

# An upload that would have removed too much of its owner's list, until somebody releases it.
list_set_aside = Table(
    "list_set_aside",
    metadata,
    Column("list", String(16), primary_key=True),
    Column("partner_id", ForeignKey("partner.id"), primary_key=True),
    Column("request_id", String(26), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("protocol", String(12), nullable=False),
    Column("record_count", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
)

# Its payloads, compressed, some thousand in each part.
list_set_aside_part = Table(
    "list_set_aside_part",
    metadata,
    Column("list", String(16), primary_key=True),
    Column("partner_id", Identity, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("payloads", LargeBinary, nullable=False),
)


# How many records of an owner's list were not given to who speaks a protocol, when the list was last uploaded: for the
# metrics alone.
list_withheld = Table(
    "list_withheld",
    metadata,
    Column("list", String(16), primary_key=True),
    Column("partner_id", ForeignKey("partner.id"), primary_key=True),
    Column("protocol", String(12), primary_key=True),
    Column("reason", String(40), primary_key=True),
    Column("records", Integer, nullable=False),
)


def head_table(name: str) -> Table:
    """One row an owner: how its list stands. ``version_token`` is new with each change that a download shows. Records
    before ``first_position`` stand no more: they are the former state of a list that was written anew as a whole. What
    was gone before ``forgotten_until`` may be told no more.
    """
    return Table(
        name,
        metadata,
        Column("partner_id", ForeignKey("partner.id"), primary_key=True),
        Column("generation", BigInteger, nullable=False),
        Column("version_token", String(2 * TOKEN_BYTES), nullable=False),
        Column("change_id", BigInteger, nullable=False),
        Column("record_count", Integer, nullable=False),
        Column("replaced_at", Instant, nullable=False),
        Column("first_position", BigInteger, nullable=False, server_default="0"),
        Column("forgotten_until", Instant),
    )


def record_table(name: str, typed: Iterable[Column[Any]]) -> Table:
    """One row a record that stands in a list: the payload, what was sent, and ``typed`` columns of what it means.

    ``position`` orders a list and has gaps. ``key_number`` is a hash of the record's key. It has no foreign key: a row
    counts only through the head of its owner, which has one, and to look the owner up with every row cost an upload
    much of its time.
    """
    return Table(
        name,
        metadata,
        Column("partner_id", Identity, primary_key=True, autoincrement=False),
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("key_number", BigInteger, nullable=False),
        # Since which change it stands there.
        Column("change_id", BigInteger, nullable=False),
        # Since which change one with this key has stood, or had stood before it was gone for a while.
        Column("first_change_id", BigInteger, nullable=False, server_default="0"),
        Column("protocol", String(12), nullable=False),
        Column("payload", Text, nullable=False),
        *typed,
        Index(f"ix_{name}_key_number", "partner_id", "key_number"),
        # One tree instead of two: rows are written and read in the order of their key.
        sqlite_with_rowid=False,
    )


def former_table(name: str) -> Table:
    """One row a record that stood in a list until the change ``ended_by``; ``gone`` where no other took its place."""
    return Table(
        name,
        metadata,
        Column("partner_id", Identity, primary_key=True, autoincrement=False),
        Column("ended_by", BigInteger, primary_key=True, autoincrement=False),
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("key_number", BigInteger, nullable=False),
        Column("change_id", BigInteger, nullable=False),
        Column("first_change_id", BigInteger, nullable=False, server_default="0"),
        Column("protocol", String(12), nullable=False),
        Column("payload", Text, nullable=False),
        Column("gone", Boolean, nullable=False),
        Index(f"ix_{name}_key_number", "partner_id", "key_number"),
        sqlite_with_rowid=False,
    )
