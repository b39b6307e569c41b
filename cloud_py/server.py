"""The cloud in the running event loop: its application on the address and with the TLS files of the configuration."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

from cloud_py import app
from cloud_py.config import CloudConfig, TlsFiles
from cloud_py.services import Services
from common_py import logging, server

GRACE_SECONDS = 3.0
"""How long an answer that is being written may take at the end."""
ANY = ("0.0.0.0", "::")

_log = logging.get("cloud")


async def serve(services: Services, settings: CloudConfig, stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set; event streams end first. Raises UserError for unusable files or addresses."""
    tls = context(settings.tls)
    application = app.build(services, settings.retention.interval)
    with contextlib.closing(server.listen(settings.listen.host, settings.listen.port)) as listener:
        address = base_url(listener, secure=tls is not None)
        server.write_address(settings.listen.address_file, address)
        _log.info("cloud listens", address=address)
        await server.serve(application, listener, stop, tls=tls, grace=GRACE_SECONDS, ending=services.hub.close)


def context(files: TlsFiles) -> ssl.SSLContext | None:
    """The TLS context; None without a certificate: plain HTTP. Raises UserError for files that cannot be used."""
    if not files.certificate:
        return None
    return server.ServerTls(Path(files.certificate), Path(files.key)).context()


def base_url(listener: socket.socket, *, secure: bool) -> str:
    """The base URL at which the socket is reached from this machine."""
    host, port = listener.getsockname()[:2]
    authority = server.address("localhost" if host in ANY else host, port)
    return f"http{'s' if secure else ''}://{authority}"
