"""Own certificates: TLS libraries accept them, keys are private."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest

from common_py.certificates import Authority, Pair, write_private


def handshake(authority: bytes, server: Pair, client: Pair | None, name: str, directory: Path) -> str:
    """A whole handshake in memory; returns the client's common name as the server sees it, "" without one."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(*server.write(directory, "server"))
    connecting = ssl.create_default_context(cadata=authority.decode())
    if client is not None:
        connecting.load_cert_chain(*client.write(directory, "client"))
        serving.load_verify_locations(cadata=authority.decode())
        serving.verify_mode = ssl.CERT_REQUIRED
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        connecting.wrap_bio(down, up, server_hostname=name),
        serving.wrap_bio(up, down, server_side=True),
    ]
    for _ in range(6):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    seen = ends[1].getpeercert()
    subject = dict(part[0] for part in seen["subject"]) if seen else {}  # type: ignore[misc]  # stubs widen the tuple
    return str(subject.get("commonName", ""))


@pytest.mark.parametrize("name", ["127.0.0.1", "node.example"])
def test_a_server_is_trusted_under_its_names(tmp_path: Path, name: str) -> None:
    authority = Authority()
    server = authority.server("node.example", "127.0.0.1", "::1")
    assert handshake(authority.certificate, server, None, name, tmp_path) == ""
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority.certificate, server, None, "other.example", tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(Authority().certificate, server, None, name, tmp_path)


def test_a_client_is_known_by_its_name(tmp_path: Path) -> None:
    authority = Authority()
    server, client = authority.server("node.example"), authority.client("agent-7")
    assert handshake(authority.certificate, server, client, "node.example", tmp_path) == "agent-7"


def test_keys_are_private_and_not_shown(tmp_path: Path) -> None:
    pair = Authority().server("a.example")
    (tmp_path / "node.key").write_text("older, readable by all")
    _, key = pair.write(tmp_path, "node")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_bytes() == pair.key
    assert "PRIVATE" not in repr(pair)
    write_private(tmp_path / "other", b"x")
    assert stat.S_IMODE((tmp_path / "other").stat().st_mode) == 0o600
