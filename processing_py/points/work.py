"""The work list of one request: values with their places, each run through every decoder.

Theory of operation. Readers of the request (``head``, ``body``) add values; ``run`` then turns each into a leaf and
queues what the decoders (``codecs``) and the parsers of structured values (``containers``, ``form``) make of it.
Every text is emitted once a role (see ``role``), decoded or not, so a detector sees each reading that some server could
make. Invariants: a text is worked on once a role; children are one level deeper; the budget is paid before work. Cost:
linear in the bytes that the budget admits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from processing_py.points import codecs, containers, form
from processing_py.points.budget import Budget
from processing_py.points.leaf import Leaf, Path

_INTERESTING = re.compile(r"[^A-Za-z0-9 .,:;=*/_()-]|[A-Za-z0-9/_-]{8}|[A-Za-z0-9/_-]{6}=")
_URL_QUERY = re.compile(r"\A(?:[a-zA-Z][a-zA-Z0-9+.-]{1,20}:)?[^?\s<>\"']{0,2000}\?([^#]*=[^#]*)")
TRIVIAL_LENGTH = 8
"""Shorter values of letters and digits only cannot be an attack."""
LARGE = 8192
"""In longer values percent, entity, backslash and compatibility forms are resolved by one chain instead of a tree of
all combinations; base64, hexadecimal and JWT are read of the value and of what the chain makes of it."""


Role = tuple[str | int, str | int]


def role(path: Path) -> Role:
    """What of a place decides, with the text, whether it is an attack: the header or section, and the innermost name.

    An address is harmless in Referer and not in a parameter ``url``, so that a copy there must not hide this one; but
    the same value under the same name, as in the records of a JSON array, is looked at once.
    """
    first = path[0]
    name: str | int = ""
    for element in reversed(path):
        if len(element) > 1 or element[0] == "file":
            name = element[-1] if element[0] != "array" else ""
            break
    return first[-1] if first[0] == "header" else first[0], name


class Work:
    """``add`` values, then ``run``: ``leaves`` are the result, ``budget`` tells what was not looked at."""

    __slots__ = ("_queue", "_seen", "budget", "leaves")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.leaves: list[Leaf] = []
        self._seen: dict[Role, set[str]] = {}
        self._queue: list[tuple[Path, str, int, bool, set[str]]] = []

    def add(
        self, path: Path, value: str, depth: int = 0, structure: bool = False, seen: set[str] | None = None
    ) -> None:
        """Queue ``value``, unless it is empty or trivial.

        ``depth``: how many readings it took; ``structure``: see ``Leaf``; ``seen``: what the role of ``path`` has had.
        """
        if len(value) < TRIVIAL_LENGTH and value.isalnum():
            return
        if value and not value.isspace():
            self._queue.append((path, value, depth, structure, self._seen_at(path) if seen is None else seen))

    def _seen_at(self, path: Path) -> set[str]:
        return self._seen.setdefault(role(path), set())

    def add_parts(self, base: Path, parts: Iterable[containers.Part], depth: int) -> None:
        """Queue the parts of a container whose point is ``base``."""
        for part in parts:
            self.add(base + part.path, part.text, depth, part.structure)

    def run(self) -> None:
        """Emit and decode until the work list is empty or the budget is spent."""
        queue = self._queue
        budget = self.budget
        position = 0
        while position < len(queue):
            path, value, depth, structure, seen = queue[position]
            position += 1
            if value in seen:
                continue
            seen.add(value)
            if not budget.spend(len(value)):
                return
            self.leaves.append(Leaf(path, value, structure))
            if not structure and _INTERESTING.search(value) is not None:
                self.decode(path, value, depth, seen)

    def decode(self, path: Path, value: str, depth: int = 0, seen: set[str] | None = None) -> None:
        """Queue what the decoders and the parsers of values make of ``value``, but not the value itself."""
        seen = self._seen_at(path) if seen is None else seen
        if len(value) > LARGE:
            self._decode_large(path, value, depth, seen)
            return
        for decoder in codecs.DECODERS:
            if not decoder.trigger(value):
                continue
            for name, decoded in decoder.decode(value, self.budget):
                if decoded != value and decoded not in seen and self.budget.deeper(depth + 1):
                    self.add((*path, (name,)) if name else path, decoded, depth + 1, seen=seen)
        first = value.lstrip()[:1]
        if first and len(value) > 4 and (first in '{["' or (first in "qmsf" and containers.is_gql(value))):
            self._document(path, value, depth)
        elif "?" in value and "=" in value:
            self._url_query(path, value, depth)

    def _decode_large(self, path: Path, value: str, depth: int, seen: set[str]) -> None:
        decoded = codecs.unfold(value, self.budget)
        if decoded != value and self.budget.deeper(depth + 1):
            self.add((*path, ("percent",)), decoded, depth + 1, seen=seen)
        for name, unpacked in codecs.unpack(value, self.budget):
            if unpacked not in seen and self.budget.deeper(depth + 1):
                self.add((*path, (name,)), unpacked, depth + 1, seen=seen)
        if value.lstrip()[:1] in ("{", "["):
            self._document(path, value, depth)

    def _url_query(self, path: Path, value: str, depth: int) -> None:
        """The parameters of a URL that is a value itself."""
        match = _URL_QUERY.match(value)
        if match is not None and self.budget.deeper(depth + 1):
            for name, part in form.pairs(match[1].encode("utf-8", "replace")):
                self.add((*path, ("get", name)), part, depth + 1)

    def _document(self, path: Path, value: str, depth: int) -> None:
        """A GraphQL query or a JSON text that is a value itself."""
        parts = containers.gql(value)
        name = "gql"
        if parts is None:
            parts = containers.json_doc(value) if value.rstrip()[-1:] in '}]"' else None
            name = "json_doc"
        if parts and self.budget.deeper(depth + 1):
            self.add_parts((*path, (name,)), parts, depth + 1)
