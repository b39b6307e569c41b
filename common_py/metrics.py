"""Metrics of a program: its counters and gauges are made in one place, under one prefix, in one registry.

The words are OpenTelemetry's: a meter makes instruments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

PREFIX = "wallarm_"
"""Of every metric that the product's users know from its documents."""


@dataclass(frozen=True)
class Meter:
    """Makes instruments named ``prefix`` + name and registers them when it makes them.

    Labels never hold what a client sent: each of their values is kept for the life of the program.
    """

    prefix: str = PREFIX
    registry: CollectorRegistry = field(default=REGISTRY)

    def counter(self, name: str, help: str, *labels: str) -> Counter:
        """What only grows; it appears as ``name`` with the suffix ``_total``."""
        return Counter(self.prefix + name, help, labels, registry=self.registry)

    def gauge(self, name: str, help: str, read: Callable[[], float] | None = None) -> Gauge:
        """What goes up and down. With ``read`` its value is read when somebody asks for it."""
        gauge = Gauge(self.prefix + name, help, registry=self.registry)
        if read is not None:
            gauge.set_function(read)
        return gauge

    def histogram(self, name: str, help: str, *labels: str) -> Histogram:
        """How values are distributed."""
        return Histogram(self.prefix + name, help, labels, registry=self.registry)
