"""``python -m agent_py`` over a recording: the whole agent but for the kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_ctrl_c_in_the_first_second_ends_it_without_a_traceback(tmp_path: Path, delay: float) -> None:
    agent = Agent(tmp_path, replay_file=recording(tmp_path / "a.chunks", 5))
    with agent.intake:
        path = agent.write_configuration()
        # A terminal sends SIGINT to the whole group of the foreground.
        process = subprocess.Popen(
            [sys.executable, "-m", "agent_py", "--config", str(path)],
            stderr=subprocess.PIPE, text=True, process_group=0,
        )  # fmt: skip
        # Before its first import Python's own handler stands, for some milliseconds that nobody can do without.
        deadline = time.monotonic() + 10
        while "msgspec" not in Path(f"/proc/{process.pid}/maps").read_text():
            assert time.monotonic() < deadline
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert "Traceback" not in said
    plain = [line for line in said.splitlines() if not line.startswith("{")]
    if process.returncode == 130:
        assert plain == ["Interrupted before the agent ran."]
    else:
        assert (process.returncode, plain) == (0, [])
        assert '"event": "agent ended"' in said
