"""The tables of the documentation that are made from the code, so that they cannot say anything else.

``python docs/tables.py`` writes them between their marks; ``--check`` changes nothing and exits 1 when one is old.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from echs.base.rule import Rule
from echs.cdrs.rules import RULES
from echs.cdrs.transitions import Effect, Event, Stand, effect_of, reason_of
from echs.config.settings import PREFIX, SECRETS, Settings
from echs.protocols.ochp02 import cdr_format, charge_point_format, token_format
from echs.protocols.ochp02.codes import CODES
from echs.protocols.ochp02.wire_schema import (
    CDR_INFO,
    CHARGEPOINT_INFO,
    RECORDS,
    ROAMING_AUTHORISATION_INFO,
    WireRecord,
)
from echs.protocols.soap.faults import FAULT_CODES
from echs.protocols.soap.versions import SOAP_12
from echs.serving.metrics import METRICS
from echs.serving.store_metrics import GAUGES

ROOT = Path(__file__).parent.parent
PER_CORE = ("W1", "W2", "W3", "W4")


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
    return markdown(("setting", "default", "description"), rows)


def result_codes() -> str:
    """Every result code."""
    rows = [(str(code.number), f"`{code.reason}`", code.meaning, code.remedy, code.again.value) for code in CODES]
    return markdown(("code", "name", "meaning", "action", "retry unchanged"), rows)


def result_code_examples() -> str:
    """What each code's description looks like."""
    return "```text\n" + "\n\n".join(f"{code.number}\n{code.example}" for code in CODES) + "\n```"


def faults() -> str:
    """Every SOAP fault."""
    rows = [
        (
            f"`{code.subcode}`",
            code.kind.code(SOAP_12),
            str(code.status or code.kind.status(SOAP_12)),
            code.meaning,
            code.remedy,
        )
        for code in FAULT_CODES
    ]
    return markdown(("subcode", "code", "HTTP", "meaning", "action"), rows)


def rules(record: WireRecord, table: Iterable[Rule[Any, Any]]) -> str:
    """The rules of a record in their order."""
    rows = [
        (f"`{rule.name}`", rule.severity.value, f"`{record.spelling[rule.field]}`", rule.meaning, rule.source)
        for rule in table
    ]
    return markdown(("name", "severity", "field", "rule", "source"), rows)


def limits() -> str:
    """Every field with its limit."""
    parts = []
    for record in RECORDS:
        rows = [
            (
                f"`{wire.name}`",
                "whole number" if wire.field.integer else f"{wire.field.limit} characters",
                "yes" if wire.field.mandatory else "",
            )
            for wire in record.fields
        ]
        parts.append(f"### {record.type_name}\n\n" + markdown(("field", "limit", "mandatory"), rows))
    return "\n\n".join(parts)


def meters() -> str:
    """Every meter."""
    rows = [
        (f"`echs_{each.name}`", each.kind, ", ".join(f"`{label}`" for label in each.labels), each.help)
        for each in METRICS
    ]
    return markdown(("name", "type", "labels", "description"), rows)


def gauges() -> str:
    """Every gauge."""
    rows = [(f"`echs_{each.name}`", ", ".join(f"`{label}`" for label in each.labels), each.help) for each in GAUGES]
    return markdown(("name", "labels", "description"), rows)


def per_core() -> str:
    """What a second of one core does, from the last results of the bench; two digits, as such figures deserve."""
    results = json.loads((ROOT / "bench" / "results" / "latest.json").read_text(encoding="utf-8"))
    machine, rows = results["machine"], []
    for line in results["lines"]:
        count = re.search(r"[0-9]{1,3}(?:,[0-9]{3})+", line["what"])
        seconds = re.search(r"CPU ([0-9.]+) s", line["measured"])
        if line["store"] != "sqlite":
            continue
        if line["work"] in PER_CORE and count is not None and seconds:
            rate = int(count[0].replace(",", "")) / float(seconds[1])
            rows.append((line["what"], f"{rounded(rate)} records/s"))
        elif line["work"] == "W5" and line["measured"].endswith("ms"):
            rate = float(line["measured"].partition(" ")[0].replace(",", ""))
            rows.append((line["what"], f"{rounded(rate / machine['cores'])} requests/s"))
    where = f"{machine['cores']} cores of {machine['processor']}, Python {machine['python']}"
    table = markdown(("workload", "throughput per core, on SQLite"), rows)
    return f"Measured on {results['date']} on {where}.\n\n{table}"


EVENTS = {
    Event.NEW: "AddCDRs `new`",
    Event.REVISED: "AddCDRs `revised`",
    Event.WITHDRAWN: "AddCDRs `rejected`",
    Event.APPROVED: "ConfirmCDRs approved",
    Event.DECLINED: "ConfirmCDRs declined",
}
EFFECTS = {
    Effect.STORE: "accepted",
    Effect.REVISE: "revised",
    Effect.WITHDRAW: "rejected",
    Effect.APPROVE: "approved",
    Effect.DECLINE: "declined",
    Effect.UNCHANGED: "unchanged",
}


def transitions() -> str:
    """What comes of every event in every state of a CDR."""
    rows = []
    for stand in (None, *Stand):
        for event, title in EVENTS.items():
            told = []
            for same in (False, True):
                effect = effect_of(stand, event, same_content=same)
                told.append(EFFECTS.get(effect) or f"refused: {reason_of(stand, event)}")
            sent = stand is not None and event in (Event.NEW, Event.REVISED)
            rows.append((str(stand or "-"), title, told[0], told[1] if sent else ""))
    return markdown(("from", "event", "to", "with the content that stands"), rows)


def rounded(value: float) -> str:
    """A figure with two digits that count."""
    return f"{float(f'{value:.2g}'):,.0f}"


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "settings": ("docs/settings.md", settings),
    "meters": ("docs/metrics.md", meters),
    "gauges": ("docs/metrics.md", gauges),
    "per core": ("docs/deploy-scaling.md", per_core),
    "result codes": ("docs/result-codes.md", result_codes),
    "result code examples": ("docs/result-codes.md", result_code_examples),
    "faults": ("docs/result-codes.md", faults),
    "rules of CDRs": ("docs/rules.md", lambda: rules(CDR_INFO, (*cdr_format.RULES, *RULES))),
    "rules of tokens": ("docs/rules.md", lambda: rules(ROAMING_AUTHORISATION_INFO, token_format.FORMAT.warnings)),
    "rules of charge points": ("docs/rules.md", lambda: rules(CHARGEPOINT_INFO, charge_point_format.FORMAT.warnings)),
    "limits": ("docs/limits.md", limits),
    "transitions": ("docs/ochp-1.4-cdrs.md", transitions),
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
