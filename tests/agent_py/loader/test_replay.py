from __future__ import annotations

from pathlib import Path

from agent_py.loader.replay import ReplaySource
from agent_py.recording import Writer
from tests.support.chunks import Wire


def recording(path: Path, times: list[int]) -> Path:
    with Writer(path, 77) as writer:
        for time in times:
            writer.write(Wire(time=time - 1000).read(b"x" * 44))
    return path


def test_drain_takes_about_the_limit(tmp_path: Path) -> None:
    source = ReplaySource(recording(tmp_path / "a", [1000] * 10))
    assert source.clock_offset == 77
    assert [len(source.drain(200)) for _ in range(6)] == [2, 2, 2, 2, 2, 0]
    assert source.finished
    assert source.wait(0) is False


def test_paced_replay_keeps_the_recorded_distances(tmp_path: Path) -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    path = recording(tmp_path / "a", [5_000_000_000, 5_500_000_000, 8_000_000_000])
    source = ReplaySource(path, paced=True, clock=lambda: now[0], sleep=sleep)
    assert [chunk.time for chunk in source.drain(10_000)] == [5_000_000_000]
    assert source.wait(1.0) is True
    assert slept == [0.5]
    assert [chunk.time for chunk in source.drain(10_000)] == [5_500_000_000]
    assert source.wait(1.0) is False
    assert source.drain(10_000) == []
    now[0] += 1.5
    assert [chunk.time for chunk in source.drain(10_000)] == [8_000_000_000]
    assert source.last_time == 8_000_000_000


def test_close_forgets_the_rest(tmp_path: Path) -> None:
    source = ReplaySource(recording(tmp_path / "a", [1000, 2000]))
    source.close()
    assert source.drain(1000) == []
