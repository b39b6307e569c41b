"""``python -m agent_py`` over a recording: the whole agent but for the kernel."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from demo.agent import Agent
from tests.agent_py.recorded import recording


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


def test_an_agent_whose_recording_is_played_no_more_ends_and_says_so(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.chunks", 5)
    with Agent(tmp_path, replay_file=path, discovery_interval_ms=100) as agent:
        assert len(agent.settle(5)) == 5
        (worker,) = agent.workers()
        os.kill(worker, signal.SIGKILL)
        assert agent.process.wait(10) == 70
        assert len(agent.intake.exchanges()) == 5, "nothing was played again"
    said = [line for line in agent.log().splitlines() if not line.startswith("{")]
    assert said == [f"The worker that plays {path} ended before the agent (killed by SIGKILL)."]
