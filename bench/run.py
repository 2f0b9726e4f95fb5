"""``make bench``: how fast bulk exchange is, against floors that are measured in the same run on the same bytes.

Writes bench/results/latest.json and latest.md, and the table of the README. Exit code 1 when something could not be
measured; a goal that was missed is said in the table and is no error.
"""

import argparse
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psycopg
import pysqlite3
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS = HERE / "results"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
sys.path.insert(0, str(HERE))

import floors  # noqa: E402
from office import Wrong  # noqa: E402
from works import Bench, Line  # noqa: E402

WORKS = ("lists", "cdrs", "hostile", "small", "million", "points", "clearing", "upgrade")


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=WORKS, action="append", help="one work anew; may be repeated")
    parser.add_argument("--dry-run", action="store_true", help="measure and print, write nothing")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds that are alternated (default: 5)")
    wanted = parser.parse_args()
    console = Console(stderr=True)
    lines: list[Line] = []
    try:
        floors.require_tools()
        with tempfile.TemporaryDirectory(prefix="echs-bench-") as work, progress(console) as shown:
            task = shown.add_task("", total=None)
            bench = Bench(Path(work), wanted.rounds, lambda text: shown.update(task, description=text))
            for name in wanted.only or WORKS:
                for line in getattr(bench, name)():
                    lines.append(line)
                    shown.console.print(f"{line.work} {line.what}, {line.store}: {line.measured} {line.floor}")
    except (floors.Missing, Wrong, OSError) as error:
        console.print(f"the bench could not go on: {error}", markup=False)
        return 1
    Console().print(as_table(lines))
    if not wanted.dry_run:
        write(with_earlier(lines))
        console.print(f"written: {RESULTS / 'latest.json'}, latest.md, and the table of the README")
    return 0


def progress(console: Console) -> Progress:
    """What is going on, since the whole takes ten minutes."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


def as_table(lines: list[Line]) -> Table:
    """The lines for a terminal."""
    table = Table("work", "what", "store", "measured", "against", "goal", "")
    for line in lines:
        table.add_row(line.work, line.what, line.store, line.measured, line.floor, line.goal, mark(line))
    return table


def mark(line: Line) -> str:
    """Whether the goal was reached; nothing where there is none."""
    return "" if line.met is None else "yes" if line.met else "no"


def machine() -> dict[str, object]:
    """What it ran on."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"model name\s*:\s*(.+)", info)
    return {
        "processor": model[1] if model else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "sqlite": pysqlite3.sqlite_version,
        "psycopg": psycopg.__version__,
        **{name: version(name) for name in ("spyne", "lxml", "sqlalchemy", "gunicorn")},
    }


def markdown(lines: list[Line], when: str) -> str:
    """The lines as a page would show them."""
    on = machine()
    rows = [
        f"| {row.work} | {row.what} | {row.store} | {row.measured} | {row.floor} | {row.goal} | {mark(row)} |"
        for row in lines
    ]
    return "\n".join(
        [
            f"Measured on {when} by `make bench`: {on['processor']}, {on['cores']} cores, Python {on['python']}, "
            f"SQLite {on['sqlite']}.",
            "",
            "| | work | store | measured | against | goal | reached |",
            "|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


def with_earlier(lines: list[Line]) -> list[Line]:
    """What was measured anew in the place of what the record of today has of it, and the rest of that record."""
    record = RESULTS / "latest.json"
    earlier = json.loads(record.read_text()) if record.exists() else {}
    if earlier.get("date") != f"{datetime.now(UTC):%Y-%m-%d}" or earlier.get("machine") != machine():
        return lines
    anew = {(line.work, line.store, topic(line.what)) for line in lines}
    kept = [Line(**line) for line in earlier["lines"]]
    kept = [line for line in kept if (line.work, line.store, topic(line.what)) not in anew]
    return sorted([*kept, *lines], key=lambda line: line.work)


def topic(what: str) -> str:
    """Lists of charge points, or clearing: both are W7."""
    return "points" if "charge points" in what else "rest"


def write(lines: list[Line]) -> None:
    """Keep the results, and put the table where people look."""
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    RESULTS.mkdir(exist_ok=True)
    text = markdown(lines, when)
    record = {"date": when, "machine": machine(), "lines": [asdict(line) for line in lines]}
    (RESULTS / "latest.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    (RESULTS / "latest.md").write_text(text + "\n")
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    shutil.rmtree(HERE / "__pycache__", ignore_errors=True)
    sys.exit(main())
