from __future__ import annotations

from agent_py.tls.schedule import RecordKeys, prf, tls12_keys, tls13_keys, tls13_next_secret
from agent_py.tls.suites import TLS12_SUITES, TLS13_SUITES


def test_traffic_keys_of_rfc_8448() -> None:
    """RFC 8448 §3, server handshake traffic secret."""
    secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    keys = tls13_keys(secret, TLS13_SUITES[0x1301])
    assert keys.key.hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert keys.iv.hex() == "5d313eb2671276ee13000b30"


def test_prf_with_sha256() -> None:
    """The published P_SHA256 vector."""
    secret, seed = bytes.fromhex("9bbe436ba940f017b17652849a71db35"), bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    out = prf(secret, b"test label", seed, 100, "sha256")
    assert out.hex().startswith("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a")
    assert len(out) == 100


def test_sizes_of_tls12_keys() -> None:
    sizes = {}
    for code in (0xC02F, 0xC030, 0xCCA8, 0xC014, 0xC028):
        client, server = tls12_keys(b"m" * 48, b"c" * 32, b"s" * 32, TLS12_SUITES[code])
        assert client.key != server.key
        sizes[code] = len(client.key), len(client.iv), len(client.mac_key)
    assert sizes == {
        0xC02F: (16, 4, 0),
        0xC030: (32, 4, 0),
        0xCCA8: (32, 12, 0),
        0xC014: (32, 0, 20),
        0xC028: (32, 0, 48),
    }


def test_the_next_secret_has_the_suites_size() -> None:
    assert len(tls13_next_secret(bytes(48), TLS13_SUITES[0x1302])) == 48


def test_keys_are_not_shown() -> None:
    assert b"k" * 16 not in repr(RecordKeys(b"k" * 16, b"i")).encode()
