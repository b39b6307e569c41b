"""The session against real OpenSSL, through the whole pipeline."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from agent_py.chunk import Kind
from agent_py.counters import Counter
from agent_py.pipeline import SECOND, Settings
from agent_py.tls.session import TlsSettings
from common_py.contracts import Exchange, Tls
from tests.support.chunks import Bench, Wire
from tests.support.openssl import set_ciphersuites, update_keys
from tests.support.tls import TlsWire, contexts

TLS12 = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES256-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    "ECDHE-RSA-AES128-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "ECDHE-RSA-AES128-SHA": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "AES256-GCM-SHA384": "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "AES128-SHA": "TLS_RSA_WITH_AES_128_CBC_SHA",
    "ECDHE-ECDSA-AES128-CCM": "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    "ECDHE-ECDSA-AES256-CCM8": "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
}
GET = b"GET /%s HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answers(exchanges: list[Exchange]) -> list[tuple[bytes, int]]:
    return [(exchange.request.target, exchange.response.status) for exchange in exchanges]


@pytest.fixture(params=["1.2", "1.3"])
def ends(request: pytest.FixtureRequest, tmp_path: Path, certificates: list[Path]):
    return contexts(tmp_path, certificates, version=request.param)


@pytest.mark.parametrize(("cipher", "name"), TLS12.items())
def test_every_construction_of_tls12(tmp_path: Path, certificates: list[Path], cipher: str, name: str) -> None:
    ends = contexts(tmp_path, certificates, version="1.2", ciphers=f"{cipher}:@SECLEVEL=0", protocols=["http/1.1"])
    wire = TlsWire(ends).handshake()
    body = bytes(range(256)) * 100
    wire.request(b"POST /a HTTP/1.1\r\nHost: shop.test\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    wire.respond(OK)
    wire.request(GET % b"b")
    wire.respond(OK)
    bench = Bench()
    first, second = bench.feed(*wire.take())
    assert first.request.body == body
    assert first.tls == Tls("1.2", name, "shop.test", "http/1.1")
    assert (second.request.target, second.response.status) == (b"/b", 200)
    assert bench.losses() == {}
    assert len(bench.pipeline._keys) == 0


@pytest.mark.parametrize("cipher", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
@pytest.mark.parametrize("hint", [True, False])
def test_every_suite_of_tls13(tmp_path: Path, certificates: list[Path], cipher: str, hint: bool) -> None:
    ends = contexts(tmp_path, certificates, version="1.3", protocols=["http/1.1"])
    set_ciphersuites(ends.client, cipher)
    wire = TlsWire(ends, hint=hint).handshake()
    wire.request(GET % b"a")
    wire.respond(OK)
    bench = Bench()
    (exchange,) = bench.feed(*wire.take())
    assert (exchange.request.target, exchange.response.status) == (b"/a", 200)
    assert exchange.tls == Tls("1.3", cipher, "shop.test", "http/1.1")
    assert bench.losses() == {}


def test_key_updates_of_both_ends(tmp_path: Path, certificates: list[Path]) -> None:
    wire = TlsWire(contexts(tmp_path, certificates, version="1.3")).handshake()
    for number in range(6):
        if number % 2:
            update_keys(wire.client, answer=number == 3)
        if number == 4:
            update_keys(wire.server, answer=False)
        wire.request(GET % b"%d" % number)
        wire.respond(OK)
    bench = Bench()
    assert answers(bench.feed(*wire.take())) == [(b"/%d" % number, 200) for number in range(6)]
    assert bench.losses() == {}


def test_a_key_update_lost_with_its_read(tmp_path: Path, certificates: list[Path]) -> None:
    wire = TlsWire(contexts(tmp_path, certificates, version="1.3")).handshake()
    wire.request(GET % b"a")
    wire.respond(OK)
    update_keys(wire.client, answer=False)
    wire.request(GET % b"lost")
    wire.chunks.remove(next(chunk for chunk in reversed(wire.chunks) if chunk.kind == Kind.DATA))
    wire.respond(OK)
    wire.request(GET % b"c")
    wire.respond(OK)
    bench = Bench()
    assert answers(bench.feed(*wire.take())) == [(b"/a", 200), (b"/c", 200)]
    assert bench.losses() == {"request_missing": 1}


def test_keep_alive(ends) -> None:
    wire = TlsWire(ends).handshake()
    for number in range(20):
        wire.request(GET % b"%d" % number)
        wire.respond(OK)
    bench = Bench()
    assert answers(bench.feed(*wire.take())) == [(b"/%d" % number, 200) for number in range(20)]
    assert bench.losses() == {}
    assert bench[Counter.EXCHANGES_TLS] == 20


def test_keys_that_come_after_the_records(ends) -> None:
    wire = TlsWire(ends)
    wire.withhold = True
    wire.handshake()
    wire.request(GET % b"a")
    wire.respond(OK)
    bench = Bench()
    assert bench.feed(*wire.take()) == []
    assert answers(bench.feed(*wire.withheld)) == [(b"/a", 200)]
    assert bench.losses() == {}


def test_a_connection_whose_keys_never_come_is_counted_once(ends) -> None:
    wire = TlsWire(ends)
    wire.withhold = True
    wire.handshake()
    wire.request(GET % b"a")
    wire.respond(OK)
    bench = Bench()
    assert bench.feed(*wire.take(), wire.wire.close()) == []
    assert bench.losses() == {"key_missing": 1}


def test_records_that_wait_for_keys_are_bounded(ends) -> None:
    wire = TlsWire(ends)
    wire.withhold = True
    wire.handshake()
    wire.request(b"POST /a HTTP/1.1\r\nContent-Length: 50000\r\n\r\n" + bytes(50000))
    bench = Bench(Settings(tls=TlsSettings(pending_limit=20000)))
    bench.feed(*wire.take())
    assert bench.losses() == {"key_missing": 1}


def test_keys_that_nobody_asks_for_expire(ends) -> None:
    wire = TlsWire(ends)
    wire.handshake()
    keys = [chunk for chunk in wire.take() if chunk.kind == Kind.KEY]
    bench = Bench()
    bench.feed(*keys)
    assert len(bench.pipeline._keys) == len(keys)
    bench.pipeline.expire(keys[-1].time + 31 * SECOND)
    assert bench.losses() == {"key_unmatched": len(keys)}


def test_a_resumed_session(ends) -> None:
    first = TlsWire(ends).handshake()
    first.request(GET % b"a")
    first.respond(OK)
    second = TlsWire(ends, Wire(2, first.wire.time), session=first.client.session).handshake()
    assert second.client.session_reused
    second.request(GET % b"b")
    second.respond(OK)
    bench = Bench()
    assert answers(bench.feed(*first.take(), *second.take())) == [(b"/a", 200), (b"/b", 200)]
    assert bench.losses() == {}


def test_two_handshakes_at_once_in_one_process(ends) -> None:
    wires = [TlsWire(ends, Wire(number), hint=number == 1).handshake() for number in (1, 2)]
    for wire in wires:
        wire.request(GET % b"%d" % wire.wire.conn)
        wire.respond(OK)
    chunks = sorted((chunk for wire in wires for chunk in wire.take()), key=lambda chunk: chunk.time)
    bench = Bench()
    assert sorted(answers(bench.feed(*chunks))) == [(b"/1", 200), (b"/2", 200)]


def test_several_records_in_one_read(ends) -> None:
    wire = TlsWire(ends).handshake()
    for number in range(4):
        wire.client.write(GET % b"%d" % number)
    wire.deliver()
    wire.server.read(65536)
    wire.respond(OK * 4)
    bench = Bench()
    assert answers(bench.feed(*wire.take())) == [(b"/%d" % number, 200) for number in range(4)]


def test_a_cut_response_is_opened_from_its_start_and_marked(ends) -> None:
    wire = TlsWire(ends).handshake()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 12000\r\n\r\n"
    wire.request(GET % b"first")
    wire.respond(head + bytes(12000), captured=300)
    wire.request(GET % b"second")
    wire.respond(OK)
    bench = Bench()
    first, second = bench.feed(*wire.take())
    assert (first.response.status, first.response.body_size, first.incomplete) == (200, 12000, ["unauthenticated"])
    assert (second.response.status, second.incomplete) == (200, [])
    assert bench.losses() == {}


def test_a_lost_read_is_a_gap_and_the_session_goes_on(ends) -> None:
    wire = TlsWire(ends).handshake()
    wire.request(GET % b"a")
    wire.respond(OK)
    wire.request(GET % b"lost")
    lost = wire.chunks.pop()
    wire.wire._lost[0] += 1
    assert lost.size
    wire.respond(OK)
    wire.request(GET % b"c")
    wire.respond(OK)
    bench = Bench()
    assert answers(bench.feed(*wire.take())) == [(b"/a", 200), (b"/c", 200)]
    assert bench.losses() == {"request_missing": 1}


def test_a_connection_older_than_the_capture_is_counted(ends) -> None:
    wire = TlsWire(ends).handshake()
    wire.take()
    wire.request(GET % b"a")
    wire.respond(OK)
    bench = Bench()
    bench.feed(Wire().open(late=True), *wire.take())
    assert bench.losses() == {"key_missing": 1}


def test_the_session_holds_no_secret_after_its_end(ends) -> None:
    wire = TlsWire(ends).handshake()
    wire.request(GET % b"a")
    wire.respond(OK)
    bench = Bench()
    bench.feed(*wire.take())
    connection = bench.pipeline._get(1)
    secrets = [half.secret for half in connection.layer._halves if half.secret is not None]
    bench.feed(wire.wire.close())
    assert all(not any(secret) for secret in secrets)
    assert len(bench.pipeline._keys) == 0
    assert ssl.OPENSSL_VERSION not in repr(connection)
