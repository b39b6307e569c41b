"""Records of a session that wait for a key, in the order of the wire.

Goal: nothing is dropped because its secret comes later. Invariants: a record behind one that waits, waits; the session
is known to the store as waiting exactly while a record waits; ``handle`` is never called for a record out of its turn,
but to find what follows early data that cannot be opened (RFC 8446 §4.2.10: a server that does not take early data
skips records until one opens). The session bounds what waits (``Half.pending_bytes``).
"""

from __future__ import annotations

from collections.abc import Callable

from agent_py.counters import Counter, Counters
from agent_py.tls.half import Half
from agent_py.tls.keystore import KeyStore
from agent_py.tls.negotiation import INGRESS, Negotiation
from agent_py.tls.records import APPLICATION_DATA, Event, Record

EARLY_RECORDS = 16
"""Records among which the end of early data that cannot be opened is looked for."""


class Backlog:
    """For connection ``id`` of process ``tgid``; ``handle`` deals with an event, or tells that it must wait."""

    __slots__ = (
        "_closed", "_counters", "_halves", "_handle", "_negotiation", "_random", "_retrying", "_store", "_waiting",
        "id", "tgid",
    )  # fmt: skip

    def __init__(
        self,
        id: int,
        tgid: int,
        halves: tuple[Half, Half],
        negotiation: Negotiation,
        store: KeyStore,
        counters: Counters,
        handle: Callable[[Half, Event], bool],
    ) -> None:
        self.id = id
        self.tgid = tgid
        self._halves = halves
        self._negotiation = negotiation
        self._store = store
        self._counters = counters
        self._handle = handle
        self._waiting = False
        self._random = b""
        self._retrying = False
        self._closed = False

    def __bool__(self) -> bool:
        return any(half.pending for half in self._halves)

    def take(self, half: Half, event: Event) -> None:
        """Deal with the next event of a direction, now or when its turn comes."""
        if not half.pending and self._handle(half, event):
            return
        half.hold(event)
        self._wait()
        if self._negotiation.early_data and len(half.pending) <= EARLY_RECORDS:
            self.retry()

    def keys_arrived(self, time: int) -> None:
        """See ``keystore.Waiter``."""
        self.retry()

    def retry(self) -> None:
        """Something changed: go on with what waits."""
        if self._retrying:
            return
        self._retrying = True
        for half in self._halves:
            while half.pending and (self._handle(half, half.pending[0]) or self._skip_early(half)):
                if self._closed:
                    return
                half.unhold()
        self._retrying = False
        if not self:
            self._stop_waiting()

    def _skip_early(self, half: Half) -> bool:
        """Early data that its server did not take, or whose secret never came: find the record that follows it."""
        early = self._negotiation.early_data and half.direction == INGRESS
        if not early or half.opener is not None or not self._negotiation.tls13:
            return False
        for position, event in enumerate(half.pending):
            if position and isinstance(event, Record) and event.type == APPLICATION_DATA and self._handle(half, event):
                for _ in range(position):
                    half.unhold()
                    self._counters.add(Counter.LOST_DECRYPT_FAILED)
                return not self._closed
        return False

    def _wait(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._random = self._negotiation.client.random if self._negotiation.client is not None else b""
            self._store.wait(self, self._random)

    def _stop_waiting(self) -> None:
        if self._waiting:
            self._waiting = False
            self._store.stop_waiting(self, self._random)

    def close(self) -> None:
        """Nothing waits any more."""
        self._closed = True
        self._stop_waiting()
        for half in self._halves:
            half.pending.clear()
