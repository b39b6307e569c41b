"""Handshake messages (RFC 8446 §4, RFC 5246 §7.4): what a watcher needs of them.

``HandshakeReader`` joins fragments to messages, over any number of records; messages longer than ``LONGEST`` are passed
over by their length (certificates may be long, nothing in them is needed). The parsers return None for a message that
is not well-formed.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

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
_WANTED = frozenset({SERVER_NAME, ALPN, ENCRYPT_THEN_MAC, EARLY_DATA, SUPPORTED_VERSIONS})

RETRY_RANDOM = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")
"""ServerHello.random of a HelloRetryRequest (RFC 8446 §4.1.3)."""


class HandshakeReader:
    """Handshake fragments of one direction to messages."""

    __slots__ = ("_held", "_skip", "_wanted")

    def __init__(self) -> None:
        self._held = bytearray()
        self._wanted = 4
        """Bytes that the held ones must grow to before looking at them again: time stays linear."""
        self._skip = 0

    @property
    def waiting(self) -> int:
        """Bytes of the message that waits for its rest."""
        return len(self._held)

    def data(self, fragment: bytes) -> list[tuple[int, bytes]]:
        """The (type, body) of each message that ``fragment`` completes; a long one has an empty body."""
        if self._skip:
            passed = min(self._skip, len(fragment))
            self._skip -= passed
            fragment = fragment[passed:]
        if self._held:
            self._held += fragment
            if len(self._held) < self._wanted:
                return []
            fragment = bytes(self._held)
            self._held.clear()
        return self._split(fragment)

    def _split(self, data: bytes) -> list[tuple[int, bytes]]:
        """The messages at the start of ``data``; what is left is held until it is long enough."""
        messages: list[tuple[int, bytes]] = []
        position, size = 0, len(data)
        while size - position >= 4:
            length = int.from_bytes(data[position + 1 : position + 4])
            end = position + 4 + length
            if length > LONGEST:
                messages.append((data[position], b""))
                self._skip = max(0, end - size)
                return messages if self._skip else messages + self._split(data[end:])
            if end > size:
                self._wanted = end - position
                break
            messages.append((data[position], data[position + 4 : end]))
            position = end
        else:
            self._wanted = 4
        self._held += data[position:]
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


_EXTENSION = Struct(">HH")
"""Type and length (RFC 8446 §4.2)."""


def _extensions(cursor: _Cursor) -> dict[int, bytes]:
    """The extensions that matter here, by type; of two alike the last."""
    if not cursor.left:
        return {}
    data = cursor.vector(2)
    found: dict[int, bytes] = {}
    position, size = 0, len(data)
    while position < size:
        if position + 4 > size:
            raise _Truncated
        kind, length = _EXTENSION.unpack_from(data, position)
        position += 4 + length
        if position > size:
            raise _Truncated
        if kind in _WANTED:
            found[kind] = data[position - length : position]
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
