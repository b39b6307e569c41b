"""One scan of all values of a request for all literals and triggers.

Theory of operation. The values are folded to one byte a character (anything outside Latin-1 becomes ``?``) and joined
by two NULs; Hyperscan reports the end of every occurrence, and the offsets tell the value. A trigger is an expression
in the syntax that Hyperscan and ``re`` share; it may look one byte past its value, which is why the joint has two. When
a request has more occurrences than ``REPORTS``, each value is scanned by itself with every expression reported at most
once, so the work is bounded by values times expressions. ``PlainScanner`` gives the same result without Hyperscan,
which is imported only when a ``HyperscanScanner`` is made. Both return, for each value in which something occurs, the
union of the masks of what was found; a joined scan may add a trigger that ran over a joint, never leave one out.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import hyperscan

REPORTS = 512
"""Occurrences that are taken one by one before the scan falls back to one report per expression and value."""
JOINT = b"\0\0"


class Scanner(Protocol):
    """Finds which values contain which literals and triggers."""

    def scan(self, texts: Sequence[str]) -> dict[int, int]:
        """Index of each text with a hit → the union of the masks of what occurs in it."""


def fold(text: str) -> bytes:
    """Return ``text`` with one byte a character; characters outside Latin-1 become ``?``."""
    return text.encode("latin-1", "replace")


class HyperscanScanner:
    """The scanner in production. ``literals`` (lower-case Latin-1) and ``triggers`` (expressions) map to masks.

    Raises ImportError where Hyperscan is not installed.
    """

    def __init__(self, literals: Mapping[str, int], triggers: Mapping[str, int] | None = None) -> None:
        import hyperscan

        self._stopped = hyperscan.ScanTerminated
        triggers = triggers or {}
        self._masks = [*literals.values(), *triggers.values()]
        self._expressions = (*map(_hex, literals), *(trigger.encode("latin-1") for trigger in triggers))
        self._single = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH
        self._every = _database(self._expressions, hyperscan.HS_FLAG_CASELESS)
        self._once: hyperscan.Database | None = None
        self._found: list[tuple[int, int]] = []

    def scan(self, texts: Sequence[str]) -> dict[int, int]:
        """See ``Scanner``."""
        found = self._found
        found.clear()
        folded = [text.encode("latin-1", "replace") for text in texts]
        try:
            self._every.scan(JOINT.join(folded), match_event_handler=self._report)
        except self._stopped:
            return self._one_by_one(folded)
        if not found:
            return {}
        ends = []
        offset = -1
        for data in folded:
            offset += len(data) + 2
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
        if self._once is None:
            self._once = _database(self._expressions, self._single)
        once = self._once

        def report(identifier: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            nonlocal mask
            mask |= self._masks[identifier]

        for index, data in enumerate(folded):
            mask = 0
            once.scan(data, match_event_handler=report)
            if mask:
                hits[index] = mask
        return hits


class PlainScanner:
    """The same without Hyperscan: for machines that lack it, and to check the other against."""

    def __init__(self, literals: Mapping[str, int], triggers: Mapping[str, int] | None = None) -> None:
        self._literals = [(literal.encode("latin-1"), mask) for literal, mask in literals.items()]
        self._triggers = [
            (re.compile(trigger.encode("latin-1"), re.IGNORECASE), mask) for trigger, mask in (triggers or {}).items()
        ]

    def scan(self, texts: Sequence[str]) -> dict[int, int]:
        """See ``Scanner``."""
        hits: dict[int, int] = {}
        for index, text in enumerate(texts):
            folded = fold(text)
            data = folded.lower()
            mask = 0
            for literal, bits in self._literals:
                if mask | bits != mask and literal in data:
                    mask |= bits
            for trigger, bits in self._triggers:
                if mask | bits != mask and trigger.search(folded) is not None:
                    mask |= bits
            if mask:
                hits[index] = mask
        return hits


def best_scanner(literals: Mapping[str, int], triggers: Mapping[str, int]) -> Scanner:
    """Return the Hyperscan scanner or, where that library is missing, the plain one."""
    try:
        return HyperscanScanner(literals, triggers)
    except ImportError:
        return PlainScanner(literals, triggers)


def _hex(literal: str) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in literal.encode("latin-1"))


@cache
def _serialized(expressions: tuple[bytes, ...], flag: int) -> bytes:
    """The compiled database as bytes: compiling takes most of a second, loading less than a millisecond."""
    import hyperscan

    database = hyperscan.Database()
    database.compile(
        expressions=list(expressions),
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[flag] * len(expressions),
    )
    return hyperscan.dumpb(database)


def _database(expressions: tuple[bytes, ...], flag: int) -> hyperscan.Database:
    """A database with scratch space of its own, so that scanners of different threads share nothing."""
    import hyperscan

    database = hyperscan.loadb(_serialized(expressions, flag), hyperscan.HS_MODE_BLOCK)
    database.scratch = hyperscan.Scratch(database)
    return database
