"""The tables of the documentation that are made from the code, so that they cannot say anything else.

``python docs/tables.py`` writes them between their marks; ``--check`` changes nothing and exits 1 when one is old.
"""

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from echs.protocols.ochp02.names import RECORDS
from echs.protocols.ochp02.results import CODES
from echs.settings import PREFIX, SECRETS, Settings

ROOT = Path(__file__).parent.parent


def markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def settings() -> str:
    """Every setting with its default."""
    rows = []
    for name, field in Settings.model_fields.items():
        variable = f"`{PREFIX}{name.upper()}`"
        if name in SECRETS:
            variable += " (or `…_FILE`)"
        default = "" if field.default is None else f"`{field.default}`"
        rows.append((variable, default, field.description or ""))
    return markdown(("setting", "default", "what it is"), rows)


def result_codes() -> str:
    """Every result code."""
    rows = [(str(code.number), f"`{code.reason}`", code.meaning, code.remedy) for code in CODES]
    return markdown(("code", "name", "meaning", "what to do"), rows)


def limits() -> str:
    """Every field with its limit."""
    parts = []
    for record in RECORDS:
        rows = [
            (
                f"`{wire.name}`",
                "whole number" if wire.is_integer else f"{wire.field.limit} characters",
                "yes" if wire.field.mandatory else "",
            )
            for wire in record.fields
        ]
        parts.append(f"### {record.type_name}\n\n" + markdown(("field", "limit", "mandatory"), rows))
    return "\n\n".join(parts)


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "settings": ("README.md", settings),
    "result codes": ("docs/result-codes.md", result_codes),
    "limits": ("docs/limits.md", limits),
}


def renewed(text: str, name: str, table: str) -> str:
    """The text with the table between its marks."""
    pattern = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    found, count = pattern.subn(lambda match: match[1] + table + "\n" + match[2], text)
    if count != 1:
        raise SystemExit(f"the marks of the table {name!r} are not there")
    return found


def main() -> int:
    """Write or check every table."""
    check, old = "--check" in sys.argv, []
    for name, (file, make) in TABLES.items():
        path = ROOT / file
        before = path.read_text(encoding="utf-8")
        after = renewed(before, name, make())
        if before != after:
            old.append(name)
            if not check:
                path.write_text(after, encoding="utf-8")
    for name in old:
        sys.stderr.write(f"{'old' if check else 'written'}: {name}\n")
    return 1 if check and old else 0


if __name__ == "__main__":
    sys.exit(main())
