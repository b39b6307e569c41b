"""The demonstration's nginx ends quietly, however it ended before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.nginx import Nginx

pytestmark = pytest.mark.skipif(not Nginx(Path()).binary, reason="nginx is not installed")


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="oob-nginx-") as path:
        yield Path(path)


def gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_stop_ends_it_and_may_be_called_again(directory: Path) -> None:
    with Nginx(directory) as server:
        pid = server.pid
        server.stop()
        gone(pid)
        server.stop()


def test_one_that_was_killed_and_left_its_file_is_gone(directory: Path) -> None:
    with Nginx(directory) as server:
        pid, workers = server.pid, server.worker_pids
        os.kill(pid, signal.SIGKILL)
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        gone(pid)
        assert (directory / "nginx.pid").exists()
        server.stop()


def test_another_process_with_the_id_in_the_file_is_left_alone(directory: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (directory / "nginx.pid").write_text(f"{other.pid}\n")
        Nginx(directory).stop()
        assert other.poll() is None
        assert other.stdin is not None
        other.stdin.write(b"\n")
    assert other.returncode == 0
