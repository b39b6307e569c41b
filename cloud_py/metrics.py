"""What the cloud counts, in a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Counters and gauges, ``wallarm_cloud_…``. Labels never hold what a client sent."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.hits_stored = self._counter("hits_stored", "Hits stored.")
        self.hits_known = self._counter("hits_known", "Hits received again and not stored twice.")
        self.hits_rejected = self._counter("hits_rejected", "Hit batches refused.", "cause")
        self.hits_removed = self._counter("hits_removed", "Hits removed by retention.", "cause")
        self.facets_dropped = self._counter("facets_dropped", "Distinct values above an attack's limit, not stored.")
        self.event_clients_dropped = self._counter("event_clients_dropped", "Event listeners turned away.", "cause")
        self.logins = self._counter("logins", "Logins to the console.", "result")
        self.retention_failures = self._counter("retention_failures", "Passes of the retention that failed.")
        self.requests = self._counter("requests", "Requests answered.", "route", "status")
        self.seconds = Histogram(
            "wallarm_cloud_request_seconds", "Time to the end of an answer.", ["route"], registry=self.registry
        )
        self.hits = Gauge("wallarm_cloud_hits", "Hits stored now.", registry=self.registry)
        self.event_clients = Gauge("wallarm_cloud_event_clients", "Event listeners now.", registry=self.registry)

    def _counter(self, name: str, help: str, *labels: str) -> Counter:
        return Counter(f"wallarm_cloud_{name}_total", help, labels, registry=self.registry)
