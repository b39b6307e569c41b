"""Host mode: the whole product on one machine, in a data directory of its own.

Three programs under a supervisor: the cloud, the node (processing and aggregation in one process) and the agent. The
data directory keeps what outlives a run (the store, the tokens, the node's ledger and spool); the rest (certificates,
configurations, address files, logs) is made anew in ``run/`` at each start. Everything in it has mode 0600 or is in a
directory with mode 0700.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cli_py import logfile
from cli_py.supervisor import Program, Supervisor
from common_py.certificates import Authority, write_private
from common_py.errors import NO_PERMISSION, UNAVAILABLE, UserError
from common_py.ports import free
from common_py.secret import read_file
from common_py.server import listen

LOCALHOST = "127.0.0.1"


@dataclass(frozen=True)
class HostSettings:
    """What ``oobctl run`` was told."""

    data: Path
    processes: tuple[str, ...] = ()
    pids: tuple[int, ...] = ()
    ports: tuple[int, ...] = ()
    console_port: int = 0
    workers: int = 1
    detection_workers: int = 1
    record: Path | None = None
    replay: Path | None = None
    tls: bool = True


@dataclass
class Host:
    """``start`` returns when all programs are ready; ``url`` and ``token`` then open the console and the API."""

    settings: HostSettings
    say: Callable[[str], None]
    url: str = ""
    token: str = field(default="", repr=False)
    agent_address: str = ""
    stopping: Callable[[], bool] = lambda: False
    """Looked at during the start, which it breaks off."""
    _supervisor: Supervisor | None = None
    _lock: int = -1

    def start(self) -> None:
        """Start the programs in order. Raises UserError, and Interrupted; then none is left running."""
        self._supervisor = Supervisor(self.say, stopping=self.stopping)
        try:
            self._prepare()
            self._start_programs(self._supervisor)
        except BaseException:
            self.stop()
            raise

    def watch(self) -> None:
        """Restart what died. Raises UserError when that is the agent that plays a recording."""
        if self._supervisor is not None:
            self._supervisor.watch()

    def stop(self) -> None:
        """End all programs and give the data directory free; twice does no harm."""
        if self._supervisor is not None:
            self._supervisor.stop()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    @property
    def programs(self) -> list[Program]:
        """The programs, in the order of their start."""
        return self._supervisor.programs if self._supervisor is not None else []

    def _start_programs(self, supervisor: Supervisor) -> None:
        # Ports are chosen once, not by each program at its start: one that is started again is found where it was.
        cloud, node, agent = free(3)
        cloud = self.settings.console_port or cloud
        self.url = f"http://{LOCALHOST}:{cloud}"
        supervisor.start(self._program("cloud", "cloud_py", self._cloud(cloud)))
        self._remember()
        supervisor.start(self._node(node, cloud))
        mirror = self._program("agent", "agent_py", self._agent(agent, node))
        # An agent that is started again would play its recording again.
        mirror.once = self.settings.replay is not None
        self.agent_address = supervisor.start(mirror)

    def _prepare(self) -> None:
        data = self.settings.data
        try:
            self._fill(data, self._run)
        except OSError as error:
            raise UserError(
                f"Cannot use the data directory {data}: {error.strerror}.",
                "Name another one with --data.",
                exit_code=NO_PERMISSION,
            ) from error
        if self.settings.console_port:
            check_free(self.settings.console_port)

    def _fill(self, data: Path, run: Path) -> None:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = lock(data)
        run.mkdir(exist_ok=True, mode=0o700)
        for stale in run.glob("*.address"):
            stale.unlink()
        self.token = secret(data / "administrator.token")
        secret(data / "node.token")
        secret(data / "agent.token")
        authority = Authority("oob host mode")
        (run / "ca.crt").write_bytes(authority.certificate)
        authority.server("localhost", LOCALHOST).write(run, "node")

    @property
    def _run(self) -> Path:
        return self.settings.data / "run"

    def _program(self, name: str, module: str, configuration: dict[str, Any]) -> Program:
        return self._make(name, module, ["--config", str(self._write(name, configuration))])

    def _make(self, name: str, module: str, arguments: list[str]) -> Program:
        log = self._run / f"{name}.log"
        logfile.begin(log)
        return Program(name, module, arguments, self._run / f"{name}.address", log)

    def _write(self, name: str, configuration: dict[str, Any]) -> Path:
        path = self._run / f"{name}.yaml"
        write_private(path, yaml.safe_dump(configuration, sort_keys=False).encode())
        return path

    def _cloud(self, port: int) -> dict[str, Any]:
        data = self.settings.data
        return {
            "listen": {
                "host": LOCALHOST,
                "port": port,
                "address_file": str(self._run / "cloud.address"),
            },
            "database": {"url": f"sqlite:///{data / 'cloud.sqlite'}"},
            "tokens": [
                {"name": "administrator", "role": "administrator", "file": str(data / "administrator.token")},
                {"name": "host", "role": "node", "file": str(data / "node.token")},
            ],
        }

    def _node(self, port: int, cloud: int) -> Program:
        processing = self._write("processing", self._processing(port))
        aggregation = self._write("aggregation", self._aggregation(cloud))
        arguments = ["--processing", str(processing), "--aggregation", str(aggregation)]
        return self._make("node", "cli_py.hostnode", [*arguments, "--data", str(self.settings.data)])

    def _processing(self, port: int) -> dict[str, Any]:
        run = self._run
        return {
            "listen_host": LOCALHOST,
            "listen_port": port,
            "tls_certificate": str(run / "node.crt"),
            "tls_key": str(run / "node.key"),
            "agent_token_file": str(self.settings.data / "agent.token"),
            "health_probe_port": 0,
            "health_address_file": str(run / "node-health.address"),
            "workers": self.settings.detection_workers,
            "node_name": socket.gethostname(),
            "address_file": str(run / "node.address"),
        }

    def _aggregation(self, cloud: int) -> dict[str, Any]:
        return {
            "api": {
                "host": LOCALHOST,
                "port": cloud,
                "useSSL": False,
                "tokenFile": str(self.settings.data / "node.token"),
            }
        }

    def _agent(self, port: int, node: int) -> dict[str, Any]:
        settings = self.settings
        return {
            "node_host": LOCALHOST,
            "node_port": node,
            "node_tls_ca": str(self._run / "ca.crt"),
            "node_token_file": str(settings.data / "agent.token"),
            "mirror_processes": list(settings.processes),
            "mirror_pids": list(settings.pids),
            "mirror_ports": list(settings.ports),
            "tls_enabled": settings.tls,
            "workers": settings.workers,
            "health_probe_port": port,
            "address_file": str(self._run / "agent.address"),
            "record_file": str(settings.record or ""),
            "replay_file": str(settings.replay or ""),
        }

    def _remember(self) -> None:
        """For ``oobctl attacks`` in another terminal: where the API is; the token stays in its own file."""
        write_private(self.settings.data / "host.json", json.dumps({"url": self.url}).encode())


def check_free(port: int) -> None:
    """Raise UserError when another program has the console's port."""
    try:
        listen(LOCALHOST, port).close()
    except UserError as error:
        raise UserError(
            error.message, "Choose another port with --console-port; 0 takes a free one.", exit_code=UNAVAILABLE
        ) from error


def lock(directory: Path) -> int:
    """Hold the data directory for this process. Raises UserError when another one has it. Returns the descriptor."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise UserError(
            f"Another oobctl run uses the data directory {directory}.",
            "Stop it, or name another one with --data.",
            exit_code=UNAVAILABLE,
        ) from error
    return descriptor


def secret(path: Path) -> str:
    """The token in ``path``; made when it is not there."""
    if not path.exists():
        write_private(path, secrets.token_hex(32).encode())
    return read_file(path)
