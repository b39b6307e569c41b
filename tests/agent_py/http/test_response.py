from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_py.http.fields import FieldLines
from agent_py.http.messages import ResponseMessage
from agent_py.http.response import ResponseReader


class Reading:
    def __init__(self, *methods: bytes, resync: bool = False) -> None:
        self.methods = list(methods)
        self.messages: list[ResponseMessage] = []
        self.reader = ResponseReader(FieldLines(), self._method, head_limit=4096, resync=resync)

    def _method(self) -> bytes:
        return self.methods[len(self.messages)] if len(self.messages) < len(self.methods) else b"GET"

    def write(self, *parts: bytes) -> Reading:
        for part in parts:
            self.reader.data(part, 5, self.messages.append)
        return self

    def hole(self, size: int) -> Reading:
        self.reader.hole(size, 6, self.messages.append)
        return self

    def gap(self, size: int) -> Reading:
        self.reader.gap(size, 7, self.messages.append)
        return self

    def seen(self) -> list[tuple[int, int, bool]]:
        return [(message.response.status, message.response.body_size, message.cut) for message in self.messages]


NEXT = b"HTTP/1.1 418 \r\nContent-Length: 0\r\n\r\n"
FIXED = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "response"),
    [
        (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        (b"GET", b"HTTP/1.0 200\r\nContent-Length: 2\r\n\r\nok"),
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
        (b"HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n"),
        (
            b"GET",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ),
        (b"GET", CHUNKED + b"2\r\nok\r\n0\r\nTrailer: x\r\n\r\n"),
    ],
)
def test_the_next_response_is_found_behind_every_kind_of_body(method: bytes, response: bytes) -> None:
    seen = Reading(method).write(response + NEXT).seen()
    assert len(seen) == 2
    assert seen[-1] == (418, 0, False)


def test_a_body_until_close_takes_everything() -> None:
    assert Reading().write(b"HTTP/1.1 200 OK\r\n\r\n" + NEXT, NEXT).seen() == [(200, 0, False)]


def test_holes_in_a_body_of_known_length_keep_the_framing() -> None:
    reading = Reading().write(FIXED + b"x" * 10).hole(80).write(b"y" * 10 + NEXT)
    assert reading.seen() == [(200, 100, False), (418, 0, False)]


def test_a_hole_inside_a_chunk_keeps_the_framing() -> None:
    reading = Reading().write(CHUNKED + b"64\r\nabc").hole(97).write(b"\r\n0\r\n\r\n" + NEXT)
    assert reading.seen() == [(200, 0, False), (418, 0, False)]


def test_a_hole_over_chunk_framing_skips_to_the_next_write_that_begins_a_response() -> None:
    reading = Reading().write(CHUNKED + b"3\r\nabc").hole(50).write(b"more " + NEXT, NEXT)
    assert reading.seen() == [(200, 0, False), (418, 0, False)]


def test_a_head_that_is_cut_still_tells_its_status() -> None:
    reading = Reading().write(b"HTTP/1.1 500 Oops\r\nServer: x\r\nLong: aaa").hole(900).write(NEXT)
    assert reading.seen() == [(500, 0, True), (418, 0, False)]
    assert reading.messages[0].response.headers == [(b"Server", b"x")]


def test_a_gap_is_noted_and_the_next_response_found() -> None:
    reading = Reading().write(FIXED).gap(5000).write(NEXT)
    assert reading.seen() == [(200, 100, False), (418, 0, False)]
    assert reading.reader.gapped


@pytest.mark.parametrize("junk", [b"hello\r\n\r\n", b"HTTP/1.1 20x\r\n\r\n", b"\x00" * 9000])
def test_what_is_no_response_is_skipped(junk: bytes) -> None:
    assert Reading().write(junk, NEXT).seen() == [(418, 0, False)]


def test_bad_framing_still_tells_the_status() -> None:
    assert Reading().write(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc", NEXT).seen() == [
        (200, 0, False),
        (418, 0, False),
    ]


@settings(max_examples=100)
@given(
    st.lists(
        st.sampled_from([FIXED + b"z" * 100, CHUNKED + b"5\r\nabcde\r\n0\r\n\r\n", NEXT, b"HTTP/1.1 100 C\r\n\r\n"])
    ),
    st.data(),
)
def test_split_anywhere(parts: list[bytes], draw: st.DataObject) -> None:
    data = b"".join(parts)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=8)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if a < b]
    whole = Reading().write(*([data] if data else []))
    assert Reading().write(*pieces).seen() == whole.seen()
    assert len(whole.messages) == sum(not part.startswith(b"HTTP/1.1 100") for part in parts)
