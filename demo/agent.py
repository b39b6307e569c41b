"""A real agent in front of a real intake: what it sends, counts and writes can be looked at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from common_py.certificates import Authority
from common_py.contracts import Exchange
from demo.intake import Intake

START_SECONDS = 20
STOP_SECONDS = 30


class Agent:
    """``with Agent(directory, mirror_pids=[…]) as agent``: captures, and sends to an intake of its own."""

    def __init__(self, directory: Path, **configuration: Any) -> None:
        directory.mkdir(exist_ok=True)
        authority = Authority()
        (directory / "ca.crt").write_bytes(authority.certificate)
        certificate, key = authority.server("localhost", "127.0.0.1").write(directory, "node")
        self.directory = directory
        self.intake = Intake(certificate, key)
        self._address = directory / "agent.address"
        self._configuration = {
            "node_host": "127.0.0.1",
            "node_port": self.intake.port,
            "node_tls_ca": str(directory / "ca.crt"),
            "health_probe_port": 0,
            "address_file": str(self._address),
            "netchan_size": 100_000,
            **configuration,
        }

    def __enter__(self) -> Agent:
        self.intake.__enter__()
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.stop()
        self.intake.__exit__(*exception)

    def write_configuration(self) -> Path:
        """Write its configuration."""
        path = self.directory / "agent.yaml"
        path.write_text(yaml.safe_dump(self._configuration))
        return path

    def start(self) -> None:
        """Start it and return when it captures."""
        self._address.unlink(missing_ok=True)
        path = self.write_configuration()
        command = [sys.executable, "-m", "agent_py", "--config", str(path), "--parent", str(os.getpid())]
        with (self.directory / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._address.exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"the agent ended before it captured:\n{self.log()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"the agent does not capture after {START_SECONDS} s:\n{self.log()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in good order: what it has is sent first."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        if code:
            raise RuntimeError(f"the agent ended with {code}:\n{self.log()}")

    def log(self) -> str:
        """What it wrote."""
        return (self.directory / "agent.log").read_text()

    def workers(self) -> list[int]:
        """Process ids of its workers."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def metrics(self) -> dict[str, float]:
        """Its metrics without the prefix, ``name{labels}`` → value."""
        with urllib.request.urlopen(f"http://{self._address.read_text().strip()}/metrics", timeout=5) as answer:
            lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
        pairs = (line.rsplit(" ", 1) for line in lines)
        return {name.removeprefix("wallarm_oob_agent_"): float(value) for name, value in pairs}

    def settle(self, count: int, seconds: float = 20.0) -> list[Exchange]:
        """The exchanges once ``count`` have come, or what there is when nothing new came for a while."""
        deadline = time.monotonic() + seconds
        while len(found := self.intake.exchanges()) < count and time.monotonic() < deadline:
            time.sleep(0.1)
        return found
