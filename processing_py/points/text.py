"""Bytes of a client to text and back to something printable.

HTTP has no text encoding (RFC 9110 §5.5), and servers disagree, so reading is lenient: byte order marks, UTF-16,
UTF-8 with overlong forms (which RFC 3629 §10 forbids and old decoders accept), else one character a byte.
"""

from __future__ import annotations

import re
import unicodedata

PAYLOAD_BYTES = 1024
"""Longest payload of a finding."""

_OVERLONG = re.compile(
    rb"\xc0[\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}"
    rb"|\xf8[\x80-\x87][\x80-\xbf]{3}|\xfc[\x80-\x83][\x80-\xbf]{4}"
)
_ESCAPED = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"}


def _shortest(match: re.Match[bytes]) -> bytes:
    sequence = match[0]
    code = sequence[0] & (0x7F >> len(sequence))
    for byte in sequence[1:]:
        code = code << 6 | byte & 0x3F
    return chr(code).encode("utf-8", "replace")


def decode(data: bytes) -> str:
    """Return ``data`` as text, never failing."""
    if data.isascii():
        return data.decode("ascii") if b"\0" not in data else _maybe_utf16(data)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if data[:3] == b"\xef\xbb\xbf":
        data = data[3:]
    shortened = _OVERLONG.sub(_shortest, data)
    try:
        return shortened.decode("utf-8")
    except UnicodeDecodeError:
        return shortened.decode("latin-1")


def _maybe_utf16(data: bytes) -> str:
    """ASCII bytes with NULs: UTF-16 without a mark when every other byte is NUL, else as they are."""
    half = len(data) // 2
    if half >= 2 and len(data) % 2 == 0:
        if data[1::2].count(0) == half:
            return data.decode("utf-16-le", "replace")
        if data[::2].count(0) == half:
            return data.decode("utf-16-be", "replace")
    return data.decode("ascii")


def fold(text: str) -> str:
    """Return ``text`` with compatibility forms folded (fullwidth letters, ligatures) and quotes made plain."""
    return unicodedata.normalize("NFKC", text).translate(_PLAIN)


_PLAIN = {0x2018: "'", 0x2019: "'", 0x02B9: "'", 0x02BC: "'", 0x201C: '"', 0x201D: '"', 0x00AB: '"', 0x00BB: '"',
          0x2215: "/", 0x2044: "/", 0x29F5: "\\", 0x2216: "\\", 0x00A0: " ", 0x200B: None, 0xFEFF: None}  # fmt: skip


def printable(text: str, limit: int = PAYLOAD_BYTES) -> str:
    """Return ``text`` with control and unassigned characters as backslash escapes, at most ``limit`` UTF-8 bytes."""
    shown: list[str] = []
    room = limit
    for character in text[:limit]:
        form = _ESCAPED.get(character) or (character if character.isprintable() else _escape(character))
        room -= len(form) if form.isascii() else len(form.encode("utf-8"))
        if room < 0:
            break
        shown.append(form)
    return "".join(shown)


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def mostly_text(data: bytes) -> bool:
    """Whether at least nine tenths of ``data`` are printable ASCII, white space or valid UTF-8."""
    if not data:
        return False
    sample = data[:4096]
    odd = len(sample.translate(None, _TEXT_BYTES))
    if odd * 10 <= len(sample):
        return True
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return sum(not character.isprintable() and character not in "\t\r\n" for character in text[:4096]) * 10 <= len(
        text[:4096]
    )


_TEXT_BYTES = bytes(range(0x20, 0x7F)) + b"\t\r\n"
