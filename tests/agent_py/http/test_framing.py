"""Hostile input costs work in proportion to its length: counted in lines of the readers that run, not in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from agent_py.connection.budget import FIELD, PART
from agent_py.counters import Counters
from agent_py.http.fields import BadHeadError, FieldLines
from agent_py.http.framing import (
    CHUNK_LINE_LIMIT,
    TRAILER_LIMIT,
    ChunkedBody,
    FixedBody,
    Length,
    LostFramingError,
    request_length,
    response_length,
)
from agent_py.http.request import RequestReader


class Kept:
    def __init__(self) -> None:
        self.data = b""
        self.unseen = 0

    def body(self, data: bytes) -> None:
        self.data += data

    def missing(self, size: int) -> None:
        self.unseen += size


def test_a_fixed_body_over_a_hole() -> None:
    kept = Kept()
    body = FixedBody(10, kept)
    assert body.read(b"xxabc", 2) is None
    assert body.skip(4) is None
    assert body.read(b"defgh", 0) == 3
    assert (kept.data, kept.unseen) == (b"abcdef", 4)


def test_a_hole_longer_than_the_body_tells_what_lies_behind() -> None:
    assert FixedBody(10, None).skip(15) == 5


def test_a_hole_over_chunk_framing_is_told() -> None:
    body = ChunkedBody(None)
    body.read(b"3\r\na", 0)
    with pytest.raises(LostFramingError):
        body.skip(3)


@pytest.mark.parametrize("data", [b"1\r\na" + b"x" * 5000, b"1" * 5000, b"0" * 5000 + b"x", b" " * 5000, b"\r\n\r\n"])
def test_lines_are_bounded(data: bytes) -> None:
    with pytest.raises(BadHeadError):
        ChunkedBody(None).read(data, 0)


@pytest.mark.parametrize("step", [1, 64, 5000, 1 << 20])
@pytest.mark.parametrize(
    "size", [b"0" * 20_000 + b"5", b"5;" + b"x" * 20_000, b"5" + b" " * 20_000, b"0" * 9999 + b"5;" + b"x" * 9999]
)
def test_a_long_size_line_hides_no_data_and_is_not_held(size: bytes, step: int) -> None:
    kept = Kept()
    body = ChunkedBody(kept)
    data = size + b"\r\nhello\r\n" + b"0" * 20_000 + b"\r\n\r\n"
    ends = []
    for at in range(0, len(data), step):
        ends.append(body.read(data[at : at + step], 0))
        assert body.waiting <= CHUNK_LINE_LIMIT + 65 * PART
    assert (kept.data, ends[:-1], body.trailers) == (b"hello", [None] * (len(ends) - 1), [])
    assert ends[-1] == (len(data) - 1) % step + 1


@pytest.mark.parametrize("step", [1, 64, 5000, 1 << 20])
@pytest.mark.parametrize("long", [b"b: " + b"x" * 40_000, b"\r" + b"x" * 40_000, b"b: c\r\n" * 5000 + b"b: c"])
def test_trailers_beyond_the_limit_are_passed_over(long: bytes, step: int) -> None:
    body = ChunkedBody(Kept())
    data = b"0\r\na: b\r\n" + long + b"\r\nc: d\r\n\r\n"
    ends = []
    for at in range(0, len(data), step):
        ends.append(body.read(data[at : at + step], 0))
        assert body.waiting <= TRAILER_LIMIT + 65 * PART + FIELD * len(body.trailers) + 1
    assert ends == [None] * (len(ends) - 1) + [(len(data) - 1) % step + 1]
    kept = sum(len(name) + len(b": ") + len(value) + len(b"\r") for name, value in body.trailers)
    assert body.trailers[0] == (b"a", b"b")
    assert kept <= TRAILER_LIMIT
    assert kept + body.passed_over == len(b"a: b\r\n" + long + b"\r\nc: d\r\n") - data.count(b"\n") + 2


def test_trailers_of_just_the_limit_are_kept() -> None:
    body = ChunkedBody(Kept())
    body.read(b"0\r\n" + b"a" * (TRAILER_LIMIT - 2) + b"\r\n\r\n", 0)
    assert (len(body.trailers), body.passed_over) == (1, 0)


def test_lengths() -> None:
    te, cl = b"transfer-encoding", b"content-length"
    assert request_length([]) == 0
    assert request_length([(cl, b"5"), (te, b"chunked")]) is Length.CHUNKED
    assert response_length([], 200, b"GET") is Length.UNTIL_CLOSE
    assert response_length([(cl, b"5")], 200, b"HEAD") == 0
    assert response_length([(te, b"gzip")], 200, b"GET") is Length.UNTIL_CLOSE


def work(run: Callable[[], object]) -> int:
    """Lines of Python that ``run`` executes."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Callable[..., object]:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


HOSTILE = {
    "empty lines": lambda n: b"\n" * n,
    "one byte at a time": lambda n: b"GET /" + b"a" * n,
    "many fields": lambda n: b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (n // 6) + b"\r\n",
    "bare line feeds": lambda n: b"GET / HTTP/1.1\n\n" * (n // 16) + b"\r\n\r\n",
    "folds": lambda n: b"GET / HTTP/1.1\r\na: b" + b"\r\n c" * (n // 4) + b"\r\n\r\n",
    "small chunks": lambda n: b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * (n // 6),
    "zeros before a size": lambda n: b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * n + b"1\r\n",
    "trailers": lambda n: b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * (n // 6),
    "spaces": lambda n: b"GET" + b" " * n + b"\r\n\r\n",
    "lengths": lambda n: b"POST / HTTP/1.1\r\n" + b"Content-Length: 1\r\n" * (n // 19) + b"\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("step", [1, 64, 1 << 20])
def test_twice_the_input_is_about_twice_the_work(name: str, step: int) -> None:
    def run(size: int) -> int:
        data = HOSTILE[name](size)
        reader = RequestReader(FieldLines(), Counters(), head_limit=1 << 20, body_limit=1000)
        parts = [data[at : at + step] for at in range(0, len(data), step)]
        return work(lambda: [reader.data(part, 0) for part in parts])

    assert run(8000) <= 2.5 * run(4000) + 200


@pytest.mark.parametrize("step", [1, 64])
def test_the_search_for_the_heads_end_never_looks_back(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    from agent_py.http import head

    original = head.head_end

    def counted(data: bytes | bytearray, start: int) -> tuple[int, int] | None:
        looked.append(len(data) - start)
        return original(data, start)

    monkeypatch.setattr(head, "head_end", counted)
    data = b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 1000
    reader = RequestReader(FieldLines(), Counters(), head_limit=1 << 20, body_limit=0)
    for at in range(0, len(data), step):
        reader.data(data[at : at + step], 0)
    assert sum(looked) <= len(data) + 3 * len(looked)


class Searched(bytes):
    """Counts the bytes that ``find`` may have looked at."""

    looked = 0

    def find(self, *arguments: Any) -> int:
        found = super().find(*arguments)
        self.looked += (found if found >= 0 else len(self)) - arguments[1]
        return found


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_heads_of_bare_line_feeds_are_not_searched_for_a_far_end(end: bytes) -> None:
    data = Searched(b"GET / HTTP/1.1\n\n" * 1000 + end)
    reader = RequestReader(FieldLines(), Counters(), head_limit=1 << 20, body_limit=0)
    assert len(reader.data(data, 0)) == 1000
    assert data.looked <= 2 * len(data)
