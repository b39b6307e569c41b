"""The stream between processing and aggregation: bounded, ordered, counted.

``Stream`` is the contract; host mode uses ``KeptStream`` inside one process, clusters a Redis stream behind the same
contract. What does not fit pushes the oldest entry out, which is counted: a producer never waits.

``KeptStream`` is a ``MemoryStream`` beside which a spool (optional) and an account of the node's ledger are kept. The
order of the three makes a kill at any point invent no loss: an entry is in the spool before it is given to the
account, and it is settled in the account before it leaves the spool. So the spool holds what the account says is held,
or up to one batch more: one that nobody was told of yet and comes again, or one that the consumer was done with and
sees again, which the cloud does not store twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from common_py.ledger import Account
from common_py.spool import MEMORY_ALONE, Spool

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
    """A stream inside one process. ``dropped`` counts entries pushed out, ``len()`` tells the ones waiting.

    ``leave``, when given, is told the entries that leave it, acknowledged or pushed out, in order.
    """

    def __init__(self, limit: int, leave: Callable[[list[T]], None] | None = None) -> None:
        self._limit = limit
        self._leave = leave or (lambda _entries: None)
        self._waiting: deque[T] = deque()
        self._pending: deque[T] = deque()
        self._arrived = asyncio.Event()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._pending)

    async def add(self, entries: list[T]) -> None:
        """Append entries; the oldest unread ones give way when it is full."""
        self._waiting.extend(entries)
        excess = min(len(self) - self._limit, len(self._waiting))
        if excess > 0:
            self.dropped += excess
            self._leave([self._waiting.popleft() for _ in range(excess)])
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
        self._leave([self._pending.popleft() for _ in range(min(count, len(self._pending)))])

    def held(self) -> list[T]:
        """What is waiting or not yet acknowledged, oldest first."""
        return [*self._pending, *self._waiting]


class KeptStream(Generic[T]):
    """A stream in memory whose entries are in a node's books and, with a ``spool``, survive its kill."""

    def __init__(self, limit: int, account: Account, spool: Spool[T] | None = None) -> None:
        self._memory: MemoryStream[tuple[int, T]] = MemoryStream(limit, self._forget)
        self._account = account
        self._spool = spool
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._memory)

    async def restore(self, entries: list[tuple[int, T]]) -> None:
        """Begin with what the spool had, which the account has been given."""
        await self._enter(entries)

    async def add(self, entries: list[T]) -> None:
        """Append entries; the oldest unread ones give way when it is full."""
        numbers = self._spool.add(entries) if self._spool else [MEMORY_ALONE] * len(entries)
        self._account.give(len(entries))
        await self._enter(list(zip(numbers, entries, strict=True)))

    async def read(self, limit: int) -> list[T]:
        """Wait for at least one entry; return up to ``limit``, kept until ``acknowledge``."""
        return [entry for _, entry in await self._memory.read(limit)]

    async def acknowledge(self, count: int) -> None:
        """Forget the ``count`` entries that were read first."""
        await self._memory.acknowledge(count)

    def close(self) -> int:
        """The end in good order. Returns how many entries are gone with it: held, and in memory alone."""
        gone = sum(number == MEMORY_ALONE for number, _ in self._memory.held())
        self._account.settle(gone)
        return gone

    async def _enter(self, entries: list[tuple[int, T]]) -> None:
        await self._memory.add(entries)
        self.dropped = self._memory.dropped

    def _forget(self, entries: list[tuple[int, T]]) -> None:
        self._account.settle(len(entries))
        if self._spool:
            self._spool.forget([number for number, _ in entries if number != MEMORY_ALONE])
