"""Reads the response heads of one connection from what its server writes (RFC 9112 §4, §6); bodies are passed over.

Bodies of which capture cut all but the first bytes are passed by arithmetic: Content-Length, or the size of the chunk
that the hole lies in. Where that fails (a hole over chunk framing, lost bytes, bytes behind a response that are no
head) the reader skips until a write begins with ``HTTP/1.``; a response may have been among them (``gapped``). The
method of the request decides the framing (HEAD, CONNECT), so the reader asks for it at each head. Memory: one head,
limited. Linear time.
"""

from __future__ import annotations

from collections.abc import Callable

from agent_py.connection.budget import Account
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

    __slots__ = ("_account", "_body", "_head", "_method", "_waiting", "gapped", "headless", "resync", "stopped")

    def __init__(
        self,
        lines: FieldLines,
        method: Callable[[], bytes],
        *,
        head_limit: int,
        resync: bool = False,
        account: Account | None = None,
    ) -> None:
        self._head = HeadReader(lines, head_limit)
        self._method = method
        self._account = account if account is not None else Account()
        self._waiting = 0
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
        self._read(data, time, out)
        waiting = self._head.waiting if self._body is None else self._body.waiting
        if waiting != self._waiting:
            self._settle()

    def _settle(self) -> None:
        waiting = self._head.waiting if self._body is None else self._body.waiting
        self._account.add(waiting - self._waiting)
        self._waiting = waiting

    def _read(self, data: bytes, time: int, out: Callable[[ResponseMessage], None]) -> None:
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
            self._settle()
            return
        try:
            behind = self._body.skip(size)
        except LostFramingError:
            self._lose()
            self._settle()
            return
        if behind is not None:
            self._body = None
            self.resync = behind > 0
            self.headless |= self.gapped and self.resync
        self._settle()

    def relieve(self, time: int, out: Callable[[ResponseMessage], None]) -> bool:
        """Give back all that is held. True when that was a head of which not even the status is known."""
        untold = self._head.busy and not self._cut(time, out)
        if self._head.busy or (self._body is not None and self._body.waiting):
            self._lose()
        self._settle()
        return untold

    def close(self) -> None:
        """Nothing that follows is of interest."""
        self.stopped = True
        self._body = None
        self._head.reset()
        self._settle()

    def _cut(self, time: int, out: Callable[[ResponseMessage], None]) -> bool:
        """A head of which only the beginning was seen still tells its status and first fields; whether it did."""
        held = self._head.held
        whole = held.rfind(b"\r\n")
        if whole < 0 or not held.startswith(START):
            return False
        self._head.reset()
        found = self._head.read(held[:whole] + b"\r\n\r\n", 0)
        if found is None:
            return False
        try:
            status = status_line(found[0])
        except BadHeadError:
            return False
        if status >= 200 or status == 101:
            out(ResponseMessage(Response(status, found[1]), time, cut=True))
        return True

    def _lose(self) -> None:
        self.resync = True
        self._body = None
        self._head.reset()
