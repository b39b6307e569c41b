"""Load on an HTTP server with requests that are known to the byte, from processes of its own.

``python -m tests.support.load PORT --tls 1.3 --requests 1000 --keep-alive --rate 500 --prefix a`` sends its requests
one after the other on a connection and prints how many were answered, and how many with another status than expected.
Request ``n`` is ``request(prefix, n)``, so a test can say byte for byte what the agent must have seen.
"""

from __future__ import annotations

import argparse
import socket
import ssl
import sys
import time
from dataclasses import dataclass

BODY_SIZES = (0, 0, 17, 300, 2000, 9000)
"""By request number: no body mostly, bodies below and above one read of nginx."""


@dataclass(frozen=True)
class Known:
    """A request as it is sent, and the status that nginx gives it."""

    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    status: int

    @property
    def wire(self) -> bytes:
        """The request's bytes."""
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in self.headers)
        return self.method + b" " + self.target + b" HTTP/1.1\r\n" + lines + b"\r\n" + self.body


def request(prefix: str, number: int, *, bodies: bool = True) -> Known:
    """Request ``number`` of the client ``prefix``."""
    size = BODY_SIZES[number % len(BODY_SIZES)] if bodies else 0
    body = (f"{prefix}-{number}-".encode() * (size // 4 + 1))[:size]
    target, status = ((f"/missing/{prefix}/{number}?q=%41+b", 404), (f"/api/{prefix}/{number}", 200))[number % 2]
    headers = [(b"Host", b"shop.test"), (b"X-Number", str(number).encode()), (b"user-agent", b"load/1 \xe2\x9c\x93")]
    if size:
        headers.append((b"Content-Length", str(size).encode()))
    return Known(b"POST" if size else b"GET", target.encode(), headers, body, status)


class Client:
    """One connection at a time to 127.0.0.1:``port``; ``version`` None is plaintext."""

    def __init__(self, port: int, version: str | None) -> None:
        self._port = port
        self._context: ssl.SSLContext | None = None
        if version is not None:
            self._context = ssl.create_default_context()
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE
            wanted = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
            self._context.minimum_version = self._context.maximum_version = wanted
        self._socket: socket.socket | None = None

    def exchange(self, wire: bytes) -> int:
        """Send one request, read the whole response, return its status. Raises OSError when the server hangs up."""
        if self._socket is None:
            plain = socket.create_connection(("127.0.0.1", self._port), timeout=20)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = self._context.wrap_socket(plain) if self._context else plain
        self._socket.sendall(wire)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._read()
        head, _, body = received.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        left = int(fields.get(b"content-length", 0)) - len(body)
        while left > 0:
            left -= len(self._read())
        return int(head[9:12])

    def _read(self) -> bytes:
        data = self._socket.recv(65536) if self._socket else b""
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def close(self) -> None:
        """End the connection; the next exchange makes a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def main() -> int:
    """Send the requests and print ``answered wrong``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", choices=["1.2", "1.3"])
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--keep-alive", action="store_true")
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second; 0: as fast as it goes")
    parser.add_argument("--prefix", default="a")
    parser.add_argument("--no-bodies", action="store_true", help="requests of one read each")
    options = parser.parse_args()
    client = Client(options.port, options.tls)
    answered = wrong = 0
    began = time.monotonic()
    for number in range(options.requests):
        if options.rate:
            time.sleep(max(0.0, began + number / options.rate - time.monotonic()))
        known = request(options.prefix, number, bodies=not options.no_bodies)
        status = client.exchange(known.wire)
        answered += 1
        if status != known.status:
            wrong += 1
            print(f"request {number}: status {status} instead of {known.status}", file=sys.stderr)
        if not options.keep_alive:
            client.close()
    client.close()
    print(answered, wrong)
    return 0


if __name__ == "__main__":
    sys.exit(main())
