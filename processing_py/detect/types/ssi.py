"""Server-side includes (CWE-97): directives of Apache's mod_include and ESI tags."""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_DIRECTIVE = re.compile(
    r"<!--\s{0,8}#\s{0,8}(?:exec|include|echo|printenv|set|config|fsize|flastmod|if|email|odbc|sql|goto|label|break)\b[^>]{0,400}"
)
_ESI = re.compile(r"<esi:(?:include|vars|inline|debug|remove|comment|try)\b")


def confirm(value: Value) -> list[Signal]:
    """Signals of include directives in ``value``."""
    signals: list[Signal] = []
    for name, pattern in (("directive", _DIRECTIVE), ("esi", _ESI)):
        match = pattern.search(value.lower)
        if match is not None:
            signals.append(Signal(name, match[0]))
    return signals


TYPE = AttackType("ssi", ("<!--", "<esi:"), confirm, {"directive": 5.0, "esi": 5.0}, structure=True)
