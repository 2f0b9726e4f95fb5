"""``echs`` in a process of its own, without the second and a half that Python needs to load it.

A starter, one for each process of pytest, has loaded everything but done nothing; asked for a command it forks, and the
child becomes what ``python -m echs ARGUMENTS`` would be: own session, own environment, own output. Most tests are about
a server that runs; how one comes up from nothing is tested by the demo, by the wheel and by the commands of the pages.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

# What reads the environment when it is loaded, and so must not be loaded before the fork.
NOT_YET = ("prometheus_client",)
MODULES = (
    "echs.cli",
    "echs.cli.serve",
    "echs.serving.application",
    "echs.protocols.ochp02.service",
    "psycopg",
    "zlib",
    "uuid",
)


class Process:
    """A started command, with what `subprocess.Popen` would offer of it."""

    def __init__(self, starter: "Starter", pid: int) -> None:
        self.pid = pid
        self._starter = starter

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._starter.ended.get(self.pid)

    def poll(self) -> int | None:
        with self._starter.news:
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        with self._starter.news:
            if not self._starter.news.wait_for(lambda: self.returncode is not None, timeout):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Starter:
    """The other end of the starting process."""

    def __init__(self) -> None:
        self.ended: dict[int, int] = {}
        self.news = threading.Condition()
        self._asking = threading.Lock()
        self._born: list[int] = []
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        threading.Thread(target=self._listen, name="starter", daemon=True).start()

    def _listen(self) -> None:
        for line in self._process.stdout:
            kind, pid, *code = line.split()
            with self.news:
                if kind == "born":
                    self.ended.pop(int(pid), None)  # of another with the same number, before
                    self._born.append(int(pid))
                else:
                    self.ended[int(pid)] = int(code[0])
                self.news.notify_all()

    def start(self, arguments: list[str], environment: dict[str, str], log: Path) -> Process:
        """Start ``echs ARGUMENTS`` with exactly this environment; what it prints is appended to ``log``."""
        asked = json.dumps({"arguments": arguments, "environment": environment, "log": str(log), "cwd": os.getcwd()})
        with self._asking:
            self._process.stdin.write(f"{asked}\n")
            self._process.stdin.flush()
            with self.news:
                assert self.news.wait_for(lambda: self._born or self._process.poll() is not None, 60)
                pid = self._born.pop()
        return Process(self, pid)


_starters: dict[int, Starter] = {}


def start(arguments: list[str], environment: dict[str, str], log: Path) -> Process:
    """As `Starter.start`, by the starter of this process."""
    if os.getpid() not in _starters:
        _starters[os.getpid()] = Starter()
    return _starters[os.getpid()].start(arguments, environment, log)


def become(asked: dict, close: list[int]) -> int:
    """In the child: be the command."""
    import tempfile

    os.setsid()
    for descriptor in close:
        os.close(descriptor)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    tempfile.tempdir = None
    output = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.close(nothing)
    sys.argv = [str(Path(sys.modules["echs"].__file__).parent / "__main__.py"), *asked["arguments"]]
    from echs.cli import main

    try:
        main()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    return 0


def leave(code: int) -> None:
    """End as an interpreter does: what is to be done at exit is done, what is printed is written."""
    import atexit

    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def serve_starts() -> None:
    """The starting process: a line for each command that is asked for, a line for each that ends."""
    import gc
    from importlib import import_module

    for name in MODULES:
        import_module(name)
    assert not any(name in sys.modules for name in NOT_YET)
    gc.collect()
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    told = os.fdopen(os.dup(1), "w", buffering=1)
    pending = b""
    while True:
        ready, _, _ = select.select([0, wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            print("ended", pid, os.waitstatus_to_exitcode(status), file=told)
        if 0 not in ready:
            continue
        data = os.read(0, 65536)
        if not data:
            return  # pytest has gone
        pending += data
        while b"\n" in pending:
            line, _, pending = pending.partition(b"\n")
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    code = become(json.loads(line), [wake_read, wake_write, told.fileno()])
                except BaseException:
                    import traceback

                    traceback.print_exc()
                leave(code)
            print("born", pid, file=told)


if __name__ == "__main__":
    serve_starts()
