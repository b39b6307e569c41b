"""Hits from the stream to the cloud; none is forgotten before the cloud took it.

The stream is the only buffer: entries stay in it, unacknowledged, while they are sent and sent again, so its bound is
the bound of everything, and what it pushes out while the cloud is away is counted by it. Failures are tried again for
ever with jittered exponential pauses, which begin behind what Retry-After asks for (at most ``RETRY_AFTER_LIMIT``).

A batch that the cloud refuses because of its content or size is halved until the hit that it does not like stands
alone: that one is counted as rejected, its neighbours arrive. At most 2n - 1 requests for n hits.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from typing import Protocol

from aggregation_py.export.cloud import Outcome, Verdict, encoded
from aggregation_py.export.metrics import Metrics
from common_py import logging
from common_py.contracts import Hit
from common_py.retry import Backoff
from common_py.stream import CountedStream

BACKOFF = Backoff(first=0.2, limit=10.0)
RETRY_AFTER_LIMIT = 300.0
"""Longest pause in seconds that a Retry-After is obeyed for."""


class Destination(Protocol):
    """What takes hits; ``Cloud`` is one."""

    def post(self, hits: list[bytes]) -> Outcome:
        """Send hits, each encoded; blocks."""


class Exporter:
    """``run`` sends until cancelled."""

    def __init__(
        self,
        stream: CountedStream[Hit],
        cloud: Destination,
        metrics: Metrics,
        *,
        batch_hits: int,
        batch_bytes: int,
        backoff: Backoff | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._stream = stream
        self._cloud = cloud
        self._metrics = metrics
        self._batch_hits = batch_hits
        self._batch_bytes = batch_bytes
        self._backoff = backoff or BACKOFF
        self._random = random
        self._log = logging.get("export")

    async def run(self) -> None:
        """Send hits as they come."""
        while True:
            hits = await self._stream.read(self._batch_hits)
            self._metrics.waiting(hits[0])
            for batch in batches(encoded(hits), self._batch_bytes):
                await self._deliver(batch)
            await self._stream.acknowledge(len(hits))
            self._metrics.delivered()

    async def _deliver(self, batch: list[bytes]) -> None:
        """Send until the cloud has taken or refused every hit of ``batch``."""
        if await self._settled(batch) is Verdict.TAKEN:
            self._metrics.exported.inc(len(batch))
        elif len(batch) == 1:
            self._metrics.rejected.inc()
        else:
            middle = len(batch) // 2
            await self._deliver(batch[:middle])
            await self._deliver(batch[middle:])

    async def _settled(self, batch: list[bytes]) -> Verdict:
        attempt = 0
        while True:
            outcome = await asyncio.to_thread(self._cloud.post, batch)
            if outcome.verdict is Verdict.TAKEN:
                return outcome.verdict
            self._metrics.api_errors.inc()
            self._log.warning("cloud did not take hits", reason=outcome.reason, hits=len(batch), attempt=attempt)
            if outcome.verdict is Verdict.REFUSED:
                return outcome.verdict
            await asyncio.sleep(self._pause(outcome, attempt))
            attempt += 1

    def _pause(self, outcome: Outcome, attempt: int) -> float:
        return self._backoff.pause(min(outcome.pause or 0.0, RETRY_AFTER_LIMIT), attempt, self._random())


def batches(hits: Iterable[bytes], limit: int) -> list[list[bytes]]:
    """Cut ``hits`` into runs whose JSON array is at most ``limit`` bytes; a larger hit goes alone. Pure."""
    cut: list[list[bytes]] = []
    size = 0
    for hit in hits:
        if not cut or size + len(hit) + 1 > limit:
            cut.append([])
            size = 1
        cut[-1].append(hit)
        size += len(hit) + 1
    return cut
