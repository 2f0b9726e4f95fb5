"""The tests of what reads the wire, and the demo, on every other Python of this machine that the program promises to run on.

Each gets an environment of its own from the lock file, kept in ``.venvs`` until that changes; pip's cache is one for
all. To read XML, to inflate and to tell time differs from one build of Python to the next; little else does.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
VERSIONS = ("3.11", "3.12", "3.13")
LOCK = ROOT / "requirements-dev.lock"
RUN_LOCK = ROOT / "requirements.lock"
# PostgreSQL, what is hostile and most of the generated documents are the matter of `make test`: they hardly depend on
# the Python.
TESTS = (
    "tests/protocols/soap",
    "tests/protocols/ochp02/test_golden.py",
    "tests/protocols/ochp02/test_value_formats.py",
    "tests/protocols/ochp02/test_fuzz.py::"
    "test_a_generated_document_means_to_us_what_it_means_to_lxml_and_to_the_schema[2026]",
    "tests/flows/test_demo.py::test_the_demo_plays_a_day_explains_it_and_saves_the_statements",
)
OPTIONS = ("-n", "3", "-k", "not postgresql", "--ignore=tests/protocols/soap/test_hostile_bulk.py")


def without_ci() -> dict[str, str]:
    """The environment, but not that of CI."""
    return {name: value for name, value in os.environ.items() if name != "CI"}


def asked(python: str, *arguments: str) -> str:
    """What an interpreter answers; empty where it fails."""
    try:
        done = subprocess.run([python, *arguments], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def interpreters() -> dict[str, str]:
    """Interpreters by their whole version, without the one that runs this."""
    places = []
    for version in VERSIONS:
        places += [f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"]
        places += [shutil.which(f"python{version}") or ""]
        places += map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python")))
    mine = ".".join(map(str, sys.version_info[:3]))
    found: dict[str, str] = {}
    for place in filter(None, places):
        match = re.match(r"Python (3\.\d+)\.\d+$", asked(place, "--version"))
        if match and match[1] in VERSIONS:
            found.setdefault(match[0].removeprefix("Python "), place)
    found.pop(mine, None)
    return found


def environment(version: str, python: str) -> Path:
    """The Python of an environment with everything from the lock files, set up where it is not there yet."""
    mark = hashlib.sha256(RUN_LOCK.read_bytes() + LOCK.read_bytes()).hexdigest()[:16]
    place = ROOT / ".venvs" / f"{version}-{mark}"
    inside = place / "bin" / "python"
    if not (place / "ready").exists():
        for old in place.parent.glob(f"{version}-*"):
            shutil.rmtree(old)
        subprocess.run([python, "-m", "venv", str(place)], check=True)
        install = [str(inside), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
        for lock in (RUN_LOCK, LOCK):
            subprocess.run([*install, "--require-hashes", "-r", str(lock)], check=True, timeout=900)
        subprocess.run([*install, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True, timeout=300)
        (place / "ready").touch()
    return inside


def main() -> int:
    """Run them all; 1 where one failed."""
    found = interpreters()
    if not found:
        print(f"no other interpreter found: looked for Python {', '.join(VERSIONS)} on PATH, in /usr and in ~/.pyenv")
        return 0
    usable = {}
    for version, python in found.items():
        if asked(python, "-c", "import ensurepip, venv; print(1)"):
            usable[version] = python
        else:
            print(f"Python {version} ({python}) is left out: it cannot make environments (python3-venv is missing)")
    failed = []
    # While one is tested the next is set up.
    with ThreadPoolExecutor(1) as setting_up:
        coming = {version: setting_up.submit(environment, version, python) for version, python in usable.items()}
        for version, python in usable.items():
            began = time.monotonic()
            print(f"Python {version} ({python})", flush=True)
            try:
                inside = coming[version].result()
            except (subprocess.SubprocessError, OSError) as error:
                print(f"Python {version}: the environment could not be set up: {error}")
                failed.append(version)
                continue
            done = subprocess.run([inside, "-m", "pytest", *OPTIONS, *TESTS], cwd=ROOT, env=without_ci(), check=False)
            if done.returncode != 0:
                failed.append(version)
            print(
                f"Python {version}: {'FAILED' if version in failed else 'passed'} in {time.monotonic() - began:.0f} s"
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
