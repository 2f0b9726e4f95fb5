"""``echs work``: the worker that performs jobs."""

import os
import signal
import socket
import threading

import click
from rich.progress import Progress

from echs.base.plural import counted
from echs.cli.app_context import ready_context
from echs.cli.output import console, say
from echs.config.settings import read_settings
from echs.delivery import queue
from echs.delivery.job import JobState
from echs.delivery.worker import LEASE_SECONDS, POLL_SECONDS, Worker
from echs.serving import logs

PARENT_SECONDS = 1.0


@click.command("work")
@click.option("--once", is_flag=True, help="Run the jobs due now, then exit; exit code 1 if a job failed.")
@click.option(
    "--lease-seconds",
    type=click.FloatRange(1, 86_400),
    default=LEASE_SECONDS,
    show_default=True,
    help="Seconds until another worker takes over the job of a dead worker.",
)
@click.option("--parent", type=int, hidden=True, help="End when this process is no longer the parent.")
def command(once: bool, lease_seconds: float, parent: int | None) -> None:
    """Run jobs until stopped: create the statements of new clearing runs. `echs serve` starts a worker automatically.

    Any number of workers may share a database. A worker that dies leaves its job to the next one.
    """
    settings = read_settings()
    logs.configure(settings.log_level, settings.log_format)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if parent is not None:
        threading.Thread(target=end_with, args=(parent, stopping), daemon=True).start()
    context = ready_context()
    name = f"{socket.gethostname()}:{os.getpid()}"
    worker = Worker(context, name, stopping, lease_seconds, POLL_SECONDS)
    if not once:
        worker.run()
        return
    worker.plan()
    waiting = len(queue.jobs(context, JobState.WAITING))
    out = console()
    out.stderr = True
    with Progress(console=out, transient=True) as progress:
        task = progress.add_task("jobs", total=waiting)
        count = worker.drain(lambda _job: progress.advance(task))
    left = sum(1 for job in queue.jobs(context) if job.error and job.finished_at is None)
    say(f"{counted(count, 'attempt')} made" + (f"; {counted(left, 'job')} failed: see echs job list" if left else ""))
    if left:
        raise click.exceptions.Exit(1)


def end_with(parent: int, stopping: threading.Event) -> None:
    """Stop when the process that started this one is gone, however it went."""
    while os.getppid() == parent:
        if stopping.wait(PARENT_SECONDS):
            return
    stopping.set()
