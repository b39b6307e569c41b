"""From secrets to record keys: TLS 1.3 (RFC 8446 §7) and TLS 1.2 (RFC 5246 §5, §6.3)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from functools import cache

from agent_py.tls.suites import MAC_SIZES, Mode, Suite

Secret = bytes | bytearray


@dataclass(frozen=True, slots=True, repr=False)
class RecordKeys:
    """Keys of one direction. ``mac_key`` is empty but for CBC suites."""

    key: bytes
    iv: bytes
    mac_key: bytes = b""


@cache
def _info(label: bytes, length: int) -> bytes:
    """HkdfLabel with an empty context, followed by HKDF's first counter (RFC 5869 §2.3)."""
    full = b"tls13 " + label
    return length.to_bytes(2) + bytes([len(full)]) + full + b"\0" + b"\1"


def expand_label(secret: Secret, label: bytes, length: int, hash: str) -> bytes:
    """HKDF-Expand-Label (RFC 8446 §7.1) without context; ``length`` at most the hash's size."""
    return hmac.digest(secret, _info(label, length), hash)[:length]


def tls13_keys(secret: Secret, suite: Suite) -> RecordKeys:
    """Key and IV of a traffic secret (RFC 8446 §7.3)."""
    return RecordKeys(
        expand_label(secret, b"key", suite.key_size, suite.hash), expand_label(secret, b"iv", 12, suite.hash)
    )


def tls13_next_secret(secret: Secret, suite: Suite) -> bytes:
    """The traffic secret after a KeyUpdate (RFC 8446 §7.2)."""
    return expand_label(secret, b"traffic upd", suite.secret_size, suite.hash)


def prf(secret: Secret, label: bytes, seed: bytes, length: int, hash: str) -> bytes:
    """The TLS 1.2 PRF (RFC 5246 §5)."""
    seed = label + seed
    out, a = b"", seed
    while len(out) < length:
        a = hmac.digest(secret, a, hash)
        out += hmac.digest(secret, a + seed, hash)
    return out[:length]


def tls12_keys(
    master_secret: Secret, client_random: bytes, server_random: bytes, suite: Suite
) -> tuple[RecordKeys, RecordKeys]:
    """The client's and the server's keys (RFC 5246 §6.3). The IV part is the implicit nonce; CBC has none."""
    mac = MAC_SIZES[suite.mac] if suite.mode is Mode.CBC else 0
    iv = {Mode.CBC: 0, Mode.CHACHA20_POLY1305: 12}.get(suite.mode, 4)
    sizes = [mac, mac, suite.key_size, suite.key_size, iv, iv]
    block = prf(master_secret, b"key expansion", server_random + client_random, sum(sizes), suite.hash)
    parts = []
    for size in sizes:
        parts.append(block[:size])
        block = block[size:]
    return RecordKeys(parts[2], parts[4], parts[0]), RecordKeys(parts[3], parts[5], parts[1])
