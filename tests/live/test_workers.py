"""Several workers, and workers that stand still: one leaves the others alone, and nothing vanishes uncounted."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from common_py.contracts import Exchange
from demo.agent import Agent
from demo.nginx import Nginx
from tests.live.test_capture import Series, check, command, drive, kernel_counters, losses
from tests.support.load import request
from tests.tiers import REPOSITORY

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

SEVERAL = (
    *(Series(f"kept{number}", None, True, 200) for number in range(4)),
    Series("plain-new", None, False, 100),
    Series("tls13-new", "1.3", False, 60),
)
QUIET_SECONDS = 1.5
"""How long nothing new comes before what the others had to send is taken for whole."""


def settled(agent: Agent) -> list[Exchange]:
    """The exchanges that have come when nothing new comes any more."""
    found, since = agent.intake.exchanges(), time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        now = agent.intake.exchanges()
        if len(now) != len(found):
            found, since = now, time.monotonic()
        time.sleep(0.05)
    return found


def test_a_worker_that_stands_still_leaves_the_exchanges_of_the_others_alone(nginx: Nginx, tmp_path: Path) -> None:
    with Agent(tmp_path / "agent", mirror_pids=[nginx.pid], workers=2) as agent:
        stalled = agent.workers()[0]
        os.kill(stalled, signal.SIGSTOP)
        sent = drive(nginx, SEVERAL)
        during = settled(agent)
        os.kill(stalled, signal.SIGCONT)
        found = agent.settle(sent)
        metrics = agent.metrics()
    # The first half of an exchange's id is its worker's.
    (other,) = {exchange.id[:16] for exchange in during}
    of_worker = Counter(exchange.id[:16] for exchange in found)
    print(f"sent {sent}, while one stood still {len(during)}, by worker {dict(of_worker)}")
    assert len(of_worker) == 2, "both workers have connections"
    assert of_worker[other] == len(during), "all of the other's came meanwhile"
    by_prefix = {series.prefix: series for series in SEVERAL}
    assert len({check(exchange, by_prefix) for exchange in found}) == len(found) == sent
    assert losses(metrics) == {}, "the ring of the one that stood still kept its part"


def test_new_tls_connections_that_a_small_ring_has_no_room_for_are_counted(nginx: Nginx, tmp_path: Path) -> None:
    """One request a connection. What holds is an inequality: sent ≤ seen + lost chunks, and seen ≤ sent.

    A request is missing only when data or a key of its own connection was lost (an OPEN that is lost is sent again
    before the next data, and a CLOSE loses no request). But one connection may lose several chunks and be counted
    several times, and the loss of some (a ticket, the answer) loses no request; so the kernel's counts of lost data and
    keys are an upper bound of what is missing. The worker's own counters
    do not add up to it either: they count in connections, records and keys, and a connection of which no chunk at all
    came is the kernel's alone to count.
    """
    series = (Series("small13", "1.3", False, 250), Series("small12", "1.2", False, 250))
    with Agent(tmp_path / "agent", mirror_pids=[nginx.pid], ringbuf_pages=16) as agent:
        (worker,) = agent.workers()
        clients = [
            subprocess.Popen([*command(nginx, one), "--no-bodies"], stdout=subprocess.PIPE, cwd=REPOSITORY)
            for one in series
        ]
        while any(client.poll() is None for client in clients):
            os.kill(worker, signal.SIGSTOP)
            time.sleep(0.06)
            os.kill(worker, signal.SIGCONT)
            time.sleep(0.02)
        assert [client.communicate(timeout=60)[0].split() for client in clients] == [[b"250", b"0"]] * 2
        settled(agent)
        metrics = agent.metrics()
        # Its end hands out what still waits for an answer that was lost.
        agent.stop()
        found = agent.intake.exchanges()
    sent = {request(one.prefix, number, bodies=False).target for one in series for number in range(one.requests)}
    seen = Counter(exchange.request.target for exchange in found)
    kernel = kernel_counters(metrics)
    lost = sum(kernel[f"lost_ring_full_{kind}"] for kind in ("ingress", "egress", "key"))
    print(f"sent {len(sent)}, seen {len(seen)}, lost chunks {lost}", losses(metrics))
    assert set(seen) <= sent
    assert max(seen.values()) == 1, "an exchange came twice"
    assert 0 < len(seen) < len(sent), "some were lost, some were not"
    assert len(sent) <= len(seen) + lost
