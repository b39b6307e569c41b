"""Hits as JSON lines, for a node without aggregation behind it: to look at, or to feed into any log pipeline."""

from __future__ import annotations

import asyncio
from typing import BinaryIO

import msgspec

from common_py.contracts import Hit, Summary


class HitLines:
    """Writes each hit as one line of JSON. A slow reader makes agents wait, in their own bounded queues."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._encode = msgspec.json.Encoder().encode

    async def add(self, entries: list[Hit]) -> None:
        """Write and flush."""
        if entries:
            await asyncio.to_thread(self._write, b"".join(self._encode(hit) + b"\n" for hit in entries))

    def _write(self, data: bytes) -> None:
        self._output.write(data)
        self._output.flush()


class NoSummaries:
    """Where summaries go when nothing learns from them: the node's metrics have counted them."""

    async def add(self, entries: list[Summary]) -> None:
        """Forget."""
