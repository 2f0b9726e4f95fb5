"""How fast records with groups and attributes are read: by the fast path, by trees, and by expat with handlers that do
nothing, over the same bytes.

    .venv/bin/python bench/nested.py

The records are authorisations as OCHP 1.4 has them, 100,000 of about 350 bytes.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from pyexpat import ParserCreate

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "protocols" / "soap"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from rich.console import Console
from rich.table import Table
from test_nested_fast_path import REGULAR, SHAPE, reader_of

from echs.base.upload_validation import RecordBatch

COUNT = 100_000
ROUNDS = 3


def by_fast_path(records: str) -> int:
    """How many records were read, and that nearly all were taken in runs."""
    runs = [len(each.rows) for each in reader_of(records).tree_records(SHAPE) if isinstance(each, RecordBatch)]
    if sum(runs) < COUNT * 0.99:
        raise AssertionError("the records are not regular")
    return COUNT


def by_trees(records: str) -> int:
    """The same, each as a tree."""
    return sum(1 for _ in reader_of(records).trees())


def by_expat(records: str) -> int:
    """The same bytes through expat, whose handlers do nothing: what a parser costs at least."""
    parser = ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda _name, _attributes: None
    parser.EndElementHandler = lambda _name: None
    parser.CharacterDataHandler = lambda _text: None
    parser.Parse(f'<q xmlns:n="http://ochp.eu/1.4">{records}</q>', True)
    return COUNT


def seconds(work: Callable[[str], int], records: str) -> float:
    """CPU seconds, the best of some rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work(records)
        found.append(time.process_time() - began)
    return min(found)


def main() -> None:
    """Measure and print."""
    console = Console()
    records = "".join(REGULAR.format(f"04{number:08X}", number) for number in range(COUNT))
    floor = seconds(by_expat, records)
    table = Table(f"{COUNT:,} records, {len(records) / 1e6:.0f} MB", "CPU s", "of expat")
    for name, work in (("fast path", by_fast_path), ("trees", by_trees), ("expat, empty handlers", by_expat)):
        took = floor if work is by_expat else seconds(work, records)
        table.add_row(name, f"{took:.2f}", f"{took / floor:.2f} x")
    console.print(table)


if __name__ == "__main__":
    main()
