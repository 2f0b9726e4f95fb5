"""Which servers use a data directory: each has a file there that it keeps locked as long as it, or a worker, lives."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

DIRECTORY = "servers"


@dataclass(frozen=True, slots=True)
class Instance:
    """A server: its process id, the name of its host, and where it listens."""

    pid: int
    host: str
    bind: str

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host}, at {self.bind}"


@contextmanager
def registered(data_dir: Path, bind: str) -> Iterator[list[Instance]]:
    """A block in which this process is known as a server on the data directory; gives the others that there are.

    Processes that are born in the block keep it known until the last of them has ended.
    """
    directory = data_dir / DIRECTORY
    directory.mkdir(mode=0o700, exist_ok=True)
    others = running(data_dir)
    mine = Instance(os.getpid(), socket.gethostname(), bind)
    file = directory / f"{mine.host}-{mine.pid}.json"
    with file.open("w", encoding="utf-8") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        opened.write(json.dumps(asdict(mine)))
        opened.flush()
        try:
            yield others
        finally:
            if os.getpid() == mine.pid:
                file.unlink(missing_ok=True)


def running(data_dir: Path) -> list[Instance]:
    """The servers on this data directory. What a server that was killed left behind is removed."""
    found = []
    for file in sorted((data_dir / DIRECTORY).glob("*.json")):
        with suppress(OSError, ValueError, TypeError), file.open("r+", encoding="utf-8") as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append(Instance(**json.loads(opened.read())))
            else:
                file.unlink(missing_ok=True)
    return found
