"""Protected records of a session to what they hold, under the key in use or the one that a record proves.

TLS 1.2: both directions' keys come from the master secret. TLS 1.3: a record opens under the key in use, or else proves
which of the candidate secrets (handshake, application, early data; client, server) is its direction's next key. Of a
cut record the start is decrypted without proof, once application data flows.
"""

from __future__ import annotations

from enum import Enum, auto

import msgspec

from agent_py.connection.layer import UNKNOWN
from agent_py.tls.finder import KeyFinder
from agent_py.tls.half import Half
from agent_py.tls.negotiation import INGRESS, Negotiation
from agent_py.tls.records import APPLICATION_DATA, Record


class Content(msgspec.Struct, frozen=True, gc=False):
    """A whole record: its content type (TLS 1.3: the inner one) and plaintext, authenticated."""

    type: int
    data: bytes


class Start(msgspec.Struct, frozen=True, gc=False):
    """The start of a cut record, not authenticated; ``rest`` bytes of plaintext (or UNKNOWN) are missing."""

    data: bytes
    rest: int


class Outcome(Enum):
    """Why a record gives no content."""

    WAIT = auto()
    """Its key is not there yet."""
    FAILED = auto()
    """Its direction's key does not open it."""
    PASSED = auto()
    """A cut handshake message: nothing of it is needed."""


class Decryption:
    """For one session."""

    __slots__ = ("_finder", "_negotiation")

    def __init__(self, negotiation: Negotiation, finder: KeyFinder) -> None:
        self._negotiation = negotiation
        self._finder = finder

    def open(self, half: Half, record: Record) -> Content | Start | Outcome:
        """Open the next protected record of a direction. Sets ``half.application`` with the first application data."""
        tls13 = self._negotiation.tls13
        if not tls13 and half.opener is None and not self._equip(half):
            return Outcome.WAIT
        if record.cut:
            return self._start(half, record)
        result = half.open(record)
        if result is None and tls13 and self._negotiation.suite is not None:
            result = self._finder.prove(half, record, self._negotiation.suite)
            if result is None and not half.application:
                return Outcome.WAIT
        if result is None:
            half.sequence += 1
            half.uncertain = True
            return Outcome.FAILED
        if result[0] == APPLICATION_DATA:
            half.application = True
        return Content(result[0], result[1])

    def _equip(self, half: Half) -> bool:
        chosen = self._negotiation
        if chosen.client is None or chosen.server is None or chosen.suite is None:
            return False
        return self._finder.equip(half, chosen.client, chosen.server, chosen.suite)

    def _start(self, half: Half, record: Record) -> Start | Outcome:
        if self._negotiation.tls13 and not half.application and not self._recognise(half, record):
            # A long handshake message, or the start of something that no key at hand explains.
            half.sequence += half.opener is not None
            return Outcome.WAIT if half.opener is None else Outcome.PASSED
        data = half.open_cut(record)
        size = half.opener.plain_size(record) if half.opener is not None else -1
        if data is None:
            return Start(b"", UNKNOWN)
        return Start(data, UNKNOWN if size < 0 else size - len(data))

    def _recognise(self, half: Half, record: Record) -> bool:
        """TLS 1.3: the first record of the server's application data is cut: a response's start proves the secret."""
        suite = self._negotiation.suite
        return suite is not None and half.direction != INGRESS and self._finder.recognise(half, record, suite)
