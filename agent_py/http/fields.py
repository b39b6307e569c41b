"""Start lines and field lines of HTTP/1 heads (RFC 9112 §2-§5), exact in bytes and lenient like the servers.

Goal: a head costs one ``split`` and one dictionary look-up a line. Clients and servers repeat most field lines, so
``FieldLines`` maps a whole line to its (name, value) pair. Only regular lines are remembered: irregular ones (bare LF,
obs-fold, stray CR) raise and send the whole head down the slow path, so a hit proves that the line is regular. Framing
fields are never remembered, therefore parsing always passes through ``__missing__`` for them and collects them.

Invariants: the memory is bounded (``LINES`` lines of at most ``LINE_LIMIT`` bytes, emptied when full); every path is
linear in the head's length.
"""

from __future__ import annotations

import re

from common_py.contracts import Headers

LINES = 4096
LINE_LIMIT = 512

FRAMING_LENGTHS = frozenset({len(b"content-length"), len(b"transfer-encoding")})
FRAMING = frozenset({b"content-length", b"transfer-encoding"})

BLANK = b" \t"

KNOWN_METHODS = frozenset({b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"})
VERSIONS = {b"HTTP/1.1": "1.1", b"HTTP/1.0": "1.0"}

_head_end = re.compile(rb"\n\r?\n").search
_token = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
# nginx takes HTTP/1 with a minor version of three digits, Node.js HTTP/0.9 and HTTP/2.0 before a head like any other.
_version = re.compile(rb"HTTP/([0-2])\.0*([0-9]{1,3})").fullmatch
_status_line = re.compile(rb"HTTP/1\.[0-9] +([0-9]{3})(?:[ \t][^\r\n]*)?").fullmatch
_request_start = re.compile(rb"[A-Z][A-Z_-]{1,31} +(?:[/*]|[A-Za-z][A-Za-z0-9+.-]*:|[\w.-]+:[0-9])").match


class BadHeadError(ValueError):
    """A head that no server accepts."""


class _IrregularLineError(Exception):
    """A line that is not simply ``name: value``; the slow path knows what it is."""


class FieldLines(dict[bytes, tuple[bytes, bytes]]):
    """Field lines already parsed, shared by all connections of a worker (they hold nothing but what was sent)."""

    __slots__ = ("framing",)

    def __init__(self) -> None:
        super().__init__()
        self.framing: list[tuple[bytes, bytes]] = []
        """Content-Length and Transfer-Encoding fields of the head being parsed, names in lower case."""

    def __missing__(self, line: bytes) -> tuple[bytes, bytes]:
        if b"\n" in line or b"\r" in line or line[:1].isspace():
            raise _IrregularLineError
        name, _colon, value = line.partition(b":")
        value = value.strip(BLANK)
        pair = name, value
        if len(name) in FRAMING_LENGTHS or name[-1:].isspace():
            lower = name.strip(BLANK).lower()
            if lower in FRAMING:
                self.framing.append((lower, value))
                return pair
        if len(line) <= LINE_LIMIT:
            if len(self) >= LINES:
                self.clear()
            self[line] = pair
        return pair

    def parse(self, lines: list[bytes]) -> Headers | None:
        """The fields of ``lines`` (split at CRLF, without the start line), or None when one is irregular."""
        self.framing = []
        try:
            return [self[line] for line in lines]
        except _IrregularLineError:
            self.framing = []
            return None


def field(line: bytes) -> tuple[bytes, bytes]:
    """Name as sent and value without surrounding blanks. A line without a colon is a name without value (nginx)."""
    name, _colon, value = line.partition(b":")
    return name, value.strip(BLANK)


def head_end(data: bytes | bytearray, start: int) -> tuple[int, int] | None:
    """Where the head in ``data`` ends: (end of its last line's content, start of what follows); bare LF counts.

    ``start`` may be any position of which no earlier one begins an end. Linear.
    """
    found = _head_end(data, start)
    return (found.start() + 1, found.end()) if found else None


def irregular_lines(block: bytes) -> list[bytes]:
    """The lines of a head that holds bare LFs, folded lines or stray CRs.

    A fold counts as one space (RFC 9112 §5.2). nginx takes any number of CRs for a field line's end, and a value of a
    framing field that kept one would hide the body and what follows; a CR elsewhere is kept as sent.
    """
    lines: list[bytes] = []
    folded: list[bytes] = []
    for line in block.split(b"\n"):
        line = line.rstrip(b"\r") if lines else line.removesuffix(b"\r")
        if len(lines) > 1 and line[:1] in (b" ", b"\t"):
            folded.append(line.strip(BLANK))
            continue
        _unfold(lines, folded)
        lines.append(line)
    _unfold(lines, folded)
    return lines


def _unfold(lines: list[bytes], folded: list[bytes]) -> None:
    if folded:
        lines[-1] = b" ".join([lines[-1], *folded])
        folded.clear()


def irregular_fields(lines: list[bytes], framing: list[tuple[bytes, bytes]]) -> Headers:
    """Fields of lines from ``irregular_lines``; framing fields are appended to ``framing``."""
    fields = [field(line) for line in lines if line]
    for name, value in fields:
        lower = name.strip(BLANK).lower()
        if lower in FRAMING:
            framing.append((lower, value))
    return fields


def request_line(line: bytes) -> tuple[bytes, bytes, str]:
    """Method, request-target and version ("0.9" also when there is none). Raises BadHeadError.

    Spaces inside the target are kept: some servers accept them (nginx before 1.21.1, RFC 9112 §3.2 lets them).
    """
    parts = line.split(b" ")
    if len(parts) == 3:
        method, target, version = parts
        if version in VERSIONS and target and (method in KNOWN_METHODS or _token(method)):
            return method, target, VERSIONS[version]
    return _odd_request_line(line)


def _odd_request_line(line: bytes) -> tuple[bytes, bytes, str]:
    method, _space, rest = line.partition(b" ")
    if not _token(method):
        raise BadHeadError("no method")
    target, _space, last = rest.strip(b" ").rpartition(b" ")
    version = _version(last)
    if version and target:
        return method, target.rstrip(b" "), f"{int(version[1])}.{int(version[2])}"
    if last.startswith(b"HTTP/") or not rest.strip(b" ") or target:
        raise BadHeadError("no target or version")
    return method, last, "0.9"


def status_line(line: bytes) -> int:
    """The status code. Raises BadHeadError."""
    if line[8:9] == b" " and line[:7] == b"HTTP/1." and line[9:12].isdigit() and line[12:13] in (b" ", b""):
        return int(line[9:12])
    found = _status_line(line)
    if not found:
        raise BadHeadError("no status")
    return int(found[1])


def looks_like_request(data: bytes) -> bool:
    """Whether ``data`` begins as requests do: the test for joining a connection in its middle."""
    return _request_start(data) is not None
