"""A certificate authority of the test's own, with what it issued written to files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common_py.certificates import Authority


@dataclass(frozen=True)
class Files:
    """Paths of PEM files."""

    authority: Path
    certificate: Path
    key: Path
    client_certificate: Path
    client_key: Path


def issue(directory: Path, *names: str) -> Files:
    """An authority, a server certificate for ``names`` (default: loopback) and a client certificate."""
    authority = Authority("test authority")
    path = directory / "ca.crt"
    path.write_bytes(authority.certificate)
    certificate, key = authority.server(*(names or ("127.0.0.1", "localhost"))).write(directory, "server")
    client_certificate, client_key = authority.client("agent").write(directory, "client")
    return Files(path, certificate, key, client_certificate, client_key)
