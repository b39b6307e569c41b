"""Reads the requests of one connection from the bytes that its server reads (RFC 9112 §3, §6, §7).

Events: ``data``, ``hole`` and ``gap`` return the messages whose head became known; a message grows in place until it is
``complete``, so its head can be paired with an early response. A request that cannot be told is counted (exactly once)
and stands as a placeholder among the messages, so that its response goes astray with it.

States: between messages or in a head (``_body`` None), in a body, resynchronising (skipping until a piece of data
begins like a request), stopped (opaque bytes follow). Memory: one head and one body, both limited. Linear time.
"""

from __future__ import annotations

import re

from agent_py.connection.budget import FIELD, HEAD, Account
from agent_py.counters import Counter, Counters
from agent_py.http.fields import BadHeadError, FieldLines, looks_like_request, request_line
from agent_py.http.framing import Body, ChunkedBody, FixedBody, Length, LostFramingError, request_length
from agent_py.http.head import HeadReader
from agent_py.http.messages import (
    REQUEST_BODY_LIMIT,
    REQUEST_GAP,
    REQUEST_MEMORY,
    REQUEST_UNFINISHED,
    RequestMessage,
    lost_request,
)
from common_py.contracts import Request

_blank_lines = re.compile(rb"[\r\n]*").match


class RequestReader:
    """One direction of one connection; see the module's text."""

    __slots__ = (
        "_account", "_body", "_body_limit", "_counters", "_head", "_message", "_start", "_waiting", "resync", "stopped",
    )  # fmt: skip

    def __init__(
        self,
        lines: FieldLines,
        counters: Counters,
        *,
        head_limit: int,
        body_limit: int,
        resync: bool = False,
        account: Account | None = None,
    ) -> None:
        self._head = HeadReader(lines, head_limit)
        self._counters = counters
        self._account = account if account is not None else Account()
        self._waiting = 0
        """Bytes of unfinished lines, as the account knows them."""
        self._body_limit = body_limit
        self._body: Body | None = None
        self._message: RequestMessage | None = None
        self._start = 0
        self.resync = resync
        self.stopped = False

    @property
    def in_head(self) -> bool:
        """Whether a part of a head waits for the rest."""
        return self._head.busy

    @property
    def idle(self) -> bool:
        """Whether the reader stands between two messages."""
        return self._body is None and not self._head.busy

    def data(self, data: bytes, time: int) -> list[RequestMessage]:
        """Bytes that the server read at ``time``."""
        if self.stopped:
            return []
        begun: list[RequestMessage] = []
        position, size = 0, len(data)
        held = self._waiting
        tentative = self.resync
        if tentative:
            if not looks_like_request(data):
                return begun
            self.resync = False
        head = self._head
        try:
            while position < size and not self.resync:
                if self._body is not None:
                    end = self._body.read(data, position)
                    if end is None:
                        break
                    self._finish()
                    position = end
                    continue
                if not head.busy:
                    if data[position] in b"\r\n":
                        position = _blank_lines(data, position).end()  # type: ignore[union-attr]  # matches anywhere
                        continue
                    self._start = time
                found = head.read(data, position)
                if found is None:
                    self._first_line(begun)
                    break
                held += found[2] - position
                position = found[2]
                self._open(found[0], found[1], begun, held)
                held = 0
        except BadHeadError:
            self._bad(begun, time, counted=not (tentative and not begun))
        waiting = head.waiting if self._body is None else self._body.waiting
        if waiting != self._waiting:
            self._wait(waiting)
        return begun

    def _wait(self, waiting: int) -> None:
        self._account.add(waiting - self._waiting)
        self._waiting = waiting

    def _settle(self) -> None:
        self._wait(self._head.waiting if self._body is None else self._body.waiting)

    def _open(self, line: bytes, fields: list[tuple[bytes, bytes]], begun: list[RequestMessage], size: int) -> None:
        method, target, version = request_line(line)
        request = Request(method, target, version, fields)
        held = HEAD + size + FIELD * len(fields)
        message = RequestMessage(request, self._start, self._body_limit, self._account, self._counters, held)
        begun.append(message)
        if version == "0.9" and b" HTTP/" not in line:
            self._simple(message)
            return
        if not self._head.framing:
            message.complete = True
            return
        try:
            length = request_length(self._head.framing)
        except BadHeadError:
            message.note(REQUEST_UNFINISHED)
            message.finish()
            raise
        if length == 0:
            message.complete = True
            return
        self._message = message
        self._body = ChunkedBody(message) if length is Length.CHUNKED else FixedBody(_number(length), message)

    def _simple(self, message: RequestMessage) -> None:
        """HTTP/0.9 (RFC 1945 §4.1): one line, no fields, and the response is nothing but a body.

        It is the connection's last, unless the server read the line otherwise: what looks like a request is one.
        """
        message.request.headers = []
        message.complete = True
        self.resync = True

    def _first_line(self, begun: list[RequestMessage]) -> None:
        """An HTTP/0.9 request ends at its first line: do not wait for an empty one."""
        line = self._head.first_line()
        if line is None or b" HTTP/" in line:
            return
        self._head.reset()
        self._open(line, [], begun, len(line))

    def _finish(self) -> None:
        message = self._message
        if message is not None:
            chunked = self._body if isinstance(self._body, ChunkedBody) else None
            passed_over = chunked.passed_over if chunked is not None else 0
            if passed_over:
                message.note(REQUEST_BODY_LIMIT)
            message.finish(chunked.trailers if chunked is not None else None)
            if REQUEST_BODY_LIMIT in message.incomplete:
                lost = message.request.body_size - message.kept + passed_over
                self._counters.add(Counter.LOST_BODY_LIMIT, lost)
            elif REQUEST_MEMORY in message.incomplete:
                self._counters.add(Counter.LOST_MEMORY_BODY, message.request.body_size - message.kept)
        self._message = None
        self._body = None

    def _bad(self, begun: list[RequestMessage], time: int, *, counted: bool) -> None:
        """What no server accepts: nothing behind it can be trusted until a piece of data begins like a request."""
        self.resync = True
        self._head.reset()
        if self._message is not None:
            self._message.note(REQUEST_UNFINISHED)
            self._finish()
        elif self._body is not None:
            self._body = None
        elif counted and not (begun and REQUEST_UNFINISHED in begun[-1].incomplete):
            self._counters.add(Counter.LOST_PARSE_ERROR)
            begun.append(lost_request(time))

    def hole(self, size: int, time: int) -> list[RequestMessage]:
        """``size`` bytes that capture left out by design."""
        return self._unseen(size, time, REQUEST_BODY_LIMIT)

    def gap(self, size: int, time: int) -> list[RequestMessage]:
        """``size`` bytes were lost."""
        return self._unseen(size, time, REQUEST_GAP)

    def _unseen(self, size: int, time: int, cause: str) -> list[RequestMessage]:
        if self.stopped or self.resync or size == 0:
            return []
        if self._body is None:
            self.resync = True
            if not self._head.busy:
                return []
            self._head.reset()
            self._settle()
            self._counters.add(Counter.LOST_GAP)
            return [lost_request(time)]
        if self._message is not None:
            self._message.note(cause)
        try:
            behind = self._body.skip(size)
        except LostFramingError:
            behind = 1
        if behind is not None:
            self.resync = behind > 0
            self._finish()
        self._settle()
        return []

    def detach(self) -> None:
        """Let the request go whose body is being read; the rest of the body is passed over."""
        body, message = self._body, self._message
        if body is None or message is None:
            return
        message.note(REQUEST_UNFINISHED)
        self._finish()
        self._body = body
        body.detach()
        self._settle()

    def relieve(self) -> bool:
        """Give back all that is held. True when that was a head, counted as lost: its answer goes astray."""
        self.detach()
        if self._body is not None:
            if self._body.waiting:
                self._body = None
                self.resync = True
                self._settle()
            return False
        if not self._head.busy:
            return False
        self._head.reset()
        self._settle()
        self._counters.add(Counter.LOST_MEMORY_HEAD)
        self.resync = True
        return True

    def abandon(self) -> bool:
        """Give a half-read head up as lost, because its response came or its connection ended. True when one was."""
        if not self._head.busy:
            return False
        self._head.reset()
        self._settle()
        self._counters.add(Counter.LOST_PARSE_ERROR)
        self.resync = True
        return True

    def close(self) -> None:
        """No more bytes will come."""
        if self._message is not None:
            self._message.note(REQUEST_UNFINISHED)
            self._finish()
        self._body = None
        self._head.reset()
        self._settle()
        self.stopped = True


def _number(length: int | Length) -> int:
    if isinstance(length, Length):
        raise TypeError(f"a request body cannot be {length.name}")
    return length
