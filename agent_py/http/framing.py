"""How long a message's body is (RFC 9112 §6), and the readers that walk over it.

A body reader consumes bytes by ``read`` and unseen bytes by ``skip`` (holes that are cut by design, and lost bytes of
known number). It says how far it got; positions are remembered, nothing is scanned twice.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Protocol

from agent_py.connection.budget import FIELD, PART
from agent_py.http.fields import BLANK, BadHeadError
from common_py.contracts import Headers

CHUNK_LINE_LIMIT = 4096
"""Bytes of a chunk-size line that are held."""
TRAILER_LIMIT = 16384
"""Bytes of trailer fields that are kept."""

# Zeros in front as many as there are, and anything behind a blank as an extension: nginx takes both.
_size = re.compile(rb"[ \t]*0*([0-9A-Fa-f]{1,15})(?:[ \t;].*)?\r?").fullmatch
_size_start = re.compile(rb"[ \t]*(?=[0-9A-Fa-f])0*([0-9A-Fa-f]{0,15})([ \t;\r].*)?", re.DOTALL).fullmatch
_digits = re.compile(rb"0*([0-9]{1,18})").fullmatch


class Length(Enum):
    """Body lengths that are no number."""

    CHUNKED = auto()
    UNTIL_CLOSE = auto()


def content_length(values: list[bytes]) -> int:
    """The one number of all Content-Length fields (RFC 9110 §8.6). Raises BadHeadError when they disagree."""
    if len(values) == 1 and len(values[0]) < 19 and values[0].isdigit():
        return int(values[0])
    numbers = [_digits(part.strip(BLANK)) for value in values for part in value.split(b",")]
    lengths = {int(number[1]) if number else -1 for number in numbers}
    if len(lengths) != 1 or -1 in lengths:
        raise BadHeadError("Content-Length is not one number")
    return lengths.pop()


def request_length(framing: list[tuple[bytes, bytes]]) -> int | Length:
    """Length of a request's body (RFC 9112 §6.3). Transfer-Encoding overrides Content-Length. Raises BadHeadError."""
    length = _announced(framing)
    if length is Length.UNTIL_CLOSE:
        raise BadHeadError("the last transfer coding of a request is not chunked")
    return length or 0


def response_length(framing: list[tuple[bytes, bytes]], status: int, method: bytes) -> int | Length:
    """Length of the body of a response with ``status`` to a request with ``method``. Raises BadHeadError."""
    if status < 200 or status in (204, 304) or method == b"HEAD":
        return 0
    length = _announced(framing)
    return Length.UNTIL_CLOSE if length is None else length


def _announced(framing: list[tuple[bytes, bytes]]) -> int | Length | None:
    """What the framing fields say; None without any."""
    if len(framing) == 1 and framing[0][0] == b"content-length":
        return content_length([framing[0][1]])
    codings = _codings(framing)
    if codings:
        return Length.CHUNKED if codings[-1] == b"chunked" else Length.UNTIL_CLOSE
    lengths = [value for name, value in framing if name == b"content-length"]
    return content_length(lengths) if lengths else None


def _codings(framing: list[tuple[bytes, bytes]]) -> list[bytes]:
    values = [value.lower() for name, value in framing if name == b"transfer-encoding"]
    codings = [part.strip(BLANK) for value in values for part in value.split(b",")]
    return [coding for coding in codings if coding not in (b"", b"identity")]


class Sink(Protocol):
    """Takes the body's bytes."""

    def body(self, data: bytes) -> None:
        """Bytes after chunked decoding, in order."""

    def missing(self, size: int) -> None:
        """``size`` bytes at this place were not seen."""


class FixedBody:
    """A body of known length."""

    __slots__ = ("_sink", "left")
    waiting = 0

    def __init__(self, length: int, sink: Sink | None) -> None:
        self.left = length
        """Bytes to go."""
        self._sink = sink

    def read(self, data: bytes, start: int) -> int | None:
        """Consume from ``data[start:]``; the position behind the body, or None when it goes on."""
        end = start + self.left
        if end <= len(data):
            self.left = 0
            if self._sink is not None:
                self._sink.body(data[start:end])
            return end
        self.left -= len(data) - start
        if self._sink is not None:
            self._sink.body(data[start:])
        return None

    def skip(self, size: int) -> int | None:
        """Pass over ``size`` unseen bytes; how many lie behind the body's end, None when it goes on."""
        taken = min(size, self.left)
        self.left -= taken
        if self._sink is not None:
            self._sink.missing(taken)
        return None if self.left else size - taken

    def detach(self) -> None:
        """Only walk over what follows."""
        self._sink = None


class UntilClose:
    """A response body that ends with the connection."""

    __slots__ = ()
    waiting = 0

    def read(self, data: bytes, start: int) -> int | None:
        """Never ends."""
        return None

    def skip(self, size: int) -> int | None:
        """Never ends."""
        return None

    def detach(self) -> None:
        """There is no sink."""


class LostFramingError(Exception):
    """Unseen bytes took away where the body ends."""


class ChunkedBody:
    """The chunked coding (RFC 9112 §7.1), bare LF accepted. ``trailers`` holds the trailer fields at the end.

    States: in a size line, in data with ``_left`` bytes to go, before the line end that closes data, in the trailer.
    Partial lines wait in ``_line``, bounded by ``CHUNK_LINE_LIMIT`` and ``TRAILER_LIMIT``; trailers are kept for a sink
    only. ``waiting``: bytes that both weigh between two reads. nginx sets no bound to zeros before a size, extensions
    and trailers: what is beyond these is passed over, so that it hides neither the body nor the next request.
    """

    __slots__ = ("_left", "_line", "_sink", "_state", "_trailer_bytes", "passed_over", "trailers", "waiting")

    def __init__(self, sink: Sink | None) -> None:
        self.trailers: Headers = []
        self.passed_over = 0
        """Bytes of trailer lines, without their LFs, beyond ``TRAILER_LIMIT``."""
        self._sink = sink
        self._state = "size"
        self._left = 0
        self._line: list[bytes] = []
        self._trailer_bytes = 0
        self.waiting = 0

    def detach(self) -> None:
        """Only walk over what follows."""
        self._sink = None
        self.trailers = []
        self._weigh()

    def _weigh(self) -> None:
        self.waiting = self._trailer_bytes + PART * len(self._line) + FIELD * len(self.trailers)

    def read(self, data: bytes, start: int) -> int | None:
        """Consume from ``data[start:]``; the position behind the body, or None. Raises BadHeadError."""
        size = len(data)
        while start < size:
            if self._state == "data":
                end = min(size, start + self._left)
                self._left -= end - start
                if self._sink is not None:
                    self._sink.body(data[start:end])
                start = end
                if not self._left:
                    self._state = "data_end"
                continue
            line_end = data.find(b"\n", start)
            if line_end < 0:
                self._keep(data[start:])
                break
            self._keep(data[start:line_end])
            start = line_end + 1
            line = b"".join(self._line)
            self._line.clear()
            if self._take(line):
                return start
        self._weigh()
        return None

    def _keep(self, part: bytes) -> None:
        self._line.append(part)
        if len(self._line) > 64:
            self._line[:] = [b"".join(self._line)]
        self._trailer_bytes += len(part) + 1
        if self._state == "trailer":
            if self._trailer_bytes > TRAILER_LIMIT:
                line = b"".join(self._line)
                self.passed_over += len(line[2:])
                self._shorten(line[:2], TRAILER_LIMIT + 1)
        elif self._trailer_bytes > CHUNK_LINE_LIMIT:
            found = _size_start(b"".join(self._line)) if self._state == "size" else None
            if not found:
                raise BadHeadError("a chunk's line is too long")
            line = b"0" + found[1] + (b";" if found[2] else b"")
            self._shorten(line, len(line))

    def _shorten(self, line: bytes, weight: int) -> None:
        """Hold ``line``, which tells the same, instead of what came of it."""
        self._line[:] = [line]
        self._trailer_bytes = weight

    def _take(self, line: bytes) -> bool:
        """One whole line without its LF; True at the end of the body."""
        if self._state != "trailer":
            self._trailer_bytes = 0
        if self._state == "data_end":
            if line not in (b"", b"\r"):
                raise BadHeadError("a chunk is longer than its size")
            self._state = "size"
            return False
        if self._state == "size":
            found = _size(line)
            if not found:
                raise BadHeadError("no chunk size")
            self._left = int(found[1], 16)
            self._state = "data" if self._left else "trailer"
            return False
        line = line.removesuffix(b"\r")
        if not line:
            return True
        if self._trailer_bytes > TRAILER_LIMIT:
            self.passed_over += len(line)
        elif self._sink is not None:
            name, _colon, value = line.partition(b":")
            self.trailers.append((name, value.strip(BLANK)))
        return False

    def skip(self, size: int) -> int | None:
        """Pass over ``size`` unseen bytes inside one chunk's data. Raises LostFramingError when they hide framing."""
        if self._state != "data" or size > self._left:
            if self._sink is not None:
                self._sink.missing(self._left if self._state == "data" else 0)
            raise LostFramingError
        self._left -= size
        if self._sink is not None:
            self._sink.missing(size)
        if not self._left:
            self._state = "data_end"
        return None


Body = FixedBody | UntilClose | ChunkedBody
