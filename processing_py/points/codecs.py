"""Decoders of single values: each has a cheap trigger and returns the texts that a server might make of the value.

One registry, ``DECODERS``; ``work`` applies every decoder to every value until nothing new appears or the budget
ends. The value as sent is always kept beside what is decoded from it.
"""

from __future__ import annotations

import binascii
import html
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from processing_py.points import percent, text
from processing_py.points.budget import Budget

Decoded = Iterable[tuple[str, str]]
"""(name of the sub-point, "" for none; text)."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """``trigger`` is cheap and may err on the side of True; ``decode`` returns nothing when it does not apply."""

    name: str
    trigger: Callable[[str], object]
    decode: Callable[[str, Budget], Decoded]


_ENTITY = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,31}\d{0,2});?")
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-3]?[0-7]{2}))")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{8,}(?:=|%3[dD]){0,2}|[A-Za-z0-9+/_-]{6,7}(?:=|%3[dD]){1,2})\Z")
_EMBEDDED = re.compile(r"(?:^|base64,|[\s:='\"(,])([A-Za-z0-9+/_-]{16,}+={0,2}+)(?=$|[\s;'\"),&|}])")
_HEX = re.compile(r"(?:0x|\\x|x')?((?:[0-9a-fA-F]{2}){8,})'?\Z")
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{4,}+\.[A-Za-z0-9_-]{2,}+\.")
"""A token begins where its alphabet does: otherwise each "eyJ" in a run of letters would read the rest of the run."""
_UTF7 = re.compile(r"\+([A-Za-z0-9+/]{2,256}+)-")
_INFLATE_STEP = 1 << 16


def _percent(value: str, _budget: Budget) -> Decoded:
    return (("percent", percent.decode(value)),)


def _html(value: str, _budget: Budget) -> Decoded:
    if _ENTITY.search(value) is None:
        return ()
    return (("htmljs", html.unescape(value)),)


def _escapes(value: str, _budget: Budget) -> Decoded:
    decoded = _ESCAPE.sub(_unescape, value)
    return (("htmljs", decoded),) if decoded != value else ()


def _unescape(match: re.Match[str]) -> str:
    braced, unicode, latin, octal = match.groups()
    code = int(octal, 8) if octal else int(braced or unicode or latin, 16)
    return chr(code) if code < 0x110000 else match[0]


def from_base64(value: str) -> bytes | None:
    """Return what ``value`` encodes (RFC 4648 §4, §5; padding and line ends optional), None when it does not."""
    compact = value.translate(_BASE64_FORM).rstrip("=")
    if len(compact) % 4 == 1:
        return None
    try:
        return binascii.a2b_base64(compact + "=" * (-len(compact) % 4), strict_mode=True)
    except ValueError:
        return None


_BASE64_FORM = {ord("-"): "+", ord("_"): "/", ord(" "): "+", 10: None, 13: None, 9: None}


def _base64(value: str, budget: Budget) -> Decoded:
    stripped = value.strip()
    if _BASE64.match(stripped.replace("\r\n", "").replace("\n", "")):
        found = [stripped.replace("%3D", "=").replace("%3d", "=")]
    else:
        found = [match[1] for match in islice(_EMBEDDED.finditer(value), 64)]
    results: list[tuple[str, str]] = []
    for candidate in found:
        data = from_base64(candidate)
        if data is not None:
            results.extend(("base64", decoded) for decoded in _readable(data, budget))
    return results


def _readable(data: bytes, budget: Budget) -> list[str]:
    inflated = inflate(data, budget)
    if inflated is not None:
        data = inflated
    if data.count(0) * 3 > len(data):
        wide = text.decode(data)
        return [wide] if wide.isascii() and "\0" not in wide else []
    return [text.decode(data)] if text.mostly_text(data) else []


def inflate(data: bytes, budget: Budget) -> bytes | None:
    """Return gzip (RFC 1952) or zlib (RFC 1950) ``data`` unpacked, None when it is neither; cut at the limits.

    A part that grows past the limits is recorded in ``budget.bomb``.
    """
    if data[:2] == b"\x1f\x8b":
        bits = 31
    elif len(data) > 2 and data[0] == 0x78 and (data[0] << 8 | data[1]) % 31 == 0:
        bits = 15
    else:
        return None
    return _unpack(data, bits, budget)


def inflate_raw(data: bytes, budget: Budget) -> bytes | None:
    """Return raw deflate (RFC 1951) ``data`` unpacked, None when it is not."""
    return _unpack(data, -15, budget)


def _unpack(data: bytes, bits: int, budget: Budget) -> bytes | None:
    if budget.bomb:
        return None
    engine = zlib.decompressobj(bits)
    parts: list[bytes] = []
    size = 0
    allowed = min(budget.limits.inflated - budget.inflated, max(4 << 20, len(data) * budget.limits.ratio))
    pending = data
    try:
        while pending and not engine.eof:
            part = engine.decompress(pending, _INFLATE_STEP)
            pending = engine.unconsumed_tail
            parts.append(part)
            size += len(part)
            budget.inflated += len(part)
            if size > allowed:
                budget.bomb = "gzip"
                break
    except zlib.error:
        if size == 0:
            return None
    return b"".join(parts) or None


def _hex(value: str, budget: Budget) -> Decoded:
    match = _HEX.match(value)
    if match is None:
        return ()
    return [("hex", decoded) for decoded in _readable(bytes.fromhex(match[1]), budget)]


def _utf7(value: str, _budget: Budget) -> Decoded:
    decoded = _UTF7.sub(_from_utf7, value)
    return (("utf7", decoded),) if decoded != value else ()


def _from_utf7(match: re.Match[str]) -> str:
    data = from_base64(match[1])
    if data is None or len(data) % 2:
        return match[0]
    wide = data.decode("utf-16-be", "replace")
    return wide if wide.isprintable() or wide.isspace() else match[0]


def _nul(value: str, _budget: Budget) -> Decoded:
    """Servers drop NULs or take them for white space."""
    return (("", value.replace("\0", "")), ("", value.replace("\0", " ")))


def _fold(value: str, _budget: Budget) -> Decoded:
    return (("", text.fold(value)),)


def _jwt(value: str, _budget: Budget) -> Decoded:
    match = _TOKEN.search(value)
    if match is None:
        return ()
    parts = match[0].split(".")
    results = []
    for name, part in zip(("jwt_header", "jwt_payload"), parts, strict=False):
        data = from_base64(part)
        if data is not None and text.mostly_text(data):
            results.append((name, text.decode(data)))
    return results


def _maybe_base64(value: str) -> bool:
    if len(value) < 8:
        return False
    return _BASE64.match(value) is not None or (len(value) >= 16 and _EMBEDDED.search(value) is not None)


def unfold(value: str, budget: Budget) -> str:
    """Return ``value`` with percent, entity, backslash and compatibility forms resolved one after the other.

    For large values, where every combination of decoders would cost too much.
    """
    for decoder in DECODERS:
        if decoder.name in ("percent", "html", "js", "unicode", "nul") and decoder.trigger(value):
            for _, decoded in decoder.decode(value, budget):
                value = decoded
    return value


def unpack(value: str, budget: Budget) -> Decoded:
    """Yield what base64, hexadecimal and JWT make of a large ``value``."""
    for decoder in DECODERS:
        if decoder.name in ("jwt", "base64", "hex") and decoder.trigger(value):
            yield from decoder.decode(value, budget)


BASE64 = Decoder("base64", _maybe_base64, _base64)
HEX = Decoder("hex", lambda value: len(value) >= 16 and _HEX.match(value), _hex)
DECODERS: tuple[Decoder, ...] = (
    Decoder("percent", lambda value: "%" in value and percent.ENCODED.search(value), _percent),
    Decoder("html", lambda value: "&" in value, _html),
    Decoder("js", lambda value: "\\" in value, _escapes),
    Decoder("jwt", lambda value: "eyJ" in value, _jwt),
    BASE64,
    HEX,
    Decoder("utf7", lambda value: "+" in value and "-" in value, _utf7),
    Decoder("nul", lambda value: "\0" in value, _nul),
    Decoder("unicode", lambda value: not value.isascii(), _fold),
)
"""Every decoder of single values. A new one is a line here and its function above."""
