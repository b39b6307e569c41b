"""The cloud's configuration: names and types of ``schema/cloud-config.schema.json``, which defines them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from cloud_py.tokens import Role, Token, Tokens, digest
from common_py import config
from common_py.errors import CONFIGURATION, NO_INPUT, UserError


class Listen(msgspec.Struct, frozen=True):
    """``listen``."""

    host: str
    port: int
    address_file: str


class TlsFiles(msgspec.Struct, frozen=True):
    """``tls``."""

    certificate: str
    key: str


class Database(msgspec.Struct, frozen=True):
    """``database``; ``repr`` hides the URL, which may hold a password."""

    url: str

    def __repr__(self) -> str:
        return "Database(url=<hidden>)"


class TokenEntry(msgspec.Struct, frozen=True):
    """One of ``tokens``; ``repr`` hides the value."""

    name: str
    role: Role
    value: str = ""
    file: str = ""

    def __repr__(self) -> str:
        return f"TokenEntry(name={self.name!r}, role={self.role!r})"


class Attacks(msgspec.Struct, frozen=True):
    """``attacks``."""

    idle_gap: int


class Retention(msgspec.Struct, frozen=True):
    """``retention``."""

    days: int
    hits: int
    bytes: int
    free_bytes: int
    interval: int


class Limits(msgspec.Struct, frozen=True):
    """``limits``."""

    body_bytes: int
    event_clients: int
    event_queue: int


class CloudConfig(msgspec.Struct, frozen=True):
    """The whole file."""

    listen: Listen
    tls: TlsFiles
    database: Database
    tokens: list[TokenEntry]
    attacks: Attacks
    retention: Retention
    limits: Limits
    session_hours: int
    log_level: str


def load(path: Path) -> CloudConfig:
    """Read and check a configuration file. Raises UserError."""
    settings = config.load(path, "cloud-config", CloudConfig)
    if bool(settings.tls.certificate) != bool(settings.tls.key):
        raise UserError(f"{path}: tls needs both certificate and key.", "Set both, or none.", exit_code=CONFIGURATION)
    return settings


def read_tokens(entries: list[TokenEntry]) -> Tokens:
    """The tokens of the configuration, hashed. Raises UserError for an unreadable file or a token that is too short."""
    return Tokens([_read_token(index, entry) for index, entry in enumerate(entries)])


def _read_token(index: int, entry: TokenEntry) -> Token:
    value = entry.value
    if bool(entry.value) == bool(entry.file):
        raise UserError(f"tokens.{index} needs either value or file.", "Set one of them.", exit_code=CONFIGURATION)
    if entry.file:
        try:
            value = Path(entry.file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise UserError(f"Cannot read tokens.{index}.file {entry.file}: {reason}.", exit_code=NO_INPUT) from error
        if len(value) < 16:
            raise UserError(
                f"tokens.{index}.file {entry.file} holds a token of {len(value)} characters.",
                "Use at least 16, for example from: openssl rand -hex 32.",
                exit_code=CONFIGURATION,
            )
    return Token(entry.name, entry.role, digest(value))
