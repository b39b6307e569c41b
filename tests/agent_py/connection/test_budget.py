"""The budget of all connections: what is held is known, bounded and given back, and every request is told of."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_py.connection.budget import FIELD, HEAD, PART, Account, Budget
from agent_py.http.connection import HttpSettings
from agent_py.pipeline import Settings
from tests.support.chunks import Bench, Wire
from tests.support.tls import TlsWire, contexts, write_certificates

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LIMIT = 4096


def tiny(limit: int = LIMIT, **http: int) -> Bench:
    return Bench(Settings(HttpSettings(**http), connections_bytes=limit))


def post(number: int, size: int, *, chunked: bool = False) -> bytes:
    head = b"POST /%d HTTP/1.1\r\nHost: shop\r\n" % number
    body = (b"%d-" % number * size)[:size]
    if chunked:
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nT: 1\r\n\r\n" % (size, body)
    return head + b"Content-Length: %d\r\n\r\n%b" % (size, body)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Reads of a request. The first one shows that it is one: behind a dropped head only such reads are recognised."""
    places = [0, *sorted({cut % len(data) for cut in cuts} - set(range(12))), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[list[list[bytes]]], list[int]]:
    """For each connection its requests as reads, and the order in which connections take a step."""
    connections = []
    for connection in range(draw(st.integers(1, 6))):
        requests = []
        for number in range(draw(st.integers(1, 4))):
            data = post(10 * connection + number, draw(st.integers(1, 1500)), chunked=draw(st.booleans()))
            requests.append(pieces(data, draw(st.lists(st.integers(0, 4000), max_size=6))))
        connections.append(requests)
    return connections, draw(st.lists(st.integers(0, 5), max_size=60))


@settings(max_examples=150, deadline=None)
@given(conversations(), st.sampled_from([700, 1500, 4096, 1 << 30]), st.booleans())
def test_every_request_is_an_exchange_or_counted_and_the_budget_holds(
    conversation: tuple[list[list[list[bytes]]], list[int]], limit: int, answers: bool
) -> None:
    connections, order = conversation
    bench = tiny(limit)
    steps = []
    for number, requests in enumerate(connections):
        wire = Wire(number + 1)
        chunks = [wire.open()]
        for reads in requests:
            chunks += [wire.read(read) for read in reads]
            chunks += [wire.write(part) for part in (OK[:9], OK[9:30], OK[30:])] if answers else []
        steps.append([*chunks, wire.close()])
    bodies = sum(len(post_body(reads)) for requests in connections for reads in requests)
    found = []
    for turn in [*order, *range(len(steps))]:
        one = steps[turn % len(steps)]
        # Each connection's last turn runs it to its end.
        for _ in range(1 if len(order) else len(one)):
            if one:
                found += bench.feed(one.pop(0))
                assert 0 <= bench.pipeline.held <= limit
    for one in steps:
        for chunk in one:
            found += bench.feed(chunk)
            assert 0 <= bench.pipeline.held <= limit
    assert bench.pipeline.held == 0
    losses = bench.losses()
    sent = sum(map(len, connections))
    assert sent == len(found) + losses.get("memory_head", 0)
    assert len({exchange.request.target for exchange in found}) == len(found)
    if answers:
        assert all(one.response.status in (200, 0) for one in found)
    if limit == 1 << 30:
        expected = {} if answers else {"response_missing": sent}
        assert losses == expected
        assert sum(len(one.request.body) for one in found) == bodies
    # Bytes of bodies: in an exchange, counted, or of a request that could not be read on to its end.
    whole = [one for one in found if not {"request_unfinished"} & set(one.incomplete)]
    assert all(len(one.request.body) == one.request.body_size or "request_memory" in one.incomplete for one in whole)


def post_body(reads: list[bytes]) -> bytes:
    head, _, rest = b"".join(reads).partition(b"\r\n\r\n")
    if b"chunked" not in head:
        return rest
    size, _, rest = rest.partition(b"\r\n")
    return rest[: int(size, 16)]


def test_the_body_that_began_first_goes_first_and_its_bytes_are_counted() -> None:
    bench = tiny(10_000)
    first, second, third = Wire(1), Wire(2), Wire(3)
    for wire, number in ((first, 1), (second, 2)):
        assert bench.feed(wire.open(), wire.read(post(number, 3000)[:2000])) == []
    bench.feed(first.read(post(1, 3000)[2000:2500]))
    assert bench.losses() == {}
    bench.feed(third.open(), third.read(post(3, 4000)))
    assert bench.pipeline.held <= 10_000
    (one,) = bench.feed(first.read(post(1, 3000)[2500:]), first.write(OK))
    (two,) = bench.feed(second.read(post(2, 3000)[2000:]), second.write(OK))
    (three,) = bench.feed(third.write(OK))
    assert (one.request.body, one.request.body_size, one.incomplete) == (b"", 3000, ["request_memory"])
    assert [len(two.request.body), len(three.request.body)] == [3000, 4000]
    assert (two.incomplete, three.incomplete) == ([], [])
    assert bench.losses() == {"memory_body": 3000}
    assert bench.pipeline.held == 0


def test_without_bodies_the_connection_idle_longest_gives_back_what_it_holds_and_goes_on() -> None:
    bench = tiny()
    wires = [Wire(number, number * 100_000) for number in range(1, 9)]
    head = b"GET /%d HTTP/1.1\r\nX: " + b"x" * 900
    left = []
    for wire in wires:
        left += bench.feed(wire.open(), wire.read(head % wire.conn))
    assert left == []
    assert bench.losses()["memory_connection"] == bench.losses()["memory_head"] > 0
    assert LIMIT - LIMIT // 8 - 1000 < bench.pipeline.held <= LIMIT
    found = []
    for wire in wires:
        found += bench.feed(wire.read(b"\r\n\r\n"), wire.write(OK))
        found += bench.feed(wire.read(b"GET /next HTTP/1.1\r\n\r\n"), wire.write(OK))
    gone = bench.losses()["memory_head"]
    assert gone < 8
    assert bench.losses() == {"memory_connection": gone, "memory_head": gone}
    targets = [one.request.target for one in found]
    assert targets.count(b"/next") == 8, "every connection goes on"
    assert [target for target in targets if target != b"/next"] == [b"/%d" % n for n in range(gone + 1, 9)]
    assert {one.response.status for one in found} == {200}
    assert bench.pipeline.held == 0


def test_late_answers_of_requests_that_left_are_passed_over_also_with_pipelining() -> None:
    bench, wire, other = tiny(3000), Wire(1), Wire(2)
    bench.feed(wire.open(), wire.read(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"))
    left = bench.feed(other.open(), other.read(b"GET /big HTTP/1.1\r\nX: " + b"x" * 2500))
    assert [(one.request.target, one.response.status) for one in left] == [(b"/1", 0), (b"/2", 0)]
    answer = b"HTTP/1.1 %d Status\r\nContent-Length: 0\r\n\r\n"
    found = bench.feed(wire.read(b"GET /3 HTTP/1.1\r\n\r\n"), *(wire.write(answer % n) for n in (201, 202, 203)))
    assert [(one.request.target, one.response.status) for one in found] == [(b"/3", 203)]


def test_what_pieces_and_fields_weigh_is_counted() -> None:
    bench, wire = tiny(1 << 30), Wire()
    head = b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"
    bench.feed(wire.open(), wire.read(head))
    assert bench.pipeline.held == HEAD + len(head) + FIELD
    for number in range(100):
        bench.feed(wire.read(b"x"))
        assert bench.pipeline.held == HEAD + len(head) + FIELD + (number + 1) * (1 + PART)
    bench.feed(wire.read(b"x" * 900))
    assert bench.pipeline.held == HEAD + len(head) + FIELD + 1000 + PART, "joined"
    bench.feed(wire.write(OK[:20]))
    assert bench.pipeline.held == HEAD + len(head) + FIELD + 1000 + PART + 20
    bench.feed(wire.write(OK[20:]))
    assert bench.pipeline.held == 0


def test_tls_records_without_a_key_are_held_within_the_budget(tmp_path: Path) -> None:
    ends = contexts(tmp_path, write_certificates(tmp_path)[:1], version="1.3")
    bench = tiny(20_000)
    wires = []
    for number in range(1, 6):
        wire = TlsWire(ends, Wire(number, number * 1_000_000))
        wire.withhold = True
        wire.handshake().request(post(number, 6000), cut_at=3000)
        wires.append(wire)
        for chunk in wire.take():
            assert bench.feed(chunk) == []
            assert 0 <= bench.pipeline.held <= 20_000
    gone = bench.losses()["memory_connection"]
    assert 1 <= gone < 5
    assert bench.pipeline.held > 6000, "the others still wait"
    found = [one for wire in wires for one in bench.feed(*wire.withheld)]
    for wire in wires:
        wire.respond(OK)
        found += bench.feed(*wire.take())
    assert [one.request.target for one in found] == [b"/%d" % number for number in range(gone + 1, 6)]
    assert bench.losses()["memory_connection"] == gone
    bench.pipeline.close(1)
    assert bench.pipeline.held == 0


def test_half_a_tls_record_is_held_too(tmp_path: Path) -> None:
    ends = contexts(tmp_path, write_certificates(tmp_path)[:1], version="1.2")
    bench, wire = tiny(30_000), TlsWire(ends)
    wire.handshake().request(post(1, 9000), cut_at=5000)
    *before, last = wire.take()
    bench.feed(*before)
    assert bench.pipeline.held == 5000
    bench.feed(last)
    assert bench.pipeline.held > 9000, "the request waits for its answer"
    wire.respond(OK)
    (one,) = bench.feed(*wire.take())
    assert (len(one.request.body), bench.pipeline.held, bench.losses()) == (9000, 0, {})


def test_the_accounts_of_a_budget() -> None:
    budget = Budget(100)
    one, two = Account(budget), Account(budget)
    one.add(5)
    two.add(7)
    one.add(-2)
    assert (one.held, two.held, budget.held, budget.goal) == (3, 7, 10, 88)


def test_the_hot_path_changes_its_account_twice_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    changes: list[int] = []
    add = Account.add
    monkeypatch.setattr(Account, "add", lambda account, size: (changes.append(size), add(account, size))[1])
    bench, wire = tiny(1 << 30), Wire()
    bench.feed(wire.open())
    for number in range(100):
        bench.feed(wire.read(b"GET /%d HTTP/1.1\r\nHost: shop\r\n\r\n" % number), wire.write(OK))
    assert len(changes) == 200
    assert sum(changes) == 0
