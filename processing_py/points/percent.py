"""Percent-encoding (RFC 3986 §2.1) as servers read it: ``%XX``, IIS's ``%uXXXX``, broken triplets left alone."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from processing_py.points.text import decode as to_text

_UNICODE = re.compile(r"%[uU]([0-9a-fA-F]{4})")
ENCODED = re.compile(r"%[0-9a-fA-F]{2}|%[uU][0-9a-fA-F]{4}")


def decode(text: str) -> str:
    """Return ``text`` with its triplets resolved once."""
    if "%u" in text or "%U" in text:
        text = _UNICODE.sub(lambda match: chr(int(match[1], 16)), text)
    if "%" not in text:
        return text
    if text.isascii():
        return to_text(unquote_to_bytes(text))
    try:
        data = text.encode("latin-1")
    except UnicodeEncodeError:
        data = text.encode("utf-8", "surrogatepass")
    return to_text(unquote_to_bytes(data))


def decode_form(data: bytes) -> str:
    """Return a name or value of ``application/x-www-form-urlencoded`` (WHATWG URL §5.1): ``+`` is a space."""
    text = to_text(data.replace(b"+", b" ") if b"+" in data else data)
    return decode(text) if "%" in text else text
