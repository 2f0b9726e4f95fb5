"""The README is true: its code runs, its commands work, its tables are those of the code."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cast import PASSWORDS
from echs import cli
from echs.cli import COMMANDS

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
CONSOLE = [
    line for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL) for line in block.strip().split("\n")
]


def test_the_code_runs_against_a_server_as_it_stands(server, environment, monkeypatch, capsys):
    before, after = CODE
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(code: str) -> str:
        there = code.replace("http://127.0.0.1:8080", server.url)
        for user_id in ("tnm", "anwb"):
            there = there.replace(f"PASSWORD-OF-{user_id.upper()}", PASSWORDS[user_id])
        done = subprocess.run([sys.executable, "-c", there], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "1 tokens may charge at 1 charge points\n1 received: 1 new" in run(before)
    assert "0 new, 1 already known" in run(before)
    (clear,) = [shlex.split(line)[1:] for line in CONSOLE if " clear " in line]
    assert cli.execute(clear) == 0
    assert f"1 CDR; {server.url}/statements/" in run(before + after)


def test_the_commands_enrol_whom_they_say(context, environment, monkeypatch, capsys):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    commands = [shlex.split(line)[1:] for line in CONSOLE if line.startswith(".venv/bin/echs partner ")]
    assert len(commands) == 2
    for command in commands:
        assert cli.execute(command) == 0
    assert capsys.readouterr().out.count("Password (shown this once)") == 2


@pytest.mark.parametrize("line", [line for line in CONSOLE if line.startswith("make ")])
def test_every_target_that_is_named_is_there(line):
    target = line.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_command_is_in_the_table():
    for command in COMMANDS:
        if command != "demo":
            assert f"`echs {command}" in README


def test_the_tables_are_those_of_the_code():
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "tables.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stderr}: run python docs/tables.py"


def test_every_link_of_the_documentation_leads_somewhere():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
