from __future__ import annotations

import ssl

from hypothesis import given
from hypothesis import strategies as st

from agent_py.tls.handshake import (
    LONGEST,
    RETRY_RANDOM,
    HandshakeReader,
    client_hello,
    encrypted_protocol,
    server_hello,
)


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3) + body


def extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2) + len(body).to_bytes(2) + body


def hello(extensions: bytes, random: bytes = b"r" * 32) -> bytes:
    return b"\3\3" + random + b"\2id" + b"\xc0\x2f" + b"\0" + len(extensions).to_bytes(2) + extensions


def test_a_real_client_hello() -> None:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="shop.example")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        data = out.read()
    ((kind, body),) = HandshakeReader().data(data[5:])
    parsed = client_hello(body)
    assert kind == 1
    assert parsed is not None
    assert (parsed.server_name, parsed.protocols, parsed.early_data) == ("shop.example", ("h2", "http/1.1"), False)
    assert parsed.random == data[11:43]


def test_server_hello() -> None:
    alpn = extension(16, b"\0\x03\x02h2")
    parsed = server_hello(hello(alpn + extension(22, b"")))
    assert parsed is not None
    assert (parsed.suite, parsed.version, parsed.protocol, parsed.encrypt_then_mac) == (0xC02F, 0x0303, "h2", True)
    assert (parsed.session_id, parsed.retry) == (b"id", False)
    newer = server_hello(hello(extension(43, b"\3\4"), RETRY_RANDOM))
    assert newer is not None
    assert (newer.version, newer.retry) == (0x0304, True)
    without = server_hello(hello(b"")[:-2])
    assert without is not None
    assert without.version == 0x0303


def test_encrypted_extensions() -> None:
    body = extension(16, b"\0\x03\x02h2")
    assert encrypted_protocol(len(body).to_bytes(2) + body) == "h2"
    assert encrypted_protocol(b"\0\0") == ""
    assert encrypted_protocol(b"\xff") == ""


@given(st.lists(st.tuples(st.integers(0, 30), st.binary(max_size=40)), max_size=5), st.data())
def test_split_anywhere(messages: list[tuple[int, bytes]], draw: st.DataObject) -> None:
    data = b"".join(message(kind, body) for kind, body in messages)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=10)))
    reader = HandshakeReader()
    found = [each for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) for each in reader.data(data[a:b])]
    assert found == messages


def test_long_messages_are_passed_over() -> None:
    reader = HandshakeReader()
    data = message(11, bytes(LONGEST + 1)) + message(20, b"fin")
    found = [each for at in range(0, len(data), 1000) for each in reader.data(data[at : at + 1000])]
    assert found == [(11, b""), (20, b"fin")]
    assert len(reader._held) == 0


@given(st.binary(max_size=200))
def test_anything_parses_or_is_none(body: bytes) -> None:
    for parse in (client_hello, server_hello, encrypted_protocol):
        parse(body)
    whole = hello(extension(43, b"\3\4"))
    for size in range(len(whole)):
        server_hello(whole[:size])
