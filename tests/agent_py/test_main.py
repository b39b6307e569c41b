"""``python -m agent_py`` over a recording: the whole agent but for the kernel."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from agent_py.recording import Writer
from demo.agent import Agent
from tests.support.chunks import Wire

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def recording(path: Path, count: int) -> str:
    wire = Wire()
    with Writer(path, 0) as writer:
        writer.write(wire.open())
        for number in range(count):
            writer.write(wire.read(b"GET /%d HTTP/1.1\r\nHost: shop\r\n\r\n" % number))
            writer.write(wire.write(ANSWER))
    return str(path)


def test_a_recording_is_sent_counted_and_exported(tmp_path: Path) -> None:
    with Agent(tmp_path, replay_file=recording(tmp_path / "a.chunks", 30)) as agent:
        assert len(agent.settle(30)) == 30
        deadline = time.monotonic() + 10
        while agent.metrics()["exchanges_sent_total"] != 30:
            assert time.monotonic() < deadline, agent.metrics()
            time.sleep(0.02)
        assert agent.metrics()["workers"] == 1
        (worker,) = agent.workers()
        agent.stop()
        assert agent.process.returncode == 0
        assert not Path(f"/proc/{worker}").exists()
        assert '"event": "agent ended"' in agent.log()


def test_a_worker_that_died_is_seen_and_its_counts_stay(tmp_path: Path) -> None:
    with Agent(tmp_path, replay_file=recording(tmp_path / "a.chunks", 5), discovery_interval_ms=100) as agent:
        agent.settle(5)
        (worker,) = agent.workers()
        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while agent.metrics()["workers"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert agent.metrics()["exchanges_total"] == 5
