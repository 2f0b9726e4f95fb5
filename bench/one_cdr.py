"""How long one CDR takes whose provider has a long roaming list. In one process, on SQLite and on PostgreSQL.

    .venv/bin/python bench/one_cdr.py
    .venv/bin/python bench/one_cdr.py --tokens 100000

Each upload holds one CDR, as a charge point's CMS sends it when a session ends. CPU seconds are those of this process,
wall seconds those with the database's. The same uploads without a list are the floor.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

import bodies
from office import postgres
from rich.console import Console
from rich.table import Table

from echs.base.upload_validation import RecordBatch
from echs.cdrs import intake
from echs.config.app_context import AppContext, open_app_context
from echs.config.settings import read_settings
from echs.maintenance import schema
from echs.partners import enrolment, queries
from echs.partners.enrolment import Ownership
from echs.protocols.ochp02 import cdr_format, token_format
from echs.protocols.ochp02.cdr_format import read_cdrs
from echs.tokens.token_list import TOKENS

BATCH = 1000
UPLOADS = 100


def batches(count: int) -> Iterator[RecordBatch]:
    """A roaming list, as its upload is read."""
    rows = (tuple(map(str, row)) for row in bodies.tokens(count))
    while some := list(islice(rows, BATCH)):
        yield RecordBatch(some)


def seconds_each(context: AppContext, first: int) -> tuple[float, float]:
    """CPU and wall seconds of an upload of one CDR: the median of many."""
    (sender,) = (each for each in queries.all_partners(context) if each.user_id == "operator")
    rows = bodies.cdrs(UPLOADS, "OPR", ["TNM"], datetime.now(UTC).replace(microsecond=0), first)
    found = []
    for number, row in enumerate(rows, first):
        began, began_wall = time.process_time(), time.monotonic()
        records = read_cdrs([RecordBatch([tuple(map(str, row))])], sender.zone)
        result = intake.add(context, sender, records, f"{number:026d}", context.lists, cdr_format.FORMAT)
        found.append((time.process_time() - began, time.monotonic() - began_wall))
        if result.count(intake.Outcome.PENDING) != 1:
            raise AssertionError(f"not accepted: {result}")
    return median(cpu for cpu, _ in found), median(wall for _, wall in found)


def measured(url: str | None, count: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """CPU and wall seconds of an upload without a list, and with one of so many tokens."""
    with tempfile.TemporaryDirectory(prefix="echs-one-cdr-") as work:
        store = {} if url is None else {"ECHS_DATABASE_URL": url}
        limit = {"ECHS_MAX_RECORDS_PER_UPLOAD": str(count)}
        context = open_app_context(read_settings({"ECHS_DATA_DIR": work, **store, **limit}))
        schema.upgrade(context.database)
        for user_id, owned in (
            ("provider", Ownership([], ["TNM"], [bodies.HUB])),
            ("operator", Ownership(["OPR"], [], [])),
        ):
            enrolment.add_partner(context, user_id, user_id, "a password for a bench", owned)
        without = seconds_each(context, 0)
        (provider,) = (each for each in queries.all_partners(context) if each.user_id == "provider")
        TOKENS.replace(context, provider, batches(count), token_format.FORMAT)
        with_list = seconds_each(context, UPLOADS)
        context.database.close()
        return without, with_list


@contextmanager
def stores() -> Iterator[dict[str, str | None]]:
    """The stores and their URLs."""
    with tempfile.TemporaryDirectory(prefix="echs-one-cdr-") as work, postgres(Path(work) / "postgres") as url:
        yield {"SQLite": None, "PostgreSQL": url}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=1_000_000, help="on the provider's list (default: 1,000,000)")
    count = parser.parse_args().tokens
    console = Console()
    table = Table("AddCDRs of one CDR, ms", "no list: CPU", "wall", f"{count:,} tokens: CPU", "wall")
    with stores() as urls:
        for name, url in urls.items():
            with console.status(f"{name}: {count:,} tokens"):
                without, with_list = measured(url, count)
            table.add_row(name, *(f"{1000 * each:.1f}" for each in (*without, *with_list)))
    console.print(table)


if __name__ == "__main__":
    main()
