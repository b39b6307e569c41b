"""``POST /v1/exchanges``: a batch of exchanges from an agent, answered when it is done.

=======  =============================================================================================
status   meaning for the agent
=======  =============================================================================================
200      inspected, and its hits are in the stream: ``{"taken": n, "lost": m}``; forget the batch
400 415  not a batch of exchanges: do not send it again
401      the token is missing or wrong
413      larger than ``batch_bytes_limit``
503      too much in flight, or the node is ending: keep the batch, come back after Retry-After
=======  =============================================================================================

So a batch is the agent's until its 200: a node that is killed before has lost nothing of it, the agent sends it again.
The ledger's account of exchanges says how many were in flight. It is settled before the answer leaves: of a kill in
that moment the account knows nothing, and the agent sends a batch again whose hits are found and kept twice, under the
same ids.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from common_py import health
from common_py.contracts import Hit, Summary
from common_py.ledger import Account
from processing_py.node.messages import exchanges_in
from processing_py.node.metrics import Metrics
from processing_py.node.pool import Full, Pool

MEDIA_TYPE = "application/msgpack"
RETRY_SECONDS = "1"
ARRIVAL_SECONDS = 30.0
"""How long a body may take to arrive: as long as it does, it has one of the places."""


class HitSink(Protocol):
    """Where hits go; a ``Stream[Hit]`` is one."""

    async def add(self, entries: list[Hit]) -> None:
        """Append entries; returns when they are kept."""


class SummarySink(Protocol):
    """Where summaries go; a ``Stream[Summary]`` is one."""

    async def add(self, entries: list[Summary]) -> None:
        """Append entries; returns when they are kept."""


class TooLarge(Exception):
    """The body is longer than the limit."""


class Intake:
    """The endpoint. ``limit`` is in bytes, an empty ``token`` asks for none; ``account`` is of exchanges."""

    def __init__(
        self,
        pool: Pool,
        hits: HitSink,
        summaries: SummarySink,
        metrics: Metrics,
        account: Account,
        *,
        limit: int,
        token: str,
    ) -> None:
        self._pool = pool
        self._hits = hits
        self._summaries = summaries
        self._metrics = metrics
        self._account = account
        self._limit = limit
        self._token = token.encode()
        self._arriving = 0

    def application(self, checks: health.Checks) -> Starlette:
        """The intake with the health endpoints, which answer on its port too, but without metrics."""
        probes = [route for route in health.routes(checks) if route.path != "/metrics"]
        return Starlette(routes=[Route("/v1/exchanges", self.exchanges, methods=["POST"]), *probes])

    async def exchanges(self, request: Request) -> Response:
        """Take one batch."""
        answer = await self._take(request)
        self._metrics.answered(answer.status_code)
        return answer

    async def _take(self, request: Request) -> Response:
        sent = request.headers.get("x-wallarmapi-token", "").encode("latin-1")
        if self._token and not hmac.compare_digest(sent, self._token):
            return refusal(401, "The field X-WallarmApi-Token is missing or wrong.")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
            return refusal(415, f"The body must be {MEDIA_TYPE}.")
        try:
            batch = await self._arrive(request)
            with self._in_flight(batch):
                return await self._inspect(batch)
        except TooLarge:
            return refusal(413, f"A batch must not be larger than {self._limit} bytes.", {"Connection": "close"})
        except ClientDisconnect:
            return refusal(400, "The body ended early.")
        except TimeoutError:
            return refusal(503, "The body took too long.", {"Retry-After": RETRY_SECONDS, "Connection": "close"})
        except Full:
            return refusal(503, "Too many batches are in flight.", {"Retry-After": RETRY_SECONDS})

    async def _inspect(self, batch: bytes) -> Response:
        reply = await self._pool.process(batch)
        if reply.error:
            return refusal(400, reply.error)
        await self._hits.add(reply.hits)
        await self._summaries.add(reply.summaries)
        self._metrics.replied(reply)
        return JSONResponse({"taken": reply.taken, "lost": reply.lost})

    @contextmanager
    def _in_flight(self, batch: bytes) -> Iterator[None]:
        """Have the batch's exchanges in the books meanwhile."""
        # A header may announce anything; an exchange is at least one byte.
        count = min(exchanges_in(batch), len(batch))
        self._account.give(count)
        try:
            yield
        finally:
            self._account.settle(count)

    async def _arrive(self, request: Request) -> bytes:
        """The body. Bodies that arrive are held like batches in flight, so they are bounded alike; raises Full."""
        if self._pool.full or self._arriving >= self._pool.limit:
            raise Full
        self._arriving += 1
        try:
            async with asyncio.timeout(ARRIVAL_SECONDS):
                return await self._body(request)
        finally:
            self._arriving -= 1

    async def _body(self, request: Request) -> bytes:
        announced = request.headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced[:20]) > self._limit:
            raise TooLarge
        pieces: list[bytes] = []
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > self._limit:
                raise TooLarge
            pieces.append(piece)
        return b"".join(pieces)


def refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """An answer that says in one sentence what is wrong."""
    return JSONResponse({"error": sentence}, status, headers)
