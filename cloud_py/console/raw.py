"""A request's bytes as text for people: nothing hidden, nothing interpreted, payloads marked. Pure.

Invariants: the concatenated pieces of ``pieces`` show every byte that was given, in order. Control, format (bidi,
zero-width) and unassigned characters never reach the page as themselves: they become pictures (U+2400) or escapes.
Cost is linear in the bytes shown, which ``SHOWN`` bounds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from common_py.contracts import Request

SHOWN = 65_536
"""Bytes of a request that the page shows."""
ROUNDS = 3
"""Nested percent-encodings that are looked through for a payload."""
MARKS = 50

Layer = tuple[bytes, Sequence[int]]
"""Decoded bytes, and for each position in them (and their end) the one in the bytes as sent."""

_HEX = re.compile(rb"%([0-9A-Fa-f]{2})|\+")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SIMPLE = {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\", "0": b"\0"}


@dataclass(frozen=True, slots=True)
class Piece:
    """Text to show; ``control``: it stands for something unprintable; ``marked``: part of a payload."""

    text: str
    control: bool = False
    marked: bool = False


def serialise(request: Request) -> bytes:
    """The request as HTTP/1 writes it (RFC 9112 §2.1), also when it came over HTTP/2."""
    head = [request.method + b" " + request.target + b" HTTP/" + request.version.encode()]
    head += [name + b": " + value for name, value in request.headers]
    trailers = [b"\n" + name + b": " + value for name, value in request.trailers]
    return b"\n".join(head) + b"\n\n" + request.body + b"".join([b"\n", *trailers] if trailers else [])


def payload_bytes(payload: str) -> bytes:
    """The bytes that a finding's payload stands for: its backslash escapes undone."""
    parts: list[bytes] = []
    end = 0
    for match in _ESCAPE.finditer(payload):
        parts.append(payload[end : match.start()].encode("utf-8", "replace"))
        byte, unit, simple = match.groups()
        if byte:
            parts.append(bytes([int(byte, 16)]))
        elif unit:
            parts.append(chr(int(unit, 16)).encode("utf-8", "replace"))
        else:
            parts.append(_SIMPLE.get(simple, match.group().encode("utf-8", "replace")))
        end = match.end()
    parts.append(payload[end:].encode("utf-8", "replace"))
    return b"".join(parts)


def layers(raw: bytes) -> list[Layer]:
    """``raw`` as sent and with its percent-encodings undone up to ``ROUNDS`` times, outermost first."""
    found: list[Layer] = [(raw, range(len(raw) + 1))]
    for _ in range(ROUNDS):
        text, places = found[-1]
        decoded, inner = _percent_decoded(text)
        if decoded == text:
            break
        found.append((decoded, [places[index] for index in inner]))
    return found


def locate(layers: Sequence[Layer], payload: str) -> list[tuple[int, int]]:
    """Where the payload stands in the bytes as sent, by the outermost layer that shows it; [] when none does."""
    wanted = [item for item in dict.fromkeys((payload_bytes(payload), payload.encode("utf-8", "replace"))) if item]
    for text, places in layers:
        for item in wanted:
            if spans := [(places[start], places[start + len(item)]) for start in _occurrences(text, item)]:
                return spans
    return []


def _occurrences(text: bytes, wanted: bytes) -> Iterator[int]:
    start = text.find(wanted)
    for _ in range(MARKS):
        if start < 0:
            return
        yield start
        start = text.find(wanted, start + len(wanted))


def _percent_decoded(text: bytes) -> tuple[bytes, list[int]]:
    """The text with percent-encodings and ``+`` undone, and for each of its positions the one in ``text``."""
    parts = bytearray()
    places: list[int] = []
    end = 0
    for match in _HEX.finditer(text):
        parts += text[end : match.start()]
        places += range(end, match.start() + 1)
        parts.append(int(match[1], 16) if match[1] else 0x20)
        end = match.end()
    parts += text[end:]
    places += range(end, len(text) + 1)
    return bytes(parts), places


def pieces(raw: bytes, spans: Sequence[tuple[int, int]] = ()) -> list[Piece]:
    """``raw`` as text, cut at ``SHOWN`` bytes; bytes within ``spans`` are marked."""
    raw = raw[:SHOWN]
    shown: list[Piece] = []
    end = 0
    for start, stop in sorted(spans):
        if start < end or start >= len(raw):
            continue
        shown += _pieces(raw[end:start], False)
        shown += _pieces(raw[start:stop], True)
        end = stop
    return shown + _pieces(raw[end:], False)


def _pieces(raw: bytes, marked: bool) -> list[Piece]:
    """Runs of printable characters and of others, one piece each."""
    found: list[Piece] = []
    run: list[str] = []
    run_control = False
    for character in raw.decode("utf-8", "surrogateescape"):
        text = visible(character)
        if run and (text != character) != run_control:
            found.append(Piece("".join(run), run_control, marked))
            run = []
        run_control = text != character
        run.append(text)
    if run:
        found.append(Piece("".join(run), run_control, marked))
    return found


def visible(character: str) -> str:
    """The character, or what stands for it when it cannot be seen. Line feeds stay: they make the lines."""
    code = ord(character)
    if character == "\n" or 0x20 <= code < 0x7F:
        return character
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"):
        return f"\\u{{{code:x}}}"
    return character


def printable(text: str) -> str:
    """One line of text with everything unprintable made visible, line feeds too."""
    return "".join(visible(character) for character in text).replace("\n", "\u240a")
