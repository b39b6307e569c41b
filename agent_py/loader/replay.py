"""A recording in the place of a ring: the source of chunks without root, kernel or traffic."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from agent_py.chunk import HEADER, Chunk
from agent_py.recording import read

SECOND = 1_000_000_000


class ReplaySource:
    """A ``ChunkSource`` over a ``*.chunks`` file. Raises UserError when the file is no recording.

    ``paced``: hand the chunks out at the pace at which they were recorded; else as fast as they are taken.
    ``clock`` and ``sleep`` (seconds, monotonic) stand in for time in tests.
    """

    def __init__(
        self,
        path: Path,
        *,
        paced: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        recording = read(path)
        self.clock_offset = recording.clock_offset
        """Nanoseconds to add to the chunks' times for the Unix time."""
        self._chunks = recording.chunks
        self._paced = paced
        self._clock = clock
        self._sleep = sleep
        self._next = next(self._chunks, None)
        self._first = self._next.time if self._next is not None else 0
        self._started = clock()
        self.last_time = self._first
        """Time of the last chunk handed out, nanoseconds of the recording's clock: the pipeline's ``now``."""

    @property
    def finished(self) -> bool:
        """Whether all chunks were handed out."""
        return self._next is None

    def drain(self, limit: int) -> list[Chunk]:
        """Chunks that are due, about ``limit`` bytes at most. Raises UserError at a damaged place."""
        due = self._due()
        taken: list[Chunk] = []
        while self._next is not None and limit > 0 and (due is None or self._next.time <= due):
            taken.append(self._next)
            limit -= HEADER.size + self._next.captured
            self._next = next(self._chunks, None)
        if taken:
            self.last_time = max(self.last_time, taken[-1].time)
        return taken

    def _due(self) -> int | None:
        """Recorded time up to which chunks may leave; None: all."""
        if not self._paced:
            return None
        return self._first + int((self._clock() - self._started) * SECOND)

    def wait(self, timeout: float) -> bool:
        """Sleep until the next chunk is due, at most ``timeout`` seconds; whether one is."""
        due = self._due()
        if self._next is None:
            self._sleep(timeout)
            return False
        if due is None or self._next.time <= due:
            return True
        needed = (self._next.time - due) / SECOND
        self._sleep(min(timeout, needed))
        return needed <= timeout

    def unread(self) -> int:
        """None: a recording stays."""
        return 0

    def close(self) -> None:
        """Forget the rest."""
        self._next = None
        self._chunks = iter(())
