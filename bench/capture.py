"""What capture costs nginx, and what the agent itself spends: CPU time per request, side by side in one run.

Cases take turns within a round, so that a drift of the machine's speed meets all of them; the median over the rounds is
quoted. nginx and wrk are pinned to one processor each; the agent shares wrk's.

nginx is measured at the same rate in every case, well below saturation: a busy agent takes time from wrk, and an nginx
that is asked less often sleeps and wakes more often, which would be counted as the probes' cost. The agent is measured
with nginx saturated.

wrk offers the session of its last handshake again. Servers that hand out no tickets answer with a full handshake, the
others resume, which costs nginx half as much or less: both are measured.
"""

from __future__ import annotations

import os
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import click

from bench.cases import Capture, Case, Classic, Neighbour, Nothing
from bench.measure import cpu_seconds, peak_memory, wrk
from common_py.ports import free
from demo.agent import Agent
from demo.nginx import Nginx


@dataclass(frozen=True)
class Traffic:
    """A kind of load."""

    name: str
    tls: str | None
    keep_alive: bool
    cases: tuple[str, ...]
    connections: int
    pause_ms: int
    """Rest of each connection before a request: with ``connections`` it makes the rate."""


CLASSIC = "classic SSL probes"
NEW = ("nothing", "capture", "neighbour")
TRAFFIC = (
    Traffic("plaintext, keep-alive", None, True, ("nothing", "capture"), 64, 10),
    Traffic("TLS 1.3, keep-alive", "1.3", True, ("nothing", "capture", CLASSIC), 64, 10),
    Traffic("TLS 1.2, new connections", "1.2", False, NEW, 10, 20),
    Traffic("TLS 1.3, new connections", "1.3", False, NEW, 10, 20),
    Traffic("TLS 1.2, resumed sessions", "1.2 tickets", False, NEW, 10, 20),
    Traffic("TLS 1.3, resumed sessions", "1.3 tickets", False, NEW, 10, 20),
)
SERVERS = tuple(dict.fromkeys(traffic.tls for traffic in TRAFFIC if traffic.tls))
"""TLS versions, and whether the server hands out tickets."""


@dataclass
class Figures:
    """Microseconds of CPU per request, one value a round."""

    nginx: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    agent: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    """Of one processor, that the agent used while nginx was measured."""
    seen: list[float] = field(default_factory=list)
    """Share of the requests that became exchanges."""
    rate: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    full: list[float] = field(default_factory=list)
    """Requests a second of the load in which the agent was measured."""

    def median(self, case: str) -> float:
        """nginx's median in a case."""
        return statistics.median(self.nginx[case])

    def shown(self, case: str) -> str:
        """nginx's median in a case, with the lowest and the highest round."""
        rounds = self.nginx[case]
        return f"{self.median(case):.1f} ({min(rounds):.1f}–{max(rounds):.1f})"

    @property
    def beside(self) -> bool:
        """Whether nginx was also measured beside a mere neighbour."""
        return bool(self.nginx[Neighbour.name])


@dataclass
class Result:
    """Everything measured."""

    traffic: dict[str, Figures]
    worker_memory: int = 0
    parent_memory: int = 0
    """Peak resident bytes."""


def tls_server(port: int, kind: str) -> str:
    """An nginx server that speaks one TLS version only, for clients that cannot be told which; see ``SERVERS``."""
    version, _, tickets = kind.partition(" ")
    return (
        f"    server {{ listen 127.0.0.1:{port} ssl reuseport backlog=4096; ssl_protocols TLSv{version};\n"
        f"        ssl_session_tickets {'on' if tickets else 'off'};\n"
        "        location / { return 200 '{\"ok\":true}\\n'; } }"
    )


def measure(directory: Path, rounds: int, seconds: int) -> Result:
    """Run all rounds."""
    ports = dict(zip(SERVERS, free(len(SERVERS)), strict=True))
    (directory / "nginx").mkdir()
    result = Result({traffic.name: Figures() for traffic in TRAFFIC})
    servers = "\n".join(tls_server(port, kind) for kind, port in ports.items())
    with Nginx(directory / "nginx", servers=servers) as nginx:
        pin(nginx.worker_pids, {0})
        pin([os.getpid()], {1})
        for number in range(rounds):
            click.echo(f"round {number + 1} of {rounds}", err=True)
            for traffic in TRAFFIC:
                url = (
                    f"https://127.0.0.1:{ports[traffic.tls]}" if traffic.tls else f"http://127.0.0.1:{nginx.http_port}"
                )
                for name in traffic.cases:
                    case = make(name, directory, nginx.pid, result.traffic[traffic.name])
                    one(result, traffic, case, nginx, url, seconds)
    return result


def make(name: str, directory: Path, pid: int, figures: Figures) -> Case:
    """A case by its name, ready to be attached."""
    if name == Capture.name:
        return Capture(directory / "agent", pid)
    if name == Neighbour.name:
        return Neighbour(statistics.median(figures.share))
    return Classic(pid) if name == Classic.name else Nothing()


def one(result: Result, traffic: Traffic, case: Case, nginx: Nginx, url: str, seconds: int) -> None:
    """Attach, warm up, measure nginx at an even rate and then the agent at full load, detach."""
    figures = result.traffic[traffic.name]
    target = f"{url}/api/measured?item=42"
    paced = partial(
        wrk, target, connections=traffic.connections, keep_alive=traffic.keep_alive, pause_ms=traffic.pause_ms
    )
    with case as attached:
        workers = attached.workers() if isinstance(attached, Agent) else []
        paced(seconds=1)
        before, spent = cpu_seconds(nginx.worker_pids), cpu_seconds(workers)
        load = paced(seconds=seconds)
        figures.nginx[case.name].append((cpu_seconds(nginx.worker_pids) - before) / load.requests * 1e6)
        figures.rate[case.name].append(load.rate)
        if isinstance(attached, Agent):
            figures.share.append((cpu_seconds(workers) - spent) / load.seconds)
            full_load(result, figures, attached, target, seconds, keep_alive=traffic.keep_alive)


def full_load(result: Result, figures: Figures, agent: Agent, target: str, seconds: int, *, keep_alive: bool) -> None:
    """The agent's own cost and the share of requests that it saw, with nginx as busy as wrk can make it."""
    workers = agent.workers()
    seen, before = agent.metrics()["exchanges_total"], cpu_seconds(workers)
    load = wrk(target, seconds, keep_alive=keep_alive)
    exchanges = agent.metrics()["exchanges_total"] - seen
    figures.agent.append((cpu_seconds(workers) - before) / max(exchanges, 1) * 1e6)
    figures.seen.append(exchanges / load.requests)
    figures.full.append(load.rate)
    result.worker_memory = max(result.worker_memory, *map(peak_memory, workers))
    result.parent_memory = max(result.parent_memory, peak_memory(agent.process.pid))


def pin(pids: list[int], processors: set[int]) -> None:
    """Keep processes on some processors; with fewer than two there is nothing to choose."""
    if (os.cpu_count() or 1) >= 2:
        for pid in pids:
            os.sched_setaffinity(pid, processors)
