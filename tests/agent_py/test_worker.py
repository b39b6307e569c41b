"""A worker as a process: a recording through the real worker into a real HTTPS intake."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_py import worker as worker_module
from agent_py.chunk import Chunk
from agent_py.counters import Counter, Gauge
from agent_py.forward.client import Forwarder
from agent_py.worker import Worker, forward_settings
from agent_py.workers import WorkerProcess
from demo.intake import Intake
from tests.agent_py.recorded import COUNT, settings, wait
from tests.support.chunks import Bench, Wire
from tests.support.pki import Files, issue


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return issue(tmp_path)


@pytest.fixture
def intake(files: Files) -> Iterator[Intake]:
    with Intake(files.certificate, files.key) as intake:
        yield intake


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


class Backlog:
    """A ring that holds more than one drain takes."""

    def __init__(self, batches: list[list[Chunk]]) -> None:
        self._batches = batches
        self.closed = False

    def drain(self, limit: int) -> list[Chunk]:
        return self._batches.pop(0) if self._batches else []

    def wait(self, timeout: float) -> bool:
        raise AssertionError("it was told to end")

    def unread(self) -> int:
        return sum(chunk.captured for batch in self._batches for chunk in batch)

    def close(self) -> None:
        self.closed = True


def test_the_end_reads_the_whole_ring(files: Files, intake: Intake, tmp_path: Path) -> None:
    wire = Wire()
    chunks = [wire.open()]
    for number in range(COUNT):
        chunks += [wire.read(b"GET /%d HTTP/1.1\r\n\r\n" % number), wire.write(b"HTTP/1.1 204 No Content\r\n\r\n")]
    source = Backlog([[chunk] for chunk in chunks])
    bench = Bench()
    forwarder = Forwarder(forward_settings(settings(tmp_path, files, intake.port)), bench.counters)
    worker = Worker(source, bench.pipeline, forwarder, bench.counters)
    worker.stop(signal.SIGTERM, None)
    worker.run()
    assert [one.request.target for one in intake.exchanges()] == [b"/%d" % number for number in range(COUNT)]
    assert source.closed
    assert bench[Counter.LOST_UNREAD] == 0


def test_what_the_end_does_not_wait_for_is_counted(
    files: Files, intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "LAST_DRAIN", 0.0)
    wire = Wire()
    chunks = [wire.open(), *(wire.read(b"GET /%d HTTP/1.1\r\n\r\n" % number) for number in range(5))]
    source = Backlog([[chunk] for chunk in chunks])
    bench = Bench()
    forwarder = Forwarder(forward_settings(settings(tmp_path, files, intake.port)), bench.counters)
    worker = Worker(source, bench.pipeline, forwarder, bench.counters)
    worker.stop(signal.SIGTERM, None)
    worker.run()
    assert source.closed
    assert bench[Counter.CHUNKS] == 1, "one drain, then its time was over"
    assert bench[Counter.LOST_UNREAD] == sum(chunk.captured for chunk in chunks[1:])


def test_the_gauge_tells_what_connections_hold(files: Files, intake: Intake, tmp_path: Path) -> None:
    wire = Wire()
    source = Backlog([[wire.open(), wire.read(b"GET /a HTTP/1.1\r\nX: " + b"x" * 5000)]])
    bench = Bench()
    forwarder = Forwarder(forward_settings(settings(tmp_path, files, intake.port)), bench.counters)
    worker = Worker(source, bench.pipeline, forwarder, bench.counters)
    assert worker._step(0.0)
    assert bench.counters[Gauge.CONNECTION_BYTES] == bench.pipeline.held > 5000
    worker.stop(signal.SIGTERM, None)
    worker.run()
    assert bench.counters[Gauge.CONNECTION_BYTES] == 0
