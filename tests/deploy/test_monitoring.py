"""Alert rules and dashboard speak of what the server really tells."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from echs.serving.metrics import METRICS
from echs.serving.store_metrics import GAUGES
from programs import need

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
RULES = (MONITORING / "alerts.yml").read_text()
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
KNOWN = {f"echs_{each.name}": set(each.labels) for each in (*METRICS, *GAUGES)}
# Prometheus puts these beside ours.
ADDED = {"le", "job", "instance"}


def expressions():
    found = re.findall(r"expr: (?:>-\n)?((?:.+\n)(?:          .+\n)*)", RULES)
    return found + [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def base(name):
    return name.removesuffix("_bucket") if name.endswith("_seconds_bucket") else name


@pytest.mark.parametrize("expression", expressions())
def test_every_expression_names_meters_and_labels_that_there_are(expression):
    names = {base(name) for name in re.findall(r"\bechs_[a-z_]+", expression)}
    assert names or "up{" in expression
    assert names <= set(KNOWN), names - set(KNOWN)
    labels = set(re.findall(r"(\w+)(?==~?\"|!~?\")", expression))
    for group in re.findall(r"by \(([^)]*)\)", expression):
        labels |= {each.strip() for each in group.split(",")}
    allowed = ADDED.union(*(KNOWN[name] for name in names))
    assert labels <= allowed, labels - allowed


def test_every_meter_and_gauge_is_on_the_dashboard():
    shown = " ".join(expressions())
    assert [name for name in KNOWN if name not in shown] == []


def test_every_alert_has_its_page_in_the_runbook():
    alerts = re.findall(r"alert: (\w+)", RULES)
    pages = re.findall(r"^## (Echs\w+)", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    assert alerts == pages
    for alert in alerts:
        assert f"docs/runbook.md{{{{ end }}}}#{alert.lower()}'" in RULES


def test_the_dashboard_draws_what_the_store_has_and_not_what_one_server_did():
    """`echs clear` is a process of its own: a counter of the server would never see its runs."""
    shown = " ".join(expressions())
    for name in ("echs_clearing_runs", "echs_cdrs_cleared"):
        assert f"max(delta({name}[1h]))" in shown
        assert name in {f"echs_{each.name}" for each in GAUGES}
        assert f"{name}_total" not in KNOWN


def test_prometheus_itself_accepts_the_rules_and_they_fire_when_they_should():
    promtool = need("promtool", "prometheus")
    for arguments in (["check", "config", "prometheus.yml"], ["test", "rules", "alerts.test.yml"]):
        done = subprocess.run(
            [promtool, *arguments], cwd=MONITORING, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
