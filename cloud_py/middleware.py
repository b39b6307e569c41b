"""Headers that every answer carries, and the counting of requests. Plain ASGI: streams pass through untouched."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_py.metrics import Metrics

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

HEADERS = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


Headers = list[tuple[bytes, bytes]]


def secured(headers: Headers) -> Headers:
    """``headers`` and ``HEADERS``; answers are not to be cached unless they say so themselves."""
    names = {name for name, _ in headers}
    if b"cache-control" in names:
        return headers + HEADERS
    # Files have an ETag and are asked for again each time; everything else is never kept.
    return [*headers, (b"cache-control", b"no-cache" if b"etag" in names else b"no-store"), *HEADERS]


class SecurityHeaders:
    """Adds them to every answer that comes from within; those of unforeseen errors do not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = secured(list(message.get("headers", [])))
            await send(message)

        await self._app(scope, receive, add if scope["type"] == "http" else send)


class Counting:
    """Counts requests by route and status. The route's pattern is the label, never the path that was asked for."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        begin = time.monotonic()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            # Answered with 500 outside of this.
            status = status or 500
            raise
        finally:
            pattern = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.labels(pattern, str(status)).inc()
            self._metrics.seconds.labels(pattern).observe(time.monotonic() - begin)
