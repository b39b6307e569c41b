"""The cipher suites that can be opened, by their IANA code. Everything about a suite follows from its IANA name.

Sources: RFC 8446 B.4, RFC 5246 A.5, RFC 5288, RFC 5289, RFC 6655, RFC 7251, RFC 7905.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_TLS13 = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
}

_TLS12 = {
    0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
    0x0033: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
    0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
    0x003C: "TLS_RSA_WITH_AES_128_CBC_SHA256",
    0x003D: "TLS_RSA_WITH_AES_256_CBC_SHA256",
    0x0067: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
    0x006B: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
    0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256",
    0x009D: "TLS_RSA_WITH_AES_256_GCM_SHA384",
    0x009E: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    0x009F: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    0xC013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    0xC023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    0xC024: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    0xC028: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    0xC09C: "TLS_RSA_WITH_AES_128_CCM",
    0xC09D: "TLS_RSA_WITH_AES_256_CCM",
    0xC09E: "TLS_DHE_RSA_WITH_AES_128_CCM",
    0xC09F: "TLS_DHE_RSA_WITH_AES_256_CCM",
    0xC0A0: "TLS_RSA_WITH_AES_128_CCM_8",
    0xC0A1: "TLS_RSA_WITH_AES_256_CCM_8",
    0xC0A2: "TLS_DHE_RSA_WITH_AES_128_CCM_8",
    0xC0A3: "TLS_DHE_RSA_WITH_AES_256_CCM_8",
    0xC0AC: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    0xC0AD: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
    0xC0AE: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    0xC0AF: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
    0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCAA: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}

MAC_SIZES = {"sha1": 20, "sha256": 32, "sha384": 48}

_name = re.compile(
    r"TLS_(?:\w+_WITH_)?(?:AES_(?P<bits>128|256)_(?P<mode>GCM|CCM_8|CCM|CBC)|CHACHA20_POLY1305)(?:_(?P<hash>SHA\d*))?"
).fullmatch


class Mode(Enum):
    """How a suite protects records."""

    GCM = "GCM"
    CCM = "CCM"
    CCM_8 = "CCM_8"
    CHACHA20_POLY1305 = "CHACHA20_POLY1305"
    CBC = "CBC"


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite. Sizes in bytes. ``hash`` is that of the key schedule (HKDF or PRF)."""

    name: str
    mode: Mode
    key_size: int
    hash: str
    mac: str = ""
    """Hash of the record MAC; CBC suites only."""

    @property
    def tag_size(self) -> int:
        """Bytes that authentication adds to a record."""
        if self.mode is Mode.CBC:
            return MAC_SIZES[self.mac]
        return 8 if self.mode is Mode.CCM_8 else 16

    @property
    def secret_size(self) -> int:
        """Bytes of a TLS 1.3 traffic secret."""
        return MAC_SIZES[self.hash]


def _suite(name: str) -> Suite:
    found = _name(name)
    if not found:
        raise ValueError(f"{name} does not name a known construction")
    mode = Mode(found["mode"] or "CHACHA20_POLY1305")
    key_size = int(found["bits"]) // 8 if found["bits"] else 32
    schedule = "sha384" if found["hash"] == "SHA384" else "sha256"
    mac = {"SHA": "sha1", "SHA256": "sha256", "SHA384": "sha384"}[found["hash"]] if mode is Mode.CBC else ""
    return Suite(name, mode, key_size, schedule, mac)


TLS13_SUITES = {code: _suite(name) for code, name in _TLS13.items()}
TLS12_SUITES = {code: _suite(name) for code, name in _TLS12.items()}
