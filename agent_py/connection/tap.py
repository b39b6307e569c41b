"""Writes down what the HTTP layer is told, as chunks: the source of recordings.

It sits below HTTP, above TLS: a recording holds plaintext, or nothing, and never a key. Offsets are those of the
plaintext; a TLS connection's chunks carry ``Flag.DECRYPTED`` and are preceded by one TLS chunk that tells what the
handshake showed. Nothing is written of connections that are no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable

from agent_py.chunk import Chunk, Flag, Kind, tls_payload
from agent_py.connection.connection import Connection
from agent_py.connection.layer import Layer

LONGEST = 0xFFFFFFFF
"""Largest ``size`` of a chunk."""
Record = Callable[[Chunk], None]


class Tap:
    """Passes everything on to ``upper`` and tells ``record``."""

    __slots__ = ("_connection", "_flags", "_lost", "_offsets", "_record", "_upper")

    def __init__(self, connection: Connection, upper: Layer, record: Record) -> None:
        self._connection = connection
        self._upper = upper
        self._record = record
        self._offsets = [0, 0]
        self._lost = [0, 0]
        self._flags = int(Flag.DECRYPTED) if connection.tls is not None else 0
        record(connection.opened if connection.opened.kind == Kind.OPEN else self._opening())
        if connection.tls is not None:
            record(self._chunk(Kind.TLS, 0, 0, 0, connection.opened.time, tls_payload(connection.tls)))

    def _opening(self) -> Chunk:
        """An OPEN chunk without payload: the connection's ends are not known."""
        return self._chunk(Kind.OPEN, 0, 0, int(Flag.LATE), self._connection.opened.time, b"")

    def _chunk(self, kind: int, direction: int, size: int, flags: int, time: int, payload: bytes) -> Chunk:
        opened = self._connection.opened
        return Chunk(
            opened.conn, time, self._offsets[direction], size, len(payload), opened.tgid, opened.tid,
            opened.mount_namespace, opened.fd, self._lost[direction], kind, direction, flags, payload,
        )  # fmt: skip

    def _moved(self, direction: int, size: int, flags: int, time: int, payload: bytes) -> None:
        self._record(self._chunk(Kind.DATA, direction, size, self._flags | flags, time, payload))
        self._offsets[direction] += size
        self._lost[direction] = 0

    def data(self, direction: int, data: bytes, time: int) -> None:
        """Bytes: a DATA chunk."""
        self._moved(direction, len(data), 0, time, data)
        self._upper.data(direction, data, time)

    def hole(self, direction: int, size: int, time: int) -> None:
        """A DATA chunk with nothing captured; a hole too long for one is told by the next chunk's offset."""
        if size <= LONGEST:
            self._moved(direction, size, int(Flag.CUT), time, b"")
        else:
            self._offsets[direction] += size
        self._upper.hole(direction, size, time)

    def gap(self, direction: int, size: int, lost: int, time: int) -> None:
        """The next chunk's offset tells it."""
        self._offsets[direction] += size
        self._lost[direction] += lost
        self._upper.gap(direction, size, lost, time)

    def expire(self, time: int) -> None:
        """Nothing to write: replay has timeouts of its own."""
        self._upper.expire(time)

    def relieve(self, time: int) -> None:
        """Nothing to write: replay has a budget of its own."""
        self._upper.relieve(time)

    def close(self, time: int) -> None:
        """A CLOSE chunk."""
        self._record(self._chunk(Kind.CLOSE, 0, 0, 0, time, b""))
        self._upper.close(time)
