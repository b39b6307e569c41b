"""/live, /ready and /metrics, from a thread and as ASGI."""

from __future__ import annotations

import socket

import pytest
import urllib3
from prometheus_client import CollectorRegistry, Gauge
from starlette.applications import Starlette
from starlette.testclient import TestClient

from common_py import health


def registry() -> CollectorRegistry:
    made = CollectorRegistry()
    Gauge("answers", "Answers.", registry=made).set(42)
    return made


def test_as_asgi() -> None:
    problems: dict[str, str] = {"ring": "not attached"}
    client = TestClient(Starlette(routes=list(health.routes(lambda: problems, registry()))))
    assert client.get("/live").status_code == 200
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["problems"]) == (503, problems)
    problems.clear()
    assert client.get("/ready").status_code == 200
    assert "answers 42.0" in client.get("/metrics").text


def test_from_a_thread() -> None:
    problems: dict[str, str] = {"ring": "not attached"}
    server = health.serve("127.0.0.1", 0, lambda: problems, registry())
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        with urllib3.PoolManager() as pool:
            assert pool.request("GET", f"{url}/live").json() == {"status": "ok", "problems": {}}
            answer = pool.request("GET", f"{url}/ready")
            assert (answer.status, answer.json()) == (503, {"status": "unready", "problems": problems})
            problems.clear()
            assert pool.request("GET", f"{url}/ready").status == 200
            assert b"answers 42.0" in pool.request("GET", f"{url}/metrics").data
            assert pool.request("GET", f"{url}/etc/passwd").status == 404
    finally:
        server.shutdown()
        server.server_close()


def test_a_connection_that_says_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "REQUEST_SECONDS", 0.05)
    server = health.serve("127.0.0.1", 0, dict, registry())
    try:
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=5) as client:
            client.sendall(b"GET /live")
            assert client.recv(100) == b""
    finally:
        server.shutdown()
        server.server_close()
