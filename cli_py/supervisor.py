"""Starts the programs of host mode, restarts the ones that die, and stops all of them.

Each program is a process of its own session, so that Ctrl-C reaches the supervisor alone, which then ends the programs
in reverse order: what produces stops before what consumes. A program is started with ``--parent PID`` and asks the
kernel to kill it when the supervisor ends, whatever way that happens; so even ``kill -9`` leaves nothing behind.

Whoever starts programs can be asked to stop at any moment: ``stopping`` is looked at while they start.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cli_py import logfile
from common_py.errors import UNAVAILABLE, UserError
from common_py.process import end, ending
from common_py.retry import Backoff

RESTARTS = Backoff(first=0.5, limit=15.0)
STABLE_SECONDS = 30.0
"""A program that lived this long starts its backoff anew."""

STARTING_SECONDS = 2.0
"""A program that is not ready yet holds nothing that it has to bring in order: it is killed after this time."""

LAST_LINES = 3
"""Its other processes may still log a line after it has said why it ends."""


class Interrupted(Exception):
    """The start was broken off, because ``stopping`` came true."""


@dataclass
class Program:
    """One program: a Python module with arguments, ready when ``address_file`` is written."""

    name: str
    module: str
    arguments: list[str]
    address_file: Path
    log_file: Path
    once: bool = False
    """Not to be started again: its end is an error."""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    started: float = 0.0
    failures: int = 0
    restart_at: float | None = None

    def start(self) -> None:
        """Start it; its log goes to ``log_file``."""
        self.address_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", self.module, *self.arguments, "--parent", str(os.getpid())]
        with self.log_file.open("ab") as log:
            # The store holds whole requests: whatever a program writes is its owner's, in whatever directory.
            self.process = subprocess.Popen(
                command, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, umask=0o077
            )
        self.started = time.monotonic()
        self.restart_at = None

    @property
    def ready(self) -> bool:
        """Whether it does its work."""
        return self.address_file.exists()

    def wait_ready(self, seconds: float, look: Callable[[], None] = lambda: None) -> str:
        """Return ``host:port`` when it is ready; UserError with the log's last error when it dies or takes too long.

        ``look`` is called again and again meanwhile; what it raises ends the waiting.
        """
        deadline = time.monotonic() + seconds
        while not self.ready:
            look()
            if self.process is None or self.process.poll() is not None:
                code = self.process.returncode if self.process else 1
                raise UserError(f"The {self.name} did not start: {self.last_words()}", exit_code=max(code, 1))
            if time.monotonic() > deadline:
                raise UserError(
                    f"The {self.name} was not ready after {seconds:g} s.",
                    f"Its log is {self.log_file}.",
                    exit_code=UNAVAILABLE,
                )
            time.sleep(0.01)
        return self.address_file.read_text().strip()

    def last_words(self) -> str:
        """The sentence with which programs end, from its log's last lines; else where its log is."""
        lines = logfile.last_lines(self.log_file)[-LAST_LINES:]
        sentences = [line for line in lines if not line.startswith("{")]
        return sentences[-1] if sentences else f"its log is {self.log_file}."

    def stop(self, seconds: float) -> None:
        """Ask it to end, kill it after ``seconds``, sooner when it is not ready."""
        if self.process is not None:
            end(self.process, seconds if self.ready else min(seconds, STARTING_SECONDS))


@dataclass
class Supervisor:
    """``start`` programs in order, ``watch`` them, ``stop`` them in reverse."""

    say: Callable[[str], None]
    programs: list[Program] = field(default_factory=list)
    stopping: Callable[[], bool] = lambda: False

    def start(self, program: Program, seconds: float = 30.0) -> str:
        """Start one and wait until it is ready. Returns its address. Raises UserError, and Interrupted."""
        self._look()
        self.programs.append(program)
        program.start()
        return program.wait_ready(seconds, self._look)

    def _look(self) -> None:
        if self.stopping():
            raise Interrupted
        self._rotate()

    def _rotate(self) -> None:
        for program in self.programs:
            logfile.rotate(program.log_file, logfile.LOG_BYTES)

    def watch(self) -> None:
        """One look: programs that died are started again, later with every failure in a row; logs are kept bounded.

        Raises UserError when one ended that is to run but once.
        """
        now = time.monotonic()
        for program in self.programs:
            if program.restart_at is not None:
                if now >= program.restart_at:
                    program.start()
                    self.say(f"The {program.name} was started again.")
            elif program.process is not None and program.process.poll() is not None:
                code = program.process.returncode
                sentence = f"The {program.name} ended ({ending(code)}): {program.last_words()}"
                if program.once:
                    raise UserError(sentence, exit_code=max(code, 1))
                program.failures = 0 if now - program.started > STABLE_SECONDS else program.failures + 1
                program.restart_at = now + RESTARTS.delay(program.failures, 1.0)
                self.say(sentence)
        self._rotate()

    def stop(self, seconds: float = 10.0) -> None:
        """End all programs in reverse order; each has ``seconds`` before it is killed."""
        for program in reversed(self.programs):
            program.stop(seconds)
