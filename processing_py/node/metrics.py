"""The node's metrics, under the names that the product's users know: gauges with the prefix ``wallarm_``.

What the product has no name for is a counter of its own: losses by cause, batches by answer.
"""

from __future__ import annotations

import signal
import time

from prometheus_client import REGISTRY, CollectorRegistry

from common_py.ledger import Ledger
from common_py.metrics import Meter
from processing_py.node.messages import Reply

SEGFAULTS = frozenset({-signal.SIGSEGV, -signal.SIGBUS})
MEMFAULTS = frozenset({-signal.SIGKILL})
"""The kernel's out-of-memory killer sends SIGKILL, and so does the node to a stuck worker."""


class Metrics:
    """Registered in ``registry`` when made."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        meter = Meter(registry=registry)
        self.requests = meter.gauge("requests", "Requests inspected.")
        self.attacks = meter.gauge("attacks", "Attacks found: hits.")
        self.abnormal = meter.gauge("abnormal", "Requests with at least one attack.")
        self.requests_lost = meter.gauge("requests_lost", "Requests not inspected, or whose hits were pushed out.")
        self.overlimits_time = meter.gauge("overlimits_time", "Requests whose inspection ended at a limit.")
        self.segfaults = meter.gauge("segfaults", "Workers that ended by a segmentation fault.")
        self.memfaults = meter.gauge("memfaults", "Workers that were killed: out of memory, or stuck.")
        self.time_detect_seconds = meter.gauge("time_detect_seconds", "Seconds spent in detection.")
        self.startid = meter.gauge("startid", "Unix time in seconds when the node started.")
        self.in_flight = meter.gauge("batches_in_flight", "Batches received and not yet answered.")
        self.startid.set(int(time.time()))
        self._losses = meter.counter("losses", "What was lost, by cause.", "cause", "unit")
        self._batches = meter.counter("batches", "Batches by status of the answer.", "status")
        self._restarts = meter.counter("worker_ends", "Workers that ended and were started again.")
        self._interrupted = meter.counter(
            "exchanges_interrupted",
            "Exchanges in flight when a node was killed: not acknowledged, so agents send them again.",
        )

    def inherited(self, ledger: Ledger) -> None:
        """What nodes before this one lost when they were killed, since there has been a ledger."""
        self.lost("killed", "hits", ledger.hits.killed)
        self.lost("killed", "summaries", ledger.summaries.killed)
        self._interrupted.inc(ledger.exchanges.killed)

    def replied(self, reply: Reply) -> None:
        """A batch was inspected."""
        self.requests.inc(reply.taken)
        self.attacks.inc(len(reply.hits))
        self.abnormal.inc(sum(1 for summary in reply.summaries if summary.attacks))
        self.overlimits_time.inc(reply.overlimits)
        self.time_detect_seconds.inc(reply.seconds)
        if reply.lost:
            self.lost("worker_ended", "exchanges", reply.lost)
            self.requests_lost.inc(reply.lost)

    def answered(self, status: int) -> None:
        """A batch was answered with an HTTP status."""
        self._batches.labels(str(status)).inc()

    def lost(self, cause: str, unit: str, count: int) -> None:
        """Something is gone for good."""
        self._losses.labels(cause, unit).inc(count)

    def worker_ended(self, code: int) -> None:
        """A worker ended with a return code as subprocess tells it."""
        self._restarts.inc()
        if code in SEGFAULTS:
            self.segfaults.inc()
        if code in MEMFAULTS:
            self.memfaults.inc()
