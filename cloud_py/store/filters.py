"""The filter language of the console, the API and the command line, and its meaning on attacks. Pure.

A filter is a list of terms. Terms of the same key are alternatives, different keys must all hold, ``!`` negates:

    sqli xss ip:192.0.2.* !statuscode:404 d:shop.example u:/login "union select"

Keys: ``type``, ``ip``, ``d`` (``domain``), ``u`` (``url``), ``statuscode``, ``p`` (``param``), ``pod``, ``ns``,
``container``, ``process``. A bare attack code is a type, a word that begins with ``/`` a path, any other word is
looked for in everything that is shown. ``*`` and ``?`` stand for any characters and for one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ATTACK_TYPES: dict[str, str] = {
    "xss": "Cross-site scripting",
    "sqli": "SQL injection",
    "rce": "Remote code execution",
    "xxe": "XML external entity",
    "ptrav": "Path traversal",
    "crlf": "CRLF injection",
    "redir": "Open redirect",
    "nosqli": "NoSQL injection",
    "infoleak": "Information exposure",
    "ldapi": "LDAP injection",
    "scanner": "Resource scanning",
    "mass_assignment": "Mass assignment",
    "ssrf": "Server-side request forgery",
    "ssi": "SSI injection",
    "mail_injection": "Email injection",
    "ssti": "Template injection",
    "invalid_xml": "Invalid XML",
    "overlimit_res": "Overlimiting of resources",
    "data_bomb": "Data bomb",
    "vpatch": "Virtual patch",
    "brute": "Brute force",
    "dirbust": "Forced browsing",
    "bola": "BOLA",
    "multiple_payloads": "Multiple payloads",
    "credential_stuffing": "Credential stuffing",
    "api_abuse": "API abuse",
    "account_takeover": "Account takeover",
    "scraping": "Scraping",
    "security_crawlers": "Security crawlers",
    "graphql_attacks": "GraphQL attacks",
    "api_specification": "API specification violation",
    "blocked_source": "Blocked source",
    "custom_rule": "Custom rule",
    "experimental": "Custom rule (experimental)",
    "weak_auth": "Weak JWT",
}
"""Attack codes and what people call them. Other codes are stored and shown as they are."""

KEYS: dict[str, str] = {
    "type": "type",
    "ip": "ip",
    "d": "domain",
    "domain": "domain",
    "u": "path",
    "url": "path",
    "path": "path",
    "statuscode": "status",
    "status": "status",
    "p": "parameter",
    "param": "parameter",
    "pod": "pod",
    "ns": "namespace",
    "namespace": "namespace",
    "container": "container",
    "process": "process",
    "text": "text",
}
"""Keys as written → the field they mean."""

MAX_TERMS = 50
MAX_LENGTH = 2000

_TERM = re.compile(r'(!?)(?:([A-Za-z_]+):)?(?:"((?:[^"\\]|\\.)*)"|(\S+))', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_STATUS = re.compile(r"(\d{1,3})(?:(-)(\d{1,3})?|(\+))?\Z")


class FilterError(ValueError):
    """The filter cannot be understood; the message is one sentence for its author."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: ``field`` (a value of ``KEYS``), what is looked for, and whether it must not be so."""

    field: str
    value: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Filters:
    """What an attack must meet. ``since`` and ``until``: nanoseconds since the epoch, inclusive, or None."""

    terms: tuple[Term, ...] = ()
    since: int | None = None
    until: int | None = None


def parse(text: str) -> tuple[Term, ...]:
    """Return the terms of a filter as a person writes it. Raises FilterError."""
    if len(text) > MAX_LENGTH:
        raise FilterError(f"The filter has {len(text)} characters; at most {MAX_LENGTH} are taken.")
    terms = tuple(_term(match) for match in _TERM.finditer(text))
    if len(terms) > MAX_TERMS:
        raise FilterError(f"The filter has {len(terms)} terms; at most {MAX_TERMS} are taken.")
    return terms


def _term(match: re.Match[str]) -> Term:
    bang, key, quoted, word = match.groups()
    value = _ESCAPED.sub(r"\1", quoted) if quoted is not None else word
    if key is not None and key.lower() not in KEYS:
        # Not a key: a word with a colon in it, such as http://… or 12:30.
        return Term("text", f"{key}:{value}", bool(bang))
    if key is not None:
        return term(KEYS[key.lower()], value, bool(bang))
    if quoted is None and value.lower() in ATTACK_TYPES:
        return Term("type", value.lower(), bool(bang))
    if quoted is None and value.startswith("/"):
        return Term("path", value, bool(bang))
    return Term("text", value, bool(bang))


def term(field: str, value: str, negated: bool = False) -> Term:
    """A checked term. Raises FilterError for a status code that is none, and for what is too long."""
    if len(value) > MAX_LENGTH:
        raise FilterError(f"A term has {len(value)} characters; at most {MAX_LENGTH} are taken.")
    if field == "status":
        status_range(value)
    return Term(field, value, negated)


def status_range(value: str) -> tuple[int, int]:
    """The lowest and highest status code of ``404``, ``400-499``, ``500+`` or ``399-``. Raises FilterError."""
    match = _STATUS.match(value)
    if match is None:
        raise FilterError(f"statuscode:{value[:20]} is no status code; write 404, 400-499, 500+ or 399-.")
    low, dash, high, plus = match.groups()
    if plus:
        return int(low), 999
    if dash and high is None:
        return 0, int(low)
    return int(low), int(high or low)


def write(terms: tuple[Term, ...]) -> str:
    """The filter as text, such that ``parse(write(terms)) == terms``."""
    short = {"domain": "d", "path": "u", "status": "statuscode", "parameter": "p", "namespace": "ns"}
    return " ".join(
        f"{'!' if item.negated else ''}{short.get(item.field, item.field)}:{_quote(item.value)}" for item in terms
    )


def _quote(value: str) -> str:
    if value and not value.startswith('"') and not re.search(r"\s", value):
        return value
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def toggled(terms: tuple[Term, ...], change: Term) -> tuple[Term, ...]:
    """The filter with ``change`` added, or taken out when it is already there."""
    return tuple(item for item in terms if item != change) if change in terms else (*terms, change)
