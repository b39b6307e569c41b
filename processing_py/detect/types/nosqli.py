"""NoSQL injection (CWE-943): query operators where a key or an object should not be, and server-side JavaScript."""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_OPERATORS = r"(?:ne|eq|gte?|lte?|n?in|regex|exists|where|or|and|nor|not|type|mod|all|size|elemmatch|expr|jsonschema|text|options|func|comment|accumulator|function)"
_KEY = re.compile(rf"^\$?\$(?:{_OPERATORS[3:-1]})(?:\[\])?$")
_BRACKET = re.compile(rf"\[\s*['\"]?\$(?:{_OPERATORS[3:-1]})['\"]?\s*\]")
_OBJECT = re.compile(rf"[{{,\s'\"]\$(?:{_OPERATORS[3:-1]})['\"]?\s*:")
_WHERE = re.compile(
    r"\$where\b|this\.\w+(?:\.match\(|\s*[=!<>]=?|\[|\.length)|\bdb\.\w+\.(?:find|insert|remove|update|drop|aggregate|count|save|stats|mapreduce|getcollection)\w*\s*\(|db\.(?:getcollectionnames|stats|version|hostinfo|injection)|\bmapreduce\b|tojson\(|obj\.\w+|\.tostring\(\)"
)
_SCRIPT = re.compile(
    r"['\"]?\s*;?\s*(?:var|it|date)\s*\w*\s*=\s*new\s+date|do\s*\{.{0,80}new\s+date|while\s*\(\s*(?:true|1|curdate|pt|new)|;\s*(?:return|sleep)\s*[\w('\"!]|return\s*\(?\s*(?:true|1|this|''|\"\")|\bsleep\s*\(\s*\d+\s*\)\s*;?\s*['\"};]*$|\bcurdate\b"
)
_TAUTOLOGY = re.compile(
    r"^\W{0,4}(?:\|\||&&)\s*['\"]?\w*['\"]?\s*={1,3}\s*['\"]?\w*|['\"]\s*(?:\|\||&&)\s*['\"]?\w*['\"]?\s*={1,3}\s*['\"]?\w*|['\"]\s*}\s*,\s*\{?\s*['\"]?\$|['\"]\s*,\s*\$\w+|true\s*,\s*\$where|\|\|\s*['\"]?\w*['\"]?\s*=="
)
_CALL = re.compile(
    r"\bdb\.\w+\.(?:find|insert|remove|update|drop|aggregate|count|save|mapreduce)\w*\s*\(|^\W{0,4};\s*return\b|(?:do|while)\s*[({].{0,80}new\s+date|^['\"]\s*;\s*(?:return|sleep)"
)
_MEMCACHE = re.compile(
    r"[\r\n]+\s*(?:set|get|delete|flush_all|incr|decr|replace|append|stats|gets|add|prepend|touch|cas|verbosity)\s+\S+(?:\s+\d+){0,4}\s*[\r\n]*|\bflush_all\b|[\r\n](?:config\s+set|slaveof|eval|flushall|keys)\s"
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


TYPE = AttackType(
    code="nosqli",
    literals=("$ne", "$eq", "$gt", "$lt", "$in", "$nin", "$regex", "$exists", "$where", "$or", "$and", "$nor", "$not", "$type", "$mod", "$all", "$size", "$elem", "$expr", "$func", "$comment",
              "db.", "this.", "mapreduce", "new date", "||", "&&", "', $", "; return", ";return", ";sleep", "return ", "while(", "tojson", "\nset ", "\nget ", "flush_all", "\nconfig ", "delete ", "stats"),
    confirm=confirm,
    weights={"operator_key": 5.0, "bracket": 4.5, "object": 4.2, "where": 2.6, "script": 3.6, "tautology": 3.6, "command": 4.2, "call": 4.2},
)  # fmt: skip
