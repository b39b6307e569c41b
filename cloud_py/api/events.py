"""Server-sent events (WHATWG HTML §9.2): one ``attacks`` event for each stored batch of hits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cloud_py.api.errors import ApiError
from cloud_py.api.hub import Hub, Listener
from cloud_py.services import services
from cloud_py.store.views import Attack

EVENT_STREAM = "text/event-stream"
HEARTBEAT = 15.0
"""Seconds without an event after which a comment keeps proxies from closing the connection."""
LIFETIME = 600.0
"""Seconds after which a stream ends. Listeners come again by themselves; their token or session is then looked at."""
ATTACKS = 100
"""Attacks in one event at most; ``more`` tells how many changed besides."""


class Change(msgspec.Struct, frozen=True):
    """An attack that is new or has new hits."""

    change: str
    attack: Attack


class Changes(msgspec.Struct, frozen=True):
    """Data of an ``attacks`` event."""

    changes: list[Change]
    more: int


def encode(changes: Mapping[str, bool], attacks: list[Attack]) -> bytes:
    """The event for attacks whose ids map to whether they are new."""
    listed = [Change("new" if changes[attack.id] else "updated", attack) for attack in attacks[:ATTACKS]]
    data = msgspec.json.encode(Changes(listed, max(0, len(changes) - len(listed))))
    return b"event: attacks\ndata: " + data + b"\n\n"


class EventStream(Response):
    """Streams a listener's events until the client leaves, the listener is dropped or ``LIFETIME`` is over.

    A client that stops reading blocks ``send``; dropping then cancels it, and the server closes the connection.
    """

    def __init__(self, hub: Hub, listener: Listener) -> None:
        self.status_code = 200
        self.background = None
        self._hub = hub
        self._listener = listener
        self.init_headers({"content-type": f"{EVENT_STREAM}; charset=utf-8", "x-accel-buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream."""
        tasks = [
            asyncio.create_task(self._send(send)),
            asyncio.create_task(self._disconnected(receive)),
            asyncio.create_task(self._listener.dropped.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(self._listener)
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, OSError):
                raise result

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        event: bytes | None = b"retry: 2000\n\n"
        clock = asyncio.get_running_loop().time
        end = clock() + LIFETIME
        while (rest := end - clock()) > 0:
            await send({"type": "http.response.body", "body": event or b": still here\n\n", "more_body": True})
            event = await self._listener.next(min(HEARTBEAT, rest))
        await send({"type": "http.response.body", "body": event or b"", "more_body": False})

    async def _disconnected(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


async def get_events(request: Request) -> Response:
    """``GET /v1/events``."""
    if request.method == "HEAD":
        return Response(media_type=EVENT_STREAM)
    found = services(request)
    listener = found.hub.join()
    if listener is None:
        found.metrics.event_clients_dropped.labels("limit").inc()
        raise ApiError(503, "Too many listeners; try again later.", {"Retry-After": "30"})
    return EventStream(found.hub, listener)
