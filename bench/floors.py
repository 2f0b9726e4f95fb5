"""What nobody can be faster than, measured on the same bytes: a C parser with SQLite, and a static file from nginx."""

import os
import pwd
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = {"cc": "gcc", "nginx": "nginx-light", "wrk": "wrk"}
LIBRARIES = ("libexpat1-dev", "libsqlite3-dev")
INSTALL_SECONDS = 300


class Missing(Exception):
    """A tool that the bench needs is not there."""


@dataclass(frozen=True, slots=True)
class Floor:
    """Wall and processor seconds."""

    wall_s: float
    cpu_s: float


def require_tools() -> None:
    """Make sure that the tools are there; on Debian, as root, by installing them.

    :raises Missing: with what to install
    """
    wanted = [package for tool, package in PACKAGES.items() if shutil.which(tool) is None]
    if wanted and shutil.which("apt-get") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", *wanted, *LIBRARIES]):
            subprocess.run(
                ["apt-get", *command], env=environment, capture_output=True, timeout=INSTALL_SECONDS, check=False
            )
    missing = [tool for tool in PACKAGES if shutil.which(tool) is None]
    if missing:
        packages = " ".join([*(PACKAGES[tool] for tool in missing), *LIBRARIES])
        raise Missing(f"{', '.join(missing)} not found; on Debian: apt-get install {packages}")


def built(work: Path) -> Path:
    """The program of `floor.c`.

    :raises Missing: no compiler, or no headers of expat and SQLite
    """
    program = work / "floor"
    command = ["cc", "-O2", "-o", str(program), str(HERE / "floor.c"), "-lexpat", "-lsqlite3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"floor.c cannot be built; on Debian: apt-get install {' '.join(LIBRARIES)}\n{done.stderr[:500]}")
    return program


def run(program: Path, *words: str | Path) -> Floor:
    """Run a program to its end."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([program, *words], check=True, capture_output=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Floor(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


@contextmanager
def nginx(root: Path, work: Path) -> Iterator[tuple[int, int]]:
    """nginx with two workers and the files of a directory; its port and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = f"user {pwd.getpwuid(os.geteuid()).pw_name};" if os.geteuid() == 0 else ""
    place = work / "nginx"
    (place / "tmp").mkdir(parents=True, exist_ok=True)
    temporary = "\n".join(
        f"{kind}_temp_path {place}/tmp;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (place / "nginx.conf").write_text(
        f"""daemon off; {user} worker_processes 2; pid {place}/pid; error_log {place}/error.log;
        events {{ worker_connections 64; }}
        http {{ access_log off; sendfile on; tcp_nopush on; {temporary}
        server {{ listen 127.0.0.1:{port}; root {root}; }} }}"""
    )
    process = subprocess.Popen(["nginx", "-c", place / "nginx.conf", "-e", place / "error.log", "-p", place])
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)
