"""One direction of a TLS session: its record reader, its key, its sequence number, and the records that wait for keys.

Sequence numbers run on over cut records. After unseen records the number is uncertain: a whole record is tried under
the next ``WINDOW`` numbers, and under the key that a KeyUpdate among the unseen ones would have brought. The tag proves
the number, except for a cut record, of which only a response's start (``HTTP/1.``) is accepted as a proof.
"""

from __future__ import annotations

from collections import deque

from agent_py.connection.budget import Account
from agent_py.tls.handshake import HandshakeReader
from agent_py.tls.protection import Opener, Tls13Opener
from agent_py.tls.records import Event, Record, RecordReader
from agent_py.tls.schedule import tls13_keys, tls13_next_secret
from agent_py.tls.suites import Suite

WINDOW = 64
RESPONSE_START = b"HTTP/1."


class Half:
    """State of one direction. ``protected``: a ChangeCipherSpec went by (TLS 1.2)."""

    __slots__ = (
        "_account", "_waiting", "application", "direction", "finished", "handshake", "opener", "pending",
        "pending_bytes", "protected", "reader", "secret", "sequence", "suite", "uncertain",
    )  # fmt: skip

    def __init__(self, direction: int, account: Account | None = None) -> None:
        self._account = account if account is not None else Account()
        self._waiting = 0
        """Bytes of unfinished records and messages, as the account knows them."""
        self.direction = direction
        self.reader = RecordReader()
        self.handshake = HandshakeReader()
        self.opener: Opener | None = None
        self.secret: bytearray | None = None
        self.suite: Suite | None = None
        self.sequence = 0
        self.uncertain = False
        self.protected = False
        self.application = False
        """Whether the key in use is that of application data or early data (TLS 1.3)."""
        self.finished = False
        """Whether its Finished went by (RFC 8446 §4.4.4)."""
        self.pending: deque[Event] = deque()
        self.pending_bytes = 0

    def hold(self, event: Event) -> None:
        """Keep a record until its key comes."""
        size = _weight(event)
        self.pending.append(event)
        self.pending_bytes += size
        self._account.add(size)

    def unhold(self) -> Event:
        """The oldest record that waited is done."""
        event = self.pending.popleft()
        size = _weight(event)
        self.pending_bytes -= size
        self._account.add(-size)
        return event

    def weigh(self) -> None:
        """Tell the account what the readers hold now."""
        waiting = self.reader.waiting + self.handshake.waiting
        if waiting != self._waiting:
            self._account.add(waiting - self._waiting)
            self._waiting = waiting

    def drop(self) -> None:
        """Forget the records that wait, and what the readers hold."""
        self._account.add(-self.pending_bytes)
        self.pending.clear()
        self.pending_bytes = 0
        self.reader = RecordReader()
        self.handshake.reset()
        self.weigh()

    def use(self, opener: Opener | None, secret: bytearray | None, suite: Suite | None, sequence: int = 0) -> None:
        """Take a new key into use (None: none yet); the old secret is wiped."""
        self.wipe()
        self.opener = opener
        self.secret = secret
        self.suite = suite
        self.sequence = sequence

    def wipe(self) -> None:
        """Zero the secret."""
        if self.secret is not None:
            self.secret[:] = bytes(len(self.secret))
            self.secret = None
        self.opener = None

    def update(self) -> None:
        """KeyUpdate (RFC 8446 §4.6.3): the next secret follows from this one."""
        if self.secret is not None and self.suite is not None:
            secret = bytearray(tls13_next_secret(self.secret, self.suite))
            self.use(Tls13Opener(self.suite, tls13_keys(secret, self.suite)), secret, self.suite)

    def derives(self, secret: bytearray) -> bool:
        """Whether ``secret`` is the one in use or the one that the next KeyUpdate brings."""
        if self.secret is None or self.suite is None:
            return False
        return secret in (self.secret, tls13_next_secret(self.secret, self.suite))

    def open(self, record: Record) -> tuple[int, bytes] | None:
        """Open a whole record under the key in use; None when it does not fit."""
        if self.opener is None:
            return None
        result = self.opener.open(record, self.sequence)
        if result is not None:
            self.sequence += 1
            return result
        return self._search(record) if self.uncertain else None

    def _search(self, record: Record) -> tuple[int, bytes] | None:
        if self.opener is None:
            return None
        for sequence in range(self.sequence + 1, self.sequence + WINDOW):
            result = self.opener.open(record, sequence)
            if result is not None:
                self.sequence, self.uncertain = sequence + 1, False
                return result
        if self.secret is None or self.suite is None:
            return None
        secret = bytearray(tls13_next_secret(self.secret, self.suite))
        opener = Tls13Opener(self.suite, tls13_keys(secret, self.suite))
        for sequence in range(WINDOW):
            result = opener.open(record, sequence)
            if result is not None:
                self.use(opener, secret, self.suite, sequence + 1)
                self.uncertain = False
                return result
        return None

    def open_cut(self, record: Record) -> bytes | None:
        """The start of a cut record under the key in use; None when its number is not known."""
        if self.opener is None:
            return None
        sequence = self.sequence
        self.sequence += 1
        if not self.uncertain:
            return self.opener.open_cut(record, sequence)
        for number in range(sequence, sequence + WINDOW):
            data = self.opener.open_cut(record, number)
            if data.startswith(RESPONSE_START):
                self.sequence, self.uncertain = number + 1, False
                return data
        return None


def _weight(event: Event) -> int:
    return 64 + (len(event.fragment) if isinstance(event, Record) else 0)
