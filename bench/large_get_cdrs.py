"""W4m: GetCDRs of very many due CDRs: when the first byte comes, and what it takes of memory. In one process, on SQLite.

    .venv/bin/python bench/large_get_cdrs.py
    .venv/bin/python bench/large_get_cdrs.py --cdrs 100000

The CDRs go in as uploads of 50,000, and are cleared in one run. Then a process of its own, which has nothing else in its
memory, fetches them through the WSGI application and reads the answer to its end.
"""

import argparse
import io
import json
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bodies
from rich.console import Console
from rich.progress import track

from echs.base.upload_validation import RecordBatch
from echs.cdrs import intake
from echs.clearing import run
from echs.config.app_context import AppContext, open_app_context
from echs.config.settings import read_settings
from echs.maintenance import schema
from echs.partners import enrolment, queries
from echs.partners.enrolment import Ownership
from echs.protocols.ochp02 import cdr_format
from echs.protocols.ochp02.cdr_format import read_cdrs
from echs.protocols.ochp02.contracts import SPECIFIED
from echs.protocols.ochp02.wire_schema import NAMESPACE
from echs.serving.application import create_application

AT_ONCE, BATCH = 50_000, 1000
PASSWORD = "a password for a bench"
SOAP = "http://www.w3.org/2003/05/soap-envelope"


def opened(work: str) -> AppContext:
    """The store of the bench."""
    return open_app_context(read_settings({"ECHS_DATA_DIR": work, "ECHS_SECRET_KEY": "0123456789abcdef" * 4}))


def fill(context: AppContext, count: int, console: Console) -> None:
    """Upload and clear so many CDRs for one provider."""
    for user_id, owned in (("provider", Ownership([], ["TNM"])), ("operator", Ownership(["OPR"], [], []))):
        enrolment.add_partner(context, user_id, user_id, PASSWORD, owned)
    (sender,) = (each for each in queries.all_partners(context) if each.user_id == "operator")
    until = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    starts = range(0, count, AT_ONCE)
    for number, start in enumerate(track(starts, "uploading", console=console, transient=True)):
        rows = [tuple(map(str, row)) for row in bodies.cdrs(min(AT_ONCE, count - start), "OPR", ["TNM"], until, start)]
        batches = [RecordBatch(rows[each : each + BATCH]) for each in range(0, len(rows), BATCH)]
        records = read_cdrs(batches, sender.zone)
        intake.add(context, sender, records, f"{number:026d}", context.lists, cdr_format.FORMAT)
    with console.status("clearing"):
        run.clear(context, "bench", "c" * 26)


def call(application: object, operation: str, members: str, header: str = "") -> object:
    """The pieces of an answer."""
    head = f"<e:Header>{header}</e:Header>" if header else ""
    body = (
        f'<e:Envelope xmlns:e="{SOAP}" xmlns:n="{NAMESPACE}">{head}<e:Body><n:{operation}Request>{members}'
        f"</n:{operation}Request></e:Body></e:Envelope>"
    ).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": SPECIFIED.path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/soap+xml; charset=utf-8",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    return application(environ, lambda *_: None)  # type: ignore[operator]


def most_mib() -> float:
    """What this process had in memory at most. Not of getrusage, which counts from its parent on."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def fetch(work: str) -> dict[str, float]:
    """Fetch all CDRs: seconds to the first byte and to the last, bytes, MiB of this process at most and before."""
    application = create_application(opened(work))
    login = f"<n:userId>provider</n:userId><n:password>{PASSWORD}</n:password>"
    answer = b"".join(call(application, "Authenticate", login)).decode()  # type: ignore[arg-type]
    token = re.search("authToken>([0-9a-f]{64})<", answer)[1]  # type: ignore[index]
    before = most_mib()
    began, began_cpu = time.monotonic(), time.process_time()
    pieces = call(application, "GetCDRs", "", f"<n:UserIdentityHeader>{token}</n:UserIdentityHeader>")
    first, size = 0.0, 0
    for piece in pieces:  # type: ignore[attr-defined]
        first = first or time.monotonic() - began
        size += len(piece)
    pieces.close()  # type: ignore[attr-defined]
    whole = time.monotonic() - began
    most = most_mib()
    cpu = time.process_time() - began_cpu
    return {"first": first, "whole": whole, "cpu": cpu, "bytes": size, "before": before, "most": most}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cdrs", type=int, default=1_300_000, help="that are due (default: 1,300,000)")
    parser.add_argument("--fetch", metavar="DIRECTORY", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.fetch:
        sys.stdout.write(json.dumps(fetch(wanted.fetch)))
        return
    console = Console()
    with tempfile.TemporaryDirectory(prefix="echs-get-cdrs-") as work:
        context = opened(work)
        schema.upgrade(context.database)
        fill(context, wanted.cdrs, console)
        context.database.close()
        with console.status("fetching"):
            command = [sys.executable, __file__, "--fetch", work]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
    console.print(
        f"W4m: GetCDRs of {wanted.cdrs:,}: first byte {found['first']:.2f} s, all {found['bytes'] / 1e6:,.0f} MB "
        f"{found['whole']:.1f} s, CPU {found['cpu']:.1f} s, {found['most']:.0f} MiB at most ({found['before']:.0f} before)"
    )


if __name__ == "__main__":
    main()
