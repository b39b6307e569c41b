"""Bodies in other character sets than UTF-8, as servers read them that believe the ``charset`` parameter.

Attackers name UTF-16, UTF-7 or IBM037 (EBCDIC) because filters read bytes and servers text.
"""

from __future__ import annotations

import codecs
import re
from urllib.parse import quote, unquote_to_bytes

_CHARSET = re.compile(rb"charset\s*=\s*\"?([\w-]{1,40})", re.IGNORECASE)
_CONVERTED = frozenset((b"utf-1", b"utf-3", b"utf16", b"utf32", b"utf-7", b"ibm03", b"cp037"))
"""The first five bytes of the names that mean bytes other than ASCII's."""
for _name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-7", "cp037"):
    # Codecs are modules, loaded when first used; by then a worker may have no right to read them.
    codecs.lookup(_name)
_EBCDIC = frozenset((b"ibm037", b"cp037"))


def to_utf8(body: bytes, content_type: bytes) -> bytes:
    """``body`` in UTF-8 when ``content_type``, in small letters, names a set in which ASCII reads otherwise."""
    match = _CHARSET.search(content_type)
    if match is None or match[1][:5] not in _CONVERTED:
        return body
    if match[1] in _EBCDIC:
        return b"&".join(_from_ebcdic(part) for part in body.split(b"&"))
    try:
        return body.decode(match[1].decode("ascii"), "replace").encode("utf-8", "replace")
    except LookupError:
        return body


def _from_ebcdic(pair: bytes) -> bytes:
    """A form's pair whose name and value are IBM037 while its delimiters are ASCII, as WebSphere and IIS read it."""
    name, mark, value = pair.partition(b"=")
    return _ascii(name) + mark + _ascii(value)


def _ascii(part: bytes) -> bytes:
    """Percent-encoded IBM037 as percent-encoded UTF-8."""
    return quote(unquote_to_bytes(part.replace(b"+", b"\x40")).decode("cp037"), safe="").encode("ascii")
