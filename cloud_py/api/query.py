"""Query parameters of the lists → filters and page. Unknown ones are errors: a misspelt filter must not match all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from starlette.datastructures import QueryParams

from cloud_py.api.errors import ApiError
from cloud_py.store.filters import Filters, Term, parse, term

FIELDS = ("type", "ip", "domain", "path", "status", "parameter", "pod", "namespace", "container", "process", "text")
"""Parameters that are a term each; given again, another one."""
LIMIT = 50
MAX_LIMIT = 200

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def known_only(query: QueryParams, names: Iterable[str]) -> None:
    """Raise ApiError for a parameter that is not among ``names``."""
    known = list(names)
    for name in query:
        if name not in known:
            raise ApiError(400, f"The parameter {name[:40]!r} is not known; known are {', '.join(known)}.")


def filters(query: QueryParams) -> Filters:
    """The filters of a request. Raises ApiError and FilterError."""
    terms: list[Term] = list(parse(query.get("q", "")))
    for field in FIELDS:
        terms += [term(field, value) for value in query.getlist(field)]
    if len(terms) > 50:
        raise ApiError(400, f"The filter has {len(terms)} terms; at most 50 are taken.")
    return Filters(tuple(terms), moment(query, "from"), moment(query, "to"))


def moment(query: QueryParams, name: str) -> int | None:
    """A time in RFC 3339 as nanoseconds since the epoch, or None without the parameter. Raises ApiError."""
    text = query.get(name)
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text.upper())
        if parsed.tzinfo is None:
            raise ValueError("no offset")
        microseconds = (parsed - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as problem:
        raise ApiError(400, f"{name} must be a time such as 2026-01-31T12:00:00Z.") from problem
    return max(-(2**63), min(2**63 - 1, microseconds * 1000))


def limit(query: QueryParams) -> int:
    """How many entries a page may have. Raises ApiError."""
    text = query.get("limit", str(LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_LIMIT):
        raise ApiError(400, f"limit must be a number from 1 to {MAX_LIMIT}.")
    return int(text)
