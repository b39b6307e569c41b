"""A real HTTPS intake that keeps every exchange: what the agent sent, to compare with what the client sent."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from common_py.contracts import Exchange, decode_exchanges


class Intake:
    """``with Intake(certificate, key) as intake:`` listens on a free loopback port; ``exchanges`` decodes what came."""

    def __init__(self, certificate: Path, key: Path) -> None:
        batches: list[bytes] = []
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    batches.append(body)
                answer = b"{}"
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_arguments: object) -> None:
                """A line per batch would drown the test's own output."""

        self._batches = batches
        self._lock = lock
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port

    def __enter__(self) -> Intake:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def exchanges(self) -> list[Exchange]:
        """Every exchange that has come so far."""
        with self._lock:
            batches = list(self._batches)
        return [exchange for batch in batches for exchange in decode_exchanges(batch)]
