"""Every attack type that the engine knows. A new one is a module in ``types`` and a line here."""

from __future__ import annotations

from processing_py.detect.types import (
    crlf,
    introspection,
    ldapi,
    mail,
    nosqli,
    ptrav,
    rce,
    redir,
    scanner,
    sqli,
    ssi,
    ssrf,
    ssti,
    xss,
    xxe,
)
from processing_py.detect.value import AttackType

ATTACK_TYPES: tuple[AttackType, ...] = (
    ptrav.TYPE,
    sqli.TYPE,
    xss.TYPE,
    rce.TYPE,
    ssti.TYPE,
    xxe.TYPE,
    ssrf.TYPE,
    nosqli.TYPE,
    ldapi.TYPE,
    crlf.TYPE,
    scanner.TYPE,
    ssi.TYPE,
    mail.TYPE,
    redir.TYPE,
    introspection.TYPE,
)
