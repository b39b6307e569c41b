"""A real HTTP(S) server on loopback that answers by a script and keeps what it was sent."""

from __future__ import annotations

import ssl
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass
class Answer:
    """One scripted answer. ``status`` 0: the connection is closed without one."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


@dataclass
class Seen:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    answered: int


class Scripted:
    """``with Scripted([Answer(503)], tls) as server:`` answers 503 once, then ``otherwise``."""

    def __init__(
        self,
        script: list[Answer] | None = None,
        tls: ssl.SSLContext | None = None,
        otherwise: Answer | None = None,
        port: int = 0,
    ) -> None:
        self.seen: list[Seen] = []
        self._script = deque(script or [])
        self._otherwise = otherwise or Answer()
        self._changed = threading.Condition()
        self._ended = False
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = scripted._next(self.path, dict(self.headers.items()), body)
                if answer.status == 0:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_arguments: object) -> None:
                """A line per request would drown the test's own output."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def finish_request(self, request, client_address):  # type: ignore[no-untyped-def]  # stubs' own type is private
                if tls is None:
                    super().finish_request(request, client_address)
                    return
                try:
                    wrapped = tls.wrap_socket(request, server_side=True)
                except (ssl.SSLError, OSError):
                    return
                with wrapped:
                    super().finish_request(wrapped, client_address)

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def _next(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        with self._changed:
            if self._ended:
                return Answer(0)
            answer = self._script.popleft() if self._script else self._otherwise
            self.seen.append(Seen(path, headers, body, answer.status))
            self._changed.notify_all()
            return answer

    def wait(self, count: int) -> list[Seen]:
        """Wait until ``count`` requests have come; AssertionError when they do not come in 20 seconds."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.seen) >= count, 20), f"{len(self.seen)} of {count} came"
            return list(self.seen)

    def taken(self) -> list[bytes]:
        """The bodies that were answered with 2xx."""
        with self._changed:
            return [seen.body for seen in self.seen if 200 <= seen.answered < 300]

    def __enter__(self) -> Scripted:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Connections that live on get no answer any more: a killed server's would not either.
        with self._changed:
            self._ended = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def server_context(certificate: str, key: str, client_authority: str = "") -> ssl.SSLContext:
    """A server's TLS context; with ``client_authority`` a client certificate is demanded."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_authority:
        context.load_verify_locations(client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
