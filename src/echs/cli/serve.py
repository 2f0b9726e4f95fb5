"""``echs serve``: the server, gunicorn with threads."""

import fcntl
import logging
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Any

import click
import pysqlite3.dbapi2 as sqlite
from gunicorn.app.base import BaseApplication

from echs import __version__
from echs.base.database import Database
from echs.base.instances import registered, running
from echs.base.store_file import FileIdentity
from echs.cli.app_context import require_ready
from echs.cli.output import this_command
from echs.config.app_context import open_app_context
from echs.config.settings import Settings, read_settings
from echs.maintenance import schema
from echs.maintenance.doctor import LEAST_SQLITE
from echs.partners import queries
from echs.protocols.ochp02.contracts import CONTRACTS
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.serving import application, logs
from echs.serving.gunicorn_arbiter import GunicornArbiter
from echs.serving.gunicorn_worker import GunicornWorker
from echs.serving.health import Draining
from echs.serving.logs import ServerLogger
from echs.serving.metrics import forget_worker
from echs.serving.request_middleware import RequestMiddleware

log = logging.getLogger(__name__)

SHARED_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn's heartbeat, the metrics
METRICS, LOCK = "echs-metrics-", "lock"
# What is in flight when the server is stopped has this long; the operations themselves end within 25 s.
GRACE_SECONDS = 35
WILDCARDS = ("0.0.0.0", "[::]", "")  # noqa: S104 - recognised, not bound


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn, told everything here; the context is opened in each worker, after the fork."""

    def __init__(
        self,
        options: dict[str, Any],
        public_url: str,
        settings: Settings,
        shared: Path,
        store_file: FileIdentity | None,
        *,
        has_job_worker: bool,
    ) -> None:
        self.has_job_worker = has_job_worker
        self.options = options
        self.public_url = public_url
        self.store_file = store_file
        self.request_seconds = settings.max_request_seconds
        self.drain_seconds = settings.drain_seconds
        self.upload_seats = settings.max_uploads
        self.has_terminal = sys.stdin is not None and sys.stdin.isatty()
        self.shared = shared
        self.draining = Draining()
        super().__init__()

    def run(self) -> None:
        """Serve until the end."""
        GunicornArbiter(self).run()

    def load_config(self) -> None:
        """Take over our options."""
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> RequestMiddleware:
        """The application, in a worker."""
        return application.from_environment(self.public_url, self.shared, self.draining, self.store_file)


@click.command("serve")
@click.option("--bind", default="127.0.0.1:8080", show_default=True, metavar="HOST:PORT", help="Address to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Number of worker processes.")
@click.option(
    "--threads", type=click.IntRange(1, 256), default=8, show_default=True, help="Threads per worker process."
)
@click.option(
    "--job-worker/--no-job-worker", default=True, show_default=True, help="Also start a job worker, like `echs work`."
)
def command(bind: str, workers: int, threads: int, job_worker: bool) -> None:
    """Run the server until it is stopped. An empty SQLite store is given its tables.

    Put a TLS proxy in front of it before exposing it to partners.
    """
    host, _, port = bind.rpartition(":")
    if ":" not in bind or not port.isdigit() or int(port) > 65535:
        raise click.UsageError(f"--bind {bind}: must be HOST:PORT, as in 127.0.0.1:8080")
    reachable = f"http://{'127.0.0.1' if host in WILDCARDS else host}:{port}"
    settings = read_settings()
    refuse_taken(host, int(port), bind, settings.data_dir)
    logs.configure(settings.log_level, settings.log_format)
    context = open_app_context(settings, public_url=reachable)
    prepare(context.database)
    paths = " and ".join(context.public_url + contract.path for contract in CONTRACTS)
    newer = context.public_url + PUBLISHED.service_path
    announce(f"eCHS {__version__} serves OCHP 0.2 at {paths}, OCHP 1.4 at {newer} (WSDL: ?wsdl)")
    announce(f"store: {context.database.url.render_as_string(hide_password=True)}")
    if settings.public_url is None and host in WILDCARDS:
        announce("set ECHS_PUBLIC_URL to the address that partners use: the WSDL and statement links contain it")
    if not queries.all_partners(context):
        announce("no partners are enrolled yet; in another terminal, with the same settings, run:")
        announce(f'  {this_command()} partner add USER_ID --name "Company" --operator ID --provider ID')
        announce(f'  {this_command()} partner add USER_ID --name "Clearing office" --administrator')
    public_url, store_file = context.public_url, context.database.file
    context.database.close()
    with registered(settings.data_dir, bind) as others, shared_directory() as shared:
        for other in others:
            announce(
                f"another server uses the same data directory: {other}; intended only for servers that share a database"
            )
        options = gunicorn_options(bind, workers, threads, shared)
        Server(options, public_url, settings, shared, store_file, has_job_worker=job_worker).run()


@contextmanager
def shared_directory() -> Iterator[Path]:
    """A directory in which the workers of this server count together, gone with the server.

    Workers are born inside of this block and leave through it too: only who made the directory deletes it. Those of
    servers that were killed, and so could not, are known by the lock that nobody holds any more.
    """
    parent, maker = Path(SHARED_MEMORY or gettempdir()), os.getpid()
    for left in parent.glob(f"{METRICS}*"):
        with suppress(OSError), (left / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
    # It gets the name by which it is looked for when it is locked, so that nobody else takes it for one of the dead.
    unlocked = Path(mkdtemp(prefix=f".{METRICS}", dir=parent))
    directory = parent / unlocked.name.removeprefix(".")
    with (unlocked / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        unlocked.rename(directory)
        try:
            yield directory
        finally:
            if os.getpid() == maker:
                shutil.rmtree(directory, ignore_errors=True)


def gunicorn_options(bind: str, workers: int, threads: int, shared: Path) -> dict[str, Any]:
    """How gunicorn is run."""
    return {
        "bind": bind,
        "workers": workers,
        "threads": threads,
        "worker_class": GunicornWorker,
        "timeout": 120,
        "graceful_timeout": GRACE_SECONDS,
        "keepalive": 30,
        "logger_class": ServerLogger,
        "proc_name": "echs",
        "control_socket_disable": True,
        # No header changes what we take for the path or the scheme, whoever sends it.
        "forwarded_allow_ips": "",
        "worker_tmp_dir": SHARED_MEMORY,
        # The metrics library looks for its directory in the environment of each worker.
        "raw_env": [f"PROMETHEUS_MULTIPROC_DIR={shared}"],
        "child_exit": lambda _server, worker: forget_worker(shared, worker.pid),
    }


def announce(sentence: str) -> None:
    """Say how the server begins: to a person on a terminal, or as a line of the log, where every line is JSON."""
    if logs.writes_json():
        log.info(sentence)
    else:
        click.echo(sentence, err=True)


def refuse_taken(host: str, port: int, bind: str, data_dir: Path) -> None:
    """Say at once that somebody listens there, and who if it is one of ours, instead of letting gunicorn try."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            ours = next(
                (f"; an eCHS server is listening there: {each}" for each in running(data_dir) if each.bind == bind), ""
            )
            raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}{ours}") from None


def prepare(database: Database) -> None:
    """Give an empty SQLite store its tables; refuse any other that is not ready, and a SQLite that can lose data."""
    if database.is_sqlite and sqlite.sqlite_version_info < LEAST_SQLITE:
        found, least = sqlite.sqlite_version, ".".join(map(str, LEAST_SQLITE))
        raise click.ClickException(f"SQLite {found} can lose data; install the locked requirements, {least} or newer")
    if database.is_sqlite and schema.current(database) is None:
        schema.upgrade(database)
        announce("the store was empty; its tables have been created")
    require_ready(database)
