"""What the HTTP readers hand out."""

from __future__ import annotations

from agent_py.connection.budget import FIELD, PART, Account
from agent_py.counters import Counter, Counters
from common_py.contracts import Headers, Request, Response

REQUEST_BODY_LIMIT = "request_body_limit"
REQUEST_GAP = "request_gap"
REQUEST_MEMORY = "request_memory"
REQUEST_UNFINISHED = "request_unfinished"
RESPONSE_HEAD_CUT = "response_head_cut"
RESPONSE_MISSING = "response_missing"
UNAUTHENTICATED = "unauthenticated"


class RequestMessage:
    """A request whose head is known. It is handed out at once and grows until ``complete``.

    ``lost``: no request at all, a placeholder that takes the response of a request that was counted as lost.
    ``held``: bytes that its head weighs; its body and its answer are added to the ``account`` as they come, and
    ``release`` gives all back.
    """

    __slots__ = (
        "_account", "_body_held", "_counters", "_held", "_limit", "_parts", "complete", "incomplete", "kept", "lost",
        "request", "response", "start",
    )  # fmt: skip

    def __init__(
        self,
        request: Request,
        start: int,
        limit: int,
        account: Account | None = None,
        counters: Counters | None = None,
        held: int = 0,
    ) -> None:
        self.request = request
        self.start = start
        self.complete = False
        self.lost = False
        self.response: ResponseMessage | None = None
        """An answer that came before the request was complete."""
        self.incomplete: list[str] = []
        self.kept = 0
        self._limit = limit
        self._parts: list[bytes] | None = None
        self._account = account if account is not None else Account()
        self._counters = counters
        self._body_held = 0
        self._held = held
        self._account.add(held)

    def body(self, data: bytes) -> None:
        """Take the next bytes of the body; what is beyond the limit is only counted in ``request.body_size``."""
        self.request.body_size += len(data)
        if self._limit < 0:
            return
        kept = data[: self._limit - self.kept]
        if len(kept) < len(data):
            self.note(REQUEST_BODY_LIMIT)
            self._limit = -1
        if kept:
            if self._parts is None:
                self._parts = []
                self._account.budget.bodies[self] = None
            self._parts.append(kept)
            self.kept += len(kept)
            size = PART + len(kept)
            self._body_held += size
            # What Account.add does, without a call for each piece.
            self._account.held += size
            self._account.budget.held += size
            if len(self._parts) > 256:
                self._join(self._parts)

    def _hold(self, size: int) -> None:
        self._body_held += size
        self._account.add(size)

    def _join(self, parts: list[bytes]) -> bytes:
        self._hold(-PART * (len(parts) - 1))
        parts[:] = [b"".join(parts)]
        return parts[0]

    def cut(self) -> None:
        """Let go what is held of the body; what follows of it is only counted in ``request.body_size``."""
        self._hold(-self._body_held)
        if self._counters is not None:
            self._counters.add(Counter.LOST_MEMORY_BODY, self.kept)
        self._parts = None
        self.request.body = b""
        self._limit = -1
        self.note(REQUEST_MEMORY)

    def answered(self, response: ResponseMessage) -> None:
        """An answer that came before the request was complete."""
        self.response = response
        fields = response.response.headers
        size = sum(FIELD + len(name) + len(value) for name, value in fields)
        self._held += size
        self._account.add(size)

    def release(self) -> None:
        """The message has left, or is forgotten: nothing more is kept of it."""
        self._account.add(-self._held - self._body_held)
        self._held = self._body_held = 0
        if self.kept:
            self._account.budget.bodies.pop(self, None)
            self._limit = -1

    def missing(self, size: int) -> None:
        """``size`` bytes of the body were not seen: what follows them is not kept."""
        self.request.body_size += size
        self._limit = -1

    def note(self, name: str) -> None:
        """Add ``name`` to what is missing."""
        if name not in self.incomplete:
            self.incomplete.append(name)

    def finish(self, trailers: Headers | None = None) -> None:
        """The body has ended."""
        if self._parts:
            self.request.body = self._join(self._parts)
            self._parts = None
        if trailers:
            self.request.trailers = trailers
            size = sum(FIELD + len(name) + len(value) for name, value in trailers)
            self._held += size
            self._account.add(size)
        self.complete = True


def lost_request(time: int) -> RequestMessage:
    """A placeholder for a request that was counted as lost."""
    message = RequestMessage(Request(method=b"", target=b""), time, 0)
    message.lost = message.complete = True
    return message


class ResponseMessage:
    """A response head. ``end`` is when its last byte was written; ``cut`` when only a part of it was seen."""

    __slots__ = ("cut", "end", "response")

    def __init__(self, response: Response, end: int, *, cut: bool = False) -> None:
        self.response = response
        self.end = end
        self.cut = cut
