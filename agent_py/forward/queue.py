"""The bounded queue between the parsers and the senders, and the books of what became of every exchange.

Goals, in order: the parsing side never waits; memory is bounded; every exchange that was put ends in exactly one
counter (sent, queue_full, rejected, shutdown).

An item is an exchange already encoded as msgpack. It is *waiting*, or *leased* to one sender. Both count against the
bounds, but only waiting items are pushed out, oldest first: a leased one is on the wire and may have been taken. A
sender settles its lease once: ``sent``, ``rejected`` or ``restore``, which puts the items back in front, where they
are the oldest again. So while processing is away, retries go on until newer exchanges push the old ones out.

``close`` ends the books: what is waiting or leased then is counted as lost by shutdown, and later settlements of open
leases change nothing. All operations are O(items moved); the lock is never held over I/O.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition

from agent_py.counters import Counter, Counters
from agent_py.forward.batch import BatchLimits


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Most exchanges and most bytes of encoded exchanges that are held, waiting and leased together."""

    exchanges: int = 20_000
    bytes: int = 64 << 20


@dataclass(eq=False, slots=True)
class Lease:
    """Items that one sender holds; ``size`` is their bytes together."""

    items: list[bytes]
    size: int


class Queue:
    """Bounded by exchanges and bytes; the oldest give way. Thread-safe; ``put`` never waits for a reader."""

    def __init__(self, limits: QueueLimits, counters: Counters, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._counters = counters
        self._clock = clock
        self._changed = Condition()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._leases: set[Lease] = set()
        self._leased = 0
        self._leased_bytes = 0
        self._since = 0.0
        self._batch = BatchLimits()
        """When a batch is due: what the senders asked for last."""
        self._flushing = False
        self._closed = False

    def __len__(self) -> int:
        """Exchanges held, waiting and leased."""
        return len(self._waiting) + self._leased

    @property
    def size(self) -> int:
        """Bytes held, waiting and leased."""
        return self._waiting_bytes + self._leased_bytes

    def put(self, items: Sequence[bytes]) -> None:
        """Append encoded exchanges; the oldest waiting ones give way and are counted."""
        if not items:
            return
        with self._changed:
            if self._closed:
                self._counters.add(Counter.LOST_SHUTDOWN, len(items))
                return
            first = not self._waiting
            if first:
                self._since = self._clock()
            self._waiting.extend(items)
            self._waiting_bytes += sum(map(len, items))
            self._push_out()
            # A sender that waits for a batch's age wakes by itself: nobody is woken for each put.
            if first or self._batch.due(len(self._waiting), self._waiting_bytes, self._since, self._since) <= 0.0:
                self._changed.notify()

    def take(self, batch: BatchLimits) -> Lease | None:
        """Wait until a batch is due and lease it; None once the queue is closed, or flushed and empty."""
        with self._changed:
            self._batch = batch
            while not self._closed:
                if self._waiting:
                    wait = batch.due(len(self._waiting), self._waiting_bytes, self._since, self._clock())
                    if wait <= 0.0 or self._flushing:
                        return self._lease(batch)
                    self._changed.wait(wait)
                elif self._flushing and not self._leases:
                    return None
                else:
                    self._changed.wait()
            return None

    def sent(self, lease: Lease) -> None:
        """Processing took the lease's exchanges."""
        with self._changed:
            if self._settle(lease):
                self._counters.add(Counter.EXCHANGES_SENT, len(lease.items))
                self._counters.add(Counter.BATCHES_SENT)

    def rejected(self, lease: Lease) -> None:
        """Processing refused the lease's exchanges for good."""
        with self._changed:
            if self._settle(lease):
                self._counters.add(Counter.LOST_REJECTED, len(lease.items))

    def restore(self, lease: Lease) -> None:
        """The lease was not taken: its exchanges are the oldest waiting ones again."""
        with self._changed:
            if self._settle(lease):
                if not self._waiting:
                    self._since = self._clock()
                self._waiting.extendleft(reversed(lease.items))
                self._waiting_bytes += lease.size
                self._counters.add(Counter.BATCH_RETRIES)
                self._push_out()

    def flush(self) -> None:
        """From now on every waiting exchange is due at once, and ``take`` ends when none is left."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()

    def close(self) -> None:
        """End the books: everything still held is counted as lost by shutdown."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._counters.add(Counter.LOST_SHUTDOWN, len(self))
            self._waiting.clear()
            self._leases.clear()
            self._waiting_bytes = self._leased = self._leased_bytes = 0
            self._changed.notify_all()

    def _lease(self, batch: BatchLimits) -> Lease:
        items = [self._waiting.popleft() for _ in range(batch.take(map(len, self._waiting)))]
        lease = Lease(items, sum(map(len, items)))
        self._waiting_bytes -= lease.size
        self._leases.add(lease)
        self._leased += len(items)
        self._leased_bytes += lease.size
        self._since = self._clock()
        if self._waiting:
            # The rest has an age too, and this sender is busy from here on.
            self._changed.notify()
        return lease

    def _settle(self, lease: Lease) -> bool:
        if lease not in self._leases:
            return False
        self._leases.remove(lease)
        self._leased -= len(lease.items)
        self._leased_bytes -= lease.size
        self._changed.notify_all()
        return True

    def _push_out(self) -> None:
        while self._waiting and (len(self) > self._limits.exchanges or self.size > self._limits.bytes):
            self._waiting_bytes -= len(self._waiting.popleft())
            self._counters.add(Counter.LOST_QUEUE_FULL)
