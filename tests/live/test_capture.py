"""Real nginx over HTTP, TLS 1.2 and TLS 1.3: every request is in the output byte for byte, or counted as lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from common_py.contracts import Exchange
from demo.agent import Agent
from demo.nginx import Nginx
from tests.live.test_kill import wait_for
from tests.support.load import request
from tests.tiers import REPOSITORY

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


@dataclass(frozen=True)
class Series:
    """One client process: so many requests over one transport."""

    prefix: str
    version: str | None
    keep_alive: bool
    requests: int
    rate: float = 0.0


EVERY_TRANSPORT = (
    Series("plain-kept", None, True, 8000),
    Series("plain-new", None, False, 2500),
    Series("tls12-kept", "1.2", True, 4000),
    Series("tls12-new", "1.2", False, 800),
    Series("tls13-kept", "1.3", True, 4000),
    Series("tls13-new", "1.3", False, 800),
)
STEADY = tuple(
    Series(f"steady-{name}", version, keep_alive, int(rate * 6), rate)
    for name, version, keep_alive, rate in (
        ("plain-kept", None, True, 700),
        ("plain-new", None, False, 150),
        ("tls12-kept", "1.2", True, 500),
        ("tls12-new", "1.2", False, 75),
        ("tls13-kept", "1.3", True, 500),
        ("tls13-new", "1.3", False, 75),
    )
)
"""2,000 requests a second in all."""


def drive(nginx: Nginx, series: tuple[Series, ...]) -> int:
    """Send all series at the same time; each must get the answers it expects. Returns the number of requests."""
    clients = [subprocess.Popen(command(nginx, one), stdout=subprocess.PIPE, cwd=REPOSITORY) for one in series]
    outputs = [client.communicate(timeout=200)[0].split() for client in clients]
    assert outputs == [[str(one.requests).encode(), b"0"] for one in series]
    return sum(one.requests for one in series)


def command(nginx: Nginx, series: Series) -> list[str]:
    port = nginx.https_port if series.version else nginx.http_port
    arguments = ["--requests", str(series.requests), "--rate", str(series.rate), "--prefix", series.prefix]
    arguments += ["--keep-alive"] if series.keep_alive else []
    arguments += ["--tls", series.version] if series.version else []
    return [sys.executable, "-m", "tests.support.load", str(port), *arguments]


def check(exchange: Exchange, by_prefix: dict[str, Series]) -> tuple[str, int]:
    """Compare an exchange with what its client sent, byte for byte. Returns which it is."""
    prefix, number = exchange.request.target.decode().partition("?")[0].split("/")[2:4]
    series, known = by_prefix[prefix], request(prefix, int(number))
    got = exchange.request
    assert (got.method, got.target, got.headers, got.body, got.version) == (
        known.method,
        known.target,
        known.headers,
        known.body,
        "1.1",
    )
    assert exchange.response.status == known.status
    assert (exchange.tls.version if exchange.tls else None) == series.version
    assert exchange.client.address == "127.0.0.1"
    assert exchange.where.process == "nginx"
    return prefix, int(number)


def losses(metrics: dict[str, float]) -> dict[str, float]:
    """Every counter of a loss that is not zero."""
    return {name: value for name, value in metrics.items() if value and ("losses" in name or "lost" in name)}


def kernel_counters(metrics: dict[str, float]) -> dict[str, int]:
    """What the kernel's side has counted."""
    return {name.split('"')[1]: int(value) for name, value in metrics.items() if name.startswith("kernel_total")}


def test_every_request_is_seen_or_counted(nginx: Nginx, tmp_path: Path) -> None:
    # Rings that hold the whole load: on a busy machine too, what arrives does not depend on who is scheduled when.
    with Agent(tmp_path / "agent", mirror_pids=[nginx.pid], workers=2, ringbuf_pages=16384) as agent:
        sent = drive(nginx, EVERY_TRANSPORT)
        assert sent >= 20_000
        found = agent.settle(sent)
        metrics = agent.metrics()
    by_prefix = {series.prefix: series for series in EVERY_TRANSPORT}
    seen = Counter(check(exchange, by_prefix) for exchange in found if not exchange.incomplete)
    assert max(seen.values()) == 1, "an exchange came twice"
    lost = sum(value for name, value in losses(metrics).items() if 'unit="exchanges"' in name)
    print(f"sent {sent}, seen {len(seen)}, counted lost {lost:.0f}", losses(metrics))
    assert sent == len(seen) + lost


def test_nothing_is_lost_at_two_thousand_requests_a_second(nginx: Nginx, tmp_path: Path) -> None:
    with Agent(tmp_path / "agent", mirror_pids=[nginx.pid], workers=2) as agent:
        sent = drive(nginx, STEADY)
        found = agent.settle(sent)
        metrics = agent.metrics()
    by_prefix = {series.prefix: series for series in STEADY}
    seen = {check(exchange, by_prefix) for exchange in found}
    assert len(found) == len(seen) == sent
    assert losses(metrics) == {}


def test_what_the_ring_has_no_room_for_is_counted_exactly(nginx: Nginx, tmp_path: Path) -> None:
    """Small requests on kept connections: one read of nginx is one request is one chunk."""
    series = tuple(Series(f"small{number}", None, True, 6000) for number in range(2))
    with Agent(tmp_path / "agent", mirror_pids=[nginx.pid], ringbuf_pages=16) as agent:
        worker = agent.workers()[0]
        os.kill(worker, signal.SIGSTOP)
        clients = [
            subprocess.Popen([*command(nginx, one), "--no-bodies"], stdout=subprocess.PIPE, cwd=REPOSITORY)
            for one in series
        ]
        # However long the clients take to start, the ring is full before it is read.
        wait_for("the ring to be full", lambda: kernel_counters(agent.metrics())["lost_ring_full_ingress"] > 0)
        for _ in range(20):
            time.sleep(0.02)
            os.kill(worker, signal.SIGCONT)
            time.sleep(0.02)
            os.kill(worker, signal.SIGSTOP)
        os.kill(worker, signal.SIGCONT)
        assert [client.communicate(timeout=100)[0].split() for client in clients] == [[b"6000", b"0"]] * 2
        sent = sum(one.requests for one in series)
        kernel = kernel_counters(agent.metrics())
        # Its end hands out what still waits: a request whose response and whose connection's end were lost.
        agent.stop()
        found = agent.intake.exchanges()
    assert sent == len(found) + kernel["lost_ring_full_ingress"]
    for way in ("ingress", "egress"):
        assert kernel[f"moved_bytes_{way}"] >= kernel[f"captured_bytes_{way}"] + kernel[f"lost_ring_full_bytes_{way}"]
