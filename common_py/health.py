"""``/live``, ``/ready`` and ``/metrics``, the same on every program.

Programs that speak ASGI mount ``routes``; the agent, which has no event loop of its own, uses ``serve``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from common_py.errors import UNAVAILABLE, UserError

Checks = Callable[[], dict[str, str]]
"""What is not ready, name → reason; empty when the program can do its work."""

REQUEST_SECONDS = 5.0
"""How long ``serve`` waits for the bytes of a request: each connection has a thread, in a process with privileges."""


def routes(checks: Checks, registry: CollectorRegistry = REGISTRY) -> list[Route]:
    """Starlette routes for the three endpoints."""

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_request: Request) -> Response:
        problems = checks()
        return JSONResponse({"status": "unready" if problems else "ok", "problems": problems}, 503 if problems else 200)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/live", live), Route("/ready", ready), Route("/metrics", metrics)]


def serve(host: str, port: int, checks: Checks, registry: CollectorRegistry = REGISTRY) -> ThreadingHTTPServer:
    """Serve the three endpoints from a daemon thread; port 0 takes a free one (see ``server_port``).

    Raises UserError when the address cannot be had.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS

        def do_GET(self) -> None:
            problems = checks() if self.path == "/ready" else {}
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
            elif self.path in ("/live", "/ready"):
                body = {"status": "unready" if problems else "ok", "problems": problems}
                self._answer(503 if problems else 200, "application/json", json.dumps(body).encode())
            else:
                self._answer(404, "text/plain", b"not found\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Probes come every few seconds: not worth a line."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise UserError(
            f"Cannot listen on {host}:{port} for probes and metrics: {error.strerror or error}.",
            "Choose another health_probe_host or health_probe_port in the configuration.",
            exit_code=UNAVAILABLE,
        ) from error
    server.daemon_threads = True
    Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
