"""The processing node's configuration, as ``schema/processing-config.schema.json`` defines it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec

from common_py import config, secret
from common_py.server import ServerTls


class ProcessingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One field per key of the schema, which has the defaults and says what each means."""

    listen_host: str
    listen_port: int
    tls_certificate: str
    tls_key: str
    tls_client_ca: str
    agent_token_file: str
    health_probe_host: str
    health_probe_port: int
    health_address_file: str
    workers: int
    batch_bytes_limit: int
    batches_in_flight: int
    batch_seconds_limit: float
    grace_seconds: float
    node_name: str
    address_file: str
    log_level: str

    @property
    def tls(self) -> ServerTls:
        """The intake's certificate files."""
        authority = Path(self.tls_client_ca) if self.tls_client_ca else None
        return ServerTls(Path(self.tls_certificate), Path(self.tls_key), authority)

    @property
    def node(self) -> str:
        """The name that hits carry."""
        return self.node_name or socket.gethostname()

    @property
    def processes(self) -> int:
        """How many detection processes to run."""
        return self.workers or len(os.sched_getaffinity(0))

    def agent_token(self) -> str:
        """The token that agents must send; "" when none is asked for. Raises UserError when it cannot be read."""
        return secret.read_file(Path(self.agent_token_file)) if self.agent_token_file else ""


def load(path: Path) -> ProcessingConfig:
    """Read and check the file. Raises UserError with the offending key."""
    return config.load(path, "processing-config", ProcessingConfig)
