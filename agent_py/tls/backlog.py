"""Records of a session that wait for a key, in the order of the wire.

Goal: nothing is dropped because its secret comes later. Invariants: a record behind one that waits, waits; of the two
directions the older record goes first; the session is known to the store as waiting exactly while a record waits;
``handle`` is called for a record out of its turn only to find what follows early data that cannot be opened (RFC 8446
§4.2.10: a server that does not take early data skips records until one opens).

The session bounds what waits (``Half.pending_bytes``). Each secret or event that comes costs at most one look at the
oldest record of each direction and what this sets free, besides ``SEARCHES`` looks in a session's life.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from agent_py.connection.connection import Connection
from agent_py.tls.finder import KeyFinder
from agent_py.tls.half import Half
from agent_py.tls.keystore import PATIENCE, KeyStore
from agent_py.tls.negotiation import INGRESS, Negotiation
from agent_py.tls.records import APPLICATION_DATA, Event, Record

EARLY_RECORDS = 64
"""Records among which the end of early data that cannot be opened is looked for."""
SEARCHES = 1024
"""Records that a session looks at, in its life, to find that end."""


class Backlog:
    """``id``, ``tgid``: those of the connection.

    ``handle(half, event)`` deals with an event, or tells that it must wait; ``skipped(half, records, time)`` takes the
    number of protected records that nobody will open.
    """

    __slots__ = (
        "_closed", "_finder", "_halves", "_handle", "_negotiation", "_random", "_retrying", "_searches",
        "_since", "_skipped", "_store", "_waiting", "id", "tgid",
    )  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        halves: tuple[Half, Half],
        negotiation: Negotiation,
        finder: KeyFinder,
        store: KeyStore,
        handle: Callable[[Half, Event], bool],
        skipped: Callable[[Half, int, int], None],
    ) -> None:
        self.id = connection.id
        self.tgid = connection.tgid
        self._halves = halves
        self._negotiation = negotiation
        self._finder = finder
        self._store = store
        self._handle = handle
        self._skipped = skipped
        self._waiting = False
        self._searches = SEARCHES
        self._since = 0
        self._random = b""
        self._retrying = False
        self._closed = False

    def hold(self, half: Half, event: Event) -> None:
        """Keep an event that cannot be dealt with yet, or one behind such a one, until its turn comes."""
        half.hold(event)
        self._wait(event.time)
        early = self._negotiation.early_data and len(half.pending) <= EARLY_RECORDS
        if early or event.time - self._since >= PATIENCE:
            self.retry(event.time)

    def keys_arrived(self, time: int) -> None:
        """See ``keystore.Waiter``."""
        self.retry(time)

    def clear(self, time: int) -> bool:
        """The last chance of what waits: every secret at hand is tried. Whether nothing waits any more."""
        if self._waiting:
            self.retry(time, last=True)
        return not self._waiting

    def retry(self, time: int, *, last: bool = False) -> None:
        """Something changed: go on with what waits."""
        if self._retrying:
            return
        self._retrying = True
        self._finder.wide = last or (self._waiting and time - self._since >= PATIENCE)
        while self._advance():
            if self._closed:
                return
        self._retrying = self._finder.wide = False
        if not any(half.pending for half in self._halves):
            self._stop_waiting()
        elif self._waiting:
            self._wait(time)

    def _advance(self) -> bool:
        """Deal with the oldest record that can be dealt with; False when there is none."""
        waiting = [half for half in self._halves if half.pending]
        for half in sorted(waiting, key=lambda half: half.pending[0].time):
            if self._handle(half, half.pending[0]) or self._skip_early(half):
                if not self._closed:
                    half.unhold()
                return True
        return False

    def _skip_early(self, half: Half) -> bool:
        """Early data that its server did not take, or whose secret never came: find the record that follows it."""
        early = self._negotiation.early_data and half.direction == INGRESS
        if not early or self._searches < 0 or half.opener is not None or not self._negotiation.tls13:
            return False
        if self._opens(half, half.pending[0]):
            return True
        for position, event in enumerate(islice(half.pending, EARLY_RECORDS)):
            if not position or not isinstance(event, Record) or event.type != APPLICATION_DATA:
                continue
            self._searches -= 1
            if self._searches < 0:
                break
            if self._handle(half, event):
                return self._skip(half, position, event.time)
        return False

    def _skip(self, half: Half, position: int, time: int) -> bool:
        """Drop what lies before ``position``; records in the clear (a second ClientHello) are no loss."""
        if self._closed:
            return False
        events = [half.unhold() for _ in range(position)]
        records = sum(isinstance(event, Record) and event.type == APPLICATION_DATA for event in events)
        self._skipped(half, records, time)
        return True

    def _opens(self, half: Half, event: Event) -> bool:
        """Deal with early data under whatever secret, before it is skipped for good."""
        wide, self._finder.wide = self._finder.wide, True
        opened = self._handle(half, event)
        self._finder.wide = wide
        return opened

    def _wait(self, time: int) -> None:
        """Be told of secrets; after a renegotiation under its new client_random."""
        random = self._negotiation.client.random if self._negotiation.client is not None else b""
        if self._waiting and random == self._random:
            return
        self._stop_waiting()
        self._waiting = True
        self._since = time
        self._random = random
        self._store.wait(self, random, time)

    def _stop_waiting(self) -> None:
        if self._waiting:
            self._waiting = False
            self._store.stop_waiting(self, self._random)

    def close(self) -> None:
        """Nothing waits any more."""
        self._closed = True
        self._stop_waiting()
        for half in self._halves:
            half.drop()
