"""Handshake messages (RFC 8446 §4, RFC 5246 §7.4): what a watcher needs of them.

``HandshakeReader`` joins fragments to messages, over any number of records; messages longer than ``LONGEST`` are passed
over by their length (certificates may be long, nothing in them is needed). The parsers return None for a message that
is not well-formed.
"""

from __future__ import annotations

from dataclasses import dataclass

CLIENT_HELLO = 1
SERVER_HELLO = 2
NEW_SESSION_TICKET = 4
END_OF_EARLY_DATA = 5
ENCRYPTED_EXTENSIONS = 8
CERTIFICATE_VERIFY = 15
FINISHED = 20
KEY_UPDATE = 24
LONGEST = 65536

SERVER_NAME = 0
ALPN = 16
ENCRYPT_THEN_MAC = 22
EARLY_DATA = 42
SUPPORTED_VERSIONS = 43

RETRY_RANDOM = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")
"""ServerHello.random of a HelloRetryRequest (RFC 8446 §4.1.3)."""


class HandshakeReader:
    """Handshake fragments of one direction to messages."""

    __slots__ = ("_held", "_skip")

    def __init__(self) -> None:
        self._held = bytearray()
        self._skip = 0

    def data(self, fragment: bytes) -> list[tuple[int, bytes]]:
        """The (type, body) of each message that ``fragment`` completes; a long one has an empty body."""
        passed = min(self._skip, len(fragment))
        self._skip -= passed
        self._held += fragment[passed:]
        messages: list[tuple[int, bytes]] = []
        position = 0
        while len(self._held) - position >= 4:
            kind = self._held[position]
            length = int.from_bytes(self._held[position + 1 : position + 4])
            end = position + 4 + length
            if length > LONGEST:
                messages.append((kind, b""))
                self._skip = max(0, end - len(self._held))
                position = min(end, len(self._held))
                continue
            if end > len(self._held):
                break
            messages.append((kind, bytes(self._held[position + 4 : end])))
            position = end
        del self._held[:position]
        return messages

    def reset(self) -> None:
        """Bytes are missing: the next fragment begins a message."""
        self._held.clear()
        self._skip = 0


class _Truncated(Exception):
    pass


class _Cursor:
    """Reads the presentation language's vectors; raises _Truncated."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, size: int) -> bytes:
        end = self._position + size
        if end > len(self._data):
            raise _Truncated
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self, prefix: int) -> bytes:
        return self.take(self.number(prefix))

    @property
    def left(self) -> bool:
        return self._position < len(self._data)


@dataclass(frozen=True, slots=True)
class ClientHello:
    """``server_name`` and ``protocols`` are empty when not offered."""

    random: bytes
    session_id: bytes
    server_name: str
    protocols: tuple[str, ...]
    early_data: bool


@dataclass(frozen=True, slots=True)
class ServerHello:
    """``version``: 0x0304 is TLS 1.3, from supported_versions when it is there."""

    random: bytes
    session_id: bytes
    suite: int
    version: int
    protocol: str
    encrypt_then_mac: bool

    @property
    def retry(self) -> bool:
        """Whether it is a HelloRetryRequest."""
        return self.random == RETRY_RANDOM


def client_hello(body: bytes) -> ClientHello | None:
    """Parse a ClientHello (RFC 8446 §4.1.2)."""
    cursor = _Cursor(body)
    try:
        cursor.take(2)
        random, session_id = cursor.take(32), cursor.vector(1)
        cursor.vector(2)
        cursor.vector(1)
        extensions = _extensions(cursor)
        return ClientHello(
            random,
            session_id,
            _server_name(extensions.get(SERVER_NAME, b"")),
            _protocols(extensions.get(ALPN, b"")),
            EARLY_DATA in extensions,
        )
    except _Truncated:
        return None


def server_hello(body: bytes) -> ServerHello | None:
    """Parse a ServerHello or HelloRetryRequest (RFC 8446 §4.1.3)."""
    cursor = _Cursor(body)
    try:
        version = cursor.number(2)
        random, session_id, suite = cursor.take(32), cursor.vector(1), cursor.number(2)
        cursor.take(1)
        extensions = _extensions(cursor)
        chosen = extensions.get(SUPPORTED_VERSIONS, b"")
        protocols = _protocols(extensions.get(ALPN, b""))
        return ServerHello(
            random,
            session_id,
            suite,
            int.from_bytes(chosen) if len(chosen) == 2 else version,
            protocols[0] if protocols else "",
            ENCRYPT_THEN_MAC in extensions,
        )
    except _Truncated:
        return None


def encrypted_protocol(body: bytes) -> str:
    """The ALPN protocol in EncryptedExtensions (RFC 8446 §4.3.1); empty when there is none."""
    try:
        protocols = _protocols(_extensions(_Cursor(body)).get(ALPN, b""))
    except _Truncated:
        return ""
    return protocols[0] if protocols else ""


def _extensions(cursor: _Cursor) -> dict[int, bytes]:
    if not cursor.left:
        return {}
    inner = _Cursor(cursor.vector(2))
    found: dict[int, bytes] = {}
    while inner.left:
        kind = inner.number(2)
        found[kind] = inner.vector(2)
    return found


def _server_name(extension: bytes) -> str:
    """RFC 6066 §3."""
    if not extension:
        return ""
    names = _Cursor(_Cursor(extension).vector(2))
    while names.left:
        kind, name = names.number(1), names.vector(2)
        if kind == 0:
            return name.decode("ascii", "backslashreplace")
    return ""


def _protocols(extension: bytes) -> tuple[str, ...]:
    """RFC 7301 §3.1."""
    if not extension:
        return ()
    names = _Cursor(_Cursor(extension).vector(2))
    found = []
    while names.left:
        found.append(names.vector(1).decode("ascii", "backslashreplace"))
    return tuple(found)
