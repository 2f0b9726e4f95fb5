"""nginx with the site of deploy/nginx in front of a server, or of several, on loopback."""

import os
import socket
import ssl
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from cast import certificate_and_key
from programs import need

ROOT = Path(__file__).parents[2]
HOST = "echs.example.org"
AROUND = """
daemon off;
worker_processes 2;
pid {place}/nginx.pid;
error_log {place}/error.log warn;
events {{ worker_connections 2048; }}
http {{
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    include {place}/site.conf;
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy:
    """A running nginx; ``port`` speaks TLS, ``plain_port`` does not."""

    def __init__(self, upstream_port: int, place: Path, now, others: Sequence[int] = ()) -> None:
        self.place = place
        self.port, self.plain_port = free_port(), free_port()
        certificate, key = certificate_and_key(now, HOST)
        (place / "tls.crt").write_text(certificate)
        (place / "tls.key").write_text(key)
        site = subprocess.run(
            ["sh", str(ROOT / "deploy" / "nginx" / "site.sh"), HOST],
            env={
                "PATH": os.environ["PATH"],
                "ECHS_LISTEN_HTTPS": f"127.0.0.1:{self.port}",
                "ECHS_LISTEN_HTTP": f"127.0.0.1:{self.plain_port}",
                "ECHS_UPSTREAM": f"127.0.0.1:{upstream_port}",
                "ECHS_TLS_CERT": str(place / "tls.crt"),
                "ECHS_TLS_KEY": str(place / "tls.key"),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        first = next(line for line in site.splitlines() if line.strip().startswith(f"server 127.0.0.1:{upstream_port}"))
        more = [first.replace(f":{upstream_port} ", f":{port} ") for port in others]
        site = site.replace(first, "\n".join([first, *more]))
        (place / "site.conf").write_text(site.replace("/var/log/nginx", str(place)))
        (place / "nginx.conf").write_text(AROUND.format(place=place))
        self.process = subprocess.Popen([need("nginx", "nginx-light"), "-c", str(place / "nginx.conf")])
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, self.log
                time.sleep(0.05)
        raise AssertionError(self.log)

    @property
    def log(self) -> str:
        return (self.place / "error.log").read_text()

    @property
    def access_log(self) -> str:
        return (self.place / "access.log").read_text()

    def connect(
        self, source: str = "127.0.0.1", host: str = HOST, pair: tuple[Path, Path] | None = None, timeout: float = 30
    ) -> ssl.SSLSocket:
        """A TLS connection from one of this machine's own addresses; ``pair`` is a client's certificate and key."""
        context = ssl.create_default_context(cafile=str(self.place / "tls.crt"))
        context.check_hostname = host == HOST
        if pair is not None:
            context.load_cert_chain(*pair)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout, source_address=(source, 0))
        return context.wrap_socket(plain, server_hostname=host)

    def ask(self, path: str, *, method: str = "GET", body: bytes = b"", host: str = HOST, more: str = "", **connect):
        """One request; status, head and body of the answer."""
        with self.connect(host=host, **connect) as connection:
            head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}"
            if body:
                head += f"Content-Length: {len(body)}\r\nContent-Type: application/soap+xml; charset=utf-8\r\n"
            connection.sendall(head.encode() + b"\r\n" + body)
            data = b""
            while piece := connection.recv(65536):
                data += piece
        head, _, text = data.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), head.decode(), text

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
