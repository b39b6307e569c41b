"""The parent's side of the workers: start them with what they need, notice their end, start them again.

A worker gets open descriptors (its ring, the sleepers' map, its counter block) and its settings as JSON on standard
input; it needs no privilege after that. Its ring and its counters outlive it, so a crash loses only the connections
whose state it had, and no count.
"""

from __future__ import annotations

import mmap
import os
import secrets
import select
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from agent_py.config import AgentConfig
from agent_py.counters import BLOCK_BYTES, Counters
from common_py.errors import UNAVAILABLE, UserError
from common_py.logging import get
from common_py.process import end, ending

log = get(__name__)


class WorkerSetup(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told on standard input. Descriptors of -1: replay, there is no kernel side."""

    index: int
    parent: int
    config: AgentConfig
    id_prefix: str
    """16 hexadecimal digits, new for each start: with a counter they make exchange ids unique."""
    restarts: int = 0
    """How often it was started before: a recording goes on."""
    ring_fd: int = -1
    sleepers_fd: int = -1
    counters_fd: int = -1
    ready_fd: int = -1
    """Written to by the worker when it has dropped its privileges and begins to read."""


@dataclass
class WorkerProcess:
    """One worker and its counter block."""

    index: int
    config: AgentConfig
    ring_fd: int = -1
    sleepers_fd: int = -1
    restarts: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._ready = -1
        self._counters_fd = os.memfd_create(f"oob-counters-{self.index}")
        os.ftruncate(self._counters_fd, BLOCK_BYTES)
        self._memory = mmap.mmap(self._counters_fd, BLOCK_BYTES)
        self.counters = Counters(memoryview(self._memory))

    def start(self) -> None:
        """Start the process and hand it its settings. UserError when that is not possible now."""
        self._ready, ready = os.pipe()
        try:
            self._start(ready)
        except OSError as error:
            raise UserError(
                f"Worker {self.index} cannot be started: {error.strerror}.",
                "Has this machine, or the agent's control group, no room for a process?",
                exit_code=UNAVAILABLE,
            ) from error
        finally:
            os.close(ready)

    def _start(self, ready: int) -> None:
        setup = WorkerSetup(
            index=self.index,
            parent=os.getpid(),
            config=self.config,
            id_prefix=secrets.token_hex(8),
            restarts=self.restarts,
            ring_fd=self.ring_fd,
            sleepers_fd=self.sleepers_fd,
            counters_fd=self._counters_fd,
            ready_fd=ready,
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent_py.worker"],
            stdin=subprocess.PIPE,
            pass_fds=[fd for fd in (self.ring_fd, self.sleepers_fd, self._counters_fd, ready) if fd >= 0],
            # Ctrl-C is the parent's business, also while the worker still starts.
            start_new_session=True,
        )
        if self.process.stdin is None:
            raise RuntimeError("the worker has no standard input")
        # One that was killed before it read its settings is as one that was killed a moment later.
        with suppress(BrokenPipeError), self.process.stdin as pipe:
            pipe.write(msgspec.json.encode(setup))

    def wait_ready(self, seconds: float) -> None:
        """Return when it reads. UserError when it takes longer or is killed, SystemExit when it ended by itself."""
        readable, _, _ = select.select([self._ready], [], [], seconds)
        said = os.read(self._ready, 1) if readable else b""
        os.close(self._ready)
        self._ready = -1
        if not readable:
            raise UserError(
                f"Worker {self.index} did not start within {seconds:g} s.",
                "Is this machine very busy?",
                exit_code=UNAVAILABLE,
            )
        if not said and self.process is not None:
            code = self.process.wait()
            if code < 0:
                raise UserError(f"Worker {self.index} was {ending(code)} while it started.", exit_code=UNAVAILABLE)
            raise SystemExit(code)

    def ended(self) -> int | None:
        """The exit code when it has ended, else None."""
        return self.process.poll() if self.process else None

    def watch(self) -> None:
        """Start it again when it has ended; when that is not possible now, the next time."""
        code = self.ended()
        if code is None:
            return
        self.restarts += 1
        if self._ready >= 0:
            os.close(self._ready)
        log.warning("worker ended, starting it again", worker=self.index, exit_code=code)
        try:
            self.start()
        except UserError as error:
            log.warning("a worker is down", worker=self.index, reason=str(error))

    def stop(self, seconds: float) -> None:
        """Let it send what it has, kill it after ``seconds``."""
        if self.process is not None and not end(self.process, seconds):
            log.warning("worker did not end in time", worker=self.index)
