"""The parent's order of work, over stand-ins for the kernel, the processes of the host, and the workers."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from agent_py import config, parent
from agent_py.config import AgentConfig
from agent_py.counters import Counter, Counters
from agent_py.parent import Parent
from common_py.errors import UserError

FOUND = {100: "nginx"}


@dataclass
class Host:
    """What the parent did, in order, and what it finds: ``look`` is called when it looks around."""

    done: list[str] = field(default_factory=list)
    look: Callable[[], None] = field(default=lambda: signal.raise_signal(signal.SIGTERM))
    wait: Callable[[], None] = field(default=lambda: None)
    """Called when it waits for a worker."""
    processes: dict[int, str] = field(default_factory=lambda: dict(FOUND))
    codes: dict[int, int] = field(default_factory=dict)
    """Exit codes of the workers that have ended."""
    checks: Callable[[], dict[str, str]] = dict
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    settings: Any = None

    def metric(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"wallarm_oob_agent_{name}")


class Loader:
    def __init__(self, host: Host, settings: Any) -> None:
        host.settings = settings
        self._host = host
        self.rings = [SimpleNamespace(fd=10 + number) for number in range(settings.rings)]
        self.sleepers_fd = 9

    def select_port(self, port: int) -> None:
        self._host.done.append(f"port {port}")

    def counters(self) -> dict[str, int]:
        return {"emitted": 7}

    def close(self) -> None:
        self._host.done.append("loader closed")


class Mirroring:
    libraries = ("libcrypto",)

    def __init__(self, host: Host) -> None:
        self._host = host
        self.processes = host.processes

    def start(self) -> None:
        self._host.done.append("mirroring")

    def look(self) -> None:
        self._host.look()


class Worker:
    restarts = 2

    def __init__(self, host: Host, index: int, descriptors: tuple[int, ...]) -> None:
        self._host = host
        self.index = index
        self.counters = Counters()
        self.counters.add(Counter.EXCHANGES, index + 1)
        host.done.append(f"worker {index} of {descriptors}")

    def start(self) -> None:
        self._host.done.append(f"start {self.index}")

    def wait_ready(self, _seconds: float) -> None:
        self._host.wait()
        self._host.done.append(f"ready {self.index}")

    def ended(self) -> int | None:
        return self._host.codes.get(self.index)

    def watch(self) -> None:
        self._host.done.append(f"watch {self.index}")

    def stop(self, _seconds: float) -> None:
        self._host.done.append(f"stop {self.index}")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    one = Host()

    def serve(_host: str, _port: int, checks: Any, registry: CollectorRegistry) -> SimpleNamespace:
        one.done.append("health")
        one.checks, one.registry = checks, registry
        return SimpleNamespace(server_port=4711)

    monkeypatch.setattr(parent, "LiveLoader", lambda settings: Loader(one, settings))
    monkeypatch.setattr(parent, "Mirroring", lambda _config, _loader, _product: Mirroring(one))
    monkeypatch.setattr(parent, "WorkerProcess", lambda index, _config, *fds: Worker(one, index, fds))
    monkeypatch.setattr(parent.health, "serve", serve)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield one
    for number, handler in handlers.items():
        signal.signal(number, handler)


def settings(directory: Path, **change: object) -> AgentConfig:
    lines = {
        "node_host": "node",
        "node_tls_ca": "ca.crt",
        "mirror_pids": [100],
        "address_file": str(directory / "address"),
        "health_probe_host": "127.0.0.1",
        "discovery_interval_ms": 100,
        **change,
    }
    path = directory / "agent.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return config.load(path)


def test_nothing_is_captured_before_it_is_read_nor_after_the_readers_were_told_to_end(
    tmp_path: Path, host: Host
) -> None:
    Parent(settings(tmp_path, workers=2)).run()
    assert host.done == [
        *("worker 0 of (10, 9)", "worker 1 of (11, 9)", "start 0", "start 1", "ready 0", "ready 1"),
        *("mirroring", "health", "watch 0", "watch 1"),
        *("loader closed", "stop 0", "stop 1"),
    ]
    assert (tmp_path / "address").read_text() == "127.0.0.1:4711\n"


@pytest.mark.parametrize("number", [None, signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_the_terminals_ctrl_c_killed_too_is_no_error(
    tmp_path: Path, host: Host, number: signal.Signals | None
) -> None:
    """Between its fork and its own session it is in the group of the foreground."""

    def wait() -> None:
        if number is not None:
            signal.raise_signal(number)
        raise UserError("Worker 0 was killed by SIGINT while it started.")

    host.wait = wait
    if number is None:
        with pytest.raises(UserError):
            Parent(settings(tmp_path)).run()
    else:
        Parent(settings(tmp_path)).run()
        assert host.done == ["worker 0 of (10, 9)", "start 0", "loader closed", "stop 0"]


def test_the_loader_gets_what_is_configured(tmp_path: Path, host: Host) -> None:
    Parent(settings(tmp_path, workers=2, ringbuf_pages=64, egress_bytes=512, mirror_ports=[80, 443]))
    assert (host.settings.rings, host.settings.ring_bytes, host.settings.egress_bytes) == (2, 64 * 4096, 512)
    assert host.settings.by_process
    assert host.done[:2] == ["port 80", "port 443"]


def test_metrics_are_the_sum_over_the_workers(tmp_path: Path, host: Host) -> None:
    host.codes = {1: 0}
    Parent(settings(tmp_path, workers=2)).run()
    assert host.metric("exchanges_total") == 3
    assert host.metric("workers") == 1
    assert host.metric("worker_restarts") == 4
    assert host.metric("mirrored_processes") == 1
    assert host.metric("tls_libraries") == 1
    assert host.registry.get_sample_value("wallarm_oob_agent_kernel_total", {"counter": "emitted"}) == 7


def test_it_is_ready_when_every_worker_runs_and_a_process_is_mirrored(tmp_path: Path, host: Host) -> None:
    Parent(settings(tmp_path, workers=3)).run()
    assert host.checks() == {}
    host.codes = {0: 1, 2: -9}
    host.processes.clear()
    assert host.checks() == {"workers": "not running: 0, 2", "mirror": "no process to mirror was found yet"}


def test_a_recording_needs_one_worker_and_no_kernel(tmp_path: Path, host: Host) -> None:
    host.codes = {0: -signal.SIGKILL}
    words = r"^The worker that plays a\.chunks ended before the agent \(killed by SIGKILL\)\.$"
    with pytest.raises(UserError, match=words) as caught:
        Parent(settings(tmp_path, replay_file="a.chunks", workers=4)).run()
    assert host.done == ["worker 0 of ()", "start 0", "ready 0", "health"]
    assert (caught.value.exit_code, host.settings) == (70, None)
