"""When a batch is due and how much of the queue it takes. Pure: sizes and seconds in, decisions out.

A batch on the wire is one msgpack array of exchanges. The exchanges are encoded once, when they enter the queue, so
their sizes are exact and a batch is an array header followed by the items as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import pack

HEADER_LIMIT = 5
"""Longest msgpack array header, bytes."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """A batch goes when it holds ``exchanges`` or ``bytes``, or when its oldest exchange waited ``age`` seconds."""

    exchanges: int = 500
    bytes: int = 1 << 20
    age: float = 0.05

    def due(self, exchanges: int, size: int, since: float, now: float) -> float:
        """Seconds until ``exchanges`` waiting since ``since``, together ``size`` bytes, make a batch; 0 is now."""
        if exchanges >= self.exchanges or size + HEADER_LIMIT >= self.bytes:
            return 0.0
        return max(0.0, since + self.age - now)

    def take(self, sizes: Iterable[int]) -> int:
        """How many of the oldest items the next batch holds; an item larger than a batch goes alone."""
        count = total = 0
        for size in sizes:
            if count and (count == self.exchanges or total + size + HEADER_LIMIT > self.bytes):
                break
            count += 1
            total += size
        return count


def frame(items: Sequence[bytes]) -> bytes:
    """One msgpack array of the already encoded ``items`` (msgpack specification, array format family)."""
    return b"".join((array_header(len(items)), *items))


def array_header(count: int) -> bytes:
    """The msgpack header of an array with ``count`` elements, 0 ≤ ``count`` < 2**32."""
    if count < 16:
        return pack(">B", 0x90 | count)
    if count < 1 << 16:
        return pack(">BH", 0xDC, count)
    return pack(">BI", 0xDD, count)
