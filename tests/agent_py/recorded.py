"""An agent's configuration that plays a small recording to an intake, for tests of the agent's processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from agent_py import config
from agent_py.config import AgentConfig
from agent_py.recording import Writer
from tests.support.chunks import Wire
from tests.support.pki import Files

COUNT = 50
"""Exchanges of the recording."""
ANSWER = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def recording(path: Path, count: int = COUNT) -> str:
    """Write a recording of ``count`` exchanges, ``GET /0`` first. Returns its path."""
    wire = Wire()
    with Writer(path, 0) as writer:
        writer.write(wire.open())
        for number in range(count):
            writer.write(wire.read(b"GET /%d HTTP/1.1\r\nHost: shop\r\n\r\n" % number))
            writer.write(wire.write(ANSWER))
    return str(path)


def settings(directory: Path, files: Files, port: int, **change: object) -> AgentConfig:
    """``port``: of the intake on 127.0.0.1. ``change``: keys of the configuration."""
    lines = {
        "node_host": "127.0.0.1",
        "node_port": port,
        "node_tls_ca": str(files.authority),
        "replay_file": recording(directory / "a.chunks"),
        **change,
    }
    path = directory / "agent.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return config.load(path)


def wait(condition: Callable[[], bool]) -> None:
    """Until ``condition`` holds, at most 20 s."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
