"""The parent's side of a worker: its start, its end, and its start again. The worker is the real one."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from agent_py import workers
from agent_py.chunk import Kind
from agent_py.config import AgentConfig
from agent_py.counters import Counter
from agent_py.recording import read
from agent_py.workers import WorkerProcess, WorkerSetup
from common_py.errors import UserError
from demo.intake import Intake
from tests.agent_py.recorded import COUNT, settings, wait
from tests.support.pki import Files, issue


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return issue(tmp_path)


@pytest.fixture
def config(tmp_path: Path, files: Files) -> AgentConfig:
    """Of a worker that nobody listens to."""
    return settings(tmp_path, files, 1)


@contextmanager
def started(config: AgentConfig) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(0, config)
    worker.start()
    try:
        yield worker
    finally:
        assert worker.process is not None
        worker.process.kill()
        worker.process.wait()


def send(worker: WorkerProcess, number: signal.Signals) -> None:
    assert worker.process is not None
    worker.process.send_signal(number)


def test_a_worker_gets_its_settings_whole(config: AgentConfig) -> None:
    setup = WorkerSetup(index=3, parent=1, config=config, id_prefix="ab", ring_fd=5)
    assert msgspec.json.decode(msgspec.json.encode(setup), type=WorkerSetup) == setup


def test_one_that_was_not_started_has_neither_ended_nor_to_be_stopped(config: AgentConfig) -> None:
    worker = WorkerProcess(0, config)
    worker.stop(1)
    assert worker.ended() is None


def test_a_killed_worker_is_started_again_and_loses_no_count(tmp_path: Path, files: Files) -> None:
    copy = tmp_path / "copy.chunks"
    with (
        Intake(files.certificate, files.key) as intake,
        started(settings(tmp_path, files, intake.port, record_file=str(copy))) as worker,
    ):
        worker.wait_ready(30)
        worker.watch()
        assert worker.restarts == 0, "it runs"
        wait(lambda: worker.counters[Counter.EXCHANGES_SENT] == COUNT)
        send(worker, signal.SIGKILL)
        wait(lambda: worker.ended() == -signal.SIGKILL)
        worker.watch()
        worker.wait_ready(30)
        assert worker.restarts == 1
        wait(lambda: worker.counters[Counter.EXCHANGES_SENT] == 2 * COUNT)
        worker.stop(10)
        assert worker.ended() == 0
        assert len({one.id for one in intake.exchanges()}) == 2 * COUNT, "each start has ids of its own"
    kinds = [chunk.kind for chunk in read(copy).chunks]
    assert (kinds.count(Kind.OPEN), kinds.count(Kind.DATA)) == (2, 4 * COUNT), "the recording went on"


def test_a_worker_that_cannot_start_ends_the_agent_with_its_own_code(
    tmp_path: Path, config: AgentConfig, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.chunks").write_bytes(b"no recording")
    with started(config) as worker, pytest.raises(SystemExit) as ended:
        worker.wait_ready(30)
    assert ended.value.code == 66
    assert capfd.readouterr().err == f"{tmp_path / 'a.chunks'} is not a recording. Name a *.chunks file.\n"


def test_a_worker_that_does_not_start_in_time_is_one_sentence(config: AgentConfig) -> None:
    with started(config) as worker:
        send(worker, signal.SIGSTOP)
        with pytest.raises(UserError, match=r"^Worker 0 did not start within 0\.1 s\.") as caught:
            worker.wait_ready(0.1)
    assert caught.value.exit_code == 69


def test_a_worker_that_is_killed_while_it_starts_is_one_sentence(config: AgentConfig) -> None:
    with started(config) as worker:
        send(worker, signal.SIGKILL)
        with pytest.raises(UserError, match=r"^Worker 0 was killed by SIGKILL while it started\.$"):
            worker.wait_ready(30)


def test_a_worker_that_is_killed_before_it_has_its_settings_is_one_that_ended(
    config: AgentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = WorkerProcess(0, config)

    def encode(_setup: WorkerSetup) -> bytes:
        send(worker, signal.SIGKILL)
        assert worker.process is not None
        worker.process.wait()
        return b"settings"

    monkeypatch.setattr(workers.msgspec.json, "encode", encode)
    worker.start()
    assert worker.ended() == -signal.SIGKILL


def test_a_worker_that_cannot_be_started_is_one_sentence_and_later_on_tried_again(
    config: AgentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = WorkerProcess(0, config)

    def refuse(*_arguments: object, **_options: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        with pytest.raises(
            UserError, match=r"^Worker 0 cannot be started: Resource temporarily unavailable\. "
        ) as caught:
            worker.start()
    assert caught.value.exit_code == 69
    with started(config) as worker:
        worker.wait_ready(30)
        send(worker, signal.SIGKILL)
        wait(lambda: worker.ended() == -signal.SIGKILL)
        before = len(os.listdir("/proc/self/fd"))
        with monkeypatch.context() as patch:
            patch.setattr(subprocess, "Popen", refuse)
            for _ in range(5):
                worker.watch()
        assert len(os.listdir("/proc/self/fd")) <= before + 1, "it keeps nothing of what it tried"
        worker.watch()
        worker.wait_ready(30)
        assert (worker.restarts, worker.ended()) == (6, None)


def test_a_worker_that_does_not_end_in_time_is_killed(config: AgentConfig) -> None:
    with started(config) as worker:
        worker.wait_ready(30)
        send(worker, signal.SIGSTOP)
        began = time.monotonic()
        worker.stop(0.2)
        assert time.monotonic() - began >= 0.2
        assert worker.ended() == -signal.SIGKILL


PARENT = """
import os, subprocess, sys
setup = sys.stdin.read().replace('"parent":0', f'"parent":{os.getpid()}')
worker = subprocess.Popen([sys.executable, "-m", "agent_py.worker"], stdin=subprocess.PIPE, text=True)
worker.stdin.write(setup)
worker.stdin.close()
print(worker.pid, flush=True)
worker.wait()
"""


def opened(pipe: Path, writers: list[int]) -> bool:
    """Open the pipe's other end, once somebody waits to read it."""
    try:
        writers.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
    return bool(writers)


@pytest.mark.program
def test_a_worker_that_hangs_while_it_starts_ends_with_its_parent(tmp_path: Path, files: Files) -> None:
    """Opening a recording that is a pipe waits for somebody who writes."""
    pipe = tmp_path / "recording"
    os.mkfifo(pipe)
    config = msgspec.structs.replace(settings(tmp_path, files, 1), replay_file=str(pipe))
    setup = msgspec.json.encode(WorkerSetup(index=0, parent=0, config=config, id_prefix="0123456789abcdef"))
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(setup)
        parent.stdin.close()
        worker = Path(f"/proc/{int(parent.stdout.readline())}")
        writers: list[int] = []
        try:
            wait(lambda: opened(pipe, writers))
        finally:
            parent.kill()
    wait(lambda: not worker.exists())
    os.close(writers[0])
