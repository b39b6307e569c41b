"""A worker as a process: a recording through the real worker into a real HTTPS intake."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_py import config
from agent_py.config import AgentConfig
from agent_py.counters import Counter
from agent_py.recording import Writer
from agent_py.workers import WorkerProcess
from demo.intake import Intake
from tests.support.chunks import Wire
from tests.support.pki import Files, issue

COUNT = 50
ANSWER = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return issue(tmp_path)


@pytest.fixture
def intake(files: Files) -> Iterator[Intake]:
    with Intake(files.certificate, files.key) as intake:
        yield intake


def settings(directory: Path, files: Files, port: int, **change: object) -> AgentConfig:
    wire = Wire()
    with Writer(directory / "a.chunks", 0) as writer:
        writer.write(wire.open())
        for number in range(COUNT):
            writer.write(wire.read(b"GET /%d HTTP/1.1\r\nHost: shop\r\n\r\n" % number))
            writer.write(wire.write(ANSWER))
    lines = {
        "node_host": "127.0.0.1",
        "node_port": port,
        "node_tls_ca": str(files.authority),
        "replay_file": str(directory / "a.chunks"),
        **change,
    }
    path = directory / "agent.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return config.load(path)


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_recording_arrives_and_is_counted(tmp_path: Path, files: Files, intake: Intake) -> None:
    worker = WorkerProcess(0, settings(tmp_path, files, intake.port))
    worker.start()
    worker.wait_ready(30)
    try:
        wait(lambda: len(intake.exchanges()) == COUNT)
        wait(lambda: worker.counters[Counter.EXCHANGES_SENT] == COUNT)
    finally:
        worker.stop(10)
    assert worker.ended() == 0
    found = intake.exchanges()
    assert [one.request.target for one in found] == [b"/%d" % number for number in range(COUNT)]
    assert {one.response.status for one in found} == {404}
    assert len({one.id for one in found}) == COUNT
    assert worker.counters[Counter.EXCHANGES] == COUNT
    assert worker.counters[Counter.CHUNKS] == 2 * COUNT + 1


def test_sigterm_sends_what_a_batch_still_holds(tmp_path: Path, files: Files, intake: Intake) -> None:
    worker = WorkerProcess(0, settings(tmp_path, files, intake.port, batch_interval_ms=10_000))
    worker.start()
    worker.wait_ready(30)
    wait(lambda: worker.counters[Counter.EXCHANGES] == COUNT)
    assert worker.process is not None
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(10) == 0
    assert len(intake.exchanges()) == COUNT


def test_a_killed_worker_is_started_again_and_loses_no_count(tmp_path: Path, files: Files, intake: Intake) -> None:
    worker = WorkerProcess(0, settings(tmp_path, files, intake.port))
    worker.start()
    worker.wait_ready(30)
    wait(lambda: worker.counters[Counter.EXCHANGES_SENT] == COUNT)
    assert worker.process is not None
    worker.process.kill()
    worker.process.wait()
    worker.watch(again=False)
    assert (worker.ended(), worker.restarts) == (-signal.SIGKILL, 0)
    worker.watch()
    worker.wait_ready(30)
    assert worker.restarts == 1
    wait(lambda: worker.counters[Counter.EXCHANGES_SENT] == 2 * COUNT)
    worker.stop(10)
    assert len({one.id for one in intake.exchanges()}) == 2 * COUNT


def test_a_worker_that_cannot_start_ends_the_agent_with_its_own_code(
    tmp_path: Path, files: Files, capfd: pytest.CaptureFixture[str]
) -> None:
    loaded = settings(tmp_path, files, 1)
    (tmp_path / "a.chunks").write_bytes(b"no recording")
    worker = WorkerProcess(0, loaded)
    worker.start()
    with pytest.raises(SystemExit) as ended:
        worker.wait_ready(30)
    assert ended.value.code == 66
    assert capfd.readouterr().err == f"{tmp_path / 'a.chunks'} is not a recording. Name a *.chunks file.\n"
