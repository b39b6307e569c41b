"""The stream between processing and aggregation: bounded, ordered, counted.

``Stream`` is the contract; host mode uses ``MemoryStream`` inside one process, clusters a Redis stream behind the same
contract. What does not fit pushes the oldest entry out, which is counted: a producer never waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Stream(Protocol[T]):
    """An ordered, bounded queue of entries with one consumer group."""

    async def add(self, entries: list[T]) -> None:
        """Append entries; the oldest give way when it is full."""

    async def read(self, limit: int) -> list[T]:
        """Wait for at least one entry; return up to ``limit`` of the oldest, which stay until acknowledged."""

    async def acknowledge(self, count: int) -> None:
        """Forget the ``count`` entries that were read first."""


class CountedStream(Stream[T], Protocol[T]):
    """A stream that knows how full it is and what it lost."""

    dropped: int
    """Entries pushed out unread."""

    def __len__(self) -> int:
        """Entries that are waiting or not yet acknowledged."""


class MemoryStream(Generic[T]):
    """A stream inside one process. ``dropped`` counts entries pushed out, ``len()`` tells the ones waiting."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[T] = deque()
        self._pending: deque[T] = deque()
        self._arrived = asyncio.Event()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._pending)

    async def add(self, entries: list[T]) -> None:
        """Append entries; the oldest unread ones give way when it is full."""
        self._waiting.extend(entries)
        while len(self) > self._limit and self._waiting:
            self._waiting.popleft()
            self.dropped += 1
        if self._waiting:
            self._arrived.set()

    async def read(self, limit: int) -> list[T]:
        """Wait for at least one entry; return up to ``limit``, kept until ``acknowledge``."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        entries = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        self._pending.extend(entries)
        return entries

    async def acknowledge(self, count: int) -> None:
        """Forget the ``count`` entries that were read first."""
        for _ in range(min(count, len(self._pending))):
            self._pending.popleft()
