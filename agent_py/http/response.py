"""Reads the response heads of one connection from what its server writes (RFC 9112 §4, §6); bodies are passed over.

Bodies of which capture cut all but the first bytes are passed by arithmetic: Content-Length, or the size of the chunk
that the hole lies in. Where that fails (a hole over chunk framing, lost bytes, bytes behind a response that are no
head) the reader skips until a write begins with ``HTTP/1.``; a response may have been among them (``gapped``). The
method of the request decides the framing (HEAD, CONNECT), so the reader asks for it at each head. Memory: one head,
limited. Linear time.
"""

from __future__ import annotations

from collections.abc import Callable

from agent_py.http.fields import BadHeadError, FieldLines, status_line
from agent_py.http.framing import Body, ChunkedBody, FixedBody, Length, LostFramingError, UntilClose, response_length
from agent_py.http.head import HeadReader
from agent_py.http.messages import ResponseMessage
from common_py.contracts import Response

START = b"HTTP/1."
_LINE_ENDS = b"\r\n"
_UNTIL_CLOSE = UntilClose()


class ResponseReader:
    """One direction of one connection. ``method`` returns the method of the oldest unanswered request."""

    __slots__ = ("_body", "_head", "_method", "gapped", "headless", "resync", "stopped")

    def __init__(
        self, lines: FieldLines, method: Callable[[], bytes], *, head_limit: int, resync: bool = False
    ) -> None:
        self._head = HeadReader(lines, head_limit)
        self._method = method
        self._body: Body | None = None
        self.resync = resync
        self.gapped = False
        """Whether bytes were lost, or not understood, since the last head: responses may be missing."""
        self.headless = False
        """Whether the lost bytes surely began, or held, a response's head."""
        self.stopped = False

    def data(self, data: bytes, time: int, out: Callable[[ResponseMessage], None]) -> None:
        """Bytes that the server wrote at ``time``. Each head goes to ``out`` before anything behind it is read."""
        if self.stopped:
            return
        if self.resync:
            if not data.startswith(START):
                return
            self.resync = False
        position, size = 0, len(data)
        try:
            while position < size and not (self.stopped or self.resync):
                if self._body is not None:
                    end = self._body.read(data, position)
                    if end is None:
                        return
                    self._body = None
                    position = end
                    continue
                if not self._head.busy:
                    if data[position] in _LINE_ENDS:
                        position += 1
                        continue
                    if not (data.startswith(START, position) or START.startswith(data[position:])):
                        raise BadHeadError("no response begins here")
                found = self._head.read(data, position)
                if found is None:
                    return
                position = found[2]
                known = self._open(found[0], found[1], time, out)
                if position + known <= size:
                    position += known
                else:
                    self._body = FixedBody(known, None)
        except BadHeadError:
            self.gapped = True
            self._lose()

    def _open(
        self, line: bytes, fields: list[tuple[bytes, bytes]], time: int, out: Callable[[ResponseMessage], None]
    ) -> int:
        """Hand a head out; the length of the body behind it, 0 when a body reader knows better."""
        status = status_line(line)
        if status < 200 and status != 101:
            return 0
        method = self._method()
        response = Response(status, fields)
        length: int | Length = 0
        try:
            if status != 101 and not (method == b"CONNECT" and status < 300):
                length = response_length(self._head.framing, status, method)
        except BadHeadError:
            self.resync = True
        if isinstance(length, Length):
            self._body = _UNTIL_CLOSE if length is Length.UNTIL_CLOSE else ChunkedBody(None)
            length = 0
        response.body_size = length
        out(ResponseMessage(response, time))
        return length

    def hole(self, size: int, time: int, out: Callable[[ResponseMessage], None]) -> None:
        """``size`` bytes that capture left out by design."""
        self._unseen(size, time, out)

    def gap(self, size: int, time: int, out: Callable[[ResponseMessage], None]) -> None:
        """``size`` bytes were lost."""
        self.gapped = True
        self.headless |= self._body is None and not self._head.busy and not self.resync
        self._unseen(size, time, out)

    def _unseen(self, size: int, time: int, out: Callable[[ResponseMessage], None]) -> None:
        if self.resync or self.stopped or size == 0:
            return
        if self._body is None:
            self._cut(time, out)
            self._lose()
            return
        try:
            behind = self._body.skip(size)
        except LostFramingError:
            self._lose()
            return
        if behind is not None:
            self._body = None
            self.resync = behind > 0
            self.headless |= self.gapped and self.resync

    def _cut(self, time: int, out: Callable[[ResponseMessage], None]) -> None:
        """A head of which only the beginning was seen still tells its status and first fields."""
        held = self._head.held
        whole = held.rfind(b"\r\n")
        if whole < 0 or not held.startswith(START):
            return
        self._head.reset()
        found = self._head.read(held[:whole] + b"\r\n\r\n", 0)
        if found is None:
            return
        try:
            status = status_line(found[0])
        except BadHeadError:
            return
        if status >= 200 or status == 101:
            out(ResponseMessage(Response(status, found[1]), time, cut=True))

    def _lose(self) -> None:
        self.resync = True
        self._body = None
        self._head.reset()
