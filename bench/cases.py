"""What is there while nginx is measured: nothing, our capture, a mere neighbour, or the probes that every peer uses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Protocol

from demo.agent import Agent


class Case(Protocol):
    """``with case:`` it is attached."""

    name: str

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Nothing:
    """nginx alone."""

    name = "nothing"

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *_exception: object) -> None:
        return


class Capture:
    """Our agent with one worker, sending to an intake that only keeps the batches' sizes."""

    name = "capture"

    def __init__(self, directory: Path, pid: int) -> None:
        self._directory = directory
        self._pid = pid
        self.agent: Agent | None = None

    def __enter__(self) -> Agent:
        self.agent = Agent(self._directory, mirror_pids=[self._pid])
        return self.agent.__enter__()

    def __exit__(self, *exception: object) -> None:
        if self.agent is not None:
            self.agent.__exit__(*exception)


class Neighbour:
    """Nothing attached, but as much processor time burnt beside nginx as the agent needs.

    Processors that share a core slow each other down. What the agent costs nginx in this way depends on where it runs;
    the difference between this case and the capture is what the probes cost.
    """

    name = "neighbour"
    PERIOD = 0.004
    """Seconds; the agent's nap."""

    def __init__(self, share: float) -> None:
        self._share = share

    def __enter__(self) -> Neighbour:
        busy, idle = self.PERIOD * self._share, self.PERIOD * (1 - self._share)
        code = (
            "import time\nwhile True:\n end = time.perf_counter() + %r\n"
            " while time.perf_counter() < end: pass\n time.sleep(%r)"
        )
        self._process = subprocess.Popen([sys.executable, "-c", code % (busy, idle)])
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.kill()
        self._process.wait()


class Classic:
    """Entry and return probes on SSL_read and SSL_write that copy the data, as every peer does."""

    name = "classic SSL probes"

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def __enter__(self) -> Classic:
        command = [sys.executable, "-m", "bench.classic", "--pid", str(self._pid), "--parent", str(os.getpid())]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready"
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=20)
        time.sleep(0.2)
