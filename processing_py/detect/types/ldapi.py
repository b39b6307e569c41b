"""LDAP injection (CWE-90): search filters (RFC 4515) broken out of or built from a value."""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_ATTRIBUTE = r"(?:[a-z][\w;-]{0,40}(?::\w[\w.:]*:?)?|\d{1,32}(?:\.\d{1,32})+)"
_FILTER = re.compile(rf"\(\s{{0,8}}[&|!]\s{{0,8}}\(\s{{0,8}}{_ATTRIBUTE}\s{{0,8}}[~<>:]?=")
_BREAKOUT = re.compile(
    rf"[\w*]?\)\s{{0,4}}\({{0,4}}[&|!]?\({{0,4}}\s{{0,4}}{_ATTRIBUTE}\s{{0,8}}[~<>:]?=\s{{0,8}}[\w*(]?|\)\s{{0,8}}\(\s{{0,8}}[|&!]|\*\)\)|\)\s{{0,8}}\(\s{{0,8}}{_ATTRIBUTE}=\*|\*\(?\|\(?{_ATTRIBUTE}="
)
_PAIR = re.compile(
    rf"\*\s{{0,8}}\)\s{{0,8}}\(|\)\(\|\(|\)\(&\(|\)\(!\(|[|&]\({_ATTRIBUTE}=\*?|\(\|\({_ATTRIBUTE}=|\*\(\|\(|\)\)\(\||%00\)|\)\)\)?\x00|\*\|$"
)
_KNOWN = re.compile(
    r"\b(?:uid|cn|sn|objectclass|userpassword|mail|samaccountname|givenname|password|user|department|homedirectory|telephonenumber|ou|dc|member|memberof|distinguishedname|accesslevel|directory|admin)\s{0,8}(?::[\d.]+:)?[~<>:]?=\s{0,8}[\w*(]"
)
_RULE = re.compile(r"\b[a-z]\w{1,64}:(?:dn:)?\d{1,32}(?:\.\d{1,32}){3,}:=")
_TEXT = re.compile(r"(?:\b[a-z]{2,20}[,.]? ){4,}|==|\(\s{0,8}\)|;|https?://")


def confirm(value: Value) -> list[Signal]:
    """Signals of an LDAP filter in ``value``."""
    text = value.lower
    signals: list[Signal] = []
    for name, pattern in (
        ("filter", _FILTER),
        ("breakout", _BREAKOUT),
        ("pair", _PAIR),
        ("known", _KNOWN),
        ("rule", _RULE),
    ):
        match = pattern.search(text)
        if match is not None:
            signals.append(Signal(name, match[0]))
    if signals and _TEXT.search(text) is not None:
        signals.append(Signal("not_ldap", ""))
    return signals


TYPE = AttackType(
    code="ldapi",
    literals=("(&(", "(|(", "(!(", ")(", "*)", "*(", "))(", ":=", "objectclass", "userpassword", "|(", "&(", "*|", "(& (", "(| ("),
    confirm=confirm,
    weights={"filter": 3.2, "breakout": 1.8, "pair": 2.2, "known": 1.6, "rule": 4.5, "not_ldap": -2.5},
)  # fmt: skip
