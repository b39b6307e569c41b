"""What a confirmer gets and gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from processing_py.points.leaf import Leaf


class Signal(NamedTuple):
    """One observation in a value: its name (a key of the type's weights) and the text that shows it."""

    name: str
    evidence: str


class Value:
    """A leaf as confirmers read it.

    Long runs of one character and of white space are cut short, so that padding neither hides an attack nor costs time:
    no run of white space is longer than ``WHITE``. ``lower`` has one character for each of ``text`` (ASCII folding
    only). ``part`` is True for a window of a longer value.
    """

    __slots__ = ("leaf", "lower", "part", "text")

    def __init__(self, leaf: Leaf, part: bool = False) -> None:
        self.leaf = leaf
        self.part = part
        text = _PADDING.sub(_shorten, leaf.text) if len(leaf.text) > LONG else _SPACES.sub(r"\1\1", leaf.text)
        self.text = text = shorten_spaces(text)
        self.lower = text.lower() if text.isascii() else text.translate(_LOWER)

    @property
    def short(self) -> bool:
        """Whether prose around an attack may speak against it: in a long value it may be padding."""
        return not self.part and len(self.text) < PROSE_LENGTH

    @property
    def section(self) -> str:
        """First word of the point: uri, get, header, post."""
        return str(self.leaf.path[0][0])

    @property
    def header(self) -> str:
        """Upper-case name of the header that holds the value, "" elsewhere."""
        first = self.leaf.path[0]
        return str(first[1]) if first[0] == "header" else ""


LONG = 64
PROSE_LENGTH = 4096
"""Longer values are judged without regard to prose around the attack: padding would be an evasion."""
WHITE = 4
_MIXED = re.compile(r"\s{5,}+")
_SPACES = re.compile(r"([\s])\1{2,}")
_PADDING = re.compile(r"([\s])\1{2,}|(.)\2{23,}", re.DOTALL)


def _shorten(match: re.Match[str]) -> str:
    return match[1] * 2 if match[1] else match[2] * 24


def shorten_spaces(text: str) -> str:
    """Return ``text`` with runs of white space, of whatever kinds, cut to their first and last two characters."""
    return _MIXED.sub(lambda match: match[0][:2] + match[0][-2:], text)


_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

Confirmer = Callable[[Value], list[Signal]]


@dataclass(frozen=True, slots=True)
class AttackType:
    """One attack type. ``confirm`` runs only on values in which one of ``literals`` (lower case) occurs.

    The score is the logistic function of ``bias`` plus the weight of each distinct signal; from 0.5 on it is a
    finding. ``structure`` lets the type look at text whose markup is the request's own format as well.
    """

    code: str
    literals: tuple[str, ...]
    confirm: Confirmer
    weights: Mapping[str, float]
    bias: float = -4.0
    triggers: tuple[str, ...] = ()
    """Expressions beside the literals, in the syntax that Hyperscan and ``re`` share (no look-around, no groups that
    count); for what no literal says: characters that are common but for what follows them."""
    structure: bool = False
    ignored_headers: frozenset[str] = frozenset()
    """Upper-case names of headers whose own grammar looks like the type."""
