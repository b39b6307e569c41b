"""What a meter makes, seen in the exposition."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from common_py.metrics import Meter


def test_instruments_appear_under_the_prefix() -> None:
    registry = CollectorRegistry()
    meter = Meter("own_", registry)
    meter.counter("hits", "Hits.", "cause").labels("a").inc(2)
    meter.gauge("now", "Now.").set(3)
    meter.histogram("seconds", "Seconds.", "route").labels("/").observe(0.5)
    assert registry.get_sample_value("own_hits_total", {"cause": "a"}) == 2
    assert registry.get_sample_value("own_now") == 3
    assert registry.get_sample_value("own_seconds_sum", {"route": "/"}) == 0.5


def test_a_gauge_may_be_read_when_it_is_asked_for() -> None:
    registry, waiting = CollectorRegistry(), [1]
    Meter(registry=registry).gauge("queue", "Waiting.", lambda: len(waiting))
    waiting.append(2)
    assert registry.get_sample_value("wallarm_queue") == 2


def test_a_name_is_taken_once() -> None:
    meter = Meter(registry=CollectorRegistry())
    meter.gauge("queue", "Waiting.")
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        meter.gauge("queue", "Waiting.")
