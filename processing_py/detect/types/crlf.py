"""CRLF injection (CWE-93): line ends followed by a header, a status line or a body."""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_BREAK = r"(?:[\r\n]|%0d|%0a|\\r|\\n|\u560a|\u560d|\u010a|\u010d|\xe5\x98[\x8a\x8d]|\u2028)"
_NAMES = (
    r"set-cookie|location|content-type|content-length|refresh|x-[a-z-]{2,40}|access-control-[a-z-]{1,40}|transfer-encoding|content-disposition|link|host|connection|referer|"
    r"x-forwarded-\w{1,64}|header-test|crlf[\w-]{0,64}|user-agent|status|last-modified|etag|server|cache-control|content-encoding"
)
_HEADER = re.compile(rf"{_BREAK}[\s\t#?]{{0,16}}(?:{_NAMES})\s{{0,8}}:")
_GENERIC = re.compile(r"^[^\r\n]{0,80}(?:\r\n|%0d%0a|%0a%0d)[a-z][a-z0-9-]{2,30}:\s?\S")
_STATUS = re.compile(
    rf"{_BREAK}\s{{0,8}}(?:http/[\d.]+\s{{1,8}}\d{{3}}|(?:get|post|put|delete|head)\s{{1,8}}\S{{1,128}}\s{{1,8}}http/)"
)
_DUMP = re.compile(r"(?:^|[\"'\n])\s{0,8}[a-z-]{3,30}:\s[^\r\n]{0,400}(?:\r\n|\\r\\n)[a-z-]{3,30}:")
_BODY = re.compile(rf"{_BREAK}{{3}}\s{{0,8}}<(?:html|script|svg|img|body|h1)")


def confirm(value: Value) -> list[Signal]:
    """Signals of a split message in ``value``."""
    text = value.lower
    if any(element[0] in ("file", "multipart") for element in value.leaf.path[-1:]):
        return []
    signals: list[Signal] = []
    for name, pattern in (("header", _HEADER), ("generic", _GENERIC), ("status", _STATUS), ("body", _BODY)):
        match = pattern.search(text)
        if match is not None:
            signals.append(Signal(name, match[0]))
    if signals and value.section == "post" and text.count("\n") > 3:
        signals.append(Signal("document", ""))
    if signals and _DUMP.search(text) is not None:
        signals.append(Signal("dump", ""))
    return signals


_FOLDED_BREAK = r"(?:[\r\n]|%0d|%0a|\\r|\\n|\?|\xe5\x98[\x8a\x8d])"
"""As the scan sees line ends: characters outside Latin-1 are question marks there."""
_TRIGGERS = (
    rf"{_FOLDED_BREAK}[\s#?]*(?:{_NAMES})\s*:",
    r"(?:\r\n|%0d%0a|%0a%0d)[a-z][a-z0-9-]{2,30}:\s?\S",
    rf"{_FOLDED_BREAK}\s*(?:http/[\d.]{{1,8}}\s|(?:get|post|put|delete|head)\s+\S+\s+http/)",
    rf"{_FOLDED_BREAK}\s*<(?:html|script|svg|img|body|h1)",
)

TYPE = AttackType(
    code="crlf",
    literals=("?set-cookie",),
    confirm=confirm,
    triggers=_TRIGGERS,
    weights={"header": 5.0, "generic": 3.5, "status": 5.0, "body": 4.5, "document": -2.5, "dump": -6.0},
)  # fmt: skip
