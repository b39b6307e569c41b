"""Names of points: nested notation of the API, flat display name of hits and webhooks."""

from __future__ import annotations

from common_py.contracts import Point

LONGEST = 2048
"""Characters of a display name; keys of JSON and names of parameters are as long as a client likes."""


def parameter(point: Point) -> str:
    """Return the flat display name of ``point``.

    ``[["get", "id"]]`` → ``GET_id_value``, ``[["uri"]]`` → ``URI_value``, ``[["header", "HOST"]]`` →
    ``HEADER_HOST_value``, ``[["post"], ["json_doc"], ["hash", "p2"]]`` → ``POST_JSON_DOC_HASH_p2_value``. A point
    that names a key instead of a value ends in ``_name``. A name longer than ``LONGEST`` is cut there.
    """
    words: list[str] = []
    suffix = "value"
    for element in point:
        kind = str(element[0])
        if kind.endswith("_name") and kind != "action_name":
            suffix = "name"
            kind = kind.removesuffix("_name")
        words.append(kind.upper())
        words.extend(str(part) for part in element[1:])
    return "_".join([*words, suffix])[:LONGEST]


def documented(point: Point) -> Point:
    """Return ``point`` as the documentation writes it: query parameters are ``query``, not ``get``."""
    return [["query", *element[1:]] if element[0] == "get" else element for element in point]
