"""Our gunicorn master: first it tells that it is leaving, and then it sees everybody out."""

import logging
import os
import signal
import subprocess
import sys
import time

from gunicorn.arbiter import Arbiter

log = logging.getLogger(__name__)

IMPATIENT = (signal.SIGINT, signal.SIGQUIT)
# A job worker that ends at once is not started again and again.
RESTART_SECONDS = 10.0
# What it may take to give its job back, or to finish it.
JOB_SECONDS = 5.0


class GunicornArbiter(Arbiter):  # type: ignore[misc]
    """On SIGTERM the server says for a while that it is not ready, and still serves: so load balancers send their next
    requests elsewhere. Only then it takes no more, finishes what is in flight, and ends.
    """

    job_worker: "subprocess.Popen[bytes] | None" = None
    started_at = float("-inf")

    def manage_workers(self) -> None:
        """Keep the workers running, and the job worker beside them."""
        super().manage_workers()
        if not self.app.has_job_worker or (self.job_worker is not None and is_running(self.job_worker.pid)):
            return
        if time.monotonic() - self.started_at < RESTART_SECONDS:
            return
        if self.job_worker is not None:
            log.warning("the job worker ended; starting it again")
        self.started_at = time.monotonic()
        command = [sys.executable, "-P", "-m", "echs", "work", "--parent", str(os.getpid())]
        self.job_worker = subprocess.Popen(command)  # noqa: S603 - ours, with nothing from outside

    def stop(self, graceful: bool = True) -> None:
        """Stop the workers and the job worker, which gives its job back."""
        if self.job_worker is not None:
            self.app.has_job_worker = False
            if is_running(self.job_worker.pid):
                self.job_worker.terminate()
        super().stop(graceful)
        if self.job_worker is not None:
            try:
                self.job_worker.wait(JOB_SECONDS if graceful else 0)
            except subprocess.TimeoutExpired:
                self.job_worker.kill()

    def handle_hup(self) -> None:
        """The terminal was closed: end, as whoever started the server there would expect. Without a terminal it is the
        usual wish to have new workers.
        """
        if self.app.has_terminal:
            raise StopIteration
        super().handle_hup()

    def handle_term(self) -> None:
        """Leave in order; SIGINT or SIGQUIT meanwhile makes it short."""
        self.app.draining.begin()
        seconds = self.app.drain_seconds
        log.info("stopping", extra={"drain_seconds": seconds})
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for number in self.wait_for_signals(timeout=min(left, 1.0)):
                if number in IMPATIENT:
                    self.handle_int()
                elif number == signal.SIGCHLD:
                    self.handle_chld()
            self.murder_workers()
            self.manage_workers()
        super().handle_term()


def is_running(pid: int) -> bool:
    """Whether a child of this process still runs; one that has ended is reaped, unless it was already."""
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return False
