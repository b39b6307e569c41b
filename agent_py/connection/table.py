"""The connections of a worker: bounded, in the order of their last activity.

Connection ids are unique for the life of the capture, so a descriptor number used again is no danger. Invariants: at
most ``limit`` connections; iteration order is the order of last activity, so eviction and expiry look at the oldest
only: O(1) a chunk, O(expired) a sweep plus the connections idle between the two timeouts, each told once.
"""

from __future__ import annotations

from collections import OrderedDict

from agent_py.connection.budget import Budget
from agent_py.connection.connection import Connection
from agent_py.counters import Counter, Counters


class ConnectionTable:
    """``limit`` connections; ``idle_timeout`` and ``response_timeout`` in nanoseconds."""

    def __init__(self, limit: int, idle_timeout: int, response_timeout: int, counters: Counters) -> None:
        self._connections: OrderedDict[int, Connection] = OrderedDict()
        self._limit = limit
        self._idle_timeout = idle_timeout
        self._response_timeout = response_timeout
        self._counters = counters
        self.get = self._connections.get
        self.touch = self._connections.move_to_end
        """Note activity of the connection with this id."""

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: Connection, now: int) -> None:
        """Take a new connection in; the one that was idle longest leaves when the table is full (LOST_EVICTED)."""
        while len(self._connections) >= self._limit:
            _id, oldest = self._connections.popitem(last=False)
            self._counters.add(Counter.LOST_EVICTED)
            oldest.close(now)
        self._connections[connection.id] = connection

    def remove(self, connection_id: int, now: int) -> bool:
        """Close and forget a connection; whether it was there."""
        connection = self._connections.pop(connection_id, None)
        if connection is None:
            return False
        connection.close(now)
        return True

    def remove_process(self, tgid: int, now: int) -> int:
        """Close and forget all connections of a process that ended; how many. O(connections): processes end rarely."""
        gone = [connection.id for connection in self._connections.values() if connection.tgid == tgid]
        for connection_id in gone:
            self.remove(connection_id, now)
        return len(gone)

    def expire(self, now: int) -> None:
        """Forget what was idle for the idle timeout; tell those that waited for the response timeout."""
        gone: list[int] = []
        for connection in self._connections.values():
            idle = now - connection.last_seen
            if idle < self._response_timeout:
                break
            if idle >= self._idle_timeout:
                gone.append(connection.id)
            else:
                connection.expire(now)
        for connection_id in gone:
            self.remove(connection_id, now)

    def relieve(self, budget: Budget, now: int) -> None:
        """Have connections give back what they hold (LOST_MEMORY_CONNECTION), the one idle longest first, to the goal.

        O(connections), paid by the bytes that are set free.
        """
        for connection in self._connections.values():
            if budget.held <= budget.goal:
                return
            if connection.account.held:
                self._counters.add(Counter.LOST_MEMORY_CONNECTION)
                connection.layer.relieve(now)

    def close(self, now: int) -> None:
        """Close and forget all connections."""
        for connection_id in list(self._connections):
            self.remove(connection_id, now)
