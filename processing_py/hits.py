"""From an exchange and what detection found in it to hits and a summary. Pure."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from common_py.contracts import Exchange, Finding, Hit, Point, Request, Summary

NAME_LIMIT = 2048
"""Longest path or domain that a hit or a summary carries, characters; the exchange has the whole."""

ESCAPES = {byte: f"\\x{byte:02x}" for byte in range(256) if not 0x20 <= byte < 0x7F} | {0x5C: "\\\\"}
HOST_FIELDS = frozenset({b"host", b":authority"})


def hits(exchange: Exchange, findings: list[Finding], node: str, parameter: Callable[[Point], str]) -> list[Hit]:
    """One hit per attack type, in the order of first findings. ``parameter`` gives a point's flat display name."""
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(finding.type, []).append(finding)
    if not grouped:
        return []
    name, path = domain(exchange.request), request_path(exchange.request)
    return [
        Hit(
            id=hit_id(exchange.id, attack),
            type=attack,
            parameter=parameter(found[0].point),
            findings=found,
            domain=name,
            path=path,
            exchange=exchange,
            node=node,
        )
        for attack, found in grouped.items()
    ]


def hit_id(exchange: str, attack: str) -> str:
    """32 hexadecimal digits that depend on both names alone: processing an exchange again makes no new hit."""
    return blake2b(f"{exchange}\0{attack}".encode(), digest_size=16).hexdigest()


def summary(exchange: Exchange, attacks: list[str]) -> Summary:
    """What aggregation keeps of an exchange; ``attacks`` are the types found in it."""
    request, response = exchange.request, exchange.response
    return Summary(
        start=exchange.start,
        duration=exchange.duration,
        method=printable(request.method),
        domain=domain(request),
        path=request_path(request),
        status=response.status,
        client=exchange.client.address,
        where=exchange.where,
        request_size=request.body_size,
        response_size=response.body_size,
        attacks=attacks,
    )


def domain(request: Request) -> str:
    """The host that was asked for, lower case, without port: of an absolute-form target, else of the Host field.

    RFC 9112 §3.2.2 lets the target win; RFC 9113 §8.3.1 puts the host into ``:authority``.
    """
    authority = _split(request.target)[0]
    if not authority and request.method == b"CONNECT":
        authority = request.target
    if not authority:
        named = {name.lower(): value for name, value in reversed(request.headers) if name.lower() in HOST_FIELDS}
        authority = named.get(b":authority") or named.get(b"host", b"")
    return printable(_without_port(authority.rpartition(b"@")[2])).lower()


def request_path(request: Request) -> str:
    """The target's path without query, printable. Asterisk and authority forms are given as they are."""
    return printable(_split(request.target)[1].partition(b"?")[0].partition(b"#")[0])


def printable(raw: bytes) -> str:
    """Text for people: ASCII as it is, backslashes and the rest as backslash escapes; cut at ``NAME_LIMIT``."""
    if len(raw) <= NAME_LIMIT and raw.isascii() and (text := raw.decode("ascii")).isprintable() and "\\" not in text:
        return text
    return raw[:NAME_LIMIT].decode("latin-1").translate(ESCAPES)[:NAME_LIMIT]


def _split(target: bytes) -> tuple[bytes, bytes]:
    """Authority (empty for origin-form) and path with query of a request-target (RFC 9112 §3.2)."""
    if target.startswith(b"/"):
        return b"", target
    scheme, separator, rest = target.partition(b"://")
    if not separator or not scheme.isalpha():
        return b"", target
    end = min((at for at in map(rest.find, (b"/", b"?", b"#")) if at >= 0), default=len(rest))
    path = rest[end:]
    return rest[:end], path if path.startswith(b"/") else b"/" + path


def _without_port(authority: bytes) -> bytes:
    """The host of ``host[:port]``; an IPv6 literal keeps its brackets (RFC 3986 §3.2.2)."""
    if authority.startswith(b"["):
        return authority.partition(b"]")[0] + b"]"
    return authority.partition(b":")[0]
