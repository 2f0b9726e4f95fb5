"""A metric that is counted while requests are answered; declared beside the code that counts it.

`echs.base.request_context` takes counts for the present request; `echs.serving.metrics` adds them up over all workers.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: ``kind`` is counter, gauge or histogram; the name is without its prefix ``echs_``."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
