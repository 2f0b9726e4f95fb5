"""Metrics that are counted while requests are answered, correct over several workers.

Each worker counts in a file of its own, in a directory that the workers of one server share; whoever is asked adds
them up. What follows from the store alone is not counted here but looked up, in `echs.serving.store_metrics`.
"""

import logging
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from echs.base.metrics import Metric
from echs.cdrs.intake import CDRS_RECEIVED
from echs.lists.keyed_list import LIST_RECORDS_RECEIVED
from echs.partners.login import LOGINS_REFUSED
from echs.partners.verified_passwords import PASSWORDS_CHECKED
from echs.protocols.operation import STORE_ERRORS

log = logging.getLogger(__name__)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0)


REQUESTS = Metric(
    "requests_total",
    "counter",
    ("operation", "channel", "result"),
    "Requests by result: `ok`, or the reason of the failure.",
)
DURATION = Metric(
    "request_duration_seconds",
    "histogram",
    ("operation",),
    "Time from request headers to last response byte.",
)
IN_FLIGHT = Metric("requests_in_flight", "gauge", (), "Requests in progress.")
RECEIVED = Metric("received_bytes_total", "counter", ("operation",), "Bytes of request bodies, as received.")
SENT = Metric("sent_bytes_total", "counter", ("operation",), "Bytes of responses, as sent.")
CUT = Metric("requests_cut_total", "counter", (), "Requests that exceeded their time limit; the connection was closed.")
CONNECTIONS = Metric("store_connections", "gauge", (), "Store connections in use.")

METRICS = (
    REQUESTS,
    DURATION,
    IN_FLIGHT,
    RECEIVED,
    SENT,
    CDRS_RECEIVED,
    LIST_RECORDS_RECEIVED,
    STORE_ERRORS,
    LOGINS_REFUSED,
    PASSWORDS_CHECKED,
    CUT,
    CONNECTIONS,
)


class Metrics:
    """The metrics of one process. ``directory`` is where the workers of a server share them; None for one process."""

    def __init__(self, directory: Path | None = None) -> None:
        # Loaded here and no sooner: the library looks once, when it is loaded, whether there is such a directory.
        import prometheus_client as prometheus

        self.directory = directory
        self.registry = prometheus.CollectorRegistry()
        self._collectors: dict[Metric, Any] = {}
        for metric in METRICS:
            name = f"echs_{metric.name}"
            extra: dict[str, Any] = {}
            make: Callable[..., Any] = prometheus.Counter
            if metric.kind == "gauge":
                make, extra = prometheus.Gauge, {"multiprocess_mode": "livesum"}
            elif metric.kind == "histogram":
                make, extra = prometheus.Histogram, {"buckets": SECONDS}
            self._collectors[metric] = make(name, metric.help, metric.labels, registry=self.registry, **extra)
        self._child = cache(self._labelled)
        self.mute = directory is not None and not allocated(directory)
        if self.mute:
            log.warning("no space for metrics; this worker does not count")

    def _labelled(self, metric: Metric, labels: tuple[str, ...]) -> Any:
        made = self._collectors[metric]
        return made.labels(*labels) if labels else made

    def add(self, metric: Metric, *labels: str, amount: float = 1) -> None:
        """Add to a counter or a gauge."""
        if amount and not self.mute:
            self._child(metric, labels).inc(amount)

    def set(self, metric: Metric, *labels: str, value: float) -> None:
        """Set a gauge to a value."""
        if not self.mute:
            self._child(metric, labels).set(value)

    def observe(self, metric: Metric, *labels: str, value: float) -> None:
        """Enter a value into a histogram."""
        if not self.mute:
            self._child(metric, labels).observe(value)

    def text(self, others: Any = None) -> bytes:
        """Everything in the text format of Prometheus; ``others`` is a collector whose gauges are added."""
        import prometheus_client as prometheus
        from prometheus_client import multiprocess

        registry = self.registry
        if self.directory is not None:
            registry = prometheus.CollectorRegistry()
            collector: Any = multiprocess.MultiProcessCollector
            collector(registry, path=str(self.directory))
        text: bytes = prometheus.generate_latest(registry)
        if others is not None:
            looked_up = prometheus.CollectorRegistry()
            looked_up.register(others)
            text += prometheus.generate_latest(looked_up)
        return text


def allocated(directory: Path) -> bool:
    """Have the files of this process really take their room: to write into one that has none would kill the process."""
    try:
        for file in directory.glob(f"*_{os.getpid()}.db"):
            with file.open("r+b") as opened:
                os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
    except OSError:
        return False
    return True


def forget_worker(directory: Path, pid: int) -> None:
    """A worker is gone: what it had in flight counts no more."""
    from prometheus_client import multiprocess

    forget: Any = multiprocess.mark_process_dead
    forget(pid, str(directory))
