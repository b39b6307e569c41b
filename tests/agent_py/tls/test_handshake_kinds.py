"""Handshakes other than the plain one, by real OpenSSL, through the whole pipeline.

Early data (RFC 8446 §2.3), HelloRetryRequest (§4.1.4), KeyUpdate (§4.6.3) and renegotiation (RFC 5246 §7.4.1).
"""

from __future__ import annotations

import ssl
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_py.chunk import Chunk, Kind
from agent_py.counters import Counter
from agent_py.pipeline import SECOND
from common_py.contracts import Exchange
from tests.support.chunks import Bench, Wire
from tests.support.openssl import (
    allow_early_data,
    allow_renegotiation,
    early_data_accepted,
    read_early_data,
    renegotiate,
    update_keys,
    write_early_data,
)
from tests.support.tls import Contexts, TlsWire, contexts

GET = b"GET /%s HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


def answers(exchanges: list[Exchange]) -> list[tuple[bytes, int]]:
    return [(exchange.request.target, exchange.response.status) for exchange in exchanges]


@pytest.fixture
def ends(tmp_path: Path, certificates: list[Path]) -> Contexts:
    made = contexts(tmp_path, certificates, version="1.3")
    allow_early_data(made.server, 16384)
    return made


def again(ends: Contexts) -> TlsWire:
    """A second connection, with the ticket of a first one that is over."""
    first = TlsWire(ends, Wire(9)).handshake()
    first.request(GET % b"first")
    first.respond(OK)
    return TlsWire(ends, session=first.client.session)


def early(ends: Contexts, *parts: bytes, accept: bool = True) -> TlsWire:
    """A second connection whose ``parts`` came as early data."""
    wire = again(ends)
    for part in parts:
        write_early_data(wire.client, part)
    wire.deliver()
    if accept:
        assert read_early_data(wire.server) == b"".join(parts)
        wire.flush()
    return wire


def test_early_data_is_decrypted(ends: Contexts) -> None:
    wire = early(ends, GET % b"early").handshake()
    assert early_data_accepted(wire.client)
    wire.respond(OK)
    wire.request(GET % b"late")
    wire.respond(CREATED)
    bench = Bench()
    assert answers(bench.feed(*wire.take())) == [(b"/early", 200), (b"/late", 201)]
    assert bench.losses() == {}
    assert len(bench.pipeline._keys) == 0


def test_early_data_in_several_records_continued_after_the_handshake(ends: Contexts) -> None:
    head = b"POST /early HTTP/1.1\r\nContent-Length: 3000\r\n\r\n"
    wire = early(ends, head, bytes(1000), bytes(1000)).handshake()
    wire.request(bytes(1000))
    wire.respond(OK)
    bench = Bench()
    (exchange,) = bench.feed(*wire.take())
    assert exchange.request.body == bytes(3000)
    assert bench.losses() == {}


def test_a_response_before_the_clients_finished(ends: Contexts) -> None:
    wire = early(ends, GET % b"early")
    write_early_data(wire.server, OK)
    wire.flush()
    wire.handshake()
    wire.request(GET % b"late")
    wire.respond(CREATED)
    bench = Bench()
    assert answers(bench.feed(*wire.take())) == [(b"/early", 200), (b"/late", 201)]
    assert bench.losses() == {}


@pytest.mark.parametrize("records", [1, 5])
def test_early_data_that_the_server_did_not_take(ends: Contexts, records: int) -> None:
    wire = early(ends, *[GET % b"early"] * records, accept=False).handshake()
    assert not early_data_accepted(wire.client)
    wire.request(GET % b"again")
    wire.respond(OK)
    bench = Bench()
    (exchange,) = bench.feed(*wire.take())
    assert (exchange.request.target, exchange.response.status, exchange.incomplete) == (b"/again", 200, [])
    assert bench.losses() == {"decrypt_failed": records}
    assert len(bench.pipeline._keys) == 0


@pytest.mark.parametrize("hint", [0, 99])
@pytest.mark.parametrize("late", [False, True], ids=["keys as derived", "keys last"])
def test_early_data_whose_secret_has_a_wrong_hint(ends: Contexts, hint: int, late: bool) -> None:
    wire = early(ends, GET % b"early").handshake()
    wire.respond(OK)
    wire.request(GET % b"late")
    wire.respond(CREATED)
    chunks = [
        msgspec.structs.replace(chunk, conn=hint) if chunk.kind == Kind.KEY else chunk
        for chunk in sorted(wire.take(), key=lambda chunk: late and chunk.kind == Kind.KEY)
    ]
    bench = Bench()
    taken = bench.feed(*chunks)
    bench.pipeline.expire(wire.wire.time + SECOND)
    assert answers(taken + bench.pipeline.take()) == [(b"/early", 200), (b"/late", 201)]
    assert bench.losses() == {}


def without_first_key(wire: TlsWire) -> list[Chunk]:
    chunks = wire.take()
    chunks.remove(next(chunk for chunk in chunks if chunk.kind == Kind.KEY))
    return chunks


def test_early_data_whose_secret_never_comes(ends: Contexts) -> None:
    wire = early(ends, GET % b"early").handshake()
    wire.respond(OK)
    wire.request(GET % b"late")
    wire.respond(CREATED)
    bench = Bench()
    assert answers(bench.feed(*without_first_key(wire))) == [(b"/late", 201)]
    assert bench.losses() == {"decrypt_failed": 2}, "the request and EndOfEarlyData"


def test_a_request_that_began_in_early_data_whose_secret_never_comes(ends: Contexts) -> None:
    wire = early(ends, b"POST /early HTTP/1.1\r\nContent-Length: 3000\r\n\r\n", bytes(2000)).handshake()
    wire.request(b"=" * 1000)
    wire.respond(OK)
    wire.request(GET % b"late")
    wire.respond(CREATED)
    bench = Bench()
    assert answers(bench.feed(*without_first_key(wire))) == [(b"/late", 201)]
    assert bench.losses() == {"decrypt_failed": 3}


@pytest.mark.parametrize("hint", [True, False])
def test_a_retry_for_another_group(tmp_path: Path, certificates: list[Path], hint: bool) -> None:
    ends = contexts(tmp_path, certificates, version="1.3", protocols=["http/1.1"])
    ends.server.set_ecdh_curve("secp384r1")
    wire = TlsWire(ends, hint=hint).handshake()
    hellos = [chunk.payload for chunk in wire.chunks if chunk.kind == Kind.DATA and chunk.payload[:1] == b"\x16"]
    assert [hello[5] for hello in hellos] == [1, 2, 2], "hello, retry; the second hello comes behind a change of cipher"
    wire.request(GET % b"a")
    wire.respond(OK)
    bench = Bench()
    (exchange,) = bench.feed(*wire.take())
    assert exchange.tls is not None
    assert (exchange.tls.server_name, exchange.tls.protocol) == ("shop.test", "http/1.1")
    assert bench.losses() == {}


def test_early_data_and_a_retry(ends: Contexts) -> None:
    """The retry refuses the early data; the second ClientHello comes behind it."""
    ready = TlsWire(ends, Wire(9)).handshake()
    ready.request(GET % b"first")
    ready.respond(OK)
    ends.server.set_ecdh_curve("secp384r1")
    wire = TlsWire(ends, session=ready.client.session)
    write_early_data(wire.client, GET % b"early")
    wire.deliver()
    wire.handshake()
    assert not early_data_accepted(wire.client)
    wire.request(GET % b"again")
    wire.respond(OK)
    bench = Bench()
    assert answers(bench.feed(*wire.take())) == [(b"/again", 200)]
    assert bench.losses() == {"decrypt_failed": 1}


@pytest.mark.parametrize("asked", ["client", "server"])
@pytest.mark.parametrize("answer", [False, True])
def test_key_updates_in_the_middle_of_requests_and_responses(ends: Contexts, asked: str, answer: bool) -> None:
    wire = TlsWire(ends).handshake()
    head, body = b"POST /%d HTTP/1.1\r\nContent-Length: 20\r\n\r\n", bytes(20)
    for number in range(3):
        wire.request(head % number)
        update_keys(getattr(wire, asked), answer=answer)
        wire.request(body)
        wire.respond(OK[:20])
        update_keys(getattr(wire, asked), answer=answer)
        wire.respond(OK[20:])
    bench = Bench()
    exchanges = bench.feed(*wire.take())
    assert answers(exchanges) == [(b"/%d" % number, 200) for number in range(3)]
    assert [exchange.request.body for exchange in exchanges] == [body] * 3
    assert bench.losses() == {}


def test_a_key_update_before_a_cut_response(ends: Contexts) -> None:
    wire = TlsWire(ends).handshake()
    wire.request(GET % b"a")
    update_keys(wire.server, answer=True)
    wire.respond(b"HTTP/1.1 200 OK\r\nContent-Length: 12000\r\n\r\n" + bytes(12000), captured=400)
    wire.request(GET % b"b")
    wire.respond(CREATED)
    bench = Bench()
    assert answers(bench.feed(*wire.take())) == [(b"/a", 200), (b"/b", 201)]
    assert bench.losses() == {}


def quiet(wire: TlsWire) -> None:
    """Let both ends read until nothing is on its way."""
    before = -1
    while before != len(wire.chunks):
        before = len(wire.chunks)
        for end in (wire.client, wire.server):
            with pytest.raises(ssl.SSLWantReadError):
                end.read(1)
            wire.deliver()
            wire.flush()


@pytest.mark.parametrize("asked", ["client", "server"])
@pytest.mark.parametrize("late", [False, True], ids=["keys as derived", "keys last"])
@pytest.mark.parametrize(
    "cipher", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-SHA"]
)
def test_a_renegotiation_is_followed(
    tmp_path: Path, certificates: list[Path], asked: str, cipher: str, late: bool
) -> None:
    ends = contexts(tmp_path, certificates, version="1.2", ciphers=f"{cipher}:@SECLEVEL=0")
    allow_renegotiation(ends.server)
    wire = TlsWire(ends).handshake()
    for number in range(3):
        wire.request(GET % b"%d" % number)
        wire.respond(OK)
        renegotiate(getattr(wire, asked))
        if asked == "server":
            wire.server.do_handshake()
        wire.flush()
        quiet(wire)
    wire.request(GET % b"last")
    wire.respond(CREATED)
    bench = Bench()
    expected = [(b"/0", 200), (b"/1", 200), (b"/2", 200), (b"/last", 201)]
    chunks = sorted(wire.take(), key=lambda chunk: late and chunk.kind == Kind.KEY)
    assert answers(bench.feed(*chunks)) == expected
    assert bench[Counter.KEYS] == 4
    assert bench.losses() == {}


def test_a_renegotiation_whose_secret_never_comes_ends_the_connection(tmp_path: Path, certificates: list[Path]) -> None:
    ends = contexts(tmp_path, certificates, version="1.2")
    allow_renegotiation(ends.server)
    wire = TlsWire(ends).handshake()
    wire.request(GET % b"before")
    wire.respond(OK)
    wire.withhold = True
    renegotiate(wire.client)
    quiet(wire)
    wire.request(GET % b"after")
    wire.respond(CREATED)
    bench = Bench()
    assert answers(bench.feed(*wire.take(), wire.wire.close())) == [(b"/before", 200)]
    assert bench.losses() == {"key_missing": 1}


def split(chunk: Chunk, at: int) -> list[Chunk]:
    """The same bytes moved by two operations."""
    replace, size = msgspec.structs.replace, chunk.captured
    if chunk.kind != Kind.DATA or not 0 < at < size:
        return [chunk]
    first = replace(chunk, size=at, captured=at, payload=chunk.payload[:at])
    rest = replace(chunk, offset=chunk.offset + at, size=size - at, captured=size - at, payload=chunk.payload[at:])
    return [first, rest]


@pytest.fixture(scope="module")
def eventful(tmp_path_factory: pytest.TempPathFactory, certificates: list[Path]) -> list[Chunk]:
    """Early data, a response before the handshake's end, and key updates of both ends."""
    ends = contexts(tmp_path_factory.mktemp("eventful"), certificates, version="1.3")
    allow_early_data(ends.server, 16384)
    wire = early(ends, GET % b"early")
    write_early_data(wire.server, OK)
    wire.flush()
    wire.handshake()
    for number in range(3):
        update_keys(wire.client, answer=True)
        wire.request(GET % b"%d" % number)
        wire.respond(CREATED)
    return wire.take()


@settings(max_examples=60)
@given(data=st.data())
def test_any_split_gives_the_same(eventful: list[Chunk], data: st.DataObject) -> None:
    points = data.draw(st.lists(st.integers(0, 700), min_size=len(eventful), max_size=len(eventful)))
    hint = data.draw(st.sampled_from([0, 1, 99]))
    bench = Bench()
    for chunk, at in zip(eventful, points, strict=True):
        for part in split(chunk, at):
            bench.pipeline.receive(msgspec.structs.replace(part, conn=hint) if part.kind == Kind.KEY else part)
    bench.pipeline.expire(eventful[-1].time + SECOND)
    assert answers(bench.pipeline.take()) == [(b"/early", 200), (b"/0", 201), (b"/1", 201), (b"/2", 201)]
    assert bench.losses() == {}
