"""Opens protected records (RFC 8446 §5.2, RFC 5246 §6.2.3, RFC 7366): whole ones by their tag, cut ones by keystream.

``open`` returns (content type, plaintext), or None when the tag does not fit: wrong key or sequence number.
``open_cut`` returns the plaintext of a record's first bytes; nothing proves it, the caller marks it unauthenticated.
An opener holds no sequence number: who calls knows which record it is.
"""

from __future__ import annotations

import hmac
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES, ChaCha20
from cryptography.hazmat.primitives.ciphers.modes import CBC, CTR

from agent_py.tls.records import Record
from agent_py.tls.schedule import RecordKeys
from agent_py.tls.suites import Mode, Suite

BLOCK = 16
UNKNOWN_SIZE = -1


class Opener(Protocol):
    """Opens the records of one direction under one key."""

    def open(self, record: Record, sequence: int) -> tuple[int, bytes] | None:
        """A whole record."""

    def open_cut(self, record: Record, sequence: int) -> bytes:
        """The beginning of a record, without proof."""

    def plain_size(self, record: Record) -> int:
        """Bytes of plaintext in the whole record (TLS 1.3: if it is not padded), UNKNOWN_SIZE for CBC."""


def _aead(suite: Suite, key: bytes) -> AESGCM | AESCCM | ChaCha20Poly1305:
    if suite.mode is Mode.GCM:
        return AESGCM(key)
    if suite.mode is Mode.CHACHA20_POLY1305:
        return ChaCha20Poly1305(key)
    return AESCCM(key, tag_length=suite.tag_size)


def _keystream(suite: Suite, key: bytes, nonce: bytes, data: bytes) -> bytes:
    """Decrypt ``data``, the first bytes of an AEAD ciphertext (SP 800-38D §7, RFC 3610 §2.3, RFC 8439 §2.8)."""
    if suite.mode is Mode.CHACHA20_POLY1305:
        return Cipher(ChaCha20(key, b"\1\0\0\0" + nonce), mode=None).decryptor().update(data)
    counter = nonce + b"\0\0\0\2" if suite.mode is Mode.GCM else b"\2" + nonce + b"\0\0\1"
    return Cipher(AES(key), CTR(counter)).decryptor().update(data)


class Tls13Opener:
    """AEAD of TLS 1.3: the nonce is the IV with the sequence number, the content type stands behind the content."""

    __slots__ = ("_decrypt", "_iv", "_key", "_suite", "_tag")

    def __init__(self, suite: Suite, keys: RecordKeys) -> None:
        self._suite = suite
        self._key = keys.key
        self._iv = int.from_bytes(keys.iv)
        self._decrypt = _aead(suite, keys.key).decrypt
        self._tag = suite.tag_size

    def open(self, record: Record, sequence: int) -> tuple[int, bytes] | None:
        """See Opener."""
        if record.length <= self._tag:
            return None
        try:
            inner = self._decrypt((self._iv ^ sequence).to_bytes(12), record.fragment, record.header)
        except InvalidTag:
            return None
        if inner[-1]:
            return inner[-1], inner[:-1]
        inner = inner.rstrip(b"\0")
        return (inner[-1], inner[:-1]) if inner else None

    def open_cut(self, record: Record, sequence: int) -> bytes:
        """See Opener."""
        data = record.fragment[: max(0, self.plain_size(record))]
        return _keystream(self._suite, self._key, (self._iv ^ sequence).to_bytes(12), data)

    def plain_size(self, record: Record) -> int:
        """See Opener."""
        return max(0, record.length - self._tag - 1)


class Tls12AeadOpener:
    """AEAD of TLS 1.2: explicit nonces for AES (RFC 5288 §3, RFC 6655 §3), none for ChaCha20 (RFC 7905 §2)."""

    __slots__ = ("_decrypt", "_explicit", "_iv", "_key", "_suite", "_tag")

    def __init__(self, suite: Suite, keys: RecordKeys) -> None:
        self._suite = suite
        self._key = keys.key
        self._iv = keys.iv
        self._decrypt = _aead(suite, keys.key).decrypt
        self._tag = suite.tag_size
        self._explicit = 0 if suite.mode is Mode.CHACHA20_POLY1305 else 8

    def _nonce(self, record: Record, sequence: int) -> bytes:
        if self._explicit:
            return self._iv + record.fragment[:8]
        return (int.from_bytes(self._iv) ^ sequence).to_bytes(12)

    def open(self, record: Record, sequence: int) -> tuple[int, bytes] | None:
        """See Opener."""
        size = record.length - self._explicit - self._tag
        if size < 0:
            return None
        associated = sequence.to_bytes(8) + record.header[:3] + size.to_bytes(2)
        try:
            data = self._decrypt(self._nonce(record, sequence), record.fragment[self._explicit :], associated)
        except InvalidTag:
            return None
        return record.type, data

    def open_cut(self, record: Record, sequence: int) -> bytes:
        """See Opener."""
        data = record.fragment[self._explicit : self._explicit + self.plain_size(record)]
        if not data:
            return b""
        return _keystream(self._suite, self._key, self._nonce(record, sequence), data)

    def plain_size(self, record: Record) -> int:
        """See Opener."""
        return max(0, record.length - self._explicit - self._tag)


class CbcOpener:
    """CBC with HMAC of TLS 1.2 (RFC 5246 §6.2.3.2), MAC-then-encrypt, or encrypt-then-MAC (RFC 7366 §3)."""

    __slots__ = ("_key", "_mac", "_mac_first", "_mac_key", "_mac_size")

    def __init__(self, suite: Suite, keys: RecordKeys, *, encrypt_then_mac: bool) -> None:
        self._key = AES(keys.key)
        self._mac = suite.mac
        self._mac_key = keys.mac_key
        self._mac_size = suite.tag_size
        self._mac_first = encrypt_then_mac

    def _tag(self, record: Record, sequence: int, data: bytes) -> bytes:
        head = sequence.to_bytes(8) + record.header[:3] + len(data).to_bytes(2)
        return hmac.digest(self._mac_key, head + data, self._mac)

    def _decrypt(self, data: bytes) -> bytes:
        return Cipher(self._key, CBC(data[:BLOCK])).decryptor().update(data[BLOCK:])

    def open(self, record: Record, sequence: int) -> tuple[int, bytes] | None:
        """See Opener."""
        data = record.fragment
        if self._mac_first:
            data, tag = data[: -self._mac_size], data[-self._mac_size :]
            if not hmac.compare_digest(tag, self._tag(record, sequence, data)):
                return None
        if len(data) < 2 * BLOCK or len(data) % BLOCK:
            return None
        plain = self._decrypt(data)
        plain = plain[: -plain[-1] - 1]
        if self._mac_first:
            return record.type, plain
        plain, tag = plain[: -self._mac_size], plain[-self._mac_size :]
        if len(tag) < self._mac_size or not hmac.compare_digest(tag, self._tag(record, sequence, plain)):
            return None
        return record.type, plain

    def open_cut(self, record: Record, sequence: int) -> bytes:
        """See Opener. What may be MAC or padding is left out."""
        data = record.fragment[: max(0, record.length - self._mac_size - BLOCK)]
        data = data[: len(data) - len(data) % BLOCK]
        return self._decrypt(data) if len(data) > BLOCK else b""

    def plain_size(self, record: Record) -> int:
        """See Opener."""
        return UNKNOWN_SIZE


def tls12_opener(suite: Suite, keys: RecordKeys, *, encrypt_then_mac: bool) -> Opener:
    """The opener of a TLS 1.2 suite."""
    if suite.mode is Mode.CBC:
        return CbcOpener(suite, keys, encrypt_then_mac=encrypt_then_mac)
    return Tls12AeadOpener(suite, keys)
