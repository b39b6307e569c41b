"""The agent's configuration, as ``schema/agent-config.schema.json`` defines it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from common_py import config
from common_py.errors import CONFIGURATION, UserError

PAGE = 4096


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One field per key of the schema, which has the defaults and says what each means."""

    node_host: str
    node_port: int
    node_server_name: str
    node_tls_ca: str
    node_tls_client_cert: str
    node_tls_client_key: str
    node_token_file: str
    mirror_processes: list[str]
    mirror_pids: list[int]
    mirror_ports: list[int]
    tls_enabled: bool
    discovery_interval_ms: int
    workers: int
    worker_user: int
    ringbuf_pages: int
    egress_bytes: int
    request_body_limit: int
    connections_limit: int
    connections_bytes: int
    netchan_size: int
    netchan_bytes: int
    batch_interval_ms: int
    health_probe_host: str
    health_probe_port: int
    address_file: str
    record_file: str
    replay_file: str
    log_level: str

    @property
    def ring_bytes(self) -> int:
        """Size of one ring in bytes."""
        return self.ringbuf_pages * PAGE


def load(path: Path) -> AgentConfig:
    """Read and check the file. Raises UserError with the offending key."""
    loaded = config.load(path, "agent-config", AgentConfig)
    if not loaded.replay_file and not loaded.mirror_processes and not loaded.mirror_pids:
        raise UserError(
            f"{path}: nothing would be mirrored.",
            "Name processes in mirror_processes or mirror_pids, or a recording in replay_file.",
            exit_code=CONFIGURATION,
        )
    if bool(loaded.node_tls_client_cert) != bool(loaded.node_tls_client_key):
        raise UserError(
            f"{path}: node_tls_client_cert and node_tls_client_key go together.",
            "Set both or none.",
            exit_code=CONFIGURATION,
        )
    return loaded
