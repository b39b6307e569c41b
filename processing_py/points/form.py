"""``application/x-www-form-urlencoded`` (WHATWG URL §5.1): queries, form bodies, cookies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from processing_py.points import percent, text

_ODD_NAME = re.compile(r"[<>'\"(){};|`$\\*!/&,=:^ ]")


def pairs(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield names and values, decoded once. A part without ``=`` is a name."""
    for part in data.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            yield percent.decode_form(name), percent.decode_form(value)


def odd_name(name: str) -> bool:
    """Whether ``name`` has characters that parameter names of applications do not have.

    Then it is a value cut by ``&`` or ``=``, or the text is no form at all.
    """
    return not name.isalnum() and _ODD_NAME.search(name) is not None


def cookies(value: bytes) -> Iterator[tuple[str, str]]:
    """Yield cookie names and values (RFC 6265 §4.2.1), percent-encoding left alone."""
    for part in value.split(b";"):
        name, _, content = part.partition(b"=")
        yield text.decode(name.strip()), text.decode(content.strip())
