"""What the HTTP readers hand out."""

from __future__ import annotations

from common_py.contracts import Headers, Request, Response

REQUEST_BODY_LIMIT = "request_body_limit"
REQUEST_GAP = "request_gap"
REQUEST_UNFINISHED = "request_unfinished"
RESPONSE_HEAD_CUT = "response_head_cut"
RESPONSE_MISSING = "response_missing"
UNAUTHENTICATED = "unauthenticated"


class RequestMessage:
    """A request whose head is known. It is handed out at once and grows until ``complete``.

    ``lost``: no request at all, a placeholder that takes the response of a request that was counted as lost.
    """

    __slots__ = ("_limit", "_parts", "complete", "incomplete", "kept", "lost", "request", "response", "start")

    def __init__(self, request: Request, start: int, limit: int) -> None:
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
            self._parts.append(kept)
            self.kept += len(kept)
            if len(self._parts) > 256:
                self._parts[:] = [b"".join(self._parts)]

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
            self.request.body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts = None
        if trailers:
            self.request.trailers = trailers
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
