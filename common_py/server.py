"""An ASGI application on a listening socket: uvicorn, embedded, with this project's TLS and without its own signals."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from common_py.errors import CONFIGURATION, UNAVAILABLE, UserError

BACKLOG = 1024
LINGER_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class ServerTls:
    """PEM files of a server. ``client_authority``: only clients with a certificate under it are talked to."""

    certificate: Path
    key: Path
    client_authority: Path | None = None

    def context(self) -> ssl.SSLContext:
        """A server context, TLS 1.2 or newer. Raises UserError naming the file that cannot be used."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for path in (self.certificate, self.key, self.client_authority):
            if path is not None and not os.access(path, os.R_OK):
                raise UserError(f"Cannot read {path}.", "Check the path and its permissions.", exit_code=CONFIGURATION)
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.client_authority is not None:
                context.load_verify_locations(self.client_authority)
                context.verify_mode = ssl.CERT_REQUIRED
        except OSError as error:  # ssl.SSLError is one
            raise UserError(
                f"{self.certificate}, {self.key} and the client authority are not a usable set of PEM files.",
                "The certificate and the key must belong together.",
                exit_code=CONFIGURATION,
            ) from error
        return context


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 takes a free one. Raises UserError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only for sockets that name the protocol.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise UserError(
            f"Cannot listen on {address(host, port)}: {error.strerror or error}.",
            "Choose another address or port in the configuration, or end the program that has it.",
            exit_code=UNAVAILABLE,
        ) from error
    return listener


def address(host: str, port: int) -> str:
    """``host:port``, an IPv6 address in brackets (RFC 3986 §3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bound(listener: socket.socket) -> str:
    """``host:port`` that the socket listens on."""
    host, port = listener.getsockname()[:2]
    return address(str(host), int(port))


def write_address(path: str, text: str) -> None:
    """Write ``text`` to the address file ``path`` at one stroke: who sees the file sees all of it. Empty path: none.

    Raises UserError when it cannot be written.
    """
    if not path:
        return
    temporary = Path(f"{path}.{os.getpid()}")
    try:
        temporary.write_text(text + "\n", encoding="ascii")
        temporary.rename(path)
    except OSError as error:
        raise UserError(
            f"Cannot write the address file {path}: {error.strerror}.",
            "Name a file in a directory that may be written.",
            exit_code=CONFIGURATION,
        ) from error


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves the process's signals to the program that embeds it.

    It also does not wait at its end for the peers of idle TLS connections: these answer close_notify only when they
    read the next time, which a client with a connection pool does with its next request.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        lingering = asyncio.create_task(self._linger())
        try:
            await super().shutdown(sockets)
        finally:
            lingering.cancel()

    async def _linger(self) -> None:
        """Give answers time to leave once all requests are done, then end the connections."""
        while self.server_state.tasks:
            await asyncio.sleep(LINGER_SECONDS / 10)
        await asyncio.sleep(LINGER_SECONDS)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()


def nothing() -> None:
    """The default of ``ending``."""


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    stop: asyncio.Event,
    *,
    tls: ssl.SSLContext | None = None,
    grace: float = 10,
    ending: Callable[[], None] = nothing,
) -> None:
    """Serve ``app`` until ``stop`` is set; then accept nothing new and end what runs within ``grace`` seconds.

    ``ending`` is called when the end begins: it ends answers that would go on, such as streams of events.
    """

    def context(_config: uvicorn.Config, _default: object) -> ssl.SSLContext:
        assert tls is not None
        return tls

    server = _Server(
        uvicorn.Config(
            app,
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=max(1, round(grace)),
            ssl_context_factory=None if tls is None else context,
        )
    )

    async def wait() -> None:
        await stop.wait()
        ending()
        server.should_exit = True

    waiting = asyncio.create_task(wait())
    try:
        await server.serve(sockets=[listener])
    finally:
        waiting.cancel()
