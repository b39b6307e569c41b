"""One scan of all values of a request for all literals.

Theory of operation. The values are folded to one byte a character (anything outside Latin-1 becomes ``?``, which is
in no literal) and joined by newlines; Hyperscan reports the end of every occurrence, and the offsets tell the value.
When a request has more occurrences than ``REPORTS``, each value is scanned by itself with every literal reported at
most once, so the work is bounded by values times literals. ``PlainScanner`` gives the same result without Hyperscan.
Both return, for each value in which something occurs, the union of the masks of the literals found.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Protocol

import hyperscan

REPORTS = 512
"""Occurrences that are taken one by one before the scan falls back to one report per literal and value."""


class Scanner(Protocol):
    """Finds which values contain which literals."""

    def scan(self, texts: Sequence[str]) -> dict[int, int]:
        """Index of each text with a hit → the union of the masks of its literals."""


def fold(text: str) -> bytes:
    """Return ``text`` with one byte a character; characters outside Latin-1 become ``?``."""
    return text.encode("latin-1", "replace")


class HyperscanScanner:
    """The scanner in production. ``literals`` maps lower-case Latin-1 literals to masks."""

    def __init__(self, literals: Mapping[str, int]) -> None:
        self._masks = list(literals.values())
        expressions = [_hex(literal) for literal in literals]
        identifiers = list(range(len(expressions)))
        self._every = _compile(expressions, identifiers, hyperscan.HS_FLAG_CASELESS)
        self._once = _compile(expressions, identifiers, hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH)
        self._found: list[tuple[int, int]] = []

    def scan(self, texts: Sequence[str]) -> dict[int, int]:
        """See ``Scanner``."""
        found = self._found
        found.clear()
        folded = [text.encode("latin-1", "replace") for text in texts]
        try:
            self._every.scan(b"\n".join(folded), match_event_handler=self._report)
        except hyperscan.ScanTerminated:
            return self._one_by_one(folded)
        if not found:
            return {}
        ends = []
        offset = -1
        for data in folded:
            offset += len(data) + 1
            ends.append(offset)
        hits: dict[int, int] = {}
        masks = self._masks
        for identifier, end in found:
            index = bisect_left(ends, end)
            hits[index] = hits.get(index, 0) | masks[identifier]
        return hits

    def _report(self, identifier: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
        self._found.append((identifier, end))
        return True if len(self._found) > REPORTS else None

    def _one_by_one(self, folded: list[bytes]) -> dict[int, int]:
        hits: dict[int, int] = {}
        mask = 0

        def report(identifier: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            nonlocal mask
            mask |= self._masks[identifier]

        for index, data in enumerate(folded):
            mask = 0
            self._once.scan(data, match_event_handler=report)
            if mask:
                hits[index] = mask
        return hits


class PlainScanner:
    """The same without Hyperscan: for machines that lack it, and to check the other against."""

    def __init__(self, literals: Mapping[str, int]) -> None:
        self._literals = [(literal.encode("latin-1"), mask) for literal, mask in literals.items()]

    def scan(self, texts: Sequence[str]) -> dict[int, int]:
        """See ``Scanner``."""
        hits: dict[int, int] = {}
        for index, text in enumerate(texts):
            data = fold(text).lower()
            mask = 0
            for literal, bits in self._literals:
                if mask | bits != mask and literal in data:
                    mask |= bits
            if mask:
                hits[index] = mask
        return hits


def _hex(literal: str) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in literal.encode("latin-1"))


def _compile(expressions: list[bytes], identifiers: list[int], flag: int) -> hyperscan.Database:
    database = hyperscan.Database()
    database.compile(
        expressions=expressions,
        ids=identifiers,
        elements=len(expressions),
        flags=[flag] * len(expressions),
    )
    return database
