"""Collects one message head: everything up to the empty line, however it is split.

Fast path: the whole head lies in one piece of data and all its lines end in CRLF: one search, one split. Otherwise the
pieces are joined in a buffer of at most ``limit`` bytes, and the search for the end continues where it stopped. After
the first irregular head of a connection the careful search is used at once, so that an input of many irregular heads
is not scanned to a far CRLF CRLF again and again.
"""

from __future__ import annotations

from agent_py.http.fields import BadHeadError, FieldLines, head_end, irregular_fields, irregular_lines
from common_py.contracts import Headers

NOT_YET = None


class HeadReader:
    """``read`` returns (start line, fields, position behind the head) or None while the head goes on."""

    __slots__ = ("_careful", "_first_line_from", "_held", "_limit", "_lines", "_searched", "busy", "framing", "waiting")

    def __init__(self, lines: FieldLines, limit: int) -> None:
        self._lines = lines
        self._limit = limit
        self._held = bytearray()
        self.busy = False
        """Whether a part of a head waits for the rest."""
        self.waiting = 0
        """Bytes of that part."""
        self._searched = 0
        self._first_line_from = 0
        self._careful = False
        self.framing: list[tuple[bytes, bytes]] = []
        """Content-Length and Transfer-Encoding of the head that ``read`` returned last."""

    @property
    def held(self) -> bytes:
        """The part of a head that waits."""
        return bytes(self._held)

    def reset(self) -> None:
        """Forget the part that waits."""
        self._held.clear()
        self.busy = False
        self.waiting = 0
        self._searched = 0
        self._first_line_from = 0

    def first_line(self) -> bytes | None:
        """The start line of the head that waits, without its end: once, when it has come; None at other times."""
        if self._first_line_from < 0:
            return None
        end = self._held.find(b"\n", self._first_line_from)
        self._first_line_from = -1 if end >= 0 else len(self._held)
        return bytes(self._held[:end]).removesuffix(b"\r") if end >= 0 else None

    def read(self, data: bytes, start: int) -> tuple[bytes, Headers, int] | None:
        """Continue with ``data[start:]``. Raises BadHeadError when the head grows beyond the limit."""
        if self.busy:
            return self._continue(data, start)
        if not self._careful:
            end = data.find(b"\r\n\r\n", start)
            if end >= 0:
                lines = data[start:end].split(b"\r\n")
                first = lines.pop(0)
                fields = self._lines.parse(lines)
                if fields is not None and b"\n" not in first:
                    if end - start > self._limit:
                        raise BadHeadError("the head is longer than the limit")
                    self.framing = self._lines.framing
                    return first, fields, end + 4
                self._careful = True
        found = head_end(data, start)
        if found is None:
            self._hold(data[start:])
            return NOT_YET
        self._careful = True
        if found[0] - start > self._limit:
            raise BadHeadError("the head is longer than the limit")
        return (*self._parse(data[start : found[0]]), found[1])

    def _continue(self, data: bytes, start: int) -> tuple[bytes, Headers, int] | None:
        before = len(self._held)
        self._held += data[start : start + self._limit + 4]
        found = head_end(self._held, self._searched)
        if found is None:
            self._wait()
            return NOT_YET
        self._check(found[0])
        block = bytes(self._held[: found[0]])
        self.reset()
        return (*self._parse(block), start + found[1] - before)

    def _hold(self, part: bytes) -> None:
        self._held += part
        self.busy = bool(part)
        self._wait()

    def _wait(self) -> None:
        self.waiting = len(self._held)
        self._searched = max(0, self.waiting - 2)
        self._check()

    def _check(self, size: int | None = None) -> None:
        if (len(self._held) if size is None else size) > self._limit:
            self.reset()
            raise BadHeadError("the head is longer than the limit")

    def _parse(self, block: bytes) -> tuple[bytes, Headers]:
        lines = irregular_lines(block)
        self.framing = []
        return lines[0], irregular_fields(lines[1:], self.framing)
