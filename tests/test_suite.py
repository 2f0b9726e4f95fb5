"""What holds for the tests themselves: what hangs fails, what cannot run says why, what runs once runs once."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import pytest

import conftest
import interpreters
import preloaded

ROOT = Path(__file__).parent.parent


def collected(*arguments):
    command = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False).stdout


def test_as_root_without_useradd_the_tests_end_at_once_with_one_sentence(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda _: None)

    def nobody(name):
        raise KeyError(name)

    controller = SimpleNamespace()
    conftest.pytest_configure(controller)  # the user that it would make is there
    monkeypatch.setattr(pwd, "getpwnam", nobody)
    with pytest.raises(pytest.UsageError, match="put /usr/sbin on PATH"):
        conftest.pytest_configure(controller)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    conftest.pytest_configure(controller)


def test_a_test_that_hangs_fails_and_what_starts_servers_may_take_longer(request, pytestconfig):
    assert int(pytestconfig.getini("timeout")) == 120
    assert all((ROOT / "tests" / place).exists() for place in conftest.SLOW)
    assert hypothesis.settings().deadline is None


def test_what_does_not_depend_on_the_store_runs_on_one_and_all_else_on_both():
    once = collected("tests/flows/test_transports.py")
    assert "[sqlite" in once
    assert "[postgresql" not in once
    assert "deselected" in once
    both = collected("tests/serving/test_store_metrics.py")
    assert "[sqlite" in both
    assert "[postgresql" in both


def test_where_no_other_interpreter_is_found_one_line_says_so(monkeypatch, capsys):
    monkeypatch.setattr(interpreters, "asked", lambda *_: "")
    assert interpreters.main() == 0
    assert capsys.readouterr().out.startswith("no other interpreter found: looked for Python 3.11, 3.12, 3.13")


def test_an_interpreter_that_can_make_no_environment_is_left_out_with_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(interpreters, "interpreters", lambda: {"3.12.1": "/nowhere/python3.12"})
    assert interpreters.main() == 0
    assert "python3-venv is missing" in capsys.readouterr().out


def test_a_command_that_is_forked_ends_as_one_that_is_started(tmp_path):
    log = tmp_path / "log"
    asked = preloaded.start(["--version"], {"PATH": os.environ["PATH"]}, log)
    assert asked.wait(20) == 0
    assert log.read_text().startswith("echs, version")
    wrong = preloaded.start(["nonsense"], {"PATH": os.environ["PATH"]}, log)
    assert wrong.wait(20) == 2
    plain = subprocess.run([sys.executable, "-m", "echs", "nonsense"], capture_output=True, text=True, check=False)
    assert plain.stderr in log.read_text()
