"""A real server process: gunicorn with two workers, on a free port."""

import os
import signal
import socket
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import canary
import preloaded


class Server:
    """``echs serve`` as an operator starts it; can be killed and started again on the same port."""

    def __init__(self, environment: dict[str, str], log: Path, *, job_worker: bool = False) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ECHS_")}
        ours = {"ECHS_PUBLIC_URL": self.url, "ECHS_DRAIN_SECONDS": "0", "ECHS_LOG_LEVEL": "debug"}
        self.environment = {**inherited, **ours, **environment, "ECHS_PUBLIC_URL": self.url}
        self.log = log
        # Most tests have no use for the process that draws statements.
        self.job_worker = job_worker
        canary.written.add(log)
        self.process: preloaded.Process | None = None

    @property
    def service(self) -> str:
        return f"{self.url}/ochp/0.2"

    @property
    def wsdl(self) -> str:
        return f"{self.service}?wsdl"

    def start(self) -> None:
        jobs = "--job-worker" if self.job_worker else "--no-job-worker"
        arguments = ["serve", "--bind", f"127.0.0.1:{self.port}", jobs]
        self.process = preloaded.start(arguments, self.environment, self.log)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            try:
                with urlopen(self.wsdl, timeout=5):
                    return
            except (URLError, OSError):
                time.sleep(0.02)
        raise AssertionError(self.log.read_text())

    def start_again(self) -> None:
        """As a supervisor does when the master was killed: as soon as its orphans have left, which they do themselves."""
        self.wait_until_all_left()
        self.start()

    def wait_until_all_left(self) -> None:
        """Wait for every process of the server to be gone, and the address with it."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                break
            time.sleep(0.02)

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in text.split()]

    def open_files(self, pid: int) -> list[str]:
        """What a process has open."""
        found = []
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                found.append(os.readlink(link))
            except OSError:
                continue  # closed meanwhile
        return found

    def kill(self) -> None:
        """Everything at once, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.wait_until_all_left()

    def stop(self) -> int:
        """As an operator stops it; the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(40)
