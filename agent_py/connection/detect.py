"""Which protocol a connection speaks, from the first bytes that its server reads.

The answer is a protocol, none, or that more bytes are needed. Only a few first bytes (``HELD``) are held, together with
their times, and handed to the layer that is chosen. In doubt it is HTTP: a client must not be able to hide all its
requests behind a first one that servers accept and that looks odd (nginx takes methods of any length, also such that
begin with ``_`` or ``-``, and any number of empty lines before them). The HTTP layer counts what it cannot read.

A late connection (older than the capture) may be joined in the middle of a message: for it every read is a new
question, up to ``LATE_READS`` reads; reads that begin no message are dropped, as the parsers would do. A connection on
which the other end sends responses is a client's and of no interest.

When every byte towards the server was lost, the server's first answer tells the protocol at the end, so that the
requests count as lost; without an answer they are taken for HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto

from agent_py.chunk import Direction
from agent_py.connection.layer import Layer

HELD = 256
LATE_READS = 16
INGRESS = int(Direction.INGRESS)

_request = re.compile(rb"[\r\n]*(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?: |\Z)|\Z)").match
_http2_preface = b"PRI * HTTP/2.0"


class Verdict(Enum):
    """What the first bytes say."""

    HTTP1 = auto()
    TLS = auto()
    """A ClientHello's record."""
    TLS_LATE = auto()
    """A later record: the handshake was not seen."""
    CLIENT = auto()
    """The other end answers requests: the local end is a client."""
    OTHER = auto()
    MORE = auto()


def protocol(data: bytes) -> Verdict:
    """The protocol that ``data``, the first bytes towards a server, belongs to."""
    if data[:1] == b"\x16":
        if len(data) < 2:
            return Verdict.MORE
        # The minor version of a first record is ignored (RFC 8446 §5.1), by OpenSSL too.
        return Verdict.TLS if data[1] == 3 else Verdict.OTHER
    if data[0] in (0x14, 0x15, 0x17) and data[1:2] == b"\x03":
        return Verdict.TLS_LATE
    if data.startswith(b"HTTP/1."):
        return Verdict.CLIENT
    found = _request(data)
    if not found or data.startswith(_http2_preface):
        return Verdict.OTHER
    if not data.endswith(b" ") and found.end() == len(data):
        return Verdict.MORE
    return Verdict.MORE if _http2_preface.startswith(data.lstrip(b"\r\n")) else Verdict.HTTP1


def answered(data: bytes) -> Verdict:
    """The protocol that ``data``, the first bytes from a server, belongs to."""
    if data.startswith(b"HTTP/1."):
        return Verdict.HTTP1
    return Verdict.TLS_LATE if data[0] in (0x14, 0x15, 0x16, 0x17) and data[1:2] == b"\x03" else Verdict.OTHER


class Detection:
    """The layer of a connection whose protocol is not known yet.

    ``choose(verdict, joined)`` is called once and gives the next layer; ``joined`` tells that bytes went by before.
    """

    __slots__ = ("_answer", "_choose", "_gap", "_held", "_joined", "_lost", "_reads", "_settled")

    def __init__(self, choose: Callable[[Verdict, bool], Layer], *, late: bool) -> None:
        self._choose = choose
        self._joined = late
        self._held: list[tuple[bytes, int]] = []
        self._reads = 0
        self._gap = 0
        self._lost = 0
        self._settled: Layer | None = None
        self._answer: Verdict | None = None

    def data(self, direction: int, data: bytes, time: int) -> None:
        """Ask with what the server has read so far."""
        if self._settled is not None:
            self._settled.data(direction, data, time)
        elif direction == INGRESS:
            self._held.append((data, time))
            self._ask(protocol(data if len(self._held) == 1 else b"".join(part for part, _time in self._held)))
        else:
            self._joined = True
            if self._answer is None:
                self._answer = answered(data)

    def _ask(self, verdict: Verdict) -> None:
        if verdict is Verdict.MORE and sum(len(part) for part, _time in self._held) < HELD:
            return
        if verdict in (Verdict.OTHER, Verdict.MORE) and self._joined and self._reads < LATE_READS:
            self._reads += 1
            self._held.clear()
            return
        self._settle(Verdict.HTTP1 if verdict is Verdict.MORE else verdict)

    def _settle(self, verdict: Verdict) -> Layer:
        layer = self._settled = self._choose(verdict, self._joined)
        held, self._held = self._held, []
        if self._lost:
            layer.gap(INGRESS, self._gap, self._lost, held[0][1] if held else 0)
        for part, time in held:
            layer.data(INGRESS, part, time)
        return layer

    def hole(self, direction: int, size: int, time: int) -> None:
        """Bytes left out before the protocol is known: join behind them."""
        self.gap(direction, size, 0, time)

    def gap(self, direction: int, size: int, lost: int, time: int) -> None:
        """The first bytes are lost: what follows may begin anywhere."""
        if self._settled is not None:
            self._settled.gap(direction, size, lost, time)
            return
        self._joined = True
        if direction == INGRESS:
            self._gap += max(0, size)
            self._lost += lost + len(self._held)
            self._held.clear()

    def expire(self, time: int) -> None:
        """Nothing waits here."""
        if self._settled is not None:
            self._settled.expire(time)

    def relieve(self, time: int) -> None:
        """The few first bytes are not worth it."""
        if self._settled is not None:
            self._settled.relieve(time)

    def close(self, time: int) -> None:
        """Too few bytes ever came, or were not lost."""
        if self._settled is not None:
            self._settled.close(time)
        elif self._held:
            self._settle(Verdict.OTHER)
        elif self._lost and not self._reads:
            self._settle(self._answer or Verdict.HTTP1).close(time)
