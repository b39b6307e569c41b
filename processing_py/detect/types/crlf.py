"""CRLF injection (CWE-93): line ends followed by a header, a status line or a body."""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_BREAK = r"(?:[\r\n]+|%0d|%0a|\\r|\\n|\u560a|\u560d|\u010a|\u010d|\xe5\x98[\x8a\x8d]|\u2028)"
_HEADER = re.compile(
    rf"{_BREAK}{{1,6}}[\s\t#?]*(?:set-cookie|location|content-type|content-length|refresh|x-[a-z-]{{2,40}}|access-control-[a-z-]+|transfer-encoding|content-disposition|link|host|connection|referer|"
    r"x-forwarded-\w+|header-test|crlf[\w-]*|user-agent|status|last-modified|etag|server|cache-control|content-encoding)\s*:"
)
_GENERIC = re.compile(r"^[^\r\n]{0,80}(?:\r\n|%0d%0a|%0a%0d)[a-z][a-z0-9-]{2,30}:\s?\S")
_STATUS = re.compile(rf"{_BREAK}{{1,4}}\s*(?:http/[\d.]+\s+\d{{3}}|(?:get|post|put|delete|head)\s+\S+\s+http/)")
_DUMP = re.compile(r"(?:^|[\"'\n])\s*[a-z-]{3,30}:\s[^\r\n]{0,400}(?:\r\n|\\r\\n)[a-z-]{3,30}:")
_BODY = re.compile(rf"{_BREAK}{{3,8}}\s*<(?:html|script|svg|img|body|h1)")


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


TYPE = AttackType(
    code="crlf",
    literals=("\r\n", "\n", "\r", "%0d", "%0a", "\\r\\n", "\\n", "?set-cookie", "set-cookie"),
    confirm=confirm,
    weights={"header": 5.0, "generic": 3.5, "status": 5.0, "body": 4.5, "document": -2.5, "dump": -6.0},
)  # fmt: skip
