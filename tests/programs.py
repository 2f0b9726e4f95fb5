"""Programs of other people that some tests and drills want: taken from the distribution where we may."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

INSTALL_SECONDS = 600


class Missing(Exception):
    """A program is not here and cannot be had."""


def install(*packages: str) -> None:
    """Packages of Debian, where we may; their services are not started.

    :raises Missing:
    """
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise Missing(f"install {' '.join(packages)} with your package manager, or run as root on Debian")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    with (Path(tempfile.gettempdir()) / "echs-tests-install.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)  # two workers of a test run may want something at once
        for attempt in (command, ["apt-get", "update"], command):
            done = subprocess.run(
                attempt, env=environment, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
            )
            if attempt is command and not done.returncode:
                return
    raise Missing(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()[-400:]}")


def need(program: str, package: str) -> str:
    """The path of a program, installed now where it is not here; a test that cannot have it is skipped."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which(program, path=path)
    if found is None:
        try:
            install(package)
        except (Missing, subprocess.TimeoutExpired) as error:
            pytest.skip(f"{program} is not here: {error}")
        found = shutil.which(program, path=path)
    assert found is not None
    return found
