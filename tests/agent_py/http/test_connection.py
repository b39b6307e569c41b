"""Pairing, and conservation: every request is an exchange or adds to exactly one loss counter."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_py.counters import Counter
from common_py.contracts import Exchange
from tests.support.chunks import Bench, Wire

GET = b"GET /%s HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-For: %s\r\n\r\nok"


def feed(*events: tuple[str, bytes]) -> tuple[list[tuple[bytes, int, list[str]]], dict[str, int]]:
    bench, wire = Bench(), Wire()
    chunks = [wire.open()]
    for what, data in events:
        chunks.append(wire.close() if what == "close" else getattr(wire, what)(data))
    exchanges = bench.feed(*chunks)
    return [(each.request.target, each.response.status, each.incomplete) for each in exchanges], bench.losses()


def test_an_answer_before_the_body_ends_waits_for_the_body() -> None:
    head = b"POST /up HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc"
    assert feed(("read", head), ("write", OK)) == ([], {})
    assert feed(("read", head), ("write", OK), ("read", b"def")) == ([(b"/up", 200, [])], {})


def test_a_refused_upload_is_an_exchange_at_the_close() -> None:
    head = b"POST /up HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc"
    refused = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\n"
    exchanges, losses = feed(("read", head), ("write", refused), ("close", b""))
    assert (exchanges, losses) == ([(b"/up", 413, ["request_unfinished"])], {})


def test_expect_100_continue() -> None:
    head = b"POST /up HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert feed(("read", head), ("write", go_on), ("read", b"abc"), ("write", OK)) == ([(b"/up", 200, [])], {})


def test_an_upgrade_leaves_http() -> None:
    upgrade = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
    switched = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05hello"
    events = ("read", upgrade), ("write", switched), ("read", GET % b"no"), ("write", OK), ("close", b"")
    assert feed(*events) == ([(b"/ws", 101, [])], {"opaque": 1})


def test_a_refused_connect_stays_http() -> None:
    connect = b"CONNECT a:443 HTTP/1.1\r\n\r\n"
    refused = b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"
    events = ("read", connect), ("write", refused), ("read", GET % b"b"), ("write", OK)
    assert feed(*events) == ([(b"a:443", 405, []), (b"/b", 200, [])], {})
    accepted = ("read", connect), ("write", b"HTTP/1.1 200 OK\r\n\r\n"), ("read", GET % b"no")
    assert feed(*accepted) == ([(b"a:443", 200, [])], {"opaque": 1})


@pytest.mark.parametrize(
    ("first", "status"),
    [
        ([b"HTTP/1.1 204 No Content\r\n\r\n{}"], 204),
        ([b"HTTP/1.1 204 No Content\r\n\r\n", b"{}"], 204),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\r\n"], 200),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more"], 200),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"], 200),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nok"], 200),
        ([b"HTTP/1.1 fine\r\n\r\n"], 0),
        ([b"HTTP/1.1 ", b"fine\r\n\r\n"], 0),
    ],
)
def test_what_a_server_writes_beyond_its_framing_moves_no_later_answer(first: list[bytes], status: int) -> None:
    events = [("read", GET % b"1"), *[("write", part) for part in first]]
    for number in (2, 3):
        events += [("read", GET % b"%d" % number), ("write", b"HTTP/1.1 30%d X\r\nContent-Length: 0\r\n\r\n" % number)]
    exchanges, _losses = feed(*events, ("close", b""))
    assert [each[:2] for each in exchanges] == [(b"/1", status), (b"/2", 302), (b"/3", 303)]


@pytest.mark.parametrize(
    "first", [[b"GET /x\tHTTP/1.1\r\nHost: a\r\n\r\n"], [b"GET /x\tHTTP/1.1\r\n", b"Host: a\r\n\r\n"]]
)
def test_a_line_that_looks_like_http_09_hides_nothing_behind_it(first: list[bytes]) -> None:
    """Servers that split the line at any blank, as Python's http.server, keep the connection."""
    reads = [("read", part) for part in first]
    exchanges, losses = feed(*reads, ("write", OK), ("read", GET % b"next"), ("write", OK), ("close", b""))
    assert ([each[:2] for each in exchanges], losses) == ([(b"/x\tHTTP/1.1", 200), (b"/next", 200)], {})


def test_a_request_that_no_server_accepts_takes_its_response_with_it() -> None:
    events = ("read", b"GET / FTP/1.1\r\n\r\n"), ("write", OK), ("read", GET % b"b"), ("write", OK)
    assert feed(("read", GET % b"a"), ("write", OK), *events) == (
        [(b"/a", 200, []), (b"/b", 200, [])],
        {"parse_error": 1},
    )


def test_after_a_lost_response_of_a_pipeline_nothing_is_guessed() -> None:
    bench, wire = Bench(), Wire()
    bench.feed(wire.open(), wire.read(b"".join(GET % b"%d" % number for number in range(3))))
    wire.lose(1, len(OK))
    exchanges = bench.feed(wire.write(OK), wire.write(OK), wire.read(GET % b"next"), wire.write(OK))
    assert [(each.request.target, each.response.status) for each in exchanges] == [
        (b"/0", 0), (b"/1", 0), (b"/2", 0), (b"/next", 200),
    ]  # fmt: skip
    assert bench.losses() == {"response_missing": 3}


def lossy(fates: list[tuple[bool, bool]]) -> tuple[Bench, list[Exchange]]:
    """A connection that does not pipeline, one chunk a request, one a response; (request lost, response lost)."""
    bench, wire = Bench(), Wire()
    chunks = [wire.open()]
    for number, (request_lost, response_lost) in enumerate(fates):
        request, response = GET % b"%d" % number, OK % b"%d" % number
        for lost, direction, data in ((request_lost, 0, request), (response_lost, 1, response)):
            if lost:
                wire.lose(direction, len(data))
            else:
                chunks.append((wire.write if direction else wire.read)(data))
    return bench, bench.feed(*chunks, wire.close())


def check_conservation(bench: Bench, exchanges: list[Exchange], fates: list[tuple[bool, bool]]) -> None:
    seen = [b"/%d" % number for number, (request_lost, _) in enumerate(fates) if not request_lost]
    counted = (Counter.LOST_GAP, Counter.LOST_REQUEST_MISSING, Counter.LOST_PARSE_ERROR)
    assert [each.request.target for each in exchanges] == seen
    assert len(exchanges) + sum(bench[counter] for counter in counted) == len(fates)
    for each in exchanges:
        assert each.incomplete == ([] if each.response.status else ["response_missing"])


@settings(max_examples=200)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_every_request_of_a_lossy_connection_is_accounted_for(fates: list[tuple[bool, bool]]) -> None:
    check_conservation(*lossy(fates), fates)


@settings(max_examples=100)
@given(st.lists(st.booleans(), min_size=1, max_size=30), st.booleans())
def test_losses_in_one_direction_never_shift_the_pairs(lost: list[bool], requests: bool) -> None:
    fates = [(each, False) if requests else (False, each) for each in lost]
    bench, exchanges = lossy(fates)
    check_conservation(bench, exchanges, fates)
    for each in exchanges:
        number = int(each.request.target[1:])
        assert (each.response.status == 0) is fates[number][1]
        if each.response.status:
            assert dict(each.response.headers)[b"X-For"] == b"%d" % number


def test_a_response_whose_request_was_lost_is_not_given_to_an_older_one() -> None:
    _bench, exchanges = lossy([(False, True), (True, False)])
    assert [(each.request.target, each.response.status) for each in exchanges] == [(b"/0", 0)]


@settings(max_examples=150)
@given(st.lists(st.sampled_from(["request", "pipelined", "post", "bad", "half"]), min_size=1, max_size=12), st.data())
def test_without_loss_every_request_is_accounted_for_once(kinds: list[str], draw: st.DataObject) -> None:
    bench, wire = Bench(), Wire()
    chunks = [wire.open()]
    sent = 0
    for number, kind in enumerate(kinds):
        name = b"%d" % number
        if kind in ("half", "bad") and number != len(kinds) - 1:
            continue  # servers close the connection behind it
        sent += 2 if kind == "pipelined" else 1
        post = b"POST /%s HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc" % name
        data = {
            "request": GET % name, "pipelined": GET % name + GET % name, "post": post,
            "bad": b"GET / FTP/9\r\n\r\n", "half": b"GET / HTTP",
        }[kind]  # fmt: skip
        at = draw.draw(st.integers(1, len(data) - 1)) if kind not in ("bad",) else len(data)
        chunks += [wire.read(part) for part in (data[:at], data[at:]) if part]
        if kind != "half":
            chunks += [wire.write(OK % name)] * 1
        if kind == "pipelined":
            chunks.append(wire.write(OK % name))
    exchanges = bench.feed(*chunks, wire.close())
    losses = bench.losses()
    if kinds[0] not in ("bad", "half"):
        assert len(exchanges) + losses.get("parse_error", 0) + losses.get("request_missing", 0) == sent
        assert set(losses) <= {"parse_error", "request_missing"}
    assert all(each.response.status == 200 for each in exchanges)
