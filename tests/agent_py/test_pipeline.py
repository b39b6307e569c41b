from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agent_py.chunk import Chunk, Kind
from agent_py.counters import Counter
from agent_py.http.connection import HttpSettings
from agent_py.pipeline import SECOND, Settings
from common_py.contracts import Endpoint
from tests.support.chunks import OFFSET, PREFIX, Bench, Wire
from tests.support.odd import BODIES, BODY, HEADS, TARGET
from tests.support.tls import TlsWire, contexts, write_certificates

GET = b"GET /%s HTTP/1.1\r\nHost: shop\r\nX-Case: A b \r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def targets(exchanges: list[object]) -> list[tuple[bytes, int]]:
    return [(exchange.request.target, exchange.response.status) for exchange in exchanges]  # type: ignore[attr-defined]


def test_a_request_and_its_response_become_one_exchange() -> None:
    bench, wire = Bench(), Wire()
    start = wire.open(), wire.read(GET % b"a?q=1")
    (exchange,) = bench.feed(*start, wire.write(OK))
    assert exchange.id == PREFIX + "0000000000000001"
    assert (exchange.request.method, exchange.request.target, exchange.request.version) == (b"GET", b"/a?q=1", "1.1")
    assert exchange.request.headers == [(b"Host", b"shop"), (b"X-Case", b"A b")]
    assert exchange.response.status == 200
    assert exchange.response.body_size == 2
    assert (exchange.start, exchange.duration) == (OFFSET + 2000, 1000)
    assert exchange.peer == exchange.client == Endpoint("198.51.100.7", 40000)
    assert exchange.server == Endpoint("192.0.2.1", 8080)
    assert (exchange.where.process, exchange.where.pid, exchange.where.mount_namespace) == ("nginx", 41, 4026531840)
    assert exchange.tls is None
    assert exchange.incomplete == []
    assert bench.losses() == {}


def test_the_resolver_is_asked_once_a_connection() -> None:
    asked = []

    def resolve(where):
        asked.append(where)
        return type(where)(process=where.process, container="web")

    bench, wire = Bench(resolve=resolve), Wire()
    exchanges = bench.feed(wire.open(), wire.read(GET % b"a"), wire.write(OK), wire.read(GET % b"b"), wire.write(OK))
    assert [exchange.where.container for exchange in exchanges] == ["web", "web"]
    assert len(asked) == 1


def test_the_exchange_leaves_at_the_response_head_not_at_the_body() -> None:
    bench, wire = Bench(), Wire()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n"
    (exchange,) = bench.feed(wire.open(), wire.read(GET % b"big"), wire.write(head))
    assert exchange.response.body_size == 9_000_000_000
    assert bench.feed(wire.write(b"x" * 100, cut=8_999_999_900)) == []
    assert targets(bench.feed(wire.read(GET % b"next"), wire.write(OK))) == [(b"/next", 200)]
    assert bench.losses() == {}


def test_close_hands_out_what_waits_for_its_response() -> None:
    bench, wire = Bench(), Wire()
    (exchange,) = bench.feed(wire.open(), wire.read(GET % b"a"), wire.close())
    assert exchange.response.status == 0
    assert exchange.duration == 0
    assert exchange.incomplete == ["response_missing"]
    assert bench.losses() == {"response_missing": 1}
    assert bench[Counter.CONNECTIONS_CLOSED] == 1
    assert len(bench.pipeline) == 0


def test_the_end_of_a_process_closes_its_connections_and_no_others() -> None:
    bench, first, second, other = Bench(), Wire(1), Wire(2), Wire(3)
    bench.feed(first.open(), first.read(GET % b"a"), second.open(), msgspec.structs.replace(other.open(), tgid=99))
    ended = msgspec.structs.replace(Wire(0).close(), tgid=42)
    assert targets(bench.feed(ended)) == [(b"/a", 0)]
    assert bench[Counter.CONNECTIONS_CLOSED] == 2
    assert len(bench.pipeline) == 1


def test_an_unanswered_request_leaves_after_the_response_timeout_and_its_late_answer_is_passed_over() -> None:
    bench, wire = Bench(), Wire()
    assert bench.feed(wire.open(), wire.read(GET % b"slow")) == []
    bench.pipeline.expire(wire.time + 59 * SECOND)
    assert bench.feed() == []
    bench.pipeline.expire(wire.time + 60 * SECOND)
    assert targets(bench.feed()) == [(b"/slow", 0)]
    assert targets(bench.feed(wire.write(OK), wire.read(GET % b"b"), wire.write(OK))) == [(b"/b", 200)]
    assert bench.losses() == {"response_missing": 1}


def test_idle_connections_are_forgotten() -> None:
    bench, wire = Bench(), Wire()
    bench.feed(wire.open())
    bench.pipeline.expire(wire.time + 900 * SECOND)
    assert len(bench.pipeline) == 0


def test_a_full_table_evicts_the_connection_idle_longest() -> None:
    bench = Bench(Settings(connections=2))
    first, second, third = Wire(1), Wire(2, 10), Wire(3, 20)
    bench.feed(first.open(), first.read(GET % b"1"), second.open(), second.read(GET % b"2"))
    bench.feed(first.write(OK), first.read(GET % b"1b"))
    assert targets(bench.feed(third.open())) == [(b"/2", 0)]
    assert bench.losses() == {"evicted": 1, "response_missing": 1}
    assert targets(bench.feed(first.write(OK))) == [(b"/1b", 200)]


def test_a_connection_whose_open_was_lost_has_unknown_ends_and_is_counted() -> None:
    bench, wire = Bench(), Wire()
    (exchange,) = bench.feed(wire.read(GET % b"a"), wire.write(OK))
    assert exchange.peer == Endpoint("", 0)
    assert bench[Counter.CONNECTIONS_UNANNOUNCED] == 1


@pytest.mark.parametrize(
    "first", [b"\x00\x01\x02", b"SSH-2.0-OpenSSH\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"{}\n"]
)
def test_what_is_no_http1_is_counted_once_and_ignored(first: bytes) -> None:
    bench, wire = Bench(), Wire()
    assert bench.feed(wire.open(), wire.read(first), wire.write(b"hello"), wire.read(GET % b"a"), wire.close()) == []
    assert bench.losses() == {"not_http": 1}


def test_a_late_connection_joins_at_the_next_message() -> None:
    bench, wire = Bench(), Wire()
    chunks = [wire.open(late=True), wire.write(b"rest of a body"), wire.read(b"rest of an upload")]
    chunks += [wire.read(GET % b"a"), wire.write(b"tail"), wire.write(OK)]
    assert targets(bench.feed(*chunks)) == [(b"/a", 200)]
    assert bench.losses() == {}


def test_a_late_connection_on_which_the_peer_answers_is_a_clients() -> None:
    bench, wire = Bench(), Wire()
    assert bench.feed(wire.open(late=True), wire.read(OK), wire.write(GET % b"x"), wire.read(OK)) == []
    assert bench.losses() == {}


def test_malformed_chunks_are_counted() -> None:
    bench = Bench()
    blank = Chunk(1, 0, 0, 3, 3, 0, 0, 0, 0, 0, Kind.OPEN, 0, 0, b"abc")
    bench.feed(blank, Chunk(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99, 0, 0))
    assert bench.losses() == {"bad_chunk": 2}


def test_the_pipeline_depth_is_bounded() -> None:
    bench, wire = Bench(Settings(HttpSettings(pipeline_depth=3))), Wire()
    pipelined = b"".join(GET % b"%d" % number for number in range(5))
    assert targets(bench.feed(wire.open(), wire.read(pipelined))) == [(b"/0", 0), (b"/1", 0)]
    assert targets(bench.feed(wire.write(OK * 5))) == [(b"/2", 200), (b"/3", 200), (b"/4", 200)]
    assert bench.losses() == {"response_missing": 2}


class TestLoss:
    def test_a_lost_request_is_counted_at_its_response(self) -> None:
        bench, wire = Bench(), Wire()
        bench.feed(wire.open(), wire.read(GET % b"a"), wire.write(OK))
        wire.lose(0, 40)
        bench.feed(wire.write(OK))
        assert targets(bench.feed(wire.read(GET % b"c"), wire.write(OK))) == [(b"/c", 200)]
        assert bench.losses() == {"request_missing": 1}

    def test_a_lost_request_whose_response_is_lost_too_is_counted_at_the_gap(self) -> None:
        bench, wire = Bench(), Wire()
        bench.feed(wire.open(), wire.read(GET % b"a"), wire.write(OK))
        for _ in range(3):
            wire.lose(0, 40)
            wire.lose(1, len(OK))
        assert targets(bench.feed(wire.read(GET % b"c"), wire.write(OK))) == [(b"/c", 200)]
        assert bench.losses() == {"gap": 3}

    @pytest.mark.parametrize(
        ("answer", "losses"),
        [
            (b"", {"gap": 1}),
            (OK, {"gap": 1}),
            (b"\x16\x03\x03\x00\x05hello", {"key_missing": 1}),
            (b"220 mail.example", {"not_http": 1}),
        ],
    )
    def test_the_only_request_of_a_connection_is_lost(self, answer: bytes, losses: dict[str, int]) -> None:
        bench, wire = Bench(), Wire()
        bench.feed(wire.open())
        wire.lose(0, 40)
        if answer:
            bench.feed(wire.write(answer))
        assert bench.feed(wire.close()) == []
        assert bench.losses() == losses

    def test_lost_requests_at_the_end_are_told_by_the_close(self) -> None:
        bench, wire = Bench(), Wire()
        bench.feed(wire.open(), wire.read(GET % b"a"), wire.write(OK))
        wire.lose(0, 40)
        wire.lose(1, len(OK))
        bench.feed(wire.close())
        assert bench.losses() == {"gap": 1}

    def test_a_request_cut_in_its_head_is_lost_with_its_response(self) -> None:
        bench, wire = Bench(), Wire()
        bench.feed(wire.open(), wire.read(b"GET /a HTTP/1.1\r\nCook"))
        wire.lose(0, 40)
        chunks = [wire.read(b"tail\r\n\r\n"), wire.write(OK), wire.read(GET % b"b"), wire.write(OK)]
        assert targets(bench.feed(*chunks)) == [(b"/b", 200)]
        assert bench.losses() == {"gap": 1}

    def test_a_half_read_head_at_the_response_is_one_loss(self) -> None:
        bench, wire = Bench(), Wire()
        bench.feed(wire.open(), wire.read(b"GET /a HTTP/1.1\r\nCook"))
        wire.lose(0, 40)
        assert targets(bench.feed(wire.write(OK), wire.read(GET % b"b"), wire.write(OK))) == [(b"/b", 200)]
        assert bench.losses() == {"parse_error": 1}

    def test_a_body_with_a_gap_keeps_its_framing(self) -> None:
        bench, wire = Bench(), Wire()
        bench.feed(wire.open(), wire.read(b"POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"))
        wire.lose(0, 4)
        (exchange,) = bench.feed(wire.read(b"xyz"), wire.write(OK))
        assert (exchange.request.body, exchange.request.body_size) == (b"abc", 10)
        assert exchange.incomplete == ["request_gap"]
        assert targets(bench.feed(wire.read(GET % b"b"), wire.write(OK))) == [(b"/b", 200)]
        assert bench.losses() == {}

    def test_a_lost_response_does_not_shift_the_pairs(self) -> None:
        bench, wire = Bench(), Wire()
        bench.feed(wire.open(), wire.read(GET % b"a"))
        wire.lose(1, len(OK))
        exchanges = bench.feed(wire.read(GET % b"b"), wire.write(OK.replace(b"200", b"404")))
        assert targets(exchanges) == [(b"/a", 0), (b"/b", 404)]
        assert bench.losses() == {"response_missing": 1}

    def test_unreadable_memory_is_a_gap(self) -> None:
        bench, wire = Bench(), Wire()
        bench.feed(wire.open(), wire.fault(0, b"GET /a HT", 30), wire.write(OK))
        assert targets(bench.feed(wire.read(GET % b"b"), wire.write(OK))) == [(b"/b", 200)]
        assert bench.losses() == {"gap": 1}


@pytest.mark.parametrize("name", HEADS | BODIES)
def test_no_request_that_a_server_accepts_hides_itself_or_what_follows(name: str) -> None:
    bench, wire = Bench(), Wire()
    parts = [wire.read(part) for part in (HEADS | BODIES)[name]]
    odd, following = bench.feed(wire.open(), *parts, wire.write(OK), wire.read(GET % b"next"), wire.write(OK))
    assert (odd.request.target, odd.response.status, odd.incomplete) == (TARGET, 200, [])
    assert odd.request.body == (BODY if name in BODIES else b"")
    assert following.request.target == b"/next"
    assert bench.losses() == {}


def test_a_hello_with_an_odd_record_version_hides_no_connection(tmp_path: Path) -> None:
    ends = contexts(tmp_path, write_certificates(tmp_path)[:1], version="1.3")
    wire = TlsWire(ends).handshake()
    wire.request(GET % b"a")
    wire.respond(OK)
    opened, hello, *rest = wire.take()
    odd = hello.payload[:2] + b"\x7f" + hello.payload[3:]
    assert targets(Bench().feed(opened, msgspec.structs.replace(hello, payload=odd), *rest)) == [(b"/a", 200)]
