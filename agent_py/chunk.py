"""``Chunk``: what the kernel programs tell the workers, one record per socket operation; also the recording format.

The layout is that of ``struct chunk`` in ``bpf/chunk.h``, little endian; a test compares it with the BTF of the
compiled object. A chunk is a fixed header, then ``captured`` bytes. For DATA these are the first bytes that the
operation moved; for OPEN a ``struct open_info``; for KEY a ``struct key_info``.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from struct import Struct

import msgspec

from common_py.contracts import Tls

HEADER = Struct("<QQQIIIIIiIBBH")
"""conn, time, offset, size, captured, tgid, tid, mount_namespace, fd, lost, kind, direction, flags: 56 bytes."""

OPEN = Struct("<16s16sHHII16s")
"""local, remote (IPv6, IPv4 mapped), local_port, remote_port (host order), pid, network_namespace, comm: 60 bytes."""

KEY = Struct("<BBH64s32s32s")
"""protocol, secret_size, reserved, secret, client_random, server_random: 132 bytes."""


class Kind(IntEnum):
    """``enum chunk_kind``."""

    OPEN = 1
    """A server-side connection exists from here on; payload ``open_info``."""
    DATA = 2
    """Bytes moved in one direction."""
    CLOSE = 3
    """The descriptor was closed. With ``conn`` 0: process ``tgid`` ended, and with it all its connections."""
    KEY = 4
    """A TLS key derivation in the thread that last read connection ``conn`` (0: none); payload ``key_info``."""
    TLS = 5
    """Recordings only, before the first DATA of a decrypted connection: what its handshake showed; payload ``Tls`` of
    common_py.contracts in msgpack."""


class Direction(IntEnum):
    """``enum chunk_direction``, seen from the server."""

    INGRESS = 0
    EGRESS = 1


class Flag(IntFlag):
    """``enum chunk_flags``."""

    LATE = 1
    """OPEN: the connection is older than the capture; offsets count from the attach."""
    CUT = 2
    """DATA: ``captured`` < ``size`` by design (egress bodies, sendfile, splice)."""
    FAULT = 4
    """DATA: the user's memory could not be read; ``captured`` is what could."""
    DECRYPTED = 8
    """DATA of a recording: plaintext of a TLS connection, offsets in the plaintext stream."""


class KeyProtocol(IntEnum):
    """``enum key_protocol``: what ``key_info.secret`` is."""

    TLS13_TRAFFIC_SECRET = 1
    """A handshake or application traffic secret of either side (RFC 8446 §7.1); which one, trial decryption tells."""
    TLS12_MASTER_SECRET = 2
    """The 48-byte master secret (RFC 5246 §8.1), with both randoms."""


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """One record. Times are nanoseconds of CLOCK_MONOTONIC, offsets and sizes bytes of the direction's stream."""

    conn: int
    """Unique for the life of the capture."""
    time: int
    offset: int
    """Position of the chunk's first byte in its direction's stream; counts lost bytes too."""
    size: int
    """Bytes that the operation moved and this chunk speaks of, ≥ ``captured`` for DATA."""
    captured: int
    tgid: int
    tid: int
    mount_namespace: int
    fd: int
    lost: int
    """Chunks of this direction lost since the last one that got through."""
    kind: int
    direction: int
    flags: int
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class OpenInfo:
    """Payload of an OPEN chunk."""

    local: str
    """Textual address; an IPv4-mapped one as IPv4."""
    local_port: int
    remote: str
    remote_port: int
    pid: int
    """Process id in the agent's pid namespace; 0 when it has none there."""
    network_namespace: int
    comm: str


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """Payload of a KEY chunk. ``repr`` hides the secret."""

    protocol: int
    secret: bytes
    client_random: bytes
    """32 bytes; empty for TLS 1.3."""
    server_random: bytes

    def __repr__(self) -> str:
        return f"KeyInfo(protocol={self.protocol}, secret=<{len(self.secret)} bytes>)"


def pack(chunk: Chunk) -> bytes:
    """The chunk's bytes, header and payload. Raises ValueError when ``captured`` is not the payload's length."""
    if chunk.captured != len(chunk.payload):
        raise ValueError(f"captured is {chunk.captured}, the payload has {len(chunk.payload)} bytes")
    return HEADER.pack(*[getattr(chunk, name) for name in Chunk.__struct_fields__[:-1]]) + chunk.payload


def unpack(record: bytes | memoryview) -> Chunk:
    """The chunk in ``record``. Raises ValueError for a record that is too short or has a wrong length."""
    if len(record) < HEADER.size:
        raise ValueError(f"a chunk has at least {HEADER.size} bytes, this one {len(record)}")
    fields = HEADER.unpack_from(record)
    payload = bytes(record[HEADER.size : HEADER.size + fields[4]])
    if len(payload) != fields[4]:
        raise ValueError(f"the chunk announces {fields[4]} bytes and has {len(payload)}")
    conn, time, offset, size, captured, tgid, tid, mount_namespace, fd, lost, kind, direction, flags = fields
    return Chunk(
        conn, time, offset, size, captured, tgid, tid, mount_namespace, fd, lost, kind, direction, flags, payload
    )


def open_info(payload: bytes) -> OpenInfo:
    """Decode an OPEN chunk's payload. Raises ValueError when it is too short."""
    if len(payload) < OPEN.size:
        raise ValueError(f"open_info has {OPEN.size} bytes, this one {len(payload)}")
    local, remote, local_port, remote_port, pid, network_namespace, comm = OPEN.unpack_from(payload)
    name = comm.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
    return OpenInfo(address(local), local_port, address(remote), remote_port, pid, network_namespace, name)


def key_info(payload: bytes) -> KeyInfo:
    """Decode a KEY chunk's payload. Raises ValueError when it is too short or announces more than it can hold."""
    if len(payload) < KEY.size:
        raise ValueError(f"key_info has {KEY.size} bytes, this one {len(payload)}")
    protocol, size, _reserved, secret, client_random, server_random = KEY.unpack_from(payload)
    if size > len(secret):
        raise ValueError(f"a secret of {size} bytes does not fit into {len(secret)}")
    if protocol != KeyProtocol.TLS12_MASTER_SECRET:
        client_random = server_random = b""
    return KeyInfo(protocol, secret[:size], client_random, server_random)


_encode_tls = msgspec.msgpack.Encoder().encode
_decode_tls = msgspec.msgpack.Decoder(Tls).decode


def tls_payload(tls: Tls) -> bytes:
    """Payload of a TLS chunk."""
    return _encode_tls(tls)


def tls_info(payload: bytes) -> Tls:
    """Decode a TLS chunk's payload. Raises ValueError (``msgspec.DecodeError``) when it is none."""
    return _decode_tls(payload)


_MAPPED = bytes(10) + b"\xff\xff"
"""How an IPv4-mapped address begins."""


def address(packed: bytes) -> str:
    """Text of a 16-byte address (RFC 5952), IPv4-mapped ones as IPv4 (RFC 4291 §2.5.5.2)."""
    if packed.startswith(_MAPPED):
        return ".".join(map(str, packed[12:]))
    return str(ipaddress.IPv6Address(packed))
