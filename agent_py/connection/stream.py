"""One direction of a connection: chunks to data, holes and gaps, in order.

The kernel numbers every byte of a direction, seen or not. Expected offset smaller than the chunk's: bytes were lost (a
gap). Larger: the bytes were told already (two threads on one socket, told out of order); what is told again is dropped.
Bytes that a chunk speaks of but does not hold are a hole when capture cut them by design (``Flag.CUT``), else a gap.

Invariant: bytes told as data + holes + gaps = offset reached - first offset. O(1) a chunk besides one slice.
"""

from __future__ import annotations

from agent_py.chunk import Chunk, Flag
from agent_py.connection.layer import Layer

CUT = int(Flag.CUT)


class Stream:
    """``offset``: position behind everything told so far."""

    __slots__ = ("_direction", "offset")

    def __init__(self, direction: int, offset: int = 0) -> None:
        self._direction = direction
        self.offset = offset

    def receive(self, chunk: Chunk, layer: Layer) -> None:
        """Tell ``layer`` what the DATA chunk brings."""
        payload = chunk.payload
        size = chunk.size
        if chunk.offset != self.offset:
            self.lost(chunk, layer)
            skipped = self.offset - chunk.offset
            size -= skipped
            if size <= 0:
                return
            payload = payload[skipped:]
        self.offset += size
        if len(payload) > size:
            payload = payload[:size]
        if payload:
            layer.data(self._direction, payload, chunk.time)
        rest = size - len(payload)
        if rest > 0:
            if chunk.flags & CUT:
                layer.hole(self._direction, rest, chunk.time)
            else:
                layer.gap(self._direction, rest, 0, chunk.time)

    def lost(self, chunk: Chunk, layer: Layer) -> None:
        """Tell the gap that lies before ``chunk``, if there is one."""
        missing = chunk.offset - self.offset
        if missing > 0:
            self.offset = chunk.offset
            layer.gap(self._direction, missing, chunk.lost, chunk.time)
