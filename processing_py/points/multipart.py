"""``multipart/*`` bodies (RFC 2046 §5.1, RFC 7578), read as leniently as servers do.

The boundary comes from the Content-Type or, when that is wrong, from the body's first line. Parts may use bare LF, lack
quotes around names, be base64 or quoted-printable, and lack the closing delimiter. Each byte is looked at a bounded
number of times.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from processing_py.points import text

_BOUNDARY = re.compile(rb"boundary\*?\d*\*?\s*=\s*(?:\"([^\"]{1,200})\"|([^\s;,]{1,200}))", re.IGNORECASE)
_FIRST_LINE = re.compile(rb"\s*--([^\r\n]{1,200})\r?\n")
_PARAMETER = re.compile(r"(filename|name)(\*?)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([^;\r\n]*))", re.IGNORECASE)
_BLANK = re.compile(rb"\r?\n\r?\n")
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w-]{1,40})", re.IGNORECASE)
_HEADER_BYTES = 8192


@dataclass(frozen=True, slots=True)
class BodyPart:
    """One part: its header block, name and file name ("" when absent), content decoded from its transfer encoding."""

    header: str
    name: str
    filename: str
    content: bytes
    charset: str


def boundary(content_type: bytes, body: bytes) -> bytes:
    """The boundary that separates the parts of ``body``; b"" when it looks like no multipart."""
    match = _BOUNDARY.search(content_type)
    named = (match[1] or match[2]) if match else b""
    if b"'" in named and b"''" in named:
        named = unquote_to_bytes(named.rpartition(b"''")[2])
    if named and b"--" + named in body:
        return named
    first = _FIRST_LINE.match(body)
    if first is not None and b"ontent-" in body[first.end() : first.end() + 200].replace(b"C", b"c").replace(
        b"O", b"o"
    ):
        return first[1].rstrip()
    return b""


def parts(body: bytes, delimiter: bytes) -> Iterator[BodyPart]:
    """Yield the parts of ``body``."""
    for chunk in body.split(b"--" + delimiter)[1:]:
        if chunk[:2] == b"--":
            return
        blank = _BLANK.search(chunk, 0, _HEADER_BYTES)
        if blank is None:
            head, content = chunk, b""
        else:
            head, content = chunk[: blank.start()], chunk[blank.end() :]
        yield _part(text.decode(head), content.removesuffix(b"\n").removesuffix(b"\r"))


def _part(header: str, content: bytes) -> BodyPart:
    names = {"name": "", "filename": ""}
    for key, starred, quoted, single, bare in _PARAMETER.findall(header):
        value = quoted or single or bare.strip()
        if starred and "''" in value:
            value = text.decode(unquote_to_bytes(value.partition("''")[2]))
        names[key.lower()] = value.replace('\\"', '"')
    lowered = header.lower()
    if "content-transfer-encoding" in lowered:
        content = _transfer(lowered, content)
    charset = _CHARSET.search(lowered)
    return BodyPart(header, names["name"], names["filename"], content, charset[1] if charset else "")


def _transfer(header: str, content: bytes) -> bytes:
    if "base64" in header:
        try:
            return binascii.a2b_base64(content)
        except binascii.Error:
            return content
    return quopri.decodestring(content) if "quoted-printable" in header else content
