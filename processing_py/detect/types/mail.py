"""Mail command injection (CWE-88, CWE-93): SMTP and IMAP commands or mail headers after a line end."""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_BREAK = r"(?:[\r\n]|%0[ad]|\\r|\\n)+\s{0,8}\.?(?:[\r\n]|%0[ad])*"
_SMTP = re.compile(
    rf"(?:^|{_BREAK})(?:rcpt\s{{1,8}}to\s{{0,8}}:|mail\s{{1,8}}from\s{{0,8}}:|vrfy\s{{1,8}}\w|expn\s{{1,8}}\w|helo\s{{1,8}}\w|ehlo\s{{1,8}}\w)|{_BREAK}(?:data|quit|rset|starttls|auth\s{{1,8}}\w{{1,64}})\s{{0,8}}(?:$|[\r\n%])"
)
_IMAP = re.compile(
    rf"(?:{_BREAK}|^\s{{0,8}})[av]\d{{2,4}}\s{{1,8}}(?:capability|fetch|login|select|logout|list|create|delete|examine|noop|search|store|status|rename)|{_BREAK}(?:retr|list|stat|dele|top|uidl|user|pass|capa)\s{{1,8}}\S{{1,128}}\s{{0,8}}(?:$|[\r\n])"
)
_HEADER = re.compile(
    rf"{_BREAK}(?:bcc|cc|to|from|subject|reply-to|mime-version|content-transfer-encoding|return-path)\s{{0,8}}:\s{{0,8}}\S{{0,128}}(?:@|\w)"
)


def confirm(value: Value) -> list[Signal]:
    """Signals of mail commands in ``value``."""
    text = value.lower
    signals: list[Signal] = []
    for name, pattern in (("smtp", _SMTP), ("imap", _IMAP), ("header", _HEADER)):
        match = pattern.search(text)
        if match is not None:
            signals.append(Signal(name, match[0]))
    if signals and text.count("\n") > 12:
        signals.append(Signal("document", ""))
    return signals


TYPE = AttackType(
    code="mail_injection",
    literals=("rcpt to", "mail from", "vrfy", "expn ", "helo ", "ehlo ", "capability", "fetch ", "login ", "select ", "logout", "\nbcc", "\ncc", "\nto:", "\nfrom", "\nsubject", "%0abcc", "%0acc",
              "\nretr", "\nlist", "\nstat", "\ndele", "\nquit", "\ndata", "\nreply-to", "\nmime", "examine", "noop", "\nuser ", "\npass "),
    confirm=confirm,
    triggers=(r"(?:[\r\n]|%0[ad]|\\r|\\n)\s*\.?[av]\d{2,4}\s",),
    weights={"smtp": 4.8, "imap": 4.8, "header": 4.2, "document": -3.0},
)  # fmt: skip
