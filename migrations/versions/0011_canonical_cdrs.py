"""CDRs as every protocol means them: typed columns for what the store is asked, the record as it was sent beside them.

Why: the twenty texts of OCHP 0.2 were the columns, so that no other protocol's CDR could be stored. They become the
payload, byte for byte; what rules, statements and searches ask for stays in columns of its own, with the offset of the
local times. The hash of the content is kept, which was computed anew for each check and each purge.

A server of the release before must be stopped first. The conversion is one transaction: killed, it has not happened.
"""

import hashlib
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
PROTOCOL = "ochp-0.2"
# The texts in the order of the payload, with their limits.
TEXTS = {
    "cdr_id": 64,
    "start_datetime": 40,
    "end_datetime": 40,
    "duration": 16,
    "volume": 20,
    "address": 255,
    "postal_code": 32,
    "city": 255,
    "country": 64,
    "chargepoint_type": 64,
    "product_type": 64,
    "tariff_type": 64,
    "token_id": 64,
    "contract_id": 64,
    "meter_id": 64,
    "obis_code": 64,
    "chargepoint_id": 64,
    "provider_id": 64,
    "operator_id": 64,
    "evse_id": 64,
}
RENAMED = {"product_type": "product", "tariff_type": "tariff_id"}
DROPPED = [
    "start_datetime",
    "end_datetime",
    "duration",
    "volume",
    "address",
    "postal_code",
    "country",
    "chargepoint_type",
    "meter_id",
    "obis_code",
]
SOCKET = sa.text("coalesce(nullif(evse_id, ''), chargepoint_id)")
CARD = sa.text("coalesce(nullif(upper(token_id), ''), contract_id)")
INDEXES: dict[str, list[Any]] = {
    "ix_cdr_socket_started_at": ["operator_partner_id", "operator_key", SOCKET, "started_at"],
    "ix_cdr_own_card_started_at": ["operator_partner_id", CARD, "started_at"],
    "ix_cdr_card_started_at": [CARD, "started_at"],
}


def new_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("operator_key", sa.String(length=192), nullable=False),
        sa.Column("cdr_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=6), nullable=False),
        sa.Column("operator_id", sa.String(length=64), nullable=False),
        sa.Column("provider_key", sa.String(length=192), nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=False),
        sa.Column("operator_partner_id", IDENTITY, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("started_offset_s", sa.Integer(), nullable=False),
        sa.Column("ended_at", INSTANT, nullable=False),
        sa.Column("ended_offset_s", sa.Integer(), nullable=False),
        sa.Column("duration_s", sa.Integer(), nullable=True),
        sa.Column("volume_e4_kwh", sa.BigInteger(), nullable=False),
        sa.Column("cost_e6", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("token_id", sa.String(length=512), nullable=False),
        sa.Column("contract_id", sa.String(length=64), nullable=False),
        sa.Column("evse_id", sa.String(length=64), nullable=False),
        sa.Column("chargepoint_id", sa.String(length=64), nullable=False),
        sa.Column("city", sa.String(length=255), nullable=False),
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("tariff_id", sa.String(length=64), nullable=False),
        sa.Column("protocol", sa.String(length=12), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=False),
    ]


def old_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("operator_key", sa.String(length=192), nullable=False),
        sa.Column("provider_key", sa.String(length=192), nullable=False),
        sa.Column("operator_partner_id", IDENTITY, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=False),
        sa.Column("duration_s", sa.Integer(), nullable=True),
        sa.Column("volume_e4_kwh", sa.BigInteger(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=False),
        *(sa.Column(name, sa.String(length=limit), nullable=False) for name, limit in TEXTS.items()),
    ]


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        upgrade_sqlite()
    else:
        upgrade_postgresql()
    for name, columns in INDEXES.items():
        op.create_index(name, "cdr", columns)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        downgrade_sqlite()
    else:
        downgrade_postgresql()
    for name, columns in INDEXES.items():
        op.create_index(name, "cdr", columns)


# ---------------------------------------------------------------------- SQLite, which makes the table anew


def upgrade_sqlite() -> None:
    driver: Any = op.get_bind().connection.driver_connection
    driver.create_function("sha256_hex", 1, lambda text: hashlib.sha256(text.encode()).hexdigest(), deterministic=True)
    payload = " || char(31) || ".join(TEXTS)
    content = " || char(31) || ".join(["operator_key", *(name for name in TEXTS if name != "operator_id")])
    made = {
        "revision": "1",
        "kind": "'charge'",
        "started_offset_s": offset_sqlite("start_datetime", "started_at"),
        "ended_offset_s": offset_sqlite("end_datetime", "ended_at"),
        "cost_e6": "NULL",
        "currency": "NULL",
        "protocol": f"'{PROTOCOL}'",
        "payload": payload,
        "content_hash": f"sha256_hex({content})",
        **{new: old for old, new in RENAMED.items()},
    }
    rebuild_sqlite(
        new_columns(),
        made,
        [
            sa.UniqueConstraint("operator_key", "cdr_id", "revision", name="uq_cdr_operator_key_cdr_id_revision"),
            sa.CheckConstraint("kind IN ('charge', 'credit')", name="kind"),
        ],
    )


def offset_sqlite(text: str, instant: str) -> str:
    """The offset of a local time: how far it is from its instant."""
    seconds = "CAST(strftime('%s', substr({}, 1, 19)) AS INTEGER)"
    return f"{seconds.format(text)} - {seconds.format(instant)}"


def downgrade_sqlite() -> None:
    driver: Any = op.get_bind().connection.driver_connection
    driver.create_function("part", 2, lambda payload, place: payload.split("\x1f")[place], deterministic=True)
    made = {name: f"part(payload, {place})" for place, name in enumerate(TEXTS)}
    unique = sa.UniqueConstraint("operator_key", "cdr_id", name="uq_cdr_operator_key_cdr_id")
    rebuild_sqlite(old_columns(), made, [unique])


def rebuild_sqlite(columns: list[sa.Column[Any]], made: dict[str, str], constraints: list[Any]) -> None:
    """The table anew, and after it those that point to it: a renamed table takes those that point to it along."""
    for name in INDEXES:
        op.drop_index(name, "cdr")
    op.rename_table("cdr", "cdr_before")
    op.create_table(
        "cdr",
        *columns,
        sa.ForeignKeyConstraint(["operator_partner_id"], ["partner.id"], name="fk_cdr_operator_partner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cdr"),
        *constraints,
    )
    names = [column.name for column in columns]
    values = ", ".join(made.get(name, name) for name in names)
    op.execute(f"INSERT INTO cdr ({', '.join(names)}) SELECT {values} FROM cdr_before ORDER BY id")  # noqa: S608
    for name, of_table in (("cdr_warning", warning_columns()), ("cdr_decision", decision_columns())):
        op.rename_table(name, f"{name}_before")
        op.create_table(name, *of_table)
        op.execute(f"INSERT INTO {name} SELECT * FROM {name}_before")  # noqa: S608 - names of ours
        op.drop_table(f"{name}_before")
    op.drop_table("cdr_before")


def warning_columns() -> list[Any]:
    return [
        sa.Column("cdr_id", IDENTITY, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.String(length=400), nullable=False),
        sa.ForeignKeyConstraint(["cdr_id"], ["cdr.id"], name="fk_cdr_warning_cdr_id"),
        sa.PrimaryKeyConstraint("cdr_id", "name", name="pk_cdr_warning"),
    ]


def decision_columns() -> list[Any]:
    return [
        sa.Column("cdr_id", IDENTITY, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("decided_by", sa.String(length=200), nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.CheckConstraint("kind IN ('hold', 'release', 'reject')", name="kind"),
        sa.ForeignKeyConstraint(["cdr_id"], ["cdr.id"], name="fk_cdr_decision_cdr_id"),
        sa.PrimaryKeyConstraint("cdr_id", "number", name="pk_cdr_decision"),
    ]


# ---------------------------------------------------------------------- PostgreSQL, which alters it


def upgrade_postgresql() -> None:
    for name in INDEXES:
        op.drop_index(name, "cdr")
    op.drop_constraint("uq_cdr_operator_key_cdr_id", "cdr", type_="unique")
    kept = {*(column.name for column in old_columns())} - {*DROPPED, *RENAMED}
    added = [column for column in new_columns() if column.name not in {*kept, *RENAMED.values()}]
    for column in added:
        op.add_column("cdr", sa.Column(column.name, column.type, nullable=True))
    texts = ", ".join(TEXTS)
    content = ", ".join(["operator_key", *(name for name in TEXTS if name != "operator_id")])
    op.execute(
        "UPDATE cdr SET revision = 1, kind = 'charge', "  # noqa: S608 - names of ours
        f"started_offset_s = {offset_postgresql('start_datetime', 'started_at')}, "
        f"ended_offset_s = {offset_postgresql('end_datetime', 'ended_at')}, protocol = '{PROTOCOL}', "
        f"payload = concat_ws(chr(31), {texts}), "
        f"content_hash = encode(sha256(convert_to(concat_ws(chr(31), {content}), 'UTF8')), 'hex')"
    )
    for column in added:
        if not column.nullable:
            op.alter_column("cdr", column.name, nullable=False)
    for old, new in RENAMED.items():
        op.alter_column("cdr", old, new_column_name=new)
    for name in DROPPED:
        op.drop_column("cdr", name)
    op.alter_column("cdr", "token_id", type_=sa.String(length=512))
    unique = ["operator_key", "cdr_id", "revision"]
    op.create_unique_constraint("uq_cdr_operator_key_cdr_id_revision", "cdr", unique)
    op.create_check_constraint(op.f("ck_cdr_kind"), "cdr", "kind IN ('charge', 'credit')")


def offset_postgresql(text: str, instant: str) -> str:
    """The offset of a local time: how far it is from its instant."""
    local = f"replace(substr({text}, 1, 19), 'T', ' ')::timestamp"
    return f"extract(epoch FROM {local} - date_trunc('second', {instant} AT TIME ZONE 'UTC'))::integer"


def downgrade_postgresql() -> None:
    for name in INDEXES:
        op.drop_index(name, "cdr")
    op.drop_constraint("uq_cdr_operator_key_cdr_id_revision", "cdr", type_="unique")
    op.drop_constraint(op.f("ck_cdr_kind"), "cdr", type_="check")
    for old, new in RENAMED.items():
        op.alter_column("cdr", new, new_column_name=old)
    op.alter_column("cdr", "token_id", type_=sa.String(length=64))
    places = {name: place for place, name in enumerate(TEXTS, 1)}
    for name in DROPPED:
        op.add_column("cdr", sa.Column(name, sa.String(length=TEXTS[name]), nullable=True))
    parts = ", ".join(f"{name} = split_part(payload, chr(31), {places[name]})" for name in DROPPED)
    op.execute(f"UPDATE cdr SET {parts}")  # noqa: S608 - names of ours
    for name in DROPPED:
        op.alter_column("cdr", name, nullable=False)
    old = {column.name for column in old_columns()}
    for column in new_columns():
        if column.name not in {*old, *RENAMED.values()}:
            op.drop_column("cdr", column.name)
    op.create_unique_constraint("uq_cdr_operator_key_cdr_id", "cdr", ["operator_key", "cdr_id"])
