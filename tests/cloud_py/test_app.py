"""What the application does beside answering: it looks at its disk, and its retention reaches the metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from cloud_py import app
from cloud_py.services import Services
from tests.cloud_py.samples import SECOND, START, make_hit


def wait_for(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_a_full_disk_is_told_by_ready_and_once_by_the_log(services: Services, monkeypatch: pytest.MonkeyPatch):
    logged: list[str] = []
    monkeypatch.setattr(app, "WATCH", 0.01)
    monkeypatch.setattr(app, "_log", SimpleNamespace(warning=logged.append))
    with TestClient(app.build(services)) as client:
        wait_for("ready", lambda: client.get("/ready").status_code == 200)
        services.store._free_bytes = 1 << 60
        wait_for("not ready", lambda: client.get("/ready").status_code == 503)
        problems = client.get("/ready").json()["problems"]
        assert list(problems) == ["disk"]
        assert "retention.free_bytes" in problems["disk"]
        services.store._free_bytes = 1
        wait_for("ready again", lambda: client.get("/ready").status_code == 200)
    assert logged == [problems["disk"], "The database's disk has room again: hits are taken."]


def test_what_retention_removes_is_counted_by_cause(services: Services):
    services.store.add([make_hit("a"), make_hit("b", at=10**6 + 5)], START)
    services.store._max_hits = 0
    services.clock = lambda: START + (10**6 + 1) * SECOND
    with TestClient(app.build(services, retention_interval=0.01)) as client:
        wait_for("both gone", lambda: "wallarm_cloud_nodes_removed_total 1.0" in client.get("/metrics").text)
        wait_for("counted", lambda: 'hits_removed_total{cause="count"} 1.0' in client.get("/metrics").text)
        text = client.get("/metrics").text
        assert 'wallarm_cloud_hits_removed_total{cause="age"} 1.0' in text
        assert 'wallarm_cloud_hits_removed_total{cause="bytes"} 0.0' in text
        assert f"wallarm_cloud_store_bytes {services.store.size}.0" in text
        assert services.store.size > 0
