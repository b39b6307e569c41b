"""Parsers of structured text: each splits a body or value into named parts.

A parser returns ``Part``s or None when the text is not of its format. Reading is lenient in the ways in which servers
are (PHP, Java, Node differ): what any of them would see is united, and nothing is dropped because it is malformed.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import msgspec

from processing_py.points.leaf import Path


class Part(NamedTuple):
    """A piece of a container: its place below the container's point, and its text."""

    path: Path
    text: str
    structure: bool = False


_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)(?:"|$)', re.DOTALL)
_MEMBER = re.compile(r'(?<!\\)"\s*+:')
_MARK = "\ufeff"
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
JSON_DEPTH = 200
"""Nesting of JSON that is followed; deeper parts are read flat, as strings."""


def json_doc(text: str) -> list[Part] | None:
    """Split a JSON text (RFC 8259): every key and every scalar.

    Byte order marks, trailing text, comments and cut documents are accepted by reading the string literals;
    duplicate keys are all kept.
    """
    body = text.lstrip(_MARK + " \t\r\n\0")
    if body[:1] not in ("{", "[", '"'):
        return None
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _json_loose(body)
    except UnicodeEncodeError:
        return _json_loose(body)
    parts: list[Part] = []
    keys = _walk(document, parts)
    if keys is None or keys < len(_MEMBER.findall(body)):
        parts.extend(_json_loose(body) or [])
    return parts


def _walk(document: object, parts: list[Part]) -> int | None:
    """Collect scalars and keys of ``document``; number of keys, None when it is nested too deeply."""
    stack: list[tuple[object, Path, int]] = [(document, (), 0)]
    keys = 0
    complete = True
    while stack:
        value, path, depth = stack.pop()
        if isinstance(value, str):
            parts.append(Part(path, value))
        elif isinstance(value, dict):
            keys += len(value)
            if depth >= JSON_DEPTH:
                complete = False
                continue
            for key, item in value.items():
                below = (*path, ("hash", key))
                if not key.isalnum():
                    parts.append(Part((*path, ("hash_name", key)), key))
                stack.append((item, below, depth + 1))
        elif isinstance(value, list):
            if depth >= JSON_DEPTH:
                complete = False
                continue
            stack.extend((item, (*path, ("array", index)), depth + 1) for index, item in enumerate(value))
    return keys if complete else None


def _json_loose(body: str) -> list[Part] | None:
    """The string literals of something like JSON; None when there is none."""
    parts: list[Part] = []
    end = 0
    for match in _STRING.finditer(body):
        try:
            value = json.loads(match[0], strict=False)
        except ValueError:
            value = match[1]
        parts.append(Part((("array", len(parts)),), value))
        end = match.end()
    if not parts:
        return None
    rest = body[end:]
    if len(rest) > 2:
        parts.append(Part((("array", len(parts)),), rest))
    return parts


def key_path(kind: str, key: str) -> Path:
    """The point of a form or query parameter: ``a[b][]`` is ``(kind, a), (hash, b), (array,)`` as PHP reads it."""
    bracket = key.find("[")
    if bracket <= 0 or "]" not in key:
        return ((kind, key),)
    return ((kind, key[:bracket]), *(_index(index) for index in _BRACKET.findall(key[bracket:])))


def _index(text: str) -> tuple[str | int, ...]:
    """The step for what stands in brackets: a number or nothing is an array's index, else a key."""
    if not text:
        return ("array", 0)
    return ("array", int(text)) if text.isascii() and text.isdigit() and len(text) < 9 else ("hash", text)


_GQL_STRING = re.compile(r'"""(.*?)(?:"""|$)|"((?:[^"\\\n]++|\\.)*+)(?:"|$)', re.DOTALL)
_GQL = re.compile(r"\s*(?:#[^\n]*\n\s*)*(?:query|mutation|subscription|fragment)\b[^{]{0,2000}\{|\s*\{\s*\w+[\s({}]")


def is_gql(text: str) -> bool:
    """Whether ``text`` begins like a GraphQL document."""
    return _GQL.match(text) is not None


def gql(text: str) -> list[Part] | None:
    """Split a GraphQL document: its string literals are values, the rest is structure."""
    if _GQL.match(text) is None:
        return None
    parts: list[Part] = []
    for match in _GQL_STRING.finditer(text):
        literal = match[1] if match[1] is not None else match[2]
        parts.append(Part((("gql_arg", len(parts)),), literal))
    return parts
