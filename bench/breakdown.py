"""``python bench/breakdown.py``: where the time of AddCDRs goes, which misses its goal. In one process, on SQLite.

First the functions that take most of an upload of 10,000 CDRs into a store with 100,000, as cProfile sees them (which
makes Python look slower than it is, and C not). Then what the indexes cost: the same rows written into copies of that
store without them, one index less at a time.
"""

import cProfile
import io
import pstats
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import bodies  # noqa: E402
import pysqlite3.dbapi2 as sqlite  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from echs.base.upload_validation import RecordBatch  # noqa: E402
from echs.cdrs import intake  # noqa: E402
from echs.config.app_context import AppContext, open_app_context  # noqa: E402
from echs.config.settings import read_settings  # noqa: E402
from echs.maintenance import schema  # noqa: E402
from echs.partners import enrolment, queries  # noqa: E402
from echs.partners.enrolment import Ownership  # noqa: E402
from echs.protocols.ochp02 import cdr_format  # noqa: E402
from echs.protocols.ochp02.cdr_format import read_cdrs  # noqa: E402

COUNT = 10_000
INDEXES = ("ix_cdr_own_card_started_at", "ix_cdr_card_started_at", "ix_cdr_socket_started_at")
ROUNDS = 3


def add(context: AppContext, first: int) -> None:
    """One upload."""
    (sender, _) = queries.all_partners(context)
    now = datetime.now(UTC).replace(microsecond=0)
    rows = [tuple(map(str, row)) for row in bodies.cdrs(COUNT, "TheNewMotion", ["ANWB"], now, first)]
    records = read_cdrs([RecordBatch(rows)], sender.zone)
    intake.add(context, sender, records, f"{first:026d}", context.lists, cdr_format.FORMAT)


def profile(context: AppContext) -> str:
    """The functions that take most, the records given as rows."""
    (sender, _) = queries.all_partners(context)
    now = datetime.now(UTC).replace(microsecond=0)
    rows = [tuple(map(str, row)) for row in bodies.cdrs(COUNT, "TheNewMotion", ["ANWB"], now, 200_000)]
    seen = cProfile.Profile()
    seen.enable()
    intake.add(context, sender, read_cdrs([RecordBatch(rows)], sender.zone), "x" * 26, context.lists, cdr_format.FORMAT)
    seen.disable()
    told = io.StringIO()
    pstats.Stats(seen, stream=told).sort_stats("tottime").print_stats(18)
    return told.getvalue()


def seconds_to_write(store: Path, dropped: tuple[str, ...]) -> tuple[float, float]:
    """Seconds to insert the newest rows again under other numbers, and to commit them; the best of some rounds."""
    found = []
    for _ in range(ROUNDS):
        copy = store.with_name("copy.sqlite3")
        shutil.copy(store, copy)
        connection = sqlite.connect(str(copy), isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        for name in dropped:
            connection.execute(f"DROP INDEX {name}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        columns = [row[1] for row in connection.execute("PRAGMA table_info(cdr)")][1:]
        listed = ", ".join(columns)
        newest = f"SELECT {listed} FROM cdr ORDER BY id DESC LIMIT {COUNT}"
        number = columns.index("cdr_id")
        rows = [(*row[:number], f"{row[number]}-again", *row[number + 1 :]) for row in connection.execute(newest)]
        connection.execute("BEGIN IMMEDIATE")
        began = time.process_time()
        connection.executemany(f"INSERT INTO cdr ({listed}) VALUES ({', '.join('?' * len(columns))})", rows)
        written = time.process_time()
        connection.execute("COMMIT")
        found.append((written - began, time.process_time() - written))
        connection.close()
        for each in store.parent.glob("copy.sqlite3*"):
            each.unlink()
    return min(found)


def main() -> None:
    """Fill a store, profile, take indexes away."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="echs-profile-") as work:
        context = open_app_context(read_settings({"ECHS_DATA_DIR": work}))
        schema.upgrade(context.database)
        for user_id, party in (("tnm", "TheNewMotion"), ("anwb", "ANWB")):
            enrolment.add_partner(context, user_id, user_id, "a password for a bench", Ownership([party], [party], []))
        with console.status("filling the store with 100,000 CDRs"):
            for number in range(10):
                add(context, number * COUNT)
        console.print(profile(context), markup=False, highlight=False)
        store = Path(work) / "echs.sqlite3"
        with context.database.write() as transaction:
            transaction.exec_driver_sql("SELECT 1")
        context.database.close()
        table = Table("10,000 rows into the table cdr", "insert, CPU s", "commit, CPU s")
        for number in range(len(INDEXES) + 1):
            inserted, committed = seconds_to_write(store, INDEXES[:number])
            without = ", ".join(INDEXES[:number]) or "nothing: all three indexes"
            table.add_row(f"without {without}", f"{inserted:.3f}", f"{committed:.3f}")
        console.print(table)


if __name__ == "__main__":
    main()
