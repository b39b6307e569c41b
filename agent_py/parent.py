"""The agent's parent: privileged, small, and never near a byte that a client sent.

It loads the programs, starts the workers, and looks about once a second for processes and libraries that came or went.
Everything that the kernel holds hangs on this process's descriptors: when it ends, whatever way, the probes are gone
and the workers are killed with it.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from threading import Event
from types import FrameType

from prometheus_client import CollectorRegistry

from agent_py.config import AgentConfig
from agent_py.loader.live import LiveLoader, LiveSettings
from agent_py.metrics import AgentCollector
from agent_py.mirroring import Mirroring
from agent_py.workers import WorkerProcess
from common_py import health
from common_py.errors import INTERNAL, UserError
from common_py.logging import get
from common_py.process import ending
from common_py.server import address, write_address

log = get(__name__)

START_SECONDS = 60.0
"""How long a worker may take to start; a machine may be busy with other things."""
STOP_SECONDS = 8.0
"""How long a worker may take to send what it has."""


class Parent:
    """``run`` until SIGTERM or SIGINT."""

    def __init__(self, config: AgentConfig, product: int | None = None) -> None:
        """Load, attach and start; ``product`` as for ``Mirroring``. Raises UserError when this host cannot do it."""
        self._config = config
        self._stopping = Event()
        self._mirroring: Mirroring | None = None
        self._loader: LiveLoader | None = None
        if not config.replay_file:
            self._loader = load(config)
            self._mirroring = Mirroring(config, self._loader, product)
        self._workers = [self._worker(index) for index in range(1 if config.replay_file else config.workers)]

    def run(self) -> None:
        """Mirror until told to stop. Raises UserError when the worker that plays a recording ends before that."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        if not self._start_workers():
            self._end()
            return
        # Nothing is captured before somebody reads it.
        if self._mirroring is not None:
            self._mirroring.start()
        self._serve_health()
        log.info("agent runs", workers=len(self._workers))
        while not self._stopping.wait(self._config.discovery_interval_ms / 1000):
            self._look()
        self._end()

    def _start_workers(self) -> bool:
        """False when the end was asked for meanwhile, and a worker did not come up for it."""
        for worker in self._workers:
            worker.start()
        try:
            for worker in self._workers:
                worker.wait_ready(START_SECONDS)
        except UserError:
            # A terminal's Ctrl-C reaches a worker, too, that has no session of its own yet, and kills it.
            if not self._stopping.is_set():
                raise
            return False
        return True

    def _look(self) -> None:
        if self._mirroring is not None:
            self._mirroring.look()
        for worker in self._workers:
            if self._config.replay_file:
                self._check(worker)
            else:
                worker.watch()

    def _check(self, worker: WorkerProcess) -> None:
        """A recording is played once: a worker that was started again would send what has been sent."""
        code = worker.ended()
        if code is not None:
            sentence = f"The worker that plays {self._config.replay_file} ended before the agent ({ending(code)})."
            raise UserError(sentence, exit_code=INTERNAL)

    def _worker(self, index: int) -> WorkerProcess:
        if self._loader is None:
            return WorkerProcess(index, self._config)
        return WorkerProcess(index, self._config, self._loader.rings[index].fd, self._loader.sleepers_fd)

    def _serve_health(self) -> None:
        registry = CollectorRegistry()
        registry.register(
            AgentCollector(
                lambda: [worker.counters for worker in self._workers],
                self._kernel_counters,
                self._gauges,
            )
        )
        server = health.serve(self._config.health_probe_host, self._config.health_probe_port, self._problems, registry)
        write_address(self._config.address_file, address(self._config.health_probe_host, server.server_port))

    def _kernel_counters(self) -> Mapping[str, int]:
        return self._loader.counters() if self._loader is not None else {}

    def _gauges(self) -> Mapping[str, float]:
        mirroring = self._mirroring
        return {
            "workers": sum(worker.ended() is None for worker in self._workers),
            "worker_restarts": sum(worker.restarts for worker in self._workers),
            "mirrored_processes": len(mirroring.processes) if mirroring else 0,
            "tls_libraries": len(mirroring.libraries) if mirroring else 0,
        }

    def _problems(self) -> dict[str, str]:
        down = [str(worker.index) for worker in self._workers if worker.ended() is not None]
        problems = {"workers": f"not running: {', '.join(down)}"} if down else {}
        if self._mirroring is not None and not self._mirroring.processes:
            problems["mirror"] = "no process to mirror was found yet"
        return problems

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _end(self) -> None:
        # No new chunks first, then the workers send what they have.
        if self._loader is not None:
            self._loader.close()
        for worker in self._workers:
            worker.stop(STOP_SECONDS)
        log.info("agent ended")


def load(config: AgentConfig) -> LiveLoader:
    """Load the programs as configured. Raises UserError."""
    loader = LiveLoader(
        LiveSettings(
            rings=config.workers,
            ring_bytes=config.ring_bytes,
            egress_bytes=config.egress_bytes,
            by_process=True,
            connections=config.connections_limit,
        )
    )
    for port in config.mirror_ports:
        loader.select_port(port)
    return loader
