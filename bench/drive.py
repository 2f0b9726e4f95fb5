"""One request to a server, measured: wall time, processor time and memory of the server's whole family of processes."""

import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PIECE = 1 << 20
CONTENT_TYPE = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds until the first and the last byte of the answer, processor seconds of the server, MiB of its largest
    process at most during the request, and the answer."""

    wall_s: float
    first_byte_s: float
    cpu_s: float
    rss_mib: float
    status: int
    size: int
    begin: bytes
    records: int

    @property
    def code(self) -> str:
        """The result code, or what stands in its place."""
        found = re.search(rb"resultCode>([^<]*)<", self.begin)
        return found[1].decode() if found else f"HTTP {self.status}"

    @property
    def told(self) -> str:
        """The description."""
        found = re.search(rb"resultDescription>([^<]*)<", self.begin)
        return found[1].decode() if found else ""


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                stat = (entry / "stat").read_text()
                children.setdefault(int(stat[stat.rindex(")") + 2 :].split()[1]), []).append(int(entry.name))
    found, left = [], [pid]
    while left:
        each = left.pop()
        found.append(each)
        left += children.get(each, [])
    return found


def cpu_seconds(pids: list[int]) -> float:
    """What these processes, and their children that ended, have used so far."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text()
            fields = stat[stat.rindex(")") + 2 :].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS


def forget_peaks(pids: list[int]) -> None:
    """Let each process begin to count its peak of memory anew."""
    for pid in pids:
        with suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mib(pids: list[int]) -> float:
    """The peak of memory of the largest."""
    peaks = [0]
    for pid in pids:
        with suppress(OSError):
            found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
            peaks += [int(found[1])] if found else []
    return max(peaks) / 1024


def resident_mib(pids: list[int]) -> float:
    """The memory of the largest now."""
    sizes = [0]
    for pid in pids:
        with suppress(OSError):
            found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
            sizes += [int(found[1])] if found else []
    return max(sizes) / 1024


def head(host: str, path: str, size: int, headers: str = "") -> bytes:
    """The head of a POST."""
    return (
        f'POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {CONTENT_TYPE}\r\nSOAPAction: ""\r\n'
        f"Content-Length: {size}\r\nConnection: close\r\n{headers}\r\n"
    ).encode()


def post(port: int, path: str, body: bytes | Path, pid: int, headers: str = "", counted: bytes = b"") -> Measured:
    """POST to a server of ours; the answer is read as fast as it comes. ``counted`` is what to count in it."""
    data = body.read_bytes() if isinstance(body, Path) else body
    return exchange(port, head(f"127.0.0.1:{port}", path, len(data), headers), data, pid, counted)


def get(port: int, path: str, pid: int) -> Measured:
    """GET from any server."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
    return exchange(port, request, b"", pid)


@contextmanager
def newcomers(pid: int) -> Iterator[list[float]]:
    """The peak of memory, in MiB, of what the process begins during the block, in a list of one."""
    known, peak, over = set(family(pid)), [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            peak[0] = max(peak[0], peak_mib([each for each in family(pid) if each not in known]))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield peak
    finally:
        over.set()
        watching.join()


def exchange(port: int, request: bytes, body: bytes, pid: int, counted: bytes = b"") -> Measured:
    """Send, read to the end, measure."""
    pids = family(pid)
    forget_peaks(pids)
    cpu = cpu_seconds(pids)
    start = time.perf_counter()
    first = 0.0
    size, begin, records, last = 0, b"", 0, b""
    buffer = bytearray(PIECE)
    with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(request)
        with suppress(OSError):
            connection.sendall(body)
        while got := connection.recv_into(buffer):
            if not size:
                first = time.perf_counter() - start
            size += got
            if len(begin) < 4096:
                begin += bytes(buffer[:got])[:4096]
            if counted:
                piece = last + bytes(buffer[:got])
                records += piece.count(counted)
                last = piece[len(piece) - len(counted) + 1 :]
    wall = time.perf_counter() - start
    status = int(begin.split(None, 2)[1]) if begin else 0
    pids = family(pid)
    return Measured(wall, first, cpu_seconds(pids) - cpu, peak_mib(pids), status, size, begin, records)
