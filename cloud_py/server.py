"""Running the application: the listening socket, uvicorn, and telling a supervisor the address."""

from __future__ import annotations

import asyncio
import logging as stdlib
import os
import socket
import ssl
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from cloud_py.api.hub import Hub
from cloud_py.config import CloudConfig, Listen
from common_py import logging
from common_py.errors import CONFIGURATION, UNAVAILABLE, UserError

_log = logging.get("cloud")


class Server(uvicorn.Server):
    """uvicorn that announces its address when it takes requests, and ends event streams before it waits for them."""

    def __init__(self, config: uvicorn.Config, hub: Hub, address: str, address_file: str) -> None:
        super().__init__(config)
        self._hub = hub
        self._address = address
        self._address_file = address_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce."""
        await super().startup(sockets=sockets)
        if self.started:
            write_address(self._address_file, self._address)
            _log.info("cloud listens", address=self._address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the event streams, then shut down."""
        self._hub.close()
        await super().shutdown(sockets=sockets)


class _ToStructlog(stdlib.Handler):
    """uvicorn's few messages as JSON lines like all others."""

    def emit(self, record: stdlib.LogRecord) -> None:
        _log.log(record.levelno, record.getMessage(), source=record.name, exc_info=record.exc_info)


def listen(settings: Listen) -> socket.socket:
    """The listening socket. Raises UserError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named: without it each answer takes 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((settings.host, settings.port))
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise UserError(
            f"Cannot listen on listen.host {settings.host}, listen.port {settings.port}: {error.strerror}.",
            "Choose another port (0 takes a free one) or address.",
            exit_code=UNAVAILABLE,
        ) from error
    return sock


def address_of(sock: socket.socket, secure: bool) -> str:
    """The base URL at which the socket is reached from this machine."""
    host, port = sock.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http{'s' if secure else ''}://{f'[{host}]' if ':' in host else host}:{port}"


def prepare_address_file(path: str) -> None:
    """Remove the address of an earlier run, and see that one can be written. Raises UserError; "" does nothing."""
    if not path:
        return
    try:
        Path(f"{path}.part").touch()
        Path(path).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"Cannot write listen.address_file {path}: {error.strerror}.",
            "Name a file in a directory that may be written.",
            exit_code=CONFIGURATION,
        ) from error


def write_address(path: str, address: str) -> None:
    """Write the address to the file ``path`` in one step, so that a reader never sees a part; "" writes nothing."""
    if path:
        part = Path(f"{path}.part")
        part.write_text(f"{address}\n", encoding="ascii")
        os.replace(part, path)


def run(app: Starlette, hub: Hub, settings: CloudConfig) -> None:
    """Serve until SIGTERM or SIGINT. Raises UserError when it cannot start."""
    handler = _ToStructlog(stdlib.WARNING)
    stdlib.getLogger("uvicorn").addHandler(handler)
    secure = bool(settings.tls.certificate)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        ssl_certfile=settings.tls.certificate or None,
        ssl_keyfile=settings.tls.key or None,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise UserError(
            f"Cannot use tls.certificate {settings.tls.certificate} with tls.key {settings.tls.key}: {error}.",
            "Both must be readable PEM files that belong together.",
            exit_code=CONFIGURATION,
        ) from error
    prepare_address_file(settings.listen.address_file)
    sock = listen(settings.listen)
    server = Server(config, hub, address_of(sock, secure), settings.listen.address_file)
    try:
        asyncio.run(server.serve(sockets=[sock]))
    finally:
        sock.close()
