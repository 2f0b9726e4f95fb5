"""Our gunicorn master: first it tells that it is leaving, and then it sees everybody out."""

import logging
import signal
import time

from gunicorn.arbiter import Arbiter

log = logging.getLogger(__name__)

IMPATIENT = (signal.SIGINT, signal.SIGQUIT)


class GunicornArbiter(Arbiter):  # type: ignore[misc]
    """On SIGTERM the server says for a while that it is not ready, and still serves: so load balancers send their next
    requests elsewhere. Only then it takes no more, finishes what is in flight, and ends.
    """

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
