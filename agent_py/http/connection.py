"""HTTP/1.x of one connection: requests and responses read side by side and paired in order (RFC 9112 §9.3).

An exchange leaves as soon as its response's head and its whole request are known; nothing waits for response bodies.

Conservation. Every request that begins ends in exactly one of: an exchange; LOST_GAP or LOST_PARSE_ERROR (counted by
the request reader, which leaves a placeholder that takes the response); LOST_REQUEST_MISSING (its response came, it was
never seen); LOST_GAP for chunks lost between two requests, less the responses that already stood for them.

Lost responses. When response bytes were lost, the next head may answer a later request. A client that does not
pipeline waits for each answer, so the newest request is the one answered and older ones go out without a response; a
single one does so too when its response's head was surely among the lost bytes (its successor was lost as well).
With pipelining (two requests met in one read) that cannot be known: all unanswered requests go out without a response,
and as many late responses are passed over. Nothing is guessed.

Memory: at most ``pipeline_depth`` unanswered requests with bodies up to the body limit, all in the connection's account
(connection/budget.py). When memory is short a body is cut (LOST_MEMORY_BODY), or the unanswered requests go out without
their responses and a half-read head is dropped and counted (LOST_MEMORY_HEAD); late answers are passed over. Each event
is O(its bytes).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from agent_py.chunk import Direction
from agent_py.connection.budget import Account
from agent_py.counters import Counter, Counters
from agent_py.http.fields import FieldLines
from agent_py.http.messages import RequestMessage, ResponseMessage
from agent_py.http.request import RequestReader
from agent_py.http.response import ResponseReader

Emit = Callable[[RequestMessage, ResponseMessage | None], None]
INGRESS = int(Direction.INGRESS)
SMALLEST_REQUEST = 16
"""Bytes: ``GET / HTTP/1.0`` and two line ends."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Bounds. ``request_body_limit`` and ``head_limit`` in bytes, ``pipeline_depth`` in requests."""

    request_body_limit: int = 65536
    head_limit: int = 65536
    pipeline_depth: int = 64


class Http1:
    """The HTTP/1.x layer; ``emit`` takes each pair. ``late``: the connection is joined somewhere in its middle."""

    __slots__ = (
        "_absorb", "_counters", "_depth", "_emit", "_ingress_gap", "_owing", "_pipelined", "_requests", "_responses",
        "_unanswered", "_unmatched",
    )  # fmt: skip

    def __init__(
        self,
        settings: HttpSettings,
        lines: FieldLines,
        counters: Counters,
        emit: Emit,
        account: Account | None = None,
        *,
        late: bool = False,
    ) -> None:
        head_limit, body_limit = settings.head_limit, settings.request_body_limit
        self._requests = RequestReader(
            lines, counters, head_limit=head_limit, body_limit=body_limit, resync=late, account=account
        )
        self._responses = ResponseReader(lines, self._method, head_limit=head_limit, resync=late, account=account)
        self._unanswered: deque[RequestMessage] = deque()
        self._depth = settings.pipeline_depth
        self._counters = counters
        self._emit = emit
        self._absorb = 0
        self._owing = False
        """Whether the answers to be passed over will surely come: the requests left for lack of memory."""
        self._unmatched = 0
        self._pipelined = False
        self._ingress_gap = False

    def data(self, direction: int, data: bytes, time: int) -> None:
        """Bytes of either direction."""
        if direction != INGRESS:
            self._responses.data(data, time, self._answer)
            return
        self._unmatched = 0
        growing = not self._requests.idle
        begun = self._requests.data(data, time)
        if len(begun) > 1 or (growing and begun and self._unanswered):
            self._pipelined = True
        self._take(begun)

    def hole(self, direction: int, size: int, time: int) -> None:
        """Bytes left out by design."""
        if direction == INGRESS:
            self._take(self._requests.hole(size, time))
        else:
            self._responses.hole(size, time, self._answer)

    def gap(self, direction: int, size: int, lost: int, time: int) -> None:
        """Lost bytes; those between two requests may have held ``lost`` whole ones."""
        if direction != INGRESS:
            self._responses.gap(size, time, self._answer)
            return
        if self._requests.idle and not self._requests.stopped:
            whole = min(lost, -(-size // SMALLEST_REQUEST))
            self._counters.add(Counter.LOST_GAP, max(0, whole - self._unmatched))
        self._unmatched = 0
        self._ingress_gap = True
        self._take(self._requests.gap(size, time))

    def _take(self, begun: list[RequestMessage]) -> None:
        queue = self._unanswered
        if begun:
            if not queue and not self._owing:
                self._absorb = 0
            queue.extend(begun)
        if queue and queue[0].response is not None:
            self._settle()
        while len(queue) > self._depth:
            self._absorb += 1
            self._dismiss()

    def _settle(self) -> None:
        """Let the exchanges go whose request and response are both known."""
        queue = self._unanswered
        while queue and queue[0].complete and queue[0].response is not None:
            message = queue.popleft()
            message.release()
            if not message.lost:
                self._emit(message, message.response)

    def _method(self) -> bytes:
        """The method that the next response answers; empty when not known."""
        if self._absorb:
            return b""
        for message in self._unanswered:
            if message.response is None:
                return message.request.method
        return b""

    def _answer(self, response: ResponseMessage) -> None:
        """A response's head is known: pair it with the oldest request that has none."""
        queue = self._unanswered
        if self._responses.gapped:
            self._dismiss_unanswered()
        self._ingress_gap = False
        if self._absorb:
            self._absorb -= 1
            self._owing = self._owing and self._absorb > 0
            return
        if queue and queue[0].complete and queue[0].response is None:
            message = queue.popleft()
            message.release()
            opens = message.request.method == b"CONNECT"
            if not message.lost:
                self._emit(message, response)
        else:
            waiting = next((message for message in queue if message.response is None), None)
            if waiting is None:
                self._unmatched += 1
                if not self._requests.abandon():
                    self._counters.add(Counter.LOST_REQUEST_MISSING)
                return
            waiting.answered(response)
            opens = waiting.request.method == b"CONNECT"
        status = response.response.status
        if status == 101 or (opens and 200 <= status < 300):
            self._leave()

    def _leave(self) -> None:
        """Another protocol follows: hand out what is known, look at nothing more."""
        self._counters.add(Counter.LOST_OPAQUE)
        self._finish()
        self._responses.close()

    def _dismiss_unanswered(self) -> None:
        """Response bytes were lost: let the requests go whose responses may have been among them."""
        responses = self._responses
        surely = responses.headless and not self._ingress_gap
        responses.gapped = responses.headless = self._owing = False
        count = len(self._unanswered)
        if count == 1 and surely and not self._pipelined and self._unanswered[0].complete:
            self._dismiss()
        if count < 2:
            return
        keep = 0 if self._pipelined else 1
        while len(self._unanswered) > keep:
            self._dismiss()
        self._absorb = 0 if keep else count

    def _dismiss(self) -> None:
        message = self._unanswered.popleft()
        if not message.complete:
            self._requests.detach()
        message.release()
        if not message.lost:
            self._emit(message, message.response)

    def _finish(self) -> None:
        if not self._requests.stopped:
            self._requests.abandon()
            self._requests.close()
        while self._unanswered:
            self._dismiss()

    def expire(self, time: int) -> None:
        """Let the complete requests go that were not answered in time; their late answers are passed over."""
        while self._unanswered and self._unanswered[0].complete:
            self._absorb += 1
            self._dismiss()

    def relieve(self, time: int) -> None:
        """Everything goes out as far as it is known; answers that are still to come are passed over."""
        untold = self._responses.relieve(time, self._answer)
        headless = self._requests.relieve()
        self._absorb += headless + sum(message.response is None for message in self._unanswered)
        if untold and self._absorb:
            self._absorb -= 1
        while self._unanswered:
            self._dismiss()
        self._owing = self._absorb > 0

    def close(self, time: int) -> None:
        """The connection ended: everything goes out as far as it is known."""
        self._finish()
        self._responses.close()
