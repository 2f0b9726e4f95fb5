"""``echs demo``, as a newcomer types it. ``make test-interpreters`` plays it on every other interpreter too."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parent.parent.parent


def demo(python: str, directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ECHS_")}
    arguments = [python, "-m", "echs", "demo", "--dir", str(directory), *options]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_demo_plays_a_day_explains_it_and_saves_the_statements(tmp_path):
    done = demo(sys.executable, tmp_path / "demo", "--once")
    assert done.returncode == 0, done.stderr
    for expected in (
        "01001851_139038927377890",
        "CDR_VOLUME_FORMAT at cdrInfoArray[2].volume (cdrId LND-0003)",
        "run 1: 4 CDRs cleared",
        "NOT_ADMINISTRATOR",
        "office",
        "The server has stopped",
    ):
        assert expected in done.stdout
    for user_id in ("tnm", "anwb", "ladenetz"):
        assert (tmp_path / "demo" / f"statement-{user_id}.pdf").read_bytes().startswith(b"%PDF")
        assert (tmp_path / "demo" / f"statement-{user_id}.csv").stat().st_size > 200
    log = (tmp_path / "demo" / "server.log").read_text()
    assert "Traceback" not in log
    # A second demo empties what the first one made, and nothing else.
    assert demo(sys.executable, tmp_path / "demo", "--once").returncode == 0


def test_the_demo_leaves_a_directory_alone_that_it_did_not_make(tmp_path):
    (tmp_path / "precious").write_text("data")
    assert demo(sys.executable, tmp_path, "--once").returncode == 2
    assert (tmp_path / "precious").read_text() == "data"


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_demo_serves_until_it_is_told_to_stop_and_takes_its_server_along(tmp_path, ending):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ECHS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "echs", "demo", "--dir", str(tmp_path / "demo")],
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdout=(tmp_path / "out").open("w"),
        stderr=subprocess.STDOUT,
        # A shell's background job ignores Ctrl-C, and hands that down to the tests that it runs.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one thread here
    )
    end = time.monotonic() + 60
    while "Serving until Ctrl-C" not in (tmp_path / "out").read_text():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    passwords = re.findall(r"│ ([1-9A-HJ-NP-Za-km-z]{20}) │", (tmp_path / "out").read_text())
    assert len(passwords) == 5
    log = (tmp_path / "demo" / "server.log").read_text()
    assert not any(password in log for password in passwords)
    url = re.search(r"WSDL: +(\S+)", (tmp_path / "out").read_text())[1]
    with urlopen(url, timeout=10) as answer:
        assert answer.status == 200
    process.send_signal(ending)
    assert process.wait(40) == 0
    with pytest.raises(OSError):
        urlopen(url, timeout=10)
