"""The values of a request's head: target, header fields, cookies."""

from __future__ import annotations

import re

from common_py.contracts import Headers
from processing_py.points import codecs, form, parameters, percent, text
from processing_py.points.leaf import Path
from processing_py.points.work import TRIVIAL_LENGTH, Work

_PLAIN_SEGMENT = re.compile(r"[\w.~@:,+!-]*\Z")
_ABSOLUTE = re.compile(rb"\A[a-zA-Z][a-zA-Z0-9+.-]{0,20}://[^/?#]*")
SEGMENTS = 64
"""Segments of a path that are looked at one by one."""
URI: Path = (("uri",),)


def add_target(work: Work, target: bytes) -> None:
    """Add the path, its segments and the query of a request target (RFC 9112 §3.2)."""
    absolute = _ABSOLUTE.match(target)
    if absolute is not None:
        target = target[absolute.end() :]
    route, _mark, query = target.partition(b"?")
    decoded = text.decode(route)
    if len(decoded) > 1:
        work.add(URI, decoded)
        _add_segments(work, percent.decode(decoded) if "%" in decoded else decoded)
    if query:
        parameters.add(work, query, "get", (), URI)


def _add_segments(work: Work, route: str) -> None:
    """Path segments that may carry a value of their own: encoded, or with unusual characters."""
    segments = route.split("/")
    for index, segment in enumerate(segments[1 : SEGMENTS + 1]):
        if len(segment) < TRIVIAL_LENGTH:
            continue
        last = index == len(segments) - 2
        path: Path = (("action_name",),) if last else (("path", index),)
        if _PLAIN_SEGMENT.match(segment) is None:
            work.add(path, segment)
        elif codecs.BASE64.trigger(segment) or codecs.HEX.trigger(segment):
            work.decode(path, segment)


def add_headers(work: Work, headers: Headers) -> tuple[bytes, bytes]:
    """Add the header fields. Returns the values of Content-Type, and of Content-Encoding in small letters."""
    content_type = encoding = b""
    for name, value in headers:
        lowered = name.lower()
        if lowered == b"cookie":
            _add_cookies(work, value)
            continue
        if lowered == b"content-type":
            content_type = value
        elif lowered == b"content-encoding":
            encoding = value.lower()
        label = text.decode(name).upper()
        work.add((("header", label),), text.decode(value))
        if form.odd_name(label):
            work.add((("header_name", label),), label)
    return content_type, encoding


def _add_cookies(work: Work, value: bytes) -> None:
    odd = False
    for name, content in form.cookies(value):
        path: Path = (("header", "COOKIE"), ("cookie", name))
        work.add(path, content)
        odd = odd or form.odd_name(name) or (not content and "%" in name)
    if odd:
        work.add((("header", "COOKIE"),), text.decode(value))
