"""What the cloud counts, in a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from common_py.metrics import PREFIX, Meter


class Metrics:
    """Counters and gauges, ``wallarm_cloud_…``. Labels never hold what a client sent."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        meter = Meter(f"{PREFIX}cloud_", self.registry)
        self.hits_stored = meter.counter("hits_stored", "Hits stored.")
        self.hits_known = meter.counter("hits_known", "Hits received again and not stored twice.")
        self.hits_rejected = meter.counter("hits_rejected", "Hit batches refused.", "cause")
        self.hits_removed = meter.counter("hits_removed", "Hits removed by retention.", "cause")
        self.nodes_removed = meter.counter("nodes_removed", "Processing nodes removed by retention.")
        self.facets_dropped = meter.counter("facets_dropped", "Distinct values above an attack's limit, not stored.")
        self.event_clients_dropped = meter.counter("event_clients_dropped", "Event listeners turned away.", "cause")
        self.logins = meter.counter("logins", "Logins to the console.", "result")
        self.retention_failures = meter.counter("retention_failures", "Passes of the retention that failed.")
        self.requests = meter.counter("requests", "Requests answered.", "route", "status")
        self.seconds = meter.histogram("request_seconds", "Time to the end of an answer.", "route")
        self.hits = meter.gauge("hits", "Hits stored now.")
        self.store_bytes = meter.gauge("store_bytes", "Bytes in use of SQLite's file; 0: another database.")
        self.event_clients = meter.gauge("event_clients", "Event listeners now.")
