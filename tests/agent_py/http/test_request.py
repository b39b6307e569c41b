from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_py.counters import Counter, Counters
from agent_py.http.fields import FieldLines
from agent_py.http.messages import RequestMessage
from agent_py.http.request import RequestReader


class Reading:
    """A reader and everything that it handed out."""

    def __init__(self, *, head_limit: int = 4096, body_limit: int = 4096, resync: bool = False) -> None:
        self.counters = Counters()
        self.reader = RequestReader(
            FieldLines(), self.counters, head_limit=head_limit, body_limit=body_limit, resync=resync
        )
        self.messages: list[RequestMessage] = []

    def feed(self, *parts: bytes) -> Reading:
        for part in parts:
            self.messages += self.reader.data(part, 1)
        return self

    def seen(self) -> list[tuple[object, ...]]:
        return [
            (
                message.request.method, message.request.target, message.request.version, message.request.headers,
                message.request.body, message.request.body_size, message.request.trailers, message.complete,
                message.lost, message.incomplete,
            )
            for message in self.messages
        ]  # fmt: skip


def one(data: bytes, **options: int) -> RequestMessage:
    (message,) = Reading(**options).feed(data).messages
    return message


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", (b"GET", b"/", "1.1")),
        (b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", (b"GET", b"/", "1.1")),
        (b"GET /a b HTTP/1.1\r\n\r\n", (b"GET", b"/a b", "1.1")),
        (b"GET   /a   HTTP/1.0\r\n\r\n", (b"GET", b"/a", "1.0")),
        (b"OPTIONS * HTTP/1.1\n\n", (b"OPTIONS", b"*", "1.1")),
        (b"GET http://a/b HTTP/1.1\r\n\r\n", (b"GET", b"http://a/b", "1.1")),
        (b"CONNECT a:443 HTTP/1.1\r\n\r\n", (b"CONNECT", b"a:443", "1.1")),
        (b"x-odd!method /\xff\x00 HTTP/1.1\r\n\r\n", (b"x-odd!method", b"/\xff\x00", "1.1")),
        (b"GET /old\r\n", (b"GET", b"/old", "0.9")),
        (b"GET /a HTTP/0.9\r\n\r\n", (b"GET", b"/a", "0.9")),
        (b"GET /a HTTP/2.0\r\n\r\n", (b"GET", b"/a", "2.0")),
        (b"GET /../../etc/passwd HTTP/1.7\r\n\r\n", (b"GET", b"/../../etc/passwd", "1.7")),
    ],
)
def test_start_lines_that_servers_accept(head: bytes, expected: tuple[bytes, bytes, str]) -> None:
    request = one(head).request
    assert (request.method, request.target, request.version) == expected


@pytest.mark.parametrize(
    "head",
    [
        b"GET\r\n\r\n",
        b"GET / HTTP/3.0\r\n\r\n",
        b"G\x01T / HTTP/1.1\r\n\r\n",
        b" GET / HTTP/1.1\r\n\r\n",
        b"GET / a\r\n\r\n",
    ],
)
def test_start_lines_that_no_server_accepts_are_one_loss(head: bytes) -> None:
    reading = Reading().feed(head)
    assert [message.lost for message in reading.messages] == [True]
    assert reading.counters[Counter.LOST_PARSE_ERROR] == 1


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        (b"A: b\r\na:  C \t\r\n", [(b"A", b"b"), (b"a", b"C")]),
        (b"Empty:\r\nnocolon\r\n", [(b"Empty", b""), (b"nocolon", b"")]),
        (b"Fold: a\r\n  b\r\n\tc\r\nX: y\r\n", [(b"Fold", b"a b c"), (b"X", b"y")]),
        (b"Bare: lf\nX: y\r\n", [(b"Bare", b"lf"), (b"X", b"y")]),
        (b"Raw: \xff\xfe\x00\r\n", [(b"Raw", b"\xff\xfe\x00")]),
        (b"Stray: a\rb\r\n", [(b"Stray", b"a\rb")]),
        (b"Stray: a \r\r\r\nX: y\r\n", [(b"Stray", b"a"), (b"X", b"y")]),
    ],
)
def test_fields_keep_case_order_and_bytes(lines: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    assert one(b"GET / HTTP/1.1\r\n" + lines + b"\r\n").request.headers == fields


@pytest.mark.parametrize(
    ("framing", "body", "expected"),
    [
        (b"Content-Length: 3", b"abc", b"abc"),
        (b"content-length: 3, 3", b"abc", b"abc"),
        (b"Content-Length: 3\r\nContent-Length: 3", b"abc", b"abc"),
        (b"CONTENT-LENGTH : 3", b"abc", b"abc"),
        (b"Content-Length: 3\r", b"abc", b"abc"),
        (b"Transfer-Encoding: Chunked", b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"Transfer-Encoding: gzip, chunked", b"3;x=y\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"Transfer-Encoding: identity\r\nContent-Length: 3", b"abc", b"abc"),
        (b"Content-Length: 99\r\nTransfer-Encoding: chunked", b"0003 \nabc\n00\n\n", b"abc"),
    ],
)
def test_bodies(framing: bytes, body: bytes, expected: bytes) -> None:
    reading = Reading().feed(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n" + body + b"GET /n HTTP/1.1\r\n\r\n")
    assert [message.request.body for message in reading.messages] == [expected, b""]
    assert reading.messages[1].request.target == b"/n"


def test_trailers_are_kept_apart() -> None:
    request = one(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: 1\r\nU:2\r\n\r\n").request
    assert (request.body, request.trailers) == (b"a", [(b"T", b"1"), (b"U", b"2")])


def test_trailers_beyond_the_limit_are_noted_and_hide_nothing() -> None:
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: 1\r\n"
    reading = Reading().feed(chunked + b"U: " + b"x" * 20_000 + b"\r\n\r\nGET /n HTTP/1.1\r\n\r\n")
    first, second = reading.messages
    assert (first.request.body, first.request.trailers) == (b"a", [(b"T", b"1")])
    assert (first.incomplete, reading.counters[Counter.LOST_BODY_LIMIT]) == (["request_body_limit"], 20_004)
    assert second.request.target == b"/n"


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 3, 4", b"Content-Length: -3", b"Content-Length: +3", b"Transfer-Encoding: gzip"]
)
def test_a_request_with_framing_that_cannot_be_told_is_handed_out_unfinished(framing: bytes) -> None:
    reading = Reading().feed(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\nabc")
    assert [message.incomplete for message in reading.messages] == [["request_unfinished"]]
    assert reading.counters[Counter.LOST_PARSE_ERROR] == 0
    assert reading.feed(b"GET /n HTTP/1.1\r\n\r\n").messages[1].request.target == b"/n"


@pytest.mark.parametrize("body", [b"zz\r\n", b"3\r\nabcd\r\n", b"1" * 20 + b"\r\n", b"x" * 5000])
def test_broken_chunks_end_the_request_unfinished(body: bytes) -> None:
    message = one(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert (message.complete, message.incomplete) == (True, ["request_unfinished"])


@pytest.mark.parametrize("version", [b"0.9", b"2.0", b"1.999"])
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_a_head_with_an_odd_version_is_a_head_like_any_other(version: bytes, step: int) -> None:
    data = b"POST /a HTTP/%s\r\nX: y\r\nContent-Length: 3\r\n\r\nabcGET /n HTTP/1.1\r\n\r\n" % version
    reading = Reading()
    for at in range(0, len(data), step):
        reading.feed(data[at : at + step])
    first, second = reading.messages
    assert (first.request.headers[0], first.request.body) == ((b"X", b"y"), b"abc")
    assert second.request.target == b"/n"


def test_the_body_limit_keeps_the_beginning_and_counts_the_rest() -> None:
    reading = Reading(body_limit=4).feed(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nab", b"cdefghij")
    (message,) = reading.messages
    assert (message.request.body, message.request.body_size) == (b"abcd", 10)
    assert message.incomplete == ["request_body_limit"]
    assert reading.counters[Counter.LOST_BODY_LIMIT] == 6


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_the_head_limit_bounds_what_is_held(step: int) -> None:
    head = b"GET / HTTP/1.1\r\nX: " + b"a" * 9000
    reading = Reading(head_limit=4096).feed(*[head[at : at + step] for at in range(0, len(head), step)])
    assert [message.lost for message in reading.messages] == [True]
    assert reading.counters[Counter.LOST_PARSE_ERROR] == 1
    assert len(reading.reader._head.held) <= 4100


def test_joining_in_the_middle_waits_for_the_start_of_a_request() -> None:
    reading = Reading(resync=True).feed(b"tail of a body", b"GET /a HTTP/1.1\r\n\r\n")
    assert [message.request.target for message in reading.messages] == [b"/a"]
    assert reading.counters[Counter.LOST_PARSE_ERROR] == 0


field = st.tuples(st.sampled_from([b"Host", b"x", b"COOKIE", b"Content-Type"]), st.binary(max_size=12)).map(
    lambda pair: pair[0] + b": " + pair[1].translate(None, b"\r\n")
)
body = st.binary(max_size=40)


def chunked(data: bytes, step: int) -> bytes:
    parts = [data[at : at + step] for at in range(0, len(data), step)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nT: v\r\n\r\n"


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    end = draw(st.sampled_from([b"\r\n", b"\n"]))
    lines = [draw(st.sampled_from([b"GET / HTTP/1.1", b"POST /a%2f HTTP/1.0", b"M-X  *  HTTP/1.1"]))]
    lines += draw(st.lists(field, max_size=4))
    content = draw(body)
    if draw(st.booleans()):
        lines.append(b"Transfer-Encoding: chunked")
        content = chunked(content, draw(st.integers(1, 9)))
    else:
        lines.append(b"Content-Length: %d" % len(content))
    return end.join([*lines, b"", b""]) + content


@settings(max_examples=150)
@given(st.lists(requests(), min_size=1, max_size=4), st.data())
def test_split_anywhere(parts: list[bytes], draw: st.DataObject) -> None:
    data = b"".join(parts)
    whole = Reading().feed(data)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=8)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if a < b]
    assert Reading().feed(*pieces).seen() == whole.seen()
    assert Reading().feed(*[data[at : at + 1] for at in range(len(data))]).seen() == whole.seen()
    assert len(whole.messages) == len(parts)
    assert all(message.complete and not message.lost for message in whole.messages)
