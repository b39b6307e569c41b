"""NoSQL injection (CWE-943): query operators where a key or an object should not be, and server-side JavaScript."""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_OPERATORS = r"(?:ne|eq|gte?|lte?|n?in|regex|exists|where|or|and|nor|not|type|mod|all|size|elemmatch|expr|jsonschema|text|options|func|comment|accumulator|function)"
_KEY = re.compile(rf"^\$?\$(?:{_OPERATORS[3:-1]})(?:\[\])?$")
_BRACKET = re.compile(rf"\[\s{{0,8}}['\"]?\$(?:{_OPERATORS[3:-1]})['\"]?\s{{0,8}}\]")
_OBJECT = re.compile(rf"[{{,\s'\"]\$(?:{_OPERATORS[3:-1]})['\"]?\s{{0,8}}:")
_WHERE = re.compile(
    r"\$where\b|this\.\w{1,64}(?:\.match\(|\s{0,8}[=!<>]=?|\[|\.length)|\bdb\.\w{1,64}\.(?:find|insert|remove|update|drop|aggregate|count|save|stats|mapreduce|getcollection)\w{0,64}\s{0,8}\(|db\.(?:getcollectionnames|stats|version|hostinfo|injection)|\bmapreduce\b|tojson\(|obj\.\w{1,64}|\.tostring\(\)"
)
_SCRIPT = re.compile(
    r"(?:var|it|date)\s{0,4}\w{0,64}\s{0,4}=\s{0,4}new\s{1,4}date|do\s{0,8}\{.{0,80}new\s{1,8}date|while\s{0,8}\(\s{0,8}(?:true|1|curdate|pt|new)|;\s{0,8}(?:return|sleep)\s{0,8}[\w('\"!]|return\s{0,8}\(?\s{0,8}(?:true|1|this|''|\"\")|\bsleep\s{0,8}\(\s{0,8}\d{1,32}\s{0,8}\)\s{0,8};?\s{0,8}['\"};]*$|\bcurdate\b"
)
_TAUTOLOGY = re.compile(
    r"^\W{0,4}(?:\|\||&&)\s{0,8}['\"]?\w{0,64}['\"]?\s{0,8}={1,3}\s{0,8}['\"]?\w{0,64}|['\"]\s{0,8}(?:\|\||&&)\s{0,8}['\"]?\w{0,64}['\"]?\s{0,8}={1,3}\s{0,8}['\"]?\w{0,64}|['\"]\s{0,8}}\s{0,8},\s{0,8}\{?\s{0,8}['\"]?\$|['\"]\s{0,8},\s{0,8}\$\w{1,64}|true\s{0,8},\s{0,8}\$where|\|\|\s{0,8}['\"]?\w{0,64}['\"]?\s{0,8}=="
)
_CALL = re.compile(
    r"\bdb\.\w{1,64}\.(?:find|insert|remove|update|drop|aggregate|count|save|mapreduce)\w{0,64}\s{0,8}\(|^\W{0,4};\s{0,8}return\b|(?:do|while)\s{0,8}[({].{0,80}new\s{1,8}date|^['\"]\s{0,8};\s{0,8}(?:return|sleep)"
)
_MEMCACHE = re.compile(
    r"[\r\n]\s{0,4}(?:set|get|delete|flush_all|incr|decr|replace|append|stats|gets|add|prepend|touch|cas|verbosity)\s{1,8}\S{1,128}(?:\s{1,8}\d{1,32}){0,4}|\bflush_all\b|[\r\n](?:config\s{1,8}set|slaveof|eval|flushall|keys)\s"
)


def confirm(value: Value) -> list[Signal]:
    """Signals of NoSQL operators or script in ``value``."""
    text = value.lower
    signals: list[Signal] = []
    keys = [
        str(element[-1]).lower()
        for element in value.leaf.path
        if element[0] in ("hash", "hash_name", "get", "get_name", "form_urlencoded")
    ]
    if any(_KEY.match(key) or _BRACKET.search(key) for key in keys):
        signals.append(Signal("operator_key", next(key for key in reversed(keys) if "$" in key) + " " + text[:100]))
    for name, pattern in (
        ("bracket", _BRACKET),
        ("object", _OBJECT),
        ("where", _WHERE),
        ("script", _SCRIPT),
        ("tautology", _TAUTOLOGY),
        ("command", _MEMCACHE),
        ("call", _CALL),
    ):
        match = pattern.search(text)
        if match is not None:
            signals.append(Signal(name, match[0]))
    return signals


_TRIGGERS = (
    r"(?:\|\||&&)\s*['\"]?\w{0,64}['\"]?\s*=",
    r"['\"]\s*\}\s*,\s*\{?\s*['\"]?\$",
    r"date\s*\w{0,20}\s*=\s*new",
)

TYPE = AttackType(
    code="nosqli",
    literals=("$ne", "$eq", "$gt", "$lt", "$in", "$nin", "$regex", "$exists", "$where", "$or", "$and", "$nor", "$not", "$type", "$mod", "$all", "$size", "$elem", "$expr", "$func", "$comment",
              "db.", "this.", "mapreduce", "new date", "', $", "; return", ";return", ";sleep", "return ", "while(", "tojson", "\nset ", "\nget ", "flush_all", "\nconfig ",
        "\nstats", "\ndelete ", "\nincr", "\nreplace ", "\nappend ", "\ntouch ", "\ngets ", "\nslaveof", "\neval ", "\nflushall",
    ),
    confirm=confirm,
    triggers=_TRIGGERS,
    weights={"operator_key": 5.0, "bracket": 4.5, "object": 4.2, "where": 2.6, "script": 3.6, "tautology": 3.6, "command": 4.2, "call": 4.2},
)  # fmt: skip
