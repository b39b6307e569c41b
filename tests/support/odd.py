"""Requests that look odd and that nginx 1.22 answers like any other; each as the parts in which it is sent."""

from __future__ import annotations

TARGET = b"/api/odd"
BODY = b"hello"

_REST = b" HTTP/1.1\r\nHost: shop\r\n\r\n"
_POST = b"POST /api/odd HTTP/1.1\r\nHost: shop\r\n"
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"

HEADS: dict[str, list[bytes]] = {
    "minor version with a zero": [b"GET /api/odd HTTP/1.01\r\nHost: shop\r\n\r\n"],
    "minor version of two digits": [b"GET /api/odd HTTP/1.10\r\nHost: shop\r\n\r\n"],
    "minor version of three digits": [b"GET /api/odd HTTP/1.999\r\nHost: shop\r\n\r\n"],
    "blanks behind the version": [b"GET /api/odd HTTP/1.1   \r\nHost: shop\r\n\r\n"],
    "empty lines": [b"\r\n" * 200, b"GET /api/odd" + _REST],
    "method that begins with an underscore": [b"_X /api/odd" + _REST],
    "method that begins with a hyphen": [b"-X /api/odd" + _REST],
    "long method": [b"A" * 300 + b" /api/odd" + _REST],
    "long method in two parts": [b"A" * 300, b"A /api/odd" + _REST],
    "bare line feeds": [b"GET /api/odd HTTP/1.1\nHost: shop\n\n"],
}
BODIES: dict[str, list[bytes]] = {
    "zeros before a chunk's size": [_CHUNKED + b"0" * 30 + b"5\r\nhello\r\n0\r\n\r\n"],
    "thousands of zeros before a chunk's size": [_CHUNKED + b"0" * 9000 + b"5\r\nhello\r\n0\r\n\r\n"],
    "a long extension of a chunk": [_CHUNKED + b"5;" + b"x" * 9000 + b"\r\nhello\r\n0;" + b"x" * 9000 + b"\r\n\r\n"],
    "words behind a chunk's size": [_CHUNKED + b"5 five\r\nhello\r\n0\r\n\r\n"],
    "chunks with bare line feeds": [_CHUNKED + b"5\nhello\n0\n\n"],
    "carriage returns behind a length": [_POST + b"Content-Length: 5\r\r\r\n\r\nhello"],
    "a carriage return behind a coding": [_POST + b"Transfer-Encoding: chunked\r\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
    "zeros before a length": [_POST + b"Content-Length: " + b"0" * 30 + b"5\r\n\r\nhello"],
}
