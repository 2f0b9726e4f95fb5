"""What the tests of the command share."""

import pytest

from echs import cli


@pytest.fixture
def echs(environment, monkeypatch, capsys, tmp_path):
    """Run one command line: exit code, standard output, standard error."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.execute(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return run
