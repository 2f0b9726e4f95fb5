"""Lists of keyed records: payloads as sent, typed columns beside them, changes in the order of their commits.

Why: a daily upload in which one card in a hundred changed wrote every row anew; a list that was emptied by mistake
could not be taken back; and protocols that ask for what changed since need a number that grows with each commit. The
lists that stand are converted record by record; what they hold and in which order stays as it is, and so do the digests
that the audit trail has of them.

A server of the release before must be stopped first. The conversion is one transaction: killed, it has not happened.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
ROWS = 5000
STRIDE = 1024
SEPARATOR = "\x1f"
PROTOCOL = "ochp-0.2"
TOKEN_FIELDS = {
    "contract_id": sa.String(64),
    "hub": sa.Integer(),
    "token_type": sa.SmallInteger(),
    "token_id": sa.String(64),
    "printed_number": sa.String(150),
    "expiry_date": sa.String(10),
    "pin": sa.String(32),
    "pin_mandatory": sa.SmallInteger(),
    "activated": sa.SmallInteger(),
    "token_hash": sa.String(128),
}
POINT_LIMITS = {
    "evse_id": 64,
    "location_name": 255,
    "location_name_language": 16,
    "house_number": 32,
    "street_name": 255,
    "city": 255,
    "postal_code": 32,
    "latitude": 32,
    "longitude": 32,
    "entrance_latitude": 32,
    "entrance_longitude": 32,
    "opening_times": 4000,
    "outlet_status": 64,
    "energy_provider": 255,
    "hub_name": 255,
    "telephone_number": 64,
    "floor_level": 32,
    "payment_method": 255,
    "receptacle_type": 255,
}
POINT_FIELDS = {name: sa.String(limit) for name, limit in POINT_LIMITS.items()}
TYPES = {"0": ("other", ""), "1": ("rfid", "mifareCls"), "2": ("rfid", "mifareDes"), "3": ("phone", "")}
EXPIRY = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
DEGREES = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]*)?")


def token_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("type", sa.String(length=8), nullable=False),
        sa.Column("medium", sa.String(length=10), nullable=False),
        sa.Column("uid_key", sa.String(length=192), nullable=False),
        sa.Column("contract_key", sa.String(length=192), nullable=False),
        sa.Column("valid_until", INSTANT, nullable=True),
        sa.Column("blocked", sa.Boolean(), nullable=False),
    ]


def point_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("evse_key", sa.String(length=192), nullable=False),
        sa.Column("latitude_e6", sa.Integer(), nullable=True),
        sa.Column("longitude_e6", sa.Integer(), nullable=True),
    ]


def typed_token(row: Sequence[str], zone: ZoneInfo) -> dict[str, object]:
    kind, medium = TYPES[row[2]]
    return {
        "type": kind,
        "medium": medium,
        "uid_key": row[3].upper(),
        "contract_key": row[0].replace("-", "").replace("*", "").upper(),
        "valid_until": end_of(row[5], zone),
        "blocked": row[8] != "1",
    }


def typed_point(row: Sequence[str], _zone: ZoneInfo) -> dict[str, object]:
    return {
        "evse_key": row[0].upper(),
        "latitude_e6": degrees_e6(row[7], 90),
        "longitude_e6": degrees_e6(row[8], 180),
    }


def end_of(expiry: str, zone: ZoneInfo) -> datetime | None:
    match = EXPIRY.fullmatch(expiry)
    if match is None:
        return None
    try:
        last = datetime(int(match[3]), int(match[2]), int(match[1]), tzinfo=zone)
    except ValueError:  # from before the rule
        return None
    return (last + timedelta(days=1)).astimezone(UTC) if last.year < 9999 else None


def degrees_e6(text: str, most: int) -> int | None:
    value = float(text) if DEGREES.fullmatch(text) else None
    return None if value is None or abs(value) > most else round(value * 1_000_000)


# Of each list: its name, its old and its new tables, its fields, the places of its key, its typed columns.
LISTS: tuple[
    tuple[str, str, str, str, str, dict[str, Any], tuple[int, ...], Any, Callable[..., dict[str, object]]], ...
] = (
    (
        "tokens",
        "roaming_list",
        "authorisation",
        "token_list",
        "token",
        TOKEN_FIELDS,
        (2, 3),
        token_columns,
        typed_token,
    ),
    (
        "charge points",
        "chargepoint_list",
        "chargepoint",
        "charge_point_list",
        "charge_point",
        POINT_FIELDS,
        (0,),
        point_columns,
        typed_point,
    ),
)


def upgrade() -> None:
    op.add_column("partner", sa.Column("shrink_guard", sa.Boolean(), nullable=False, server_default=sa.false()))
    create_shared()
    for name, old_head, old, head, table, fields, key, typed_columns, typed in LISTS:
        create_list(head, table, typed_columns())
        convert(name, old_head, old, head, table, list(fields), key, typed)
        op.drop_table(old)
        op.drop_table(old_head)


def create_shared() -> None:
    op.create_table(
        "list_change",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("list", sa.String(length=16), nullable=False),
        sa.Column("partner_id", IDENTITY, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.Column("cause", sa.String(length=8), nullable=False),
        *(sa.Column(each, sa.Integer(), nullable=False) for each in ("added", "changed", "removed", "moved")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_list_change_partner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_list_change"),
    )
    op.create_index("ix_list_change_list_seq", "list_change", ["list", "seq"], unique=True)
    op.create_table(
        "list_set_aside",
        sa.Column("list", sa.String(length=16), nullable=False),
        sa.Column("partner_id", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("protocol", sa.String(length=12), nullable=False),
        sa.Column("record_count", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_list_set_aside_partner_id"),
        sa.PrimaryKeyConstraint("list", "partner_id", name="pk_list_set_aside"),
    )
    op.create_table(
        "list_set_aside_part",
        sa.Column("list", sa.String(length=16), nullable=False),
        sa.Column("partner_id", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("payloads", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("list", "partner_id", "number", name="pk_list_set_aside_part"),
    )


def create_list(head: str, table: str, typed: list[sa.Column[Any]]) -> None:
    op.create_table(
        head,
        sa.Column("partner_id", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("version_token", sa.String(length=32), nullable=False),
        sa.Column("change_id", sa.BigInteger(), nullable=False),
        sa.Column("record_count", sa.Integer(), nullable=False),
        sa.Column("replaced_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=f"fk_{head}_partner_id"),
        sa.PrimaryKeyConstraint("partner_id", name=f"pk_{head}"),
    )
    op.create_table(
        table,
        sa.Column("partner_id", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key_number", sa.BigInteger(), nullable=False),
        sa.Column("change_id", sa.BigInteger(), nullable=False),
        sa.Column("protocol", sa.String(length=12), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        *typed,
        sa.PrimaryKeyConstraint("partner_id", "position", name=f"pk_{table}"),
        sqlite_with_rowid=False,
    )
    op.create_index(f"ix_{table}_key_number", table, ["partner_id", "key_number"])
    former = f"{table}_former"
    op.create_table(
        former,
        sa.Column("partner_id", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("ended_by", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key_number", sa.BigInteger(), nullable=False),
        sa.Column("change_id", sa.BigInteger(), nullable=False),
        sa.Column("protocol", sa.String(length=12), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("partner_id", "ended_by", "position", name=f"pk_{former}"),
        sqlite_with_rowid=False,
    )
    op.create_index(f"ix_{former}_key_number", former, ["partner_id", "key_number"])


def table_of(name: str) -> sa.Table:
    """A table as it stands in the store now."""
    return sa.Table(name, sa.MetaData(), autoload_with=op.get_bind(), resolve_fks=False)


def convert(
    name: str,
    old_head: str,
    old: str,
    head: str,
    table: str,
    fields: list[str],
    key: tuple[int, ...],
    typed: Callable[..., dict[str, object]],
) -> None:
    bind = op.get_bind()
    old_heads, old_rows = table_of(old_head), table_of(old)
    heads, changes = table_of(head), table_of("list_change")
    partner = table_of("partner").c
    zones = {row.id: ZoneInfo(row.timezone) for row in bind.execute(sa.select(partner.id, partner.timezone))}
    lists = bind.execute(sa.select(old_heads).order_by(old_heads.c.replaced_at, old_heads.c.partner_id)).all()
    for seq, state in enumerate(lists, 1):
        change = {
            "list": name,
            "partner_id": state.partner_id,
            "seq": seq,
            "at": state.replaced_at,
            "request_id": "",
            "cause": "import",
            "added": state.record_count,
            "changed": 0,
            "removed": 0,
            "moved": 0,
        }
        change_id = bind.execute(sa.insert(changes).values(change).returning(changes.c.id)).scalar_one()
        bind.execute(
            sa.insert(heads).values(
                partner_id=state.partner_id,
                generation=state.generation,
                version_token=state.mark,
                change_id=change_id,
                record_count=state.record_count,
                replaced_at=state.replaced_at,
            )
        )
        zone = zones[state.partner_id]
        for rows in stored_rows(old_rows, state, fields):
            write(table, state.partner_id, change_id, rows, key, lambda row, zone=zone: typed(row, zone))


def stored_rows(table: sa.Table, state: Any, fields: list[str]) -> Iterator[list[tuple[int, tuple[str, ...]]]]:
    """The records of a list, some thousand at a time: each with its place and its texts."""
    columns, start = table.c, 0
    while start < state.record_count:
        query = sa.select(columns.position, *(columns[field] for field in fields)).where(
            columns.partner_id == state.partner_id,
            columns.generation == state.generation,
            columns.position >= start,
            columns.position < start + ROWS,
        )
        yield [(row[0], tuple(map(str, row[1:]))) for row in op.get_bind().execute(query.order_by(columns.position))]
        start += ROWS


def write(
    table: str,
    partner_id: int,
    change_id: int,
    rows: list[tuple[int, tuple[str, ...]]],
    key: tuple[int, ...],
    typed: Callable[[tuple[str, ...]], dict[str, object]],
) -> None:
    """Write records; past the compiler, which would take as long as the store."""
    made = [
        {
            "partner_id": partner_id,
            "position": (position + 1) * STRIDE,
            "key_number": key_number(SEPARATOR.join(row[place] for place in key)),
            "change_id": change_id,
            "protocol": PROTOCOL,
            "payload": SEPARATOR.join(row),
            **typed(row),
        }
        for position, row in rows
    ]
    if not made:
        return
    bind, names = op.get_bind(), list(made[0])
    if bind.dialect.name == "sqlite":
        for each in made:
            if isinstance(each.get("valid_until"), datetime):
                each["valid_until"] = each["valid_until"].replace(tzinfo=None).isoformat(" ", "microseconds")
        marks = ", ".join("?" for _ in names)
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - names of ours
        bind.exec_driver_sql(statement, [tuple(each.values()) for each in made])
        return
    driver: Any = bind.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
        for each in made:
            copy.write_row(tuple(each.values()))


def key_number(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def downgrade() -> None:
    bind = op.get_bind()
    for _, old_head, old, head, table, fields, _, _, _ in LISTS:
        op.create_table(
            old_head,
            sa.Column("partner_id", IDENTITY, autoincrement=False, nullable=False),
            sa.Column("generation", sa.BigInteger(), nullable=False),
            sa.Column("record_count", sa.Integer(), nullable=False),
            sa.Column("replaced_at", INSTANT, nullable=False),
            sa.Column("mark", sa.String(length=32), nullable=False, server_default=""),
            sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=f"fk_{old_head}_partner_id"),
            sa.PrimaryKeyConstraint("partner_id", name=f"pk_{old_head}"),
        )
        op.create_table(
            old,
            sa.Column("partner_id", IDENTITY, autoincrement=False, nullable=False),
            sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
            *(sa.Column(name, kind, nullable=False) for name, kind in fields.items()),
            sa.PrimaryKeyConstraint("partner_id", "generation", "position", name=f"pk_{old}"),
            sqlite_with_rowid=False,
        )
        heads, records, old_heads, old_rows = map(table_of, (head, table, old_head, old))
        for state in bind.execute(sa.select(heads)).all():
            bind.execute(
                sa.insert(old_heads).values(
                    partner_id=state.partner_id,
                    generation=state.generation,
                    record_count=state.record_count,
                    replaced_at=state.replaced_at,
                    mark=state.version_token,
                )
            )
            mine = sa.select(records.c.payload).where(records.c.partner_id == state.partner_id)
            payloads = bind.execute(mine.order_by(records.c.position)).scalars().all()
            rows = [
                {
                    "partner_id": state.partner_id,
                    "generation": state.generation,
                    "position": position,
                    **{
                        name: value if isinstance(kind, sa.String) else int(value)
                        for (name, kind), value in zip(fields.items(), payload.split(SEPARATOR), strict=True)
                    },
                }
                for position, payload in enumerate(payloads)
            ]
            for start in range(0, len(rows), ROWS):
                bind.execute(sa.insert(old_rows), rows[start : start + ROWS])
        for each in (f"{table}_former", table, head):
            op.drop_table(each)
    for each in ("list_set_aside_part", "list_set_aside", "list_change"):
        op.drop_table(each)
    op.drop_column("partner", "shrink_guard")
