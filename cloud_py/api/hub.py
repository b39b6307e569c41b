"""Fan-out of events to listeners.

Goals: publishing never waits; a listener that does not keep up costs a bounded queue and is then dropped; the number
of listeners is bounded. Invariants: a listener gets all events between its ``join`` and its drop, in order. All
methods run in the event loop's thread.
"""

from __future__ import annotations

import asyncio


class Listener:
    """One listener's queue. ``next`` ends with None when the listener was dropped or the hub closed."""

    def __init__(self, limit: int) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(limit)
        self.dropped = asyncio.Event()

    def offer(self, event: bytes) -> bool:
        """Queue an event, or drop the listener when it is too far behind."""
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.dropped.set()
            return False
        return True

    async def next(self, timeout: float) -> bytes | None:
        """The next event, or None after ``timeout`` seconds without one."""
        try:
            return await asyncio.wait_for(self._queue.get(), timeout)
        except TimeoutError:
            return None


class Hub:
    """All listeners. ``limit``: listeners at most; ``queue``: events that may wait for one."""

    def __init__(self, limit: int, queue: int) -> None:
        self._limit = limit
        self._queue = queue
        self._listeners: set[Listener] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._listeners)

    def join(self) -> Listener | None:
        """A new listener; None when there are too many, or the hub is closed."""
        if self._closed or len(self._listeners) >= self._limit:
            return None
        listener = Listener(self._queue)
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener."""
        self._listeners.discard(listener)

    def publish(self, event: bytes) -> int:
        """Offer an event to all; return how many listeners were dropped for being slow."""
        slow = [listener for listener in self._listeners if not listener.offer(event)]
        self._listeners.difference_update(slow)
        return len(slow)

    def close(self) -> None:
        """End all listeners: the server stops."""
        self._closed = True
        for listener in self._listeners:
            listener.dropped.set()
        self._listeners.clear()
