"""A store of the release before, with a million tokens and a million CDRs, and how long its upgrade takes."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import bodies
from alembic import command
from sqlalchemy import MetaData, Table, insert

from echs.base.database import Database
from echs.maintenance import schema

BEFORE = "0007"
MANY = 1_000_000


def filled(url: str) -> None:
    """Make the store at this URL one of that release, with rows as its uploads wrote them."""
    database = Database(url)
    command.upgrade(schema.alembic_config(database), BEFORE)
    now = datetime.now(UTC).replace(microsecond=0)
    tables = MetaData()
    with database.write() as transaction:

        def table(name: str) -> Table:
            return Table(name, tables, autoload_with=transaction, resolve_fks=False)

        partner = {
            "user_id": "tnm", "user_key": "tnm", "name": "TNM", "password_hash": "x", "timezone": "Europe/Amsterdam",
            "active": True, "created_at": now,
        }  # fmt: skip
        transaction.execute(insert(table("partner")).values(partner))
        head = {"generation": 1, "mark": "a" * 32, "record_count": MANY, "replaced_at": now}
        transaction.execute(insert(table("roaming_list")).values(partner_id=1, **head))
        names = [
            "position", "contract_id", "hub", "token_type", "token_id", "printed_number", "expiry_date", "pin",
            "pin_mandatory", "activated", "token_hash",
        ]  # fmt: skip
        rows = ((number, *row) for number, row in enumerate(bodies.tokens(MANY)))
        database.insert_rows(transaction, table("authorisation"), names, rows, {"partner_id": 1, "generation": 1})
        cdr = table("cdr")
        columns = [column.name for column in cdr.columns if column.name != "id"]
        left = cdrs(database, columns, now)
        # A statement ends by its timeout.
        while some := list(islice(left, 50_000)):
            database.insert_rows(transaction, cdr, columns, some)
    database.close()


def cdrs(database: Database, columns: list[str], now: datetime) -> Iterator[tuple[object, ...]]:
    """A million CDRs, with values for these columns."""
    fixed: dict[str, Any] = {
        "operator_key": "thenewmotion", "provider_key": "anwb", "operator_partner_id": 1, "duration_s": 3600,
        "volume_e4_kwh": 46400, "request_id": "a" * 26, "received_at": database.as_stored(now),
    }  # fmt: skip
    for number in range(MANY):
        start = now - timedelta(seconds=MANY - number)
        end = start + timedelta(hours=1)
        own = {
            "cdr_id": str(number),
            # What an upload of that release was asked for: migrations read the offset from them.
            "start_datetime": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "end_datetime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "started_at": database.as_stored(start),
            "ended_at": database.as_stored(end),
        }
        values = {**fixed, **own}
        yield tuple(values.get(name, f"{name} {number % 1000}") for name in columns)


def upgraded(environment: dict[str, str]) -> float:
    """How many seconds ``echs db upgrade`` takes."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "echs", "db", "upgrade"], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(done.stderr)
    return time.monotonic() - began
