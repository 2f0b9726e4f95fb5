"""What is being carried out right now: one request, or one command, with its id, who is behind it and from where.

The log writes it beside every line, and the audit trail beside every entry, so that nobody has to hand it through.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field

from echs.base.ids import new_request_id
from echs.base.metrics import Metric

COMMAND = "command"


@dataclass
class RequestContext:
    """A request on its way, or a command.

    ``channel`` is ``soap-1.1``, ``soap-1.2``, ``http`` or ``command``. ``actor`` is the user id of the partner, once it
    is proven, or for a command the user of the system. ``origin`` is the address of the client, or for
    a command the name of the host. ``certificate`` is the SHA-256 of the client's certificate, where it showed one.
    """

    request_id: str = field(default_factory=new_request_id)
    channel: str = ""
    origin: str = ""
    actor: str = ""
    certificate: str = ""
    # What was asked for and what came of it, for the log and the metrics.
    operation: str = ""
    result: str = ""
    received_bytes: int = 0
    # When its work must end, by `time.monotonic`; None where it may take as long as it likes.
    deadline: float | None = None
    # Number and hash of the entry in the audit trail that it led to.
    audited: str = ""
    # The same, as long as its transaction may still fail.
    entering: str = ""
    counts: list[tuple[Metric, tuple[str, ...], float]] = field(default_factory=list)

    def entered(self, *, committed: bool) -> None:
        """The transaction with the entry is over."""
        if committed and self.entering:
            self.audited = self.entering
        self.entering = ""

    def count(self, metric: Metric, *labels: str, amount: float = 1) -> None:
        """Add to a counter when the request has been answered."""
        self.counts.append((metric, labels, amount))


_present: ContextVar[RequestContext | None] = ContextVar("echs_trace", default=None)


def begin(trace: RequestContext) -> RequestContext:
    """From here on this is what is being carried out, in this thread."""
    _present.set(trace)
    return trace


def end() -> None:
    """Nothing is being carried out any more: what this thread does next belongs to something else."""
    _present.set(None)


def present() -> RequestContext | None:
    """What is being carried out; None where nobody said."""
    return _present.get()


def current() -> RequestContext:
    """What is being carried out, begun now where nobody has."""
    return _present.get() or begin(RequestContext())
