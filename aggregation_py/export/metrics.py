"""Metrics of the export, under the names that the product's users know where it has one."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import REGISTRY, CollectorRegistry

from common_py.contracts import Hit, Summary
from common_py.metrics import Meter
from common_py.stream import CountedStream

NANOSECONDS = 1e9


class Metrics:
    """Registered in ``registry`` when made. ``export_*`` are read when somebody asks; ``clock``: Unix time, s."""

    def __init__(
        self,
        hits: CountedStream[Hit],
        summaries: CountedStream[Summary],
        registry: CollectorRegistry = REGISTRY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        meter = Meter(registry=registry)
        self._clock = clock
        self._oldest: Hit | None = None
        self.api_errors = meter.gauge("api_errors", "Requests to the cloud that it did not take.")
        self.exported = meter.counter("export_hits", "Hits that the cloud took.")
        self.rejected = meter.counter("export_rejected", "Hits that the cloud refused for good.")
        self.shutdown = meter.counter("export_shutdown", "Hits still waiting when the program ended.")
        self.summaries = meter.counter("summaries", "Summaries read from the stream.")
        meter.gauge("export_delay", "Seconds since the oldest hit that waits for the cloud was captured.", self._delay)
        meter.gauge("export_queue", "Hits that wait for the cloud.", lambda: len(hits))
        meter.gauge("export_drops", "Hits pushed out of the stream unread.", lambda: hits.dropped)
        meter.gauge("export_drops_flag", "1 when hits have been pushed out.", lambda: float(hits.dropped > 0))
        meter.gauge("summaries_drops", "Summaries pushed out unread.", lambda: summaries.dropped)

    def waiting(self, oldest: Hit) -> None:
        """``oldest`` is about to be sent, and goes before all others."""
        self._oldest = oldest

    def delivered(self) -> None:
        """What was read has been sent."""
        self._oldest = None

    def _delay(self) -> float:
        if self._oldest is None:
            return 0.0
        return max(0.0, self._clock() - self._oldest.exchange.start / NANOSECONDS)
