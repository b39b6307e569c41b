"""Values of a request with their place."""

from __future__ import annotations

from typing import NamedTuple

from common_py.contracts import Point

Path = tuple[tuple[str | int, ...], ...]
"""A point while it is built: ``(("post",), ("json_doc",), ("hash", "p2"))``."""


class Leaf(NamedTuple):
    """One value, as sent or decoded."""

    path: Path
    text: str
    structure: bool = False
    """True for text whose markup belongs to the request's own format (an XML document, a GraphQL query, a raw body):
    only attacks on that format's parser are looked for in it."""

    def point(self) -> Point:
        """The leaf's place in the nested notation of the contracts."""
        return [[_step(part) for part in element] for element in self.path]


def _step(part: str | int) -> str | int:
    """A name that a client chose, as text that can be sent on: half a surrogate pair (``%uD800``) as an escape."""
    return part.encode("utf-8", "backslashreplace").decode() if isinstance(part, str) else part
