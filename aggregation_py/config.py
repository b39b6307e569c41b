"""Aggregation's configuration, as ``schema/aggregation-config.schema.json`` defines it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from common_py import config, secret
from common_py.server import address


class ApiConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``api``: the cloud. The names, capitals too, are the product's."""

    host: str
    port: int
    useSSL: bool
    caVerify: bool
    caFile: str
    tokenFile: str
    tokenEnv: str

    @property
    def url(self) -> str:
        """Origin of the cloud."""
        return f"{'https' if self.useSSL else 'http'}://{address(self.host, self.port)}"

    def token(self) -> str:
        """The node token. Raises UserError when there is none."""
        return secret.read_file(Path(self.tokenFile)) if self.tokenFile else secret.read_environment(self.tokenEnv)


class AggregationConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One field per key of the schema, which has the defaults and says what each means."""

    api: ApiConfig
    stream_hits: int
    stream_summaries: int
    export_batch_hits: int
    export_batch_bytes: int
    answer_seconds: float
    grace_seconds: float
    log_level: str


def load(path: Path) -> AggregationConfig:
    """Read and check the file. Raises UserError with the offending key."""
    return config.load(path, "aggregation-config", AggregationConfig)
