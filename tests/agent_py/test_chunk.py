from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_py.chunk import (
    HEADER,
    KEY,
    OPEN,
    Chunk,
    KeyProtocol,
    address,
    key_info,
    open_info,
    pack,
    tls_info,
    tls_payload,
    unpack,
)  # fmt: skip
from common_py.contracts import Tls
from tests.support.chunks import packed

u64, u32 = st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1)


@given(
    u64,
    u64,
    u64,
    u32,
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 255),
    st.integers(0, 65535),
    st.binary(max_size=50),
)
def test_round_trip(
    conn: int, time: int, offset: int, size: int, fd: int, kind: int, flags: int, payload: bytes
) -> None:
    chunk = Chunk(conn, time, offset, size, len(payload), size, size, size, fd, size, kind, 1, flags, payload)
    assert unpack(pack(chunk)) == chunk
    assert unpack(memoryview(pack(chunk) + b"padding")) == chunk


def test_sizes() -> None:
    assert (HEADER.size, OPEN.size, KEY.size) == (56, 60, 132)


def test_wrong_lengths_raise() -> None:
    chunk = Chunk(1, 0, 0, 3, 3, 0, 0, 0, 0, 0, 2, 0, 0, b"abc")
    with pytest.raises(ValueError, match="at least 56 bytes"):
        unpack(pack(chunk)[:55])
    with pytest.raises(ValueError, match="announces 3 bytes"):
        unpack(pack(chunk)[:-1])
    with pytest.raises(ValueError, match="captured is 3"):
        pack(Chunk(1, 0, 0, 3, 3, 0, 0, 0, 0, 0, 2, 0, 0, b""))


def test_open_info() -> None:
    info = open_info(OPEN.pack(packed("192.0.2.1"), packed("2001:db8::1"), 80, 4000, 5, 6, b"ngi\xffx\0junk"))
    assert (info.local, info.local_port, info.remote, info.remote_port) == ("192.0.2.1", 80, "2001:db8::1", 4000)
    assert (info.pid, info.network_namespace, info.comm) == (5, 6, "ngi\\xffx")
    with pytest.raises(ValueError, match="open_info has 60 bytes"):
        open_info(b"")


def test_key_info_never_shows_its_secret() -> None:
    secret = bytes(range(48))
    info = key_info(KEY.pack(KeyProtocol.TLS12_MASTER_SECRET, 48, 0, secret, b"c" * 32, b"s" * 32))
    assert (info.secret, info.client_random, info.server_random) == (secret, b"c" * 32, b"s" * 32)
    assert repr(info) == "KeyInfo(protocol=2, secret=<48 bytes>)"
    with pytest.raises(ValueError, match="does not fit"):
        key_info(KEY.pack(1, 65, 0, secret, b"", b""))
    with pytest.raises(ValueError, match="key_info has 132 bytes"):
        key_info(b"x")


def test_a_traffic_secret_has_no_randoms() -> None:
    info = key_info(KEY.pack(KeyProtocol.TLS13_TRAFFIC_SECRET, 32, 0, bytes(32), b"c" * 32, b"s" * 32))
    assert (info.client_random, info.server_random) == (b"", b"")


def test_tls_payload_round_trip() -> None:
    tls = Tls("1.3", "TLS_AES_128_GCM_SHA256", "a", "http/1.1")
    assert tls_info(tls_payload(tls)) == tls
    with pytest.raises(ValueError):
        tls_info(b"\xc1")


def test_addresses() -> None:
    assert address(packed("::1")) == "::1"


@given(st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16))
def test_addresses_are_those_of_the_standard_library(octets: bytes) -> None:
    mapped = bytes(10) + b"\xff\xff" + octets if len(octets) == 4 else octets
    parsed = ipaddress.IPv6Address(mapped)
    assert address(mapped) == str(parsed.ipv4_mapped or parsed)
