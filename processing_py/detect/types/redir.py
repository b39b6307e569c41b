"""Open redirect (CWE-601): values that browsers take for another site but naive checks do not."""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_DISGUISED = re.compile(
    r"^\s{0,8}(?:/{1,4}\\+|\\+/{1,4}|\\{2,}|/{3,})[\w.@%\[:-]+\.?\w{1,64}|^\s{0,8}https?:(?:/?[\w\\]|/{3,}|\\)|^\s{0,8}https?://[^/\s]{0,80}[\\@][^/\s]*|^\s{0,8}[\x00-\x20]+//"
    r"|^\s{0,8}/{1,3}[^\w\s/.-][\w.-]+\.\w{1,64}|^\s{0,8}https?://\[::ffff:|^\s{0,8}〱|^\s{0,8}/%(?:09|5c|2f)/|^\s{0,8}\.[\w-]+\.\w{1,64}$|^\s{0,8}https?://(?:0x|0\d|\d{8,})"
)
_PARAMETER = re.compile(
    r"^(?:url|uri|u|r|redir\w{0,64}|redirect\w{0,64}|return\w{0,64}|next|goto|dest\w{0,64}|target|continue|rurl|out|view|to|link|forward|checkout_url|image_url|go|callback|success|data|q|location|site|ref|page)$"
)


def confirm(value: Value) -> list[Signal]:
    """Signals of a redirect in ``value``."""
    if value.section not in ("get", "post", "get_name") or len(value.text) > 2048:
        return []
    match = _DISGUISED.match(value.lower)
    if match is None:
        return []
    signals = [Signal("disguised", value.lower)]
    names = {str(element[-1]).lower() for element in value.leaf.path}
    if any(_PARAMETER.match(name) for name in names):
        signals.append(Signal("parameter", value.lower))
    return signals


TYPE = AttackType(
    "redir",
    ("//", "\\\\", "/\\", "\\/", "http:", "https:", "/%5c", "%2f"),
    confirm,
    {"disguised": 2.5, "parameter": 2.0},
)
