"""``echs demo``, as a newcomer types it; and once on every interpreter that this machine has."""

import hashlib
import os
import re
import shutil
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
        "The server has ended",
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
    assert len(passwords) == 4
    log = (tmp_path / "demo" / "server.log").read_text()
    assert not any(password in log for password in passwords)
    url = re.search(r"WSDL: +(\S+)", (tmp_path / "out").read_text())[1]
    with urlopen(url, timeout=10) as answer:
        assert answer.status == 200
    process.send_signal(ending)
    assert process.wait(40) == 0
    with pytest.raises(OSError):
        urlopen(url, timeout=10)


def interpreters() -> list[str]:
    """Other Pythons that the program promises to run on, where this machine has them."""
    found = []
    for version in ("3.11", "3.12", "3.13"):
        if version == f"{sys.version_info.major}.{sys.version_info.minor}":
            continue
        places = [
            shutil.which(f"python{version}"),
            *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python")),
        ]
        for place in filter(None, places):
            asked = subprocess.run([place, "--version"], capture_output=True, text=True, check=False)
            if asked.returncode == 0 and f"Python {version}." in asked.stdout:
                found.append(place)
                break
    return found


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: re.search(r"3\.\d+", path)[0])
def test_the_demo_runs_on_every_interpreter_from_the_lock_file(python, tmp_path):
    """Set up as `make demo` does; kept between runs until the lock file changes."""
    version = re.search(r"3\.\d+", python)[0]
    lock = ROOT / "requirements.lock"
    mark = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    place = ROOT / ".venvs" / f"{version}-{mark}"
    inside = place / "bin" / "python"
    if not (place / "ready").exists():
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(place)], check=True)
        install = [str(inside), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*install, "--require-hashes", "-r", str(lock)], check=True, timeout=600)
        subprocess.run([*install, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True, timeout=300)
        (place / "ready").touch()
    done = demo(str(inside), tmp_path / "demo", "--once")
    assert done.returncode == 0, done.stderr
    assert "run 1: 4 CDRs cleared" in done.stdout
